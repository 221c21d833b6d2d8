"""Which event goes to which handler, and which aggregates it needs."""

from functools import partial
from typing import Any

from lemai_chassis.delivery.engine import On
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import ref
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.fulfilment import ActualReportedV1
from lemai_contracts.marketplace import StockPublishedV1
from lemai_contracts.order import CommitmentRequestedV1, IntakeAdvancedV1, OrderStateChangedV1
from lemai_contracts.stock import SnapshotReportedV1
from stock_svc.domain import Combo, Watermark
from stock_svc.handlers import actuals, commitments, figures, snapshots


def routes(reference: Reference) -> list[On[Any]]:
    return [
        On(CommitmentRequestedV1, commitments.on_commitment_requested, commitments.request_refs),
        On(OrderStateChangedV1, commitments.on_order_state_changed, commitments.state_refs),
        On(
            IntakeAdvancedV1,
            figures.on_intake_advanced,
            lambda event: [ref(Watermark, event.store_code, event.partition)],
        ),
        On(ActualReportedV1, actuals.on_actual_reported, actuals.actual_refs),
        On(SnapshotReportedV1, partial(snapshots.on_snapshot_reported, reference), snapshots.snapshot_refs),
        On(ListingChangedV1, figures.on_listing_changed, figures.figure_refs),
        On(ItemChangedV1, figures.on_item_changed, lambda event: [ref(Combo, event.owner_code, event.item_code)]),
        On(StockPublishedV1, figures.on_stock_published, figures.figure_refs),
    ]

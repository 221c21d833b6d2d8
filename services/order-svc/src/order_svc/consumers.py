"""Which event goes to which handler, and which aggregates it needs."""

from functools import partial
from typing import Any

from lemai_chassis.delivery.engine import On
from lemai_chassis.reference import Reference
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.fulfilment import ActualReportedV1, DocumentAcknowledgedV1, DocumentRejectedV1, DocumentSentV1
from lemai_contracts.marketplace import ShipmentPublishedV1, TradeChangedV1, TradesPulledV1
from lemai_contracts.stock import CommitmentAnsweredV1
from order_svc.handlers import fulfilment, intake


def routes(reference: Reference) -> list[On[Any]]:
    return [
        On(TradeChangedV1, partial(intake.on_trade_changed, reference), partial(intake.trade_refs, reference)),
        On(TradesPulledV1, intake.on_trades_pulled),
        On(ListingChangedV1, intake.on_listing_changed, intake.listing_refs),
        On(ItemChangedV1, intake.on_item_changed, intake.item_refs),
        On(CommitmentAnsweredV1, partial(fulfilment.on_commitment_answered, reference), fulfilment.commitment_refs),
        On(ActualReportedV1, partial(fulfilment.on_actual_reported, reference), fulfilment.actual_refs),
        On(DocumentSentV1, fulfilment.on_document_sent),
        On(
            DocumentAcknowledgedV1,
            partial(fulfilment.on_document_acknowledged, reference),
            fulfilment.acknowledgement_refs,
        ),
        On(DocumentRejectedV1, partial(fulfilment.on_document_rejected, reference), fulfilment.rejection_refs),
        On(ShipmentPublishedV1, fulfilment.on_shipment_published),
    ]

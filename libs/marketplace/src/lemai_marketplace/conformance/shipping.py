"""PublishShipment must hold this."""

import asyncio

from lemai_marketplace.conformance.stage import Stage, error_of, the
from lemai_marketplace.errors import Throttled
from lemai_marketplace.types import LineKind, OutcomeState, Parcel, ParcelLine, Shipment, TradeStatus


async def whole(stage: Stage, trade_no: str, waybill: str) -> Shipment:
    """All goods of a trade in one parcel."""
    goods = [line for line in (await the(stage.store, trade_no)).lines if line.kind is LineKind.GOODS]
    contents = tuple(ParcelLine(line.line_id, line.quantity) for line in goods)
    return Shipment(trade_no, (Parcel(stage.carrier, waybill, contents),))


async def publish(stage: Stage, shipment: Shipment) -> OutcomeState:
    """What became of the shipment."""
    return (await stage.store.publish_shipment(shipment)).state


class ShipmentConformance:
    """PublishShipment."""

    async def test_a_whole_trade_in_one_parcel_is_shipped(self, stage: Stage) -> None:
        trade_no = await stage.order(2, 1)
        shipment = await whole(stage, trade_no, stage.waybills[0])

        assert await publish(stage, shipment) is OutcomeState.APPLIED
        assert await stage.parcels(trade_no) == list(shipment.parcels)
        assert await stage.store.shipped(trade_no) == list(shipment.parcels)
        assert (await the(stage.store, trade_no)).status is TradeStatus.SHIPPED

    async def test_publishing_again_after_a_lost_answer_ships_once(self, stage: Stage) -> None:
        trade_no = await stage.order(1)
        shipment = await whole(stage, trade_no, stage.waybills[0])
        await stage.lose_answer("shipment")

        assert (await error_of(stage.store.publish_shipment(shipment))).maybe_applied

        assert await stage.store.shipped(trade_no) == list(shipment.parcels)
        assert await publish(stage, shipment) is OutcomeState.APPLIED
        assert await stage.parcels(trade_no) == list(shipment.parcels)

    async def test_another_waybill_for_what_was_shipped_is_a_conflict(self, stage: Stage) -> None:
        trade_no = await stage.order(1)
        first = await whole(stage, trade_no, stage.waybills[0])
        await stage.store.publish_shipment(first)

        assert await publish(stage, await whole(stage, trade_no, stage.waybills[1])) is OutcomeState.CONFLICT
        assert await stage.parcels(trade_no) == list(first.parcels)

    async def test_lines_may_go_one_after_the_other(self, stage: Stage) -> None:
        trade_no = await stage.order(1, 2)
        every = await whole(stage, trade_no, "")

        for content, waybill in zip(every.parcels[0].contents, stage.waybills, strict=False):
            parcel = Parcel(stage.carrier, waybill, (content,))
            assert await publish(stage, Shipment(trade_no, (parcel,))) is OutcomeState.APPLIED
            if waybill == stage.waybills[0]:
                assert (await the(stage.store, trade_no)).status is TradeStatus.PARTLY_SHIPPED

        assert (await the(stage.store, trade_no)).status is TradeStatus.SHIPPED
        assert [parcel.waybill for parcel in await stage.parcels(trade_no)] == list(stage.waybills[:2])

    async def test_pieces_of_a_line_may_go_in_several_parcels_and_shipments(self, stage: Stage) -> None:
        trade_no = await stage.order(5, 1)
        line, other = [content.line_id for content in (await whole(stage, trade_no, "")).parcels[0].contents]
        a, b, c = stage.waybills[:3]
        first = Shipment(
            trade_no,
            (
                Parcel(stage.carrier, a, (ParcelLine(line, 1), ParcelLine(other, 1))),
                Parcel(stage.carrier, b, (ParcelLine(line, 2),)),
            ),
            unfinished=frozenset({line}),
        )
        rest = Shipment(trade_no, (Parcel(stage.carrier, c, (ParcelLine(line, 2),)),))

        assert await publish(stage, first) is OutcomeState.APPLIED
        assert (await the(stage.store, trade_no)).status is TradeStatus.PARTLY_SHIPPED
        assert await publish(stage, first) is OutcomeState.APPLIED
        assert await publish(stage, rest) is OutcomeState.APPLIED
        assert (await the(stage.store, trade_no)).status is TradeStatus.SHIPPED
        assert await stage.parcels(trade_no) == [*first.parcels, *rest.parcels]

    async def test_what_can_never_be_is_rejected_without_a_write(self, stage: Stage) -> None:
        trade_no = await stage.order(1)
        good = await whole(stage, trade_no, stage.waybills[0])
        line_id = good.parcels[0].contents[0].line_id

        for parcel in (
            Parcel("NOBODY", stage.waybills[0], good.parcels[0].contents),
            Parcel(stage.carrier, "no waybill", good.parcels[0].contents),
            Parcel(stage.carrier, stage.waybills[0], ()),
            Parcel(stage.carrier, stage.waybills[0], (ParcelLine(line_id, 2),)),
            Parcel(stage.carrier, stage.waybills[0], (ParcelLine("1", 1),)),
        ):
            outcome = await stage.store.publish_shipment(Shipment(trade_no, (parcel,)))
            assert (outcome.key, outcome.state) == (trade_no, OutcomeState.REJECTED)
            assert outcome.message
        assert await publish(stage, Shipment("1", good.parcels)) is OutcomeState.REJECTED
        assert await stage.parcels(trade_no) == []

    async def test_trades_of_one_buyer_may_share_a_parcel(self, stage: Stage) -> None:
        for trade_no in (await stage.order(1), await stage.order(1)):
            assert await publish(stage, await whole(stage, trade_no, stage.waybills[0])) is OutcomeState.APPLIED

    async def test_what_is_on_hold_is_a_conflict_and_not_shipped(self, stage: Stage) -> None:
        held, refunded, closed, unpaid = [await stage.order(1, pay=pay) for pay in ("full", "full", "full", "none")]
        await stage.hold(held)
        await stage.ask_refund(refunded)
        await stage.close(closed)

        for trade_no in (held, refunded, closed, unpaid):
            assert await publish(stage, await whole(stage, trade_no, stage.waybills[0])) is OutcomeState.CONFLICT
            assert await stage.parcels(trade_no) == []

    async def test_a_ban_is_raised_at_once_and_nothing_is_shipped(self, stage: Stage) -> None:
        trade_no = await stage.order(1)
        shipment = await whole(stage, trade_no, stage.waybills[0])
        await stage.throttle("shipment", 1)

        refused = [await error_of(stage.store.publish_shipment(shipment)) for _ in range(2)]

        pauses_s = [error.retry_after_s for error in refused if isinstance(error, Throttled)]
        assert len(pauses_s) == 2
        assert 0 < pauses_s[1] <= pauses_s[0] <= 1
        assert await stage.parcels(trade_no) == []
        await asyncio.sleep(pauses_s[1])

        assert await publish(stage, shipment) is OutcomeState.APPLIED

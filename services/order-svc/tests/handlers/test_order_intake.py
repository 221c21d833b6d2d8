"""A trade becomes an order of each owner, once, in our items."""

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from lemai_chassis.state.unit_of_work import ParkAwaiting
from lemai_contracts.catalog import Component, ItemChangedV1, ListingChangedV1
from lemai_contracts.examples import example
from lemai_contracts.marketplace import TradeChangedV1, TradeLine, TradesPulledV1, TradeStatus
from lemai_contracts.order import (
    CommitmentLine,
    CommitmentRequestedV1,
    IntakeAdvancedV1,
    OrderLine,
    OrderPlacedV1,
    OrderState,
    OrderStateChangedV1,
)
from lemai_contracts.stock import CommitmentState
from lemai_contracts.values import Money
from order_svc.domain.orders import Order, State
from order_svc.domain.trades import Component as Part
from order_svc.domain.trades import Item, Listing, Trade

if TYPE_CHECKING:
    from conftest import Desk

FIRST, SECOND = example(TradeChangedV1).lines


def yuan(amount: str) -> Money:
    return Money.model_validate({"amount": amount, "currency": "CNY"})


def line(base: TradeLine = FIRST, **changes: Any) -> TradeLine:
    return base.model_copy(update=changes)


def two_owners(desk: "Desk", *owner_codes: str) -> TradeChangedV1:
    """A trade of the store of NB and JFY, its lines owned as named, with 10.00 freight and 1.00 nobody explains."""
    for sold, owner_code in zip((FIRST, SECOND), owner_codes, strict=True):
        sku = sold.platform_item_id, sold.platform_sku_id
        desk.know(Listing("TM-MIX-01", *sku, owner_code, sold.merchant_sku, active=True))
        desk.know(Item(owner_code, sold.merchant_sku, "", 0))
    return desk.trade(store_code="TM-MIX-01", freight=yuan("10.00"), paid=yuan("138.00"))


def test_a_trade_is_placed_in_our_items(desk: "Desk") -> None:
    desk.take(desk.trade())

    [placed] = desk.emitted(OrderPlacedV1)
    assert placed.order_no == "TM3021456789012345678"
    assert placed.lines == (
        OrderLine(
            line_no=1,
            item_code="GB-TS-001-R-90",
            item_name="gb-ts-001-r-90",
            quantity=1,
            amount=yuan("64.04"),
            platform_line_no="3021456789012345679",
        ),
        OrderLine(
            line_no=2,
            item_code="GB-SH-014-B-22",
            item_name="gb-sh-014-b-22",
            quantity=2,
            amount=yuan("64.96"),
            platform_line_no="3021456789012345680",
        ),
    )
    assert (placed.total, placed.freight, placed.discount) == (yuan("129.00"), yuan("0.00"), yuan("0.00"))
    [requested] = desk.emitted(CommitmentRequestedV1)
    assert requested.lines == (
        CommitmentLine(item_code="GB-TS-001-R-90", quantity=1),
        CommitmentLine(item_code="GB-SH-014-B-22", quantity=2),
    )
    [changed] = desk.emitted(OrderStateChangedV1)
    assert (changed.state, changed.waiting_for) == (OrderState.OPEN, ("commitment",))


def test_the_common_path_reads_only_what_was_loaded_for_the_batch(desk: "Desk") -> None:
    desk.take_with_what_it_names(desk.trade())
    desk.take_with_what_it_names(desk.answer(CommitmentState.COMMITTED))
    desk.take_with_what_it_names(desk.actual(1, 2))
    assert desk.order().state is State.SHIPPED


@pytest.mark.parametrize("versions", list(permutations(("1", "2", "3", "3"))))
def test_a_trade_is_placed_once_in_whatever_order_its_versions_come(desk: "Desk", versions: tuple[str, ...]) -> None:
    for version in versions:
        desk.take(desk.trade(version=version))

    assert len(desk.emitted(OrderPlacedV1)) == len(desk.emitted(CommitmentRequestedV1)) == 1
    trade = desk.state[Trade, ("TM-JFY-01", "3021456789012345678")]
    assert trade == Trade("TM-JFY-01", "3021456789012345678", "3", "to_ship", (("JFY", desk.order_no),))


def test_each_owner_gets_an_order(desk: "Desk") -> None:
    desk.take(two_owners(desk, "JFY", "NB"))

    of_nb, of_jfy = desk.emitted(OrderPlacedV1)
    assert (of_nb.owner_code, of_nb.order_no) == ("NB", "TM3021456789012345678")
    assert [bought.item_code for bought in of_nb.lines] == ["GB-SH-014-B-22"]
    assert (of_nb.freight, of_nb.discount, of_nb.total) == (yuan("10.00"), yuan("0.51"), yuan("74.45"))
    assert (of_jfy.owner_code, of_jfy.order_no) == ("JFY", "TM3021456789012345678_2")
    assert [bought.item_code for bought in of_jfy.lines] == ["GB-TS-001-R-90"]
    assert (of_jfy.freight, of_jfy.discount, of_jfy.total) == (yuan("0.00"), yuan("0.49"), yuan("63.55"))
    assert of_nb.total.amount + of_jfy.total.amount == yuan("138.00").amount


def test_an_owner_keeps_its_number_also_where_it_is_alone(desk: "Desk") -> None:
    desk.take(two_owners(desk, "JFY", "JFY"))

    [placed] = desk.emitted(OrderPlacedV1)
    assert (placed.owner_code, placed.order_no) == ("JFY", "TM3021456789012345678_2")
    assert (placed.freight, placed.total) == (yuan("10.00"), yuan("138.00"))


def test_an_unmapped_sku_waits_for_its_listing(desk: "Desk") -> None:
    unmapped = desk.trade(lines=(FIRST, line(SECOND, platform_sku_id="5209")))
    with pytest.raises(ParkAwaiting) as parked:
        desk.take(unmapped)
    assert parked.value.awaits == "listing:TM-JFY-01/653200000014/5209"
    assert desk.events == []

    listing = example(ListingChangedV1).model_copy(
        update={
            "store_code": "TM-JFY-01",
            "platform_item_id": "653200000014",
            "platform_sku_id": "5209",
            "owner_code": "JFY",
            "item_code": "GB-SH-014-B-22",
        }
    )
    assert desk.take(listing).arrived == [parked.value.awaits]
    desk.take(unmapped)
    assert [bought.item_code for bought in desk.order().lines] == ["GB-TS-001-R-90", "GB-SH-014-B-22"]


def test_what_was_bought_before_its_listing_went_off_is_still_mapped(desk: "Desk") -> None:
    desk.know(Listing("TM-JFY-01", "653200000001", "5201000000001", "JFY", "GB-TS-001-R-90", active=False))

    desk.take(desk.trade())

    assert desk.order().lines[0].item_code == "GB-TS-001-R-90"


def test_a_listing_of_an_owner_the_store_does_not_sell_for_is_waited_for(desk: "Desk") -> None:
    desk.know(Listing("TM-JFY-01", "653200000001", "5201000000001", "NB", "GB-TS-001-R-90", active=True))

    with pytest.raises(ParkAwaiting) as parked:
        desk.take(desk.trade())
    assert parked.value.awaits == "listing:TM-JFY-01/653200000001/5201000000001"


def test_an_unknown_item_is_waited_for(desk: "Desk") -> None:
    desk.know(Listing("TM-JFY-01", "653200000001", "5201000000001", "JFY", "GB-NEW", active=True))
    with pytest.raises(ParkAwaiting) as parked:
        desk.take(desk.trade())
    assert parked.value.awaits == "item:JFY/GB-NEW"

    item = example(ItemChangedV1).model_copy(update={"owner_code": "JFY", "item_code": "GB-NEW", "item_name": "新款"})
    assert desk.take(item).arrived == ["item:JFY/GB-NEW"]
    assert desk.placed().lines[0].item_name == "新款"


def test_a_combo_is_split_into_its_parts(desk: "Desk") -> None:
    combo = example(ItemChangedV1).model_copy(
        update={
            "owner_code": "JFY",
            "item_code": "GB-TS-001-R-90",
            "components": (Component(item_code="A", quantity=1), Component(item_code="B", quantity=2)),
        }
    )
    desk.take(combo)
    desk.know(Item("JFY", "A", "连体衣", 4000))
    with pytest.raises(ParkAwaiting) as parked:
        desk.take(desk.trade())
    assert parked.value.awaits == "item:JFY/B"
    desk.know(Item("JFY", "B", "袜子", 1000))

    lines = desk.placed(lines=(line(quantity=3), SECOND)).lines

    assert [(part.line_no, part.item_code, part.quantity, part.amount_minor) for part in lines] == [
        (1, "A", 3, 4270),
        (2, "B", 6, 2134),
        (3, "GB-SH-014-B-22", 2, 6496),
    ]
    assert [(part.platform_line_no[-2:], part.platform_quantity) for part in lines] == [("79", 3), ("79", 3), ("80", 2)]


def test_a_changed_item_is_known_as_it_is_now(desk: "Desk") -> None:
    item = example(ItemChangedV1).model_copy(
        update={
            "owner_code": "JFY",
            "item_code": "A",
            "item_name": "连体衣",
            "retail_price": yuan("39.90"),
            "components": (Component(item_code="B", quantity=2),),
        }
    )
    desk.take(item)
    assert desk.state[Item, ("JFY", "A")] == Item("JFY", "A", "连体衣", 3990, (Part("B", 2),))
    desk.take(item.model_copy(update={"retail_price": None, "components": ()}))
    assert desk.state[Item, ("JFY", "A")] == Item("JFY", "A", "连体衣", 0)


@pytest.mark.parametrize(
    "status",
    [status for status in TradeStatus if status not in (TradeStatus.TO_SHIP, TradeStatus.PARTLY_SHIPPED)],
)
def test_what_is_not_to_ship_is_only_remembered(desk: "Desk", status: TradeStatus) -> None:
    desk.take(desk.trade(version="1", status=status))
    assert desk.events == []

    desk.take(desk.trade(version="2"))
    assert len(desk.emitted(OrderPlacedV1)) == 1


def test_a_held_trade_is_placed_and_waits(desk: "Desk") -> None:
    order = desk.placed(holds=("refund",))
    assert order.waiting_for == ("hold:refund", "commitment")
    assert len(desk.emitted(CommitmentRequestedV1)) == 1


def test_lines_that_have_ended_are_left_out_with_what_they_cost(desk: "Desk") -> None:
    ended = (TradeStatus.CANCELLED, TradeStatus.SHIPPED, TradeStatus.COMPLETED, TradeStatus.SUPERSEDED)
    others = tuple(line(platform_line_no=f"9{no}", status=status) for no, status in enumerate(ended))
    paid = yuan(str(FIRST.paid.amount * len(ended) + SECOND.paid.amount + 5))
    order = desk.placed(status=TradeStatus.PARTLY_SHIPPED, lines=(*others, SECOND), freight=yuan("5.00"), paid=paid)

    assert [bought.platform_line_no for bought in order.lines] == [SECOND.platform_line_no]
    assert (order.total_minor, order.discount_minor, order.holds) == (6996, 0, ())


def test_a_trade_without_a_line_to_ship_has_no_order_yet(desk: "Desk") -> None:
    desk.take(desk.trade(version="1", lines=(line(status=TradeStatus.CANCELLED),)))
    assert desk.events == []
    assert desk.placed(version="2").state is State.OPEN


@pytest.mark.parametrize("status", [TradeStatus.UNKNOWN, TradeStatus.PAID_HELD, TradeStatus.PARTLY_SHIPPED])
def test_a_line_that_is_not_plainly_to_ship_holds_its_order(desk: "Desk", status: TradeStatus) -> None:
    order = desk.placed(lines=(FIRST, line(SECOND, status=status)))
    assert len(order.lines) == 2
    assert order.holds == (f"line:{status}",)


def test_an_order_above_the_rule_or_with_a_note_waits_for_customer_service(desk: "Desk") -> None:
    assert desk.placed(version="1", seller_message="先联系顾客").waiting_for == ("approval", "commitment")
    dear = desk.trade(trade_no="2", lines=(line(paid=yuan("500.01")),), paid=yuan("500.01"))
    desk.take(dear)
    assert desk.order("TM2").waiting_for == ("approval", "commitment")
    desk.take(dear.model_copy(update={"trade_no": "3", "lines": (line(paid=yuan("500.00")),), "paid": yuan("500.00")}))
    approved = desk.order("TM3")
    assert (approved.waiting_for, approved.approved_by, approved.approved_at) == (("commitment",), "rule", desk.now)


def test_a_line_without_pieces_is_refused_before_anybody_ships_it(desk: "Desk") -> None:
    with pytest.raises(ValueError, match="GB-TS-001-R-90: 0 pieces"):
        desk.take(desk.trade(lines=(line(quantity=0),)))


def test_the_watermark_is_handed_on_for_its_partition(desk: "Desk") -> None:
    pulled = example(TradesPulledV1)
    desk.take(pulled)
    [advanced] = desk.emitted(IntakeAdvancedV1)
    assert (advanced.store_code, advanced.until) == (pulled.store_code, pulled.until)
    assert advanced.explicit_partition == pulled.explicit_partition


def test_the_consignee_stays_sealed(desk: "Desk") -> None:
    order: Order = desk.placed()
    assert order.consignee == example(TradeChangedV1).consignee.model_dump(mode="json")

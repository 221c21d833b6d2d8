"""Kingdee's documents become facts of ours (kingdee.md §1.7 to §1.15)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kingdee_world import DRESS, SHOES, sample

from kingdee_adapter.mapper.actuals import actual_event, balance
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    DocumentPlace,
    ReportedContent,
    ReportedLine,
    ReportedParcel,
)
from lemai_contracts.values import Grade, Leg, OrderKind
from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Document, Row

SHIPPED_AT = datetime(2026, 11, 22, 7, 20, 31, tzinfo=UTC)
TYPES = layouts()["inventory_balance"].records["B"].by_name["inventory_type"].codes


def actual(document: Document) -> ActualReportedV1:
    return actual_event(document, counterpart_code="KD", family="tmall/1", file_name="SHIP.shupl")


def actual_of(name: str) -> ActualReportedV1:
    (document,) = sample(name).documents
    return actual_event(document, counterpart_code="KD", family="tmall/1", file_name=name)


def shipment(lines: list[Row] | None = None, **head: Any) -> Document:
    """The sample shipment with another head and other lines."""
    (document,) = sample("SHIP-20261122152100.shupl").documents
    records = {"L": document.records["L"] if lines is None else lines}
    return Document(document.interface, {**document.head, **head}, records, document.line_no)


def row(quantity: int, inventory_type: str = "ZP") -> Row:
    return {"line_no": 1, "item_code": DRESS, "actual_qty": quantity, "inventory_type": inventory_type}


def test_the_sample_shipment_is_a_part_with_one_parcel() -> None:
    assert actual_of("SHIP-20261122152100.shupl") == ActualReportedV1(
        family="tmall/1",
        owner_code="JFY",
        order_no="2611220001",
        leg=Leg.OUT,
        kind=OrderKind.SALES,
        counterpart_code="KD",
        counterpart_order_no="WMS8800123",
        actual_no="SHP-2611220001-1",
        status="PARTDELIVERED",
        final=False,
        occurred_at=SHIPPED_AT,
        warehouse_code="WH01",
        lines=(
            ReportedLine(line_no=1, item_code=DRESS, quantity=1),
            ReportedLine(line_no=2, item_code=SHOES, quantity=1),
        ),
        parcels=(
            ReportedParcel(
                parcel_no="1",
                carrier_code="SF",
                waybill_no="SF1400123456789",
                contents=(
                    ReportedContent(line_no=1, item_code=DRESS, quantity=1),
                    ReportedContent(line_no=2, item_code=SHOES, quantity=1),
                ),
            ),
        ),
        document=DocumentPlace(file_name="SHIP-20261122152100.shupl", line=6),
    )


def test_the_sample_supplier_return_left_for_good_in_the_parcel_its_head_names() -> None:
    event = actual_of("SHIP-20261125110300.shupl")

    assert (event.kind, event.leg, event.final) == (OrderKind.SUPPLIER_RETURN, Leg.OUT, True)
    assert [(line.quantity, line.grade) for line in event.lines] == [(18, Grade.GOOD), (4, Grade.DEFECTIVE)]
    assert event.parcels == (ReportedParcel(parcel_no="1", carrier_code="DBL", waybill_no="DPK3600012345"),)


def test_the_sample_receipt_came_in_with_broken_pieces_apart() -> None:
    event = actual_of("RECV-20261126141200.rcupl")

    assert (event.kind, event.leg, event.final) == (OrderKind.PURCHASE, Leg.IN, False)
    assert (event.order_no, event.actual_no) == ("2611220002-c", "RCV-2611220002-c-1")
    assert event.occurred_at == datetime(2026, 11, 26, 6, 11, 9, tzinfo=UTC)
    assert [(line.line_no, line.quantity, line.grade, line.remark) for line in event.lines] == [
        (1, 190, Grade.GOOD, ""),
        (1, 5, Grade.DEFECTIVE, "外箱破损"),
    ]
    assert event.parcels == ()


def test_the_sample_customer_return_came_back_stained() -> None:
    event = actual_of("RECV-20261130164600.rcupl")

    assert (event.kind, event.leg, event.final) == (OrderKind.RETURN, Leg.IN, True)
    assert [(line.quantity, line.grade, line.remark) for line in event.lines] == [(1, Grade.DEFECTIVE, "污渍")]
    assert [parcel.waybill_no for parcel in event.parcels] == ["YT8812345678901"]


@pytest.mark.parametrize("status", ["NEW", "ACCEPT", "EXCEPTION", "CANCELEDFAIL"])
def test_a_status_without_quantities_is_a_fact_that_ends_nothing(status: str) -> None:
    event = actual(shipment([row(0)], status=status, confirm_type=0, operator="wh07", remark="缺包材"))

    assert (event.status, event.final, event.lines) == (status, False, ())
    assert (event.operator, event.remark, event.occurred_at) == ("wh07", "缺包材", SHIPPED_AT)


@pytest.mark.parametrize("status", ["REJECT", "CLOSED", "CANCELED"])
def test_an_end_without_pieces_says_so_line_by_line(status: str) -> None:
    event = actual(shipment([row(0)], status=status, confirm_type=0))

    assert (event.final, [line.quantity for line in event.lines]) == (True, [0])


def test_pieces_that_left_are_told_whatever_the_status() -> None:
    event = actual(shipment([row(3), row(0)], status="EXCEPTION"))

    assert [line.quantity for line in event.lines] == [3]


def test_two_parcels_hold_their_own_pieces() -> None:
    parcels: list[Row] = [{"package_no": no, "logistics_code": "SF", "express_no": f"SF{no}"} for no in "12"]
    contents: list[Row] = [{"package_no": no, "line_no": 1, "item_code": DRESS, "qty": int(no)} for no in "121"]
    document = shipment([row(4)])

    event = actual(Document("ship_result", document.head, {**document.records, "P": parcels, "Q": contents}))

    assert [(parcel.waybill_no, [held.quantity for held in parcel.contents]) for parcel in event.parcels] == [
        ("SF1", [1, 1]),
        ("SF2", [2]),
    ]


@pytest.mark.parametrize("inventory_type", TYPES)
def test_only_zp_is_good(inventory_type: str) -> None:
    (line,) = actual(shipment([row(1, inventory_type)])).lines

    assert (line.grade is Grade.GOOD) == (inventory_type == "ZP")


@given(st.lists(st.tuples(st.integers(0, 10**14 - 1), st.sampled_from(TYPES)), min_size=1, max_size=6))
def test_no_piece_of_an_actual_is_lost(pieces: list[tuple[int, str]]) -> None:
    event = actual(shipment([row(quantity, inventory_type) for quantity, inventory_type in pieces]))

    assert [line.quantity for line in event.lines] == [quantity for quantity, _ in pieces]


@pytest.mark.parametrize("inventory_type", TYPES)
def test_only_zp_is_good_on_the_shelf_and_what_is_in_transit_is_on_none(inventory_type: str) -> None:
    (page,) = sample("IBAL-20261122020500.Ibupl").documents
    (first, *_) = page.records["B"]

    grade = balance({**first, "inventory_type": inventory_type}).grade

    assert grade == {"ZP": "good", "ZT": ""}.get(inventory_type, "defective")


def test_what_the_warehouse_found_and_what_it_says_are_both_told() -> None:
    (document,) = sample("RECV-20261130164600.rcupl").documents
    head = {**document.head, "return_reason": "QUALITY", "remark": "拆封"}
    lines: list[Row] = [{**row, "line_remark": "缺吊牌"} for row in document.records["L"]]

    event = actual(Document(document.interface, head, {"L": lines}))

    assert (event.remark, [line.remark for line in event.lines]) == ("拆封；QUALITY", ["污渍；缺吊牌"])


@pytest.mark.parametrize(
    ("order_no", "order_type", "kind"),
    [
        ("2611220001-h", "EXCHANGE", OrderKind.EXCHANGE),
        ("2611220001-b", "RESEND", OrderKind.RESEND),
        ("2611220009-v", "ADJUST", OrderKind.ADJUSTMENT),
    ],
)
def test_every_kind_that_leaves_is_told_by_its_kind(order_no: str, order_type: str, kind: OrderKind) -> None:
    event = actual(shipment(order_no=order_no, order_type=order_type))

    assert (event.order_no, event.kind, event.leg) == (order_no, kind, Leg.OUT)

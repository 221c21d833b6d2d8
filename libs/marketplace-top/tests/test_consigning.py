import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lemai_marketplace.errors import InvalidRequest, StateConflict
from lemai_marketplace.types import Parcel, ParcelLine, Shipment, Trade
from lemai_marketplace_top.consigning import Call, call_for
from lemai_marketplace_top.mapper import trade

SF1, SF2 = "SF1400000000001", "SF1400000000002"


def a_trade(*orders: dict[str, Any], status: str = "WAIT_SELLER_SEND_GOODS", **fields: Any) -> Trade:
    now = datetime(2026, 1, 15, 9, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S")
    rows = [
        {"oid": number, "num_iid": 7, "num": 1, "price": "1.00", "divide_order_fee": "1.00", "status": status} | order
        for number, order in enumerate(orders, 1)
    ]
    return trade(
        {"tid": 900, "status": status, "created": now, "modified": now, "payment": "1.00"}
        | {"orders": {"order": rows}}
        | fields
    )


def sf(waybill: str, **contents: int) -> Parcel:
    return Parcel("SF", waybill, tuple(ParcelLine(line[1:], number) for line, number in contents.items()))


def shipment(*parcels: Parcel, unfinished: str = "") -> Shipment:
    return Shipment("900", parcels, frozenset(unfinished))


def test_a_whole_trade_in_one_parcel_names_no_lines() -> None:
    assert call_for(a_trade({"num": 2}, {}), [], shipment(sf(SF1, _1=2, _2=1))) == Call(
        "taobao.logistics.offline.send", {"tid": "900", "company_code": "SF", "out_sid": SF1}
    )


def test_some_lines_are_a_split() -> None:
    assert call_for(a_trade({"num": 2}, {}), [], shipment(sf(SF1, _1=2))) == Call(
        "taobao.logistics.offline.send",
        {"tid": "900", "company_code": "SF", "out_sid": SF1, "is_split": "1", "sub_tid": "1"},
    )


def test_a_closed_line_is_not_named_with_the_rest() -> None:
    call = call_for(a_trade({}, {"status": "TRADE_CLOSED"}), [], shipment(sf(SF1, _1=1)))

    assert call is not None
    assert call.params["sub_tid"] == "1"


def test_several_parcels_are_told_with_their_pieces() -> None:
    call = call_for(a_trade({"num": 3}, {}), [], shipment(sf(SF1, _1=1, _2=1), sf(SF2, _1=2)))

    assert call is not None
    assert call.method == "alibaba.ascp.logistics.offline.send"
    assert (call.params["tid"], call.params["consign_type"]) == ("900", "1")
    assert json.loads(call.params["consign_pkgs"]) == [
        {
            "company_code": "SF",
            "out_sid": SF1,
            "goods": [{"sub_tid": "1", "item_type": 0, "num": 1}, {"sub_tid": "2", "item_type": 0, "num": 1}],
        },
        {"company_code": "SF", "out_sid": SF2, "goods": [{"sub_tid": "1", "item_type": 0, "num": 2}]},
    ]
    assert json.loads(call.params["consign_status"]) == [{"sub_tid": "1", "is_part_consign": False}]


def test_whole_lines_in_several_parcels_need_no_state() -> None:
    call = call_for(a_trade({"num": 3}, {}), [], shipment(sf(SF1, _1=3), sf(SF2, _2=1)))

    assert call is not None
    assert call.method == "alibaba.ascp.logistics.offline.send"
    assert "consign_status" not in call.params


def test_an_unfinished_line_is_told_as_partly_shipped() -> None:
    call = call_for(a_trade({"num": 3}, {"num": 2}), [], shipment(sf(SF1, _1=1, _2=1), unfinished="12"))

    assert call is not None
    assert json.loads(call.params["consign_status"]) == [
        {"sub_tid": "1", "is_part_consign": True},
        {"sub_tid": "2", "is_part_consign": True},
    ]


def test_the_rest_of_a_partly_shipped_line_is_counted_too() -> None:
    partly = a_trade({"num": 3, "status": "SELLER_CONSIGNED_PART"}, status="SELLER_CONSIGNED_PART")

    call = call_for(partly, [sf(SF1, _1=3)], shipment(sf(SF2, _1=2)))

    assert call is not None
    assert json.loads(call.params["consign_status"]) == [{"sub_tid": "1", "is_part_consign": False}]


def test_nothing_is_left_to_tell_when_the_waybill_is_there() -> None:
    shipped = a_trade({}, {}, status="WAIT_BUYER_CONFIRM_GOODS")

    assert call_for(shipped, [sf(SF1, _1=1, _2=1)], shipment(sf(SF1, _1=1, _2=1))) is None


def test_a_line_in_several_parcels_is_there_when_one_of_them_shows() -> None:
    shipped = a_trade({"num": 3}, status="WAIT_BUYER_CONFIRM_GOODS")

    assert call_for(shipped, [sf(SF2, _1=3)], shipment(sf(SF1, _1=1), sf(SF2, _1=2))) is None


def test_gifts_of_a_promotion_travel_unnamed_and_services_do_not_travel() -> None:
    promoted = a_trade(
        {},
        promotion_details={"promotion_detail": [{"promotion_id": "p", "gift_item_id": "77"}]},
        service_orders={"service_order": [{"oid": 5, "service_id": 8, "num": 1}]},
    )
    gift = promoted.lines[2].line_id

    call = call_for(promoted, [], shipment(Parcel("SF", SF1, (ParcelLine("1", 1), ParcelLine(gift, 1)))))

    assert call == Call("taobao.logistics.offline.send", {"tid": "900", "company_code": "SF", "out_sid": SF1})


def test_a_parcel_of_gifts_alone_is_not_told() -> None:
    gifts = Parcel("SF", SF2, (ParcelLine("gift:p:77", 1),))
    to_ship = a_trade({})

    assert call_for(to_ship, [], shipment(gifts)) is None
    assert call_for(to_ship, [], shipment(sf(SF1, _1=1), gifts)) == call_for(to_ship, [], shipment(sf(SF1, _1=1)))


@pytest.mark.parametrize(
    "parcel",
    [sf(SF1, _1=0), sf(SF1, _1=3), sf(SF1, _9=1), sf(SF1)],
)
def test_contents_the_trade_does_not_have_are_refused(parcel: Parcel) -> None:
    with pytest.raises(InvalidRequest) as caught:
        call_for(a_trade({"num": 2}), [], shipment(parcel))
    assert caught.value.code == "contents"


def test_pieces_are_counted_over_all_parcels() -> None:
    with pytest.raises(InvalidRequest, match="应为 1 到 2 件，实为 3"):
        call_for(a_trade({"num": 2}), [], shipment(sf(SF1, _1=2), sf(SF2, _1=1)))


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (a_trade({}, status="WAIT_BUYER_PAY"), "status"),
        (a_trade({}, status="PAID_FORBID_CONSIGN"), "status"),
        (a_trade({}, is_sh_ship=True), "status"),
        (a_trade({}, step_trade_status="FRONT_PAID_FINAL_NOPAID"), "status"),
        (a_trade({}, status="TRADE_CLOSED"), "status"),
        (a_trade({}, status="SOMETHING_NEW"), "status"),
        (a_trade({"status": "TRADE_CLOSED_BY_TAOBAO"}, {}), "status"),
        (a_trade({"refund_status": "WAIT_SELLER_AGREE"}), "refund"),
        (a_trade({"status": "WAIT_BUYER_CONFIRM_GOODS"}, {}, status="SELLER_CONSIGNED_PART"), "status"),
    ],
)
def test_what_may_not_be_shipped_is_a_conflict(held: Trade, code: str) -> None:
    with pytest.raises(StateConflict) as caught:
        call_for(held, [], shipment(sf(SF1, _1=1)))
    assert caught.value.code == code


def test_a_refund_of_another_line_holds_nothing_here() -> None:
    call = call_for(a_trade({}, {"refund_status": "WAIT_SELLER_AGREE"}), [], shipment(sf(SF1, _1=1)))

    assert call is not None
    assert call.params["sub_tid"] == "1"


def test_a_waybill_in_lower_case_is_the_same_waybill() -> None:
    call = call_for(a_trade({}), [], shipment(sf(SF1.lower(), _1=1)))

    assert call is not None
    assert call.params["out_sid"] == SF1
    assert call_for(a_trade({}), [sf(SF1, _1=1)], shipment(sf(SF1.lower(), _1=1))) is None

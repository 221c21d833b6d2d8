"""Publishing shipments: states, split flags, carriers, waybills, parcels with quantities."""

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest

OFFLINE, ASCP = "taobao.logistics.offline.send", "alibaba.ascp.logistics.offline.send"
SF1, SF2, YT1 = "SF1400123456789", "SF1400123456790", "YT8812345678901"


def because(reason: str) -> tuple[int, str]:
    return 15, f"isv.logistics-offline-service-error:{reason}"


def wrong(name: str) -> tuple[int, str]:
    return 41, f"isv.invalid-parameter:{name}"


async def two_lines(tmall: "Tmall") -> tuple[str, str, str]:
    """The ids of a trade of 5 × SKU 10001 and 1 × SKU 10002, and of its lines."""
    await tmall.item()
    trade = await tmall.trade((10001, 5), (10002, 1))
    return trade["tid"], trade["lines"][0]["oid"], trade["lines"][1]["oid"]


async def state(tmall: "Tmall", tid: str) -> tuple[str, list[tuple[str, int]]]:
    truth = await tmall.get(f"/trades/{tid}")
    return truth["status"], [(line["status"], line["shipped"]) for line in truth["lines"]]


def package(out_sid: str, *goods: tuple[str, int], code: str = "SF") -> dict[str, Any]:
    contents = [{"sub_tid": oid, "item_type": 0, "num": num} for oid, num in goods]
    return {"company_code": code, "out_sid": out_sid, **({"goods": contents} if contents else {})}


def new_path(*packages: dict[str, Any], **is_part: bool) -> dict[str, str]:
    status = [{"sub_tid": oid.removeprefix("o"), "is_part_consign": part} for oid, part in is_part.items()]
    return {"consign_type": "1", "consign_pkgs": json.dumps(packages)} | (
        {"consign_status": json.dumps(status)} if status else {}
    )


async def test_a_whole_trade_is_shipped_at_once(tmall: "Tmall") -> None:
    tid, *_ = await two_lines(tmall)
    body = await tmall.call(OFFLINE, tid=tid, company_code="SF", out_sid=SF1)
    assert body == {"shipping": {"is_success": True}}
    assert await state(tmall, tid) == (
        "WAIT_BUYER_CONFIRM_GOODS",
        [("WAIT_BUYER_CONFIRM_GOODS", 5), ("WAIT_BUYER_CONFIRM_GOODS", 1)],
    )
    shown = await tmall.full(tid, "status,orders.invoice_no,orders.logistics_company")
    assert shown["orders"]["order"] == [{"invoice_no": SF1, "logistics_company": "顺丰速运"}] * 2


async def test_lines_are_shipped_one_by_one(tmall: "Tmall") -> None:
    tid, first, second = await two_lines(tmall)
    split = {"tid": tid, "company_code": "SF", "is_split": "1"}
    await tmall.call(OFFLINE, **split, out_sid=SF1, sub_tid=second)
    assert await state(tmall, tid) == (
        "SELLER_CONSIGNED_PART",
        [("WAIT_SELLER_SEND_GOODS", 0), ("WAIT_BUYER_CONFIRM_GOODS", 1)],
    )
    await tmall.call(OFFLINE, **split, out_sid=SF2, sub_tid=first)
    truth = await tmall.get(f"/trades/{tid}")
    assert truth["status"] == "WAIT_BUYER_CONFIRM_GOODS"
    assert [line["parcels"] for line in truth["lines"]] == [
        [{"company_code": "SF", "out_sid": SF2, "quantity": 5}],
        [{"company_code": "SF", "out_sid": SF1, "quantity": 1}],
    ]


async def test_shipping_twice_is_b04(tmall: "Tmall") -> None:
    tid, *_ = await two_lines(tmall)
    call = {"tid": tid, "company_code": "SF", "out_sid": SF1}
    await tmall.call(OFFLINE, **call)
    assert await tmall.refusal(OFFLINE, **call) == because("B04")
    assert await tmall.refusal(ASCP, tid=tid, consign_pkgs=json.dumps([package(SF1)])) == because("B04")


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (["close"], "B04"),
        (["hold"], "B02"),
    ],
)
async def test_states_that_do_not_ship(tmall: "Tmall", actions: list[str], reason: str) -> None:
    tid, *_ = await two_lines(tmall)
    for action in actions:
        await tmall.post(f"/trades/{tid}/{action}")
    assert await tmall.refusal(OFFLINE, tid=tid, company_code="SF", out_sid=SF1) == because(reason)


async def test_unpaid_is_b02_and_unknown_is_b01(tmall: "Tmall") -> None:
    await tmall.item()
    unpaid = await tmall.trade((10001, 1), pay="none")
    parcel = {"company_code": "SF", "out_sid": SF1}
    assert await tmall.refusal(OFFLINE, tid=unpaid["tid"], **parcel) == because("B02")
    assert await tmall.refusal(OFFLINE, tid="1", **parcel) == because("B01")


@pytest.mark.parametrize(
    ("code", "out_sid", "reason"),
    [
        ("SF", "1234", "B60"),
        ("SF", YT1, "B60"),
        ("YUNDA", "0000000000000", "B60"),
        ("SF", SF1 + "\n", "B60"),
        ("SHUNFENG", SF1, "B56"),
    ],
)
async def test_carrier_and_waybill_are_checked(tmall: "Tmall", code: str, out_sid: str, reason: str) -> None:
    tid, *_ = await two_lines(tmall)
    assert await tmall.refusal(OFFLINE, tid=tid, company_code=code, out_sid=out_sid) == because(reason)
    assert (await state(tmall, tid))[0] == "WAIT_SELLER_SEND_GOODS"


async def test_missing_waybill_is_an_argument_error(tmall: "Tmall") -> None:
    tid, *_ = await two_lines(tmall)
    assert await tmall.refusal(OFFLINE, tid=tid, company_code="SF") == (40, "isv.missing-parameter:out_sid")


async def test_split_flags_and_lines_go_together(tmall: "Tmall") -> None:
    tid, first, second = await two_lines(tmall)
    call = {"tid": tid, "company_code": "SF", "out_sid": SF1}
    assert await tmall.refusal(OFFLINE, **call, sub_tid=first) == because("CD25")
    assert await tmall.refusal(OFFLINE, **call, sub_tid=first, is_split="0") == because("CD25")
    assert await tmall.refusal(OFFLINE, **call, is_split="1") == because("CD26")
    assert await tmall.refusal(OFFLINE, **call, is_split="2") == wrong("is_split")
    assert await tmall.refusal(OFFLINE, **call, is_split="1", sub_tid="42") == because("CD24")
    assert await tmall.refusal(OFFLINE, **call, is_split="1", sub_tid=f"{first},{first}") == because("CD24")
    await tmall.call(OFFLINE, **call, is_split="1", sub_tid=first)
    assert await tmall.refusal(OFFLINE, **call) == because("CD22")
    assert await tmall.refusal(OFFLINE, **call, is_split="1") == because("CD22")
    assert await tmall.refusal(OFFLINE, **call, sub_tid=second) == because("CD27")
    assert await tmall.refusal(OFFLINE, **call, is_split="1", sub_tid=first) == because("B04")
    assert await tmall.refusal(OFFLINE, **call, is_split="1", sub_tid=f"{first},{second}") == because("B06")


async def test_a_one_line_trade_cannot_be_split(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 1)))["tid"]
    call = {"tid": tid, "company_code": "SF", "out_sid": SF1, "is_split": "1", "sub_tid": tid}
    assert await tmall.refusal(OFFLINE, **call) == because("CD29")


async def test_a_closed_line_is_not_shipped(tmall: "Tmall") -> None:
    tid, first, _ = await two_lines(tmall)
    await tmall.post(f"/trades/{tid}/close", {"oids": [first]})
    call = {"tid": tid, "company_code": "SF", "out_sid": SF1}
    assert await tmall.refusal(OFFLINE, **call, is_split="1", sub_tid=first) == because("B04")
    await tmall.call(OFFLINE, **call)
    assert await state(tmall, tid) == (
        "WAIT_BUYER_CONFIRM_GOODS",
        [("TRADE_CLOSED", 0), ("WAIT_BUYER_CONFIRM_GOODS", 1)],
    )


async def test_a_waybill_serves_one_receiver(tmall: "Tmall") -> None:
    await tmall.item()
    same = [(await tmall.trade((10001, 1)))["tid"] for _ in range(2)]
    other = (await tmall.trade((10001, 1), buyer_nick="另一人"))["tid"]
    for tid in same:
        await tmall.call(OFFLINE, tid=tid, company_code="SF", out_sid=SF1)
    assert await tmall.refusal(OFFLINE, tid=other, company_code="SF", out_sid=SF1) == because("B60")


async def test_two_parcels_by_quantity_in_one_call(tmall: "Tmall") -> None:
    tid, first, second = await two_lines(tmall)
    packages = package(SF1, (first, 2)), package(YT1, (first, 3), (second, 1), code="YTO")
    assert await tmall.call(ASCP, tid=tid, **new_path(*packages)) == {"result": {"success": True}}
    truth = await tmall.get(f"/trades/{tid}")
    assert truth["status"] == "WAIT_BUYER_CONFIRM_GOODS"
    assert truth["lines"][0]["parcels"] == [
        {"company_code": "SF", "out_sid": SF1, "quantity": 2},
        {"company_code": "YTO", "out_sid": YT1, "quantity": 3},
    ]


async def test_parts_are_declared_and_then_completed(tmall: "Tmall") -> None:
    tid, first, second = await two_lines(tmall)
    await tmall.call(ASCP, tid=tid, **new_path(package(SF1, (first, 2)), **{f"o{first}": True}))
    assert await state(tmall, tid) == (
        "SELLER_CONSIGNED_PART",
        [("SELLER_CONSIGNED_PART", 2), ("WAIT_SELLER_SEND_GOODS", 0)],
    )
    again = new_path(package(SF1, (first, 1)), **{f"o{first}": True})
    assert await tmall.refusal(ASCP, tid=tid, **again) == because("B60")
    await tmall.call(ASCP, tid=tid, **new_path(package(SF2, (first, 3), (second, 1)), **{f"o{first}": False}))
    assert (await state(tmall, tid))[0] == "WAIT_BUYER_CONFIRM_GOODS"


async def test_quantities_and_part_flags_must_agree(tmall: "Tmall") -> None:
    tid, first, second = await two_lines(tmall)
    for call in (
        new_path(package(SF1, (first, 6))),
        new_path(package(SF1, (first, 2))),
        new_path(package(SF1, (first, 5)), **{f"o{first}": True}),
        new_path(package(SF1, (first, 5)), **{f"o{second}": False}),
        new_path(package(SF1, (first, 3)), package(SF2, (first, 3))),
    ):
        assert await tmall.refusal(ASCP, tid=tid, **call) == because("P38")
    assert await tmall.refusal(ASCP, tid=tid, **new_path(package(SF1, ("42", 1)))) == because("CD24")
    assert (await state(tmall, tid))[0] == "WAIT_SELLER_SEND_GOODS"


async def test_a_line_sent_short_is_shipped_if_the_seller_says_so(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 5)))["tid"]
    await tmall.call(ASCP, tid=tid, **new_path(package(SF1, (tid, 3)), **{f"o{tid}": False}))
    assert await state(tmall, tid) == ("WAIT_BUYER_CONFIRM_GOODS", [("WAIT_BUYER_CONFIRM_GOODS", 3)])


async def test_a_refused_parcel_takes_the_whole_call_back(tmall: "Tmall") -> None:
    tid, first, second = await two_lines(tmall)
    call = new_path(package(SF1, (first, 5)), package("bad", (second, 1)))
    assert await tmall.refusal(ASCP, tid=tid, **call) == because("B60")
    assert await state(tmall, tid) == (
        "WAIT_SELLER_SEND_GOODS",
        [("WAIT_SELLER_SEND_GOODS", 0), ("WAIT_SELLER_SEND_GOODS", 0)],
    )


async def test_a_part_can_be_called_all(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 5)))["tid"]
    complete = {"consign_type": "2", "consign_status": json.dumps([{"sub_tid": tid, "is_part_consign": False}])}
    assert await tmall.refusal(ASCP, tid=tid, **complete) == because("B02")
    await tmall.call(ASCP, tid=tid, **new_path(package(SF1, (tid, 3)), **{f"o{tid}": True}))
    await tmall.call(ASCP, tid=tid, **complete)
    assert await state(tmall, tid) == ("WAIT_BUYER_CONFIRM_GOODS", [("WAIT_BUYER_CONFIRM_GOODS", 3)])


async def test_a_reshipped_parcel_changes_no_status(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 1)))["tid"]
    reship = {"consign_type": "3", "consign_pkgs": json.dumps([package(SF2, (tid, 1))])}
    assert await tmall.refusal(ASCP, tid=tid, **reship) == because("B02")
    await tmall.call(OFFLINE, tid=tid, company_code="SF", out_sid=SF1)
    await tmall.call(ASCP, tid=tid, **reship)
    truth = await tmall.get(f"/trades/{tid}")
    assert (truth["status"], truth["lines"][0]["shipped"]) == ("WAIT_BUYER_CONFIRM_GOODS", 1)
    assert [(parcel["out_sid"], parcel["is_reship"]) for parcel in truth["parcels"]] == [(SF1, False), (SF2, True)]


async def test_old_path_puts_every_line_in_every_parcel(tmall: "Tmall") -> None:
    tid, first, _ = await two_lines(tmall)
    await tmall.call(ASCP, tid=tid, sub_tid=first, consign_pkgs=json.dumps([package(SF1), package(SF2)]))
    truth = await tmall.get(f"/trades/{tid}")
    assert (truth["status"], truth["lines"][0]["shipped"]) == ("SELLER_CONSIGNED_PART", 5)
    assert [parcel["contents"] for parcel in truth["parcels"]] == [[{"oid": first, "quantity": None}]] * 2


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"consign_pkgs": "[1]"}, "consign_pkgs"),
        ({"consign_pkgs": "{}"}, "consign_pkgs"),
        ({"consign_pkgs": "["}, "consign_pkgs"),
        ({}, "consign_pkgs"),
        ({"consign_pkgs": '[{"out_sid":"SF1400123456789"}]'}, "consign_pkgs"),
        ({"consign_pkgs": json.dumps([package(SF1, ("1", 1))])}, "consign_pkgs.goods"),
        ({"consign_type": "1", "consign_pkgs": json.dumps([package(SF1)])}, "consign_pkgs.goods"),
        ({"consign_type": "1", "consign_pkgs": json.dumps([package(SF1, ("1", 0))])}, "consign_pkgs.goods.num"),
        ({"consign_type": "4"}, "consign_type"),
        ({"consign_type": "2", "consign_pkgs": json.dumps([package(SF1)])}, "consign_pkgs"),
        ({"consign_type": "2", "consign_status": '[{"sub_tid":1}]'}, "consign_status"),
        ({"consign_type": "2", "sub_tid": "1"}, "sub_tid"),
    ],
)
async def test_malformed_declarations_are_named(tmall: "Tmall", parameters: dict[str, str], name: str) -> None:
    tid, *_ = await two_lines(tmall)
    assert await tmall.refusal(ASCP, tid=tid, **parameters) == wrong(name)


async def test_every_carrier_publishes_its_waybill_form(tmall: "Tmall") -> None:
    body = await tmall.call("taobao.logistics.companies.get", fields="id,code,name,reg_mail_no")
    companies = body["logistics_companies"]["logistics_company"]
    codes = [company["code"] for company in companies]
    assert {"SF", "YTO", "ZTO", "STO", "YUNDA", "EMS", "POSTB", "HTKY", "OTHER"} <= set(codes)
    assert len(set(codes)) == len(codes)
    [sf] = [company for company in companies if company["code"] == "SF"]
    assert sf == {"id": 505, "code": "SF", "name": "顺丰速运", "reg_mail_no": r"^SF[0-9]{13}$|^[0-9]{12}$"}
    assert re.search(sf["reg_mail_no"], SF1)

"""What must be equal at the end. Pure comparisons of what each side recorded by itself; nothing is printed here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

Record = Mapping[str, Any]
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Step:
    """One step of the demo: a table of what happened, and what differs."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    problems: tuple[str, ...] = ()
    note: str = ""
    compared: Mapping[str, int] = field(default_factory=dict)
    """How many records of which kind were held against each other."""


@dataclass(frozen=True)
class Told:
    """What the four records say of one trade: the platform, our order and its journey, the ERP, our receivable."""

    trade: Record
    order: Record
    steps: Sequence[Record]
    erp: Record
    money: Record
    files: tuple[str, ...] = field(default=())

    def step(self, kind: str) -> list[Record]:
        return [step for step in self.steps if step["kind"] == kind]


def item_problems(ours: Record, theirs: Record | None) -> Iterator[str]:
    """An item in our catalog and in the ERP."""
    code = ours["item_code"]
    if theirs is None:
        yield f"{code}: ERP 没有 / not in the ERP"
        return
    for mine, its in (("item_name", "item_name"), ("unit", "unit")):
        if ours[mine] != theirs.get(its):
            yield f"{code}.{mine}: {ours[mine]!r} ≠ ERP {theirs.get(its)!r}"
    if ";".join(ours["barcodes"]) != theirs.get("bar_code"):
        yield f"{code}.barcodes: {ours['barcodes']} ≠ ERP {theirs.get('bar_code')!r}"


def trade_problems(told: Told) -> Iterator[str]:
    """One trade: instructed once, shipped as the ERP says, told to the platform with the same waybills."""
    number = told.trade["tid"]
    yield from _instruction_problems(told)
    erp_waybills = {w["express_no"] for actual in told.erp["actuals"] for w in actual["waybills"]}
    platform_waybills = {parcel["out_sid"] for parcel in told.trade["parcels"]}
    our_waybills = {waybill for step in told.step("actual") for waybill in step["detail"]["waybills"]}
    if not erp_waybills == platform_waybills == our_waybills:
        yield f"{number}: 运单 waybills ERP {erp_waybills}, 我方 ours {our_waybills}, 平台 platform {platform_waybills}"
    shares = shipped_shares(told.erp)
    for line in told.trade["lines"]:
        left = int(shares.get(line["oid"], Fraction(0)) * line["quantity"])
        if line["shipped"] != left:
            yield f"{number}/{line['oid']}: 平台 platform {line['shipped']} ≠ ERP {left}"
    for step in told.step("published"):
        if step["detail"]["state"] != "done":
            yield f"{number}: 平台拒绝 refused: {step['detail']['code']} {step['detail']['message']}"
    if told.order["state"] not in {"shipped", "short_shipped"}:
        yield f"{number}: 订单 order is {told.order['state']}"


def _instruction_problems(told: Told) -> Iterator[str]:
    number = told.trade["tid"]
    instructions = told.erp["instructions"]
    if len(instructions) != 1:
        yield f"{number}: ERP 收到 {len(instructions)} 份出库指示 / received that many instructions"
        return
    sent = [(step["detail"]["file"], step["detail"]["line"]) for step in told.step("document_sent")]
    if sent != [(instructions[0]["file_name"], instructions[0]["file_line"])]:
        yield f"{number}: 指示位置 place of the instruction: {sent} ≠ ERP {instructions[0]['file_name']}"
    ours = sorted((step["detail"]["file"], step["detail"]["line"]) for step in told.step("actual"))
    theirs = sorted((actual["file_name"], actual["file_line"]) for actual in told.erp["actuals"])
    if ours != theirs:
        yield f"{number}: 实绩位置 places of actuals: {ours} ≠ ERP {theirs}"


def shipped_shares(erp: Record) -> dict[str, Fraction]:
    """How much of each platform line left, by the ERP's own bill; of a combo as much as of its slowest part."""
    shares: dict[str, Fraction] = {}
    for instruction in erp["instructions"]:
        for line in instruction["lines"]:
            oid = line["platform_sub_order_no"]
            share = Fraction(line["done_qty"], line["plan_qty"])
            shares[oid] = min(shares.get(oid, share), share)
    return shares


def money_problems(told: Told) -> Iterator[str]:
    """The receivable is what the buyer paid for the pieces that left, by the platform's own figures."""
    due = sum((_line_due(line) for line in told.trade["lines"]), Decimal(0)) + _beside_lines(told.trade)
    receivable = Decimal(told.money["receivable"]["amount"])
    if receivable != due:
        yield f"{told.trade['tid']}: 应收 receivable {receivable} ≠ 平台 platform {due}"


def _line_due(line: Record) -> Decimal:
    fen = int(Decimal(line["paid"]) * 100) * int(line["shipped"]) // int(line["quantity"])
    return fen * CENT


def _beside_lines(trade: Record) -> Decimal:
    """Freight and what else was paid beside the lines; due as soon as anything left."""
    if not any(line["shipped"] for line in trade["lines"]):
        return Decimal(0)
    return Decimal(trade["payment"]) - sum((Decimal(line["paid"]) for line in trade["lines"]), Decimal(0))


def stock_problems(ours: Record, erp_on_hand: int, platform: Mapping[str, int]) -> Iterator[str]:
    """On the shelf as the ERP counts, on the platform as we promise."""
    code = ours["item_code"]
    if ours["on_hand"] != erp_on_hand:
        yield f"{code}: 在库 on hand {ours['on_hand']} ≠ ERP {erp_on_hand}"
    for sku, quantity in platform.items():
        if quantity != max(ours["available"], 0):
            yield f"{code}: 可售 available {ours['available']} ≠ 平台 platform {quantity} ({sku})"

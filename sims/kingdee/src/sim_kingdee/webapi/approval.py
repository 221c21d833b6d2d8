"""What approving a bill does to the ERP behind it, and taking that back."""

from dataclasses import dataclass
from datetime import datetime

from sim_kingdee.erp import Erp
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, Record, Values
from sim_kingdee.rules import order_type_of
from sim_kingdee.storage import Received, StockKey
from sim_kingdee.webapi.answers import MsgCode, Refused
from sim_kingdee.webapi.bills import Bill, Bills, Entry, Fields, is_id
from sim_kingdee.webapi.forms import FORMS, INVENTORY_TYPE, STOCK_STATUS, Form

FACE = "webapi"
_ANY_CARRIER = "SF"
_NEGATIVE_STOCK = "STK_InvCheckResult"


@dataclass(frozen=True, slots=True)
class Site:
    """The organisation that calls act for, the owner whose goods it keeps, and where goods go when a bill is silent.

    `item_org` looks after the items: when it is another organisation, an item is usable once it is allocated.
    """

    org: str
    item_org: str
    owner_code: str
    warehouse_code: str


class Approvals:
    """Methods run inside the caller's transaction."""

    def __init__(self, erp: Erp, bills: Bills, site: Site) -> None:
        self._erp = erp
        self._store = erp.store
        self._bills = bills
        self._site = site

    def approve(self, bill: Bill, now: datetime, interactions: str) -> None:
        """Let an approved bill take effect; `interactions` names the questions answered with yes."""
        form = FORMS[bill.form]
        match form.approval:
            case "instruct":
                document = self._instruction(form, bill)
                received = Received(f"{form.id} {bill.bill_no}", now, FACE)
                self._erp.instruct(INTERFACES[form.interface], document, received, self._store.behaviours())
            case "know_item":
                self.know_item(bill.bill_no)
            case _:
                self._move(form, bill, 1, interactions)

    def revoke(self, bill: Bill) -> None:
        """Take back what approving did; an order that is being worked on stays."""
        form = FORMS[bill.form]
        match form.approval:
            case "instruct":
                known = self._store.known(self._site.owner_code, bill.bill_no, INTERFACES[form.interface].leg)
                if known is None or known.state != "NEW":
                    raise Refused(MsgCode.NOT_OPERABLE, f"单据 {bill.bill_no} 已有下游单据，不能反审核")
                self._store.drop_instruction(known.id)
            case "know_item":
                self.know_item(bill.bill_no)
            case _:
                self._move(form, bill, -1, _NEGATIVE_STOCK)

    def know_item(self, item_code: str) -> None:
        """Make the ERP's item what its bill says now: it is usable while nothing is wrong with it."""
        bill = self._bills.find("BD_MATERIAL", bill_no=item_code)
        assert bill is not None
        form = FORMS[bill.form]
        values = {
            "owner_code": self._site.owner_code,
            "item_code": item_code,
            "item_name": form.value("name", bill.head),
            "bar_code": form.value("bar_code", bill.head),
            "unit": form.value("unit", bill.head),
            "is_batch_mgmt": form.value("is_batch", bill.head) or "N",
        }
        self._store.save_item(values, is_valid="N" if self.item_fault(item_code) else "Y")

    def has_warehouse(self, code: str) -> bool:
        """Whether a warehouse is known."""
        return self._store.has_warehouse(code)

    def item_fault(self, item_code: str) -> str:
        """Why no bill may name an item, empty when one may; items of the item master file need no bill."""
        bill = self._bills.find("BD_MATERIAL", bill_no=item_code)
        if bill is None:
            item = self._store.item(self._site.owner_code, item_code)
            return "不存在" if item is None else "已禁用" if item["is_valid"] == "N" else ""
        if bill.is_forbidden:
            return "已禁用"
        if bill.status != "C":
            return "未审核"
        is_usable = bill.is_allocated or self._site.item_org == self._site.org
        return "" if is_usable else f"未分配到组织 {self._site.org}"

    def _instruction(self, form: Form, bill: Bill) -> Document:
        head = {
            "owner_code": self._site.owner_code,
            "order_no": bill.bill_no,
            "order_type": order_type_of(bill.bill_no) or "",
            "warehouse_code": self._warehouse(form, bill),
            "platform_order_no": form.value("platform_no", bill.head),
            "logistics_code": form.value("carrier", bill.head) or _ANY_CARRIER,
        }
        if form.interface == "supplier_return_order":
            head["supplier_code"] = form.value("party", bill.head)
        return Document(Record("O", head), [Record("L", values) for values in _lines(form, bill)])

    def _warehouse(self, form: Form, bill: Bill) -> str:
        named = {form.value("stock", entry.fields, in_entry=True) for entry in bill.entries} - {""}
        if len(named) > 1:
            raise Refused(MsgCode.INVALID, f"单据 {bill.bill_no} 的分录不是同一仓库")
        return next(iter(named), "") or self._site.warehouse_code

    def _move(self, form: Form, bill: Bill, times: int, interactions: str) -> None:
        sign = times * (-1 if form.approval == "take_out" else 1)
        moves = [(self._stock_key(form, entry), sign * _pieces(form, entry)) for entry in bill.entries]
        if _NEGATIVE_STOCK not in interactions:
            self._check_stock(moves)
        for key, pieces in moves:
            self._store.move_stock(key, pieces)

    def _check_stock(self, moves: list[tuple[StockKey, int]]) -> None:
        after = {key: self._store.on_hand(key) for key, _ in moves}
        for key, pieces in moves:
            after[key] += pieces
            if after[key] < 0:
                raise Refused(MsgCode.INVALID, f"物料 {key[2]} 在仓库 {key[0]} 的库存不足，更新后为负库存")

    def _stock_key(self, form: Form, entry: Entry) -> StockKey:
        return (
            form.value("stock", entry.fields, in_entry=True),
            self._site.owner_code,
            form.value("material", entry.fields, in_entry=True),
            inventory_type(form, entry.fields),
        )


def line_numbers(form: Form, bill: Bill) -> list[int]:
    """The caller's own line numbers where its notes are that, else the places of the entries."""
    notes = [form.value("line_no", entry.fields, in_entry=True) for entry in bill.entries]
    is_numbered = all(is_id(note) and int(note) > 0 for note in notes) and len(set(map(int, notes))) == len(notes)
    return [int(note) for note in notes] if is_numbered else list(range(1, len(notes) + 1))


def inventory_type(form: Form, fields: Fields) -> str:
    """The grade an entry's stock status means; without one goods are good."""
    return INVENTORY_TYPE[form.value("status", fields, in_entry=True) or STOCK_STATUS["ZP"]]


def _pieces(form: Form, entry: Entry) -> int:
    return int(form.value("quantity", entry.fields, in_entry=True).partition(".")[0])


def _lines(form: Form, bill: Bill) -> list[Values]:
    return [
        {
            "line_no": str(line_no),
            "item_code": form.value("material", entry.fields, in_entry=True),
            "inventory_type": inventory_type(form, entry.fields),
            "plan_qty": str(_pieces(form, entry)),
            "batch_code": form.value("lot", entry.fields, in_entry=True),
        }
        for line_no, entry in zip(line_numbers(form, bill), bill.entries, strict=True)
    ]

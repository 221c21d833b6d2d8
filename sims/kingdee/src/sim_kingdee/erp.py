"""The small ERP behind every face: takes messages, moves stock, books actuals, reports balances."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sim_kingdee import reports, rules, wire_time
from sim_kingdee.actuals import Actual, ActualLine, to_document
from sim_kingdee.carriers import waybill
from sim_kingdee.domain import Behaviour, Confirmation, Instruction, Line, Shelf, confirm, state_after
from sim_kingdee.layouts import INTERFACES, Interface
from sim_kingdee.message import Document, Finding, Message, Record
from sim_kingdee.misdeeds import Misdeeds, OrderMisdeed
from sim_kingdee.storage import Received, Store

_NUMBERS = {"OUT": "SHP", "IN": "RCV"}

Scripts = Mapping[tuple[str, str], Behaviour]  # by (scope, code)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document: rejected when a finding is an error, stored otherwise."""

    order_no: str
    leg: str
    findings: Sequence[Finding]

    @property
    def is_rejected(self) -> bool:
        """Whether nothing of the document was stored."""
        return any(finding.level == "ERROR" for finding in self.findings)


class Erp:
    """Methods run inside the caller's transaction on the store."""

    def __init__(self, store: Store, *, seed: int, ship_delay: timedelta, parcel_gap: timedelta) -> None:
        self.store = store
        self.misdeeds = Misdeeds()
        self._seed = seed
        self._ship_delay = ship_delay
        self._parcel_gap = parcel_gap

    def accept(self, message: Message, received: Received) -> list[Outcome]:
        """Take a message of interface 1, 3, 5, 7 or 9, document by document; a test message leaves no trace."""
        if message.header["test_flag"] == "Y":
            with self.store.rehearsal():
                return self._accept(message, received)
        return self._accept(message, received)

    def _accept(self, message: Message, received: Received) -> list[Outcome]:
        interface = INTERFACES[message.header["interface"]]
        if interface.name == "item_master":
            return [self._accept_item(document) for document in message.documents]
        behaviours = self.store.behaviours()
        return [self._accept_instruction(interface, document, received, behaviours) for document in message.documents]

    def _accept_item(self, document: Document) -> Outcome:
        values = document.head.values
        findings = list(document.findings)
        if not document.rejected:
            known = self.store.item(values["owner_code"], values["item_code"])
            if known and (values.get("updated_at") or "9") < known["updated_at"]:
                findings.append(Finding("W_STALE", "较旧的更新已忽略 / older update ignored", "updated_at"))
            else:
                is_disabled = values["action_type"] == "DISABLE" or values.get("is_valid") == "N"
                self.store.save_item(values, is_valid="N" if is_disabled else "Y")
        return Outcome(values.get("item_code", ""), "", findings)

    def _accept_instruction(
        self, interface: Interface, document: Document, received: Received, behaviours: Scripts
    ) -> Outcome:
        findings = list(document.findings)
        if not document.rejected:
            findings += rules.check(interface, document) + self._check_codes(interface, document)
        outcome = Outcome(document.head.values.get("order_no", ""), interface.leg, findings)
        if not outcome.is_rejected:
            findings += self.instruct(interface, document, received, behaviours)
        return outcome

    def instruct(
        self, interface: Interface, document: Document, received: Received, behaviours: Scripts
    ) -> list[Finding]:
        """Store an instruction whose form was checked; finds I_SAME or, once it is worked on, E_STATE."""
        head = document.head.values
        digest = _digest(document)
        known = self.store.known(head["owner_code"], head["order_no"], interface.leg)
        if known:
            kind = "same" if known.digest == digest else "changed" if known.state == "NEW" else "refused"
            self.store.add_repeat(interface.leg, document, kind, received)
            if kind == "same":
                return [Finding("I_SAME", "内容相同，未重复处理 / same content, nothing done")]
            if kind == "refused":
                return [Finding("E_STATE", f"单据已是 {known.state} / already {known.state}", "order_no")]
            self.store.drop_instruction(known.id)
        planned = self.misdeeds.take(OrderMisdeed, received.face, order_no=head["order_no"])
        behaviour = planned.behaviour if planned else _choose(behaviours, document)
        delay = self._ship_delay + timedelta(milliseconds=planned.delay_ms if planned else 0)
        due_at = received.at + delay if behaviour.is_answered else None
        self.store.add_instruction(
            interface, document, digest=digest, behaviour=behaviour, received=received, due_at=due_at
        )
        return []

    def _check_codes(self, interface: Interface, document: Document) -> list[Finding]:
        head = document.head.values
        findings = []
        if not self.store.has_warehouse(head["warehouse_code"]):
            findings.append(Finding("E_WAREHOUSE", "未知仓库 / unknown warehouse", "warehouse_code"))
        if not self.store.has_owner(head["owner_code"]):
            findings.append(Finding("E_OWNER", "未知货主 / unknown owner", "owner_code"))
        for line in document.lines():
            line_no = int(line.values["line_no"])
            item = self.store.item(head["owner_code"], line.values["item_code"])
            if item is None or item["is_valid"] == "N":
                message = "商品未知或已停用，请先传商品主档 / unknown or disabled item, send item_master first"
                findings.append(Finding("E_SKU", message, "item_code", line_no))
            elif item["is_batch_mgmt"] == "Y" and interface.leg == "OUT" and not line.values.get("batch_code"):
                findings.append(Finding("E_LOT", "批次商品缺批次 / lot is required", "batch_code", line_no))
        return findings

    def confirm_due(self, now: datetime, limit: int) -> None:
        """Book the next actual of every instruction that is due."""
        for instruction in self.store.due(now, limit):
            shelf = self._shelf(instruction) if instruction.leg == "OUT" else None
            told = self.store.count_actuals(instruction.owner_code, instruction.order_no, instruction.leg)
            confirmation = confirm(instruction.leg, instruction.behaviour, instruction.lines, shelf, told=told)
            self.book(self._actual(instruction, confirmation, now))
            due_at = None if confirmation.is_final else now + self._parcel_gap
            state = state_after(confirmation, instruction.lines)
            self.store.set_progress(instruction.id, confirmation.quantities, state, due_at)

    def _shelf(self, instruction: Instruction) -> Shelf:
        place = (instruction.warehouse_code, instruction.owner_code)
        keys = {(line.item_code, line.inventory_type) for line in instruction.lines}
        return {key: self.store.on_hand((*place, *key)) for key in keys}

    def _actual(self, instruction: Instruction, confirmation: Confirmation, now: datetime) -> Actual:
        out_biz_code = self.next_number(instruction.owner_code, instruction.order_no, instruction.leg)
        head = dict(instruction.head)
        if instruction.leg == "OUT":
            carrier = head.get("logistics_code", "") if any(confirmation.quantities.values()) else ""
            number = carrier and self.waybill(carrier, instruction.owner_code, out_biz_code)
            head |= {"logistics_code": carrier, "express_no": number}
        return Actual(
            interface=INTERFACES[instruction.interface].answer,
            owner_code=instruction.owner_code,
            order_no=instruction.order_no,
            order_type=instruction.order_type,
            warehouse_code=instruction.warehouse_code,
            wms_order_no=instruction.wms_order_no,
            out_biz_code=out_biz_code,
            status=confirmation.status,
            is_final=confirmation.is_final,
            booked_at=now,
            head=head,
            face=instruction.face,
            lines=tuple(
                line
                for asked in instruction.lines
                if asked.line_no in confirmation.quantities
                for line in _moved(asked, confirmation)
            ),
        )

    def next_number(self, owner_code: str, order_no: str, leg: str) -> str:
        """The out_biz_code of the next actual of one leg."""
        return f"{_NUMBERS[leg]}-{order_no}-{self.store.count_actuals(owner_code, order_no, leg) + 1}"

    def waybill(self, carrier: str, owner_code: str, out_biz_code: str) -> str:
        """Waybill of an actual, the same in every run with the same seed."""
        return waybill(carrier, f"{self._seed}:{owner_code}:{out_biz_code}")

    def book(self, actual: Actual) -> None:
        """Move the stock an actual tells of and keep it for the next message to Lemai."""
        for line in actual.lines:
            if line.quantity:
                key = (actual.warehouse_code, actual.owner_code, line.item_code, line.inventory_type)
                self.store.move_stock(key, -line.quantity if actual.is_outbound else line.quantity)
        self.store.add_actual(actual, to_document(actual))


def _moved(line: Line, confirmation: Confirmation) -> Iterator[ActualLine]:
    """What moved of a line: one row, and another one beside it for spoilt pieces."""
    moved = confirmation.quantities[line.line_no]
    spoilt = confirmation.damaged.get(line.line_no, 0)
    row = ActualLine(line.line_no, line.item_code, line.inventory_type, moved - spoilt, line.plan_qty, line.batch_code)
    if moved > spoilt or not spoilt:
        yield row
    if spoilt:
        yield replace(row, inventory_type="CC", quantity=spoilt, remark="外箱破损")


def _choose(behaviours: Scripts, document: Document) -> Behaviour:
    """The script of a document: the one of its order, its trade, one of its items, or the default."""
    head = document.head.values
    keys = [
        ("order_no", head.get("order_no", "")),
        ("platform_order_no", head.get("platform_order_no", "")),
        *(("item_code", line.values.get("item_code", "")) for line in document.lines()),
        ("default", ""),
    ]
    return next((behaviours[key] for key in keys if key in behaviours), Behaviour.FULL)


def _digest(document: Document) -> str:
    """Digest of what a document says, whatever the order of its columns."""
    records = [document.head, *document.children]
    content = [[record.tag, {name: value for name, value in record.values.items() if value}] for record in records]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def balances(store: Store, warehouse_code: str, owner_code: str, page_lines: int, at: datetime) -> list[Document]:
    """A FULL snapshot of one owner's stock in one warehouse as pages of at most `page_lines` rows."""
    rows = [
        {
            "warehouse_code": warehouse_code,
            "owner_code": owner_code,
            "item_code": str(row["item_code"]),
            "inventory_type": str(row["inventory_type"]),
            "qty": str(row["available"]),
            "lock_qty": str(row["locked"]),
            "total_qty": str(row["on_hand"]),
            "unit": str(row["unit"]),
        }
        for row in reports.stock(store.db, warehouse_code=warehouse_code, owner_code=owner_code)
    ]
    pages = [rows[start : start + page_lines] for start in range(0, len(rows), page_lines)] or [[]]
    return [
        Document(
            Record(
                "K",
                {
                    "snapshot_id": f"IB{wire_time.stamp(at)}-{warehouse_code}-{owner_code}",
                    "snapshot_at": wire_time.wall_clock(at),
                    "scope": "FULL",
                    "warehouse_code": warehouse_code,
                    "page": str(number),
                    "total_page": str(len(pages)),
                    "line_count": str(len(page)),
                },
            ),
            [Record("B", values) for values in page],
        )
        for number, page in enumerate(pages, start=1)
    ]

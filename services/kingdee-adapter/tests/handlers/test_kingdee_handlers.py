"""What is asked of a counterpart is queued once for it; what became of documents is told to the others."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from kingdee_world import KINGDEE, NOW, REFERENCE, an_instruction, an_item, changed, sample

from kingdee_adapter import handlers
from kingdee_adapter.handlers import Alarm, Carried, Counted, Received, Refused, Story, ToSend
from kingdee_adapter.mapper.actuals import Balance, Balances
from lemai_chassis.testing import handle
from lemai_contracts import Event
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    AdjustmentInstructedV1,
    CustomerReturnInstructedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentPlace,
    DocumentRejectedV1,
    DocumentSentV1,
    InboundInstructedV1,
    SupplierReturnInstructedV1,
)
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.stock import SnapshotLine, SnapshotReportedV1, SnapshotScope
from lemai_contracts.values import Grade, Leg
from lemai_docking.documents import Rejected
from lemai_docking.faults import Fault
from lemai_docking.journal.outgoing import Outgoing, OutgoingFile

FILE = OutgoingFile(7, "Deliver_20261122100000.sh", "ab" * 32, "deliver_order", "published", b"")
ADDRESS_FAULT = Fault("E_FIELD", 0, "receiver_address", "***", "≤ 200 字符/characters")


def queued(event: Event) -> Sequence[ToSend]:
    handler = handlers.on_item_changed if event.type.startswith("lemai.catalog") else handlers.on_instructed
    handled = handle(partial(handler, REFERENCE), event, now=NOW)
    assert (handled.events, handled.calls) == ([], [])
    return handled.records


def a_document() -> Outgoing:
    """The sample instruction as the journal gives it back, on line 4 of its file."""
    (record,) = queued(an_instruction())
    return replace(record.document, id=11, line=4, payload=b"")


def an_item_document() -> Outgoing:
    return replace(queued(an_item())[0].document, id=12, line=3, payload=b"")


def test_an_instruction_is_queued_once_for_its_counterpart() -> None:
    event = an_instruction(urgent=True)

    (record,) = queued(event)

    document = record.document
    assert record.counterpart_code == KINGDEE
    assert (document.interface, document.owner_code, document.order_no) == ("deliver_order", "JFY", "2611220001")
    assert (document.leg, document.revision, document.family) == ("OUT", 1, "tmall/3021456789012345678")
    assert document.urgent
    kind, body = document.payload.split(b"\n", 1)
    assert (kind.decode(), type(event).model_validate_json(body)) == (event.type, event)


@pytest.mark.parametrize(
    ("event", "interface", "leg"),
    [
        (SupplierReturnInstructedV1, "supplier_return_order", "OUT"),
        (InboundInstructedV1, "receipt_order", "IN"),
        (CustomerReturnInstructedV1, "sales_return_order", "IN"),
    ],
)
def test_each_instruction_is_queued_for_its_interface(event: type[Event], interface: str, leg: str) -> None:
    instruction = changed(example(event), counterpart_code=KINGDEE)

    (record,) = queued(instruction)

    assert (record.document.interface, record.document.leg) == (interface, leg)
    assert (record.document.family, record.document.urgent) == (instruction.partitionkey, False)


@pytest.mark.parametrize(("leg", "interface"), [(Leg.OUT, "deliver_order"), (Leg.IN, "receipt_order")])
def test_an_adjustment_goes_only_to_a_counterpart_that_takes_them_by_interfaces(leg: Leg, interface: str) -> None:
    adjustment = changed(example(AdjustmentInstructedV1), leg=leg)

    assert queued(changed(adjustment, counterpart_code=KINGDEE)) == []
    (record,) = queued(changed(adjustment, counterpart_code="KINGDEE-2"))

    assert (record.document.interface, record.document.leg) == (interface, leg)


def test_the_same_instruction_has_the_same_content_and_another_has_not() -> None:
    hashes = [queued(an_instruction(seller_message=message))[0].document.content_hash for message in ("", "", "加急")]

    assert hashes[0] == hashes[1] != hashes[2]


def test_an_item_goes_to_every_counterpart_that_keeps_goods_of_its_owner() -> None:
    ours, theirs = queued(an_item()), queued(an_item(owner_code="NB"))

    assert [record.counterpart_code for record in ours] == ["KINGDEE-2", KINGDEE]
    assert [record.counterpart_code for record in theirs] == ["KINGDEE-2"]


def test_an_owner_without_counterpart_needs_no_item_master() -> None:
    assert queued(an_item(owner_code="GB")) == []


def test_each_change_of_an_item_is_a_revision_of_its_own() -> None:
    moment = an_item().changed_at
    documents = [queued(an_item(changed_at=moment + timedelta(microseconds=later)))[0].document for later in (0, 1, 2)]

    assert [document.revision - documents[0].revision for document in documents] == [0, 1, 2]
    assert (documents[0].leg, documents[0].order_no) == ("", "GB-TS-001-R-90")


def test_a_published_document_is_told_with_file_and_line() -> None:
    told = handle(handlers.on_published, Carried("KD", FILE, [a_document()]), now=NOW).events

    assert told == [
        DocumentSentV1(
            family="tmall/3021456789012345678",
            counterpart_code="KD",
            interface="deliver_order",
            owner_code="JFY",
            reference="2611220001",
            leg=Leg.OUT,
            revision=1,
            document=DocumentPlace(file_name="Deliver_20261122100000.sh", line=4),
            sha256="ab" * 32,
            sent_at=NOW,
        )
    ]


def test_a_published_item_has_no_leg_and_is_its_own_family() -> None:
    (told,) = handle(handlers.on_published, Carried("KD", FILE, [an_item_document()]), now=NOW).events

    assert isinstance(told, DocumentSentV1)
    assert (told.leg, told.reference, told.family) == (None, "GB-TS-001-R-90", "JFY/GB-TS-001-R-90")


def test_an_acknowledged_document_is_told() -> None:
    (told,) = handle(handlers.on_acknowledged, Carried("KD", FILE, [a_document()]), now=NOW).events

    assert isinstance(told, DocumentAcknowledgedV1)
    assert (told.reference, told.leg, told.revision, told.file_name) == ("2611220001", Leg.OUT, 1, FILE.name)


def test_documents_refused_by_us_or_by_the_counterpart_are_told_with_the_first_reason() -> None:
    unwritten = replace(a_document(), line=0, order_no="2611220002")
    theirs = Fault("E_PARTNER", 2, "item_code", "E_SKU 商品未知")
    by_them = Refused("KD", FILE.name, [(a_document(), [theirs])])
    by_us = Refused("KD", "", [(unwritten, [ADDRESS_FAULT, theirs])])

    told = [event for command in (by_them, by_us) for event in handle(handlers.on_refused, command, now=NOW).events]

    assert [(event.reference, event.document, event.code, event.field) for event in rejections(told)] == [
        ("2611220001", DocumentPlace(file_name=FILE.name, line=4), "E_PARTNER", "item_code"),
        ("2611220002", DocumentPlace(file_name="", line=0), "E_FIELD", "receiver_address"),
    ]
    assert {event.direction for event in rejections(told)} == {Direction.OUTGOING}


def test_actuals_are_told_in_the_family_of_their_order_and_unknown_ones_all_the_same() -> None:
    (known,) = sample("SHIP-20261122152100.shupl").documents
    (unknown,) = sample("SHIP-20261125110300.shupl").documents
    stories = {("JFY", "2611220001"): Story("tmall/1", "the instruction's trace")}

    handled = handle(handlers.on_received, Received("KD", "SHIP.shupl", [known, unknown], [], stories), now=NOW)

    told = handled.events
    assert [cause.traceparent for cause in handled.causes] == ["the instruction's trace", ""]
    assert [(type(event), event.partitionkey, event.subject) for event in told] == [
        (ActualReportedV1, "tmall/1", "JFY/2611220001/OUT/SHP-2611220001-1"),
        (ActualReportedV1, "JFY/2611220005-gt", "JFY/2611220005-gt/OUT/SHP-2611220005-gt-1"),
    ]


def test_quarantined_documents_are_told_one_by_one_but_alarm_once() -> None:
    rejected = [
        Rejected("ship_result", "JFY", f"261122000{number}", 10 * number, (Fault("E_QTY", 10 * number + 1),))
        for number in (1, 2)
    ]
    stories = {("JFY", "2611220001"): Story("tmall/1")}

    told = handle(handlers.on_received, Received("KD", "SHIP.shupl", [], rejected, stories), now=NOW).events

    assert [(event.partitionkey, event.document.line, event.direction) for event in rejections(told)] == [
        ("tmall/1", 10, Direction.INCOMING),
        ("JFY/2611220002", 20, Direction.INCOMING),
    ]
    (alert,) = (event for event in told if isinstance(event, AlertRaisedV1))
    assert (alert.code, alert.about) == ("document_quarantined", "KD/SHIP.shupl")
    assert alert.message.startswith("2 份单据已隔离")
    assert "第 11 行" in alert.message


def test_a_chunk_of_a_snapshot_is_told_with_the_head_of_its_snapshot() -> None:
    (page,) = sample("IBAL-20261122020500.Ibupl").documents
    counted = Counted("KD", page.head, Balances("JFY", 2, 3, [Balance("JFY", "GB-1", "defective", -4, 1, -3)]))

    assert handle(handlers.on_counted, counted, now=NOW).events == [
        SnapshotReportedV1(
            owner_code="JFY",
            warehouse_code="WH01",
            counterpart_code="KD",
            snapshot_id="IB20261122-WH01",
            snapshot_at=datetime(2026, 11, 21, 18, 0, tzinfo=UTC),
            scope=SnapshotScope.FULL,
            chunk=2,
            chunks=3,
            lines=(SnapshotLine(item_code="GB-1", grade=Grade.DEFECTIVE, free=-4, locked=1, total=-3),),
        )
    ]


def test_a_partial_snapshot_stays_partial() -> None:
    (page,) = sample("IBAL-20261122020500.Ibupl").documents
    counted = Counted("KD", {**page.head, "scope": "PARTIAL"}, Balances("JFY", 1, 1, []))

    (event,) = handle(handlers.on_counted, counted, now=NOW).events

    assert isinstance(event, SnapshotReportedV1)
    assert event.scope is SnapshotScope.PARTIAL


def test_an_alarm_names_counterpart_and_file() -> None:
    codes = {}
    for code in ("E_FILE_CHANGED", "E_UNKNOWN", "E_DUP_CONFLICT", "E_TRAILER"):
        (alert,) = handle(handlers.on_alarm, Alarm("KD", "SHIP.shupl", Fault(code)), now=NOW).events
        assert isinstance(alert, AlertRaisedV1)
        assert alert.about == "KD/SHIP.shupl"
        codes[code] = alert.code

    assert codes == {
        "E_FILE_CHANGED": "file_changed",
        "E_UNKNOWN": "file_unknown",
        "E_DUP_CONFLICT": "document_conflict",
        "E_TRAILER": "file_refused",
    }


def test_an_alarm_about_a_channel_names_its_counterpart() -> None:
    (alert,) = handle(handlers.on_alarm, Alarm("KD", "", Fault("E_CHANNEL", 0, "outbox")), now=NOW).events

    assert isinstance(alert, AlertRaisedV1)
    assert (alert.code, alert.about) == ("channel_failing", "KD")


def test_the_consignee_stays_sealed_in_what_is_queued() -> None:
    consignee = json.loads(queued(an_instruction())[0].document.payload.partition(b"\n")[2])["consignee"]

    assert consignee.keys() == an_instruction().consignee.model_dump().keys()


def rejections(events: Sequence[Event]) -> list[DocumentRejectedV1]:
    return [event for event in events if isinstance(event, DocumentRejectedV1)]

"""The journey: a step for what every service did with an order, and an alert where a person must act."""

from typing import TYPE_CHECKING, Any

import pytest

from lemai_contracts.examples import example
from lemai_contracts.fulfilment import (
    Direction,
    DocumentAcknowledgedV1,
    DocumentPlace,
    DocumentRejectedV1,
    DocumentSentV1,
)
from lemai_contracts.marketplace import PublicationState, ShipmentPublishedV1
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.stock import CommitmentState
from lemai_contracts.values import Leg
from order_svc.domain.orders import Step, StepKind

if TYPE_CHECKING:
    from conftest import Desk

ORDER = {"owner_code": "JFY", "order_no": "TM3021456789012345678"}
DOCUMENT: dict[str, Any] = {
    "owner_code": "JFY",
    "reference": "TM3021456789012345678",
    "interface": "outbound_instruction",
    "leg": Leg.OUT,
    "revision": 1,
}
PLACE = DocumentPlace(file_name="Deliver_20261122100000.sh", line=2)


def sent(**changes: Any) -> DocumentSentV1:
    return example(DocumentSentV1).model_copy(update=DOCUMENT | {"document": PLACE} | changes)


def acknowledged(**changes: Any) -> DocumentAcknowledgedV1:
    return example(DocumentAcknowledgedV1).model_copy(update=DOCUMENT | {"file_name": PLACE.file_name} | changes)


def rejected(**changes: Any) -> DocumentRejectedV1:
    said = {"document": PLACE, "code": "E_SKU", "field": "item_code", "message": "物料不存在"}
    return example(DocumentRejectedV1).model_copy(update=DOCUMENT | said | changes)


def published(**changes: Any) -> ShipmentPublishedV1:
    told = {"actual_no": "SHP-1", "waybills": ("SF1400123456789",), "state": PublicationState.DONE}
    return example(ShipmentPublishedV1).model_copy(update=ORDER | told | changes)


def test_the_way_of_an_order_from_its_trade_to_its_publication(desk: "Desk") -> None:
    desk.placed()
    desk.take(desk.answer(CommitmentState.COMMITTED))
    desk.take(sent())
    desk.take(acknowledged())
    desk.take(desk.actual(1, 2))
    desk.take(published())

    assert {(step.owner_code, step.order_no) for step in desk.steps} == {("JFY", desk.order_no)}
    assert [(step.kind, step.reference, step.at) for step in desk.steps] == [
        (StepKind.PLACED, "3021456789012345678", desk.trade().created_at),
        (StepKind.PAID, desk.trade().pay_no, desk.trade().paid_at),
        (StepKind.APPROVED, "rule", desk.now),
        (StepKind.COMMITMENT, "committed/1", desk.now),
        (StepKind.INSTRUCTED, "1", desk.now),
        (StepKind.DOCUMENT_SENT, "outbound_instruction/1", sent().sent_at),
        (StepKind.ACKNOWLEDGED, "outbound_instruction/1", acknowledged().acknowledged_at),
        (StepKind.ACTUAL, "SHP-1", desk.actual().occurred_at),
        (StepKind.RECEIVABLE, "SHP-1", desk.actual().occurred_at),
        (StepKind.PUBLISHED, "SHP-1", published().published_at),
    ]
    assert desk.steps[1].detail == {"paid": {"amount": "129.00", "currency": "CNY"}}
    assert desk.steps[2].detail == {"actor": "rule"}
    assert desk.steps[8].detail == {"receivable": {"amount": "129.00", "currency": "CNY"}, "complete": True}
    assert desk.steps[5].detail == {"file": "Deliver_20261122100000.sh", "line": 2}
    assert desk.steps[7].detail == {
        "leg": "OUT",
        "status": "DELIVERED",
        "final": True,
        "file": "SHIP-20261122152100.shupl",
        "line": 6,
        "operator": "",
        "remark": "",
        "lines": [
            {"line_no": 1, "item_code": "GB-TS-001-R-90", "quantity": 1, "grade": "good", "remark": ""},
            {"line_no": 2, "item_code": "GB-SH-014-B-22", "quantity": 2, "grade": "good", "remark": ""},
        ],
        "waybills": ["SF1400123456789"],
    }


@pytest.mark.parametrize("document", [sent(leg=None), acknowledged(leg=None)])
def test_an_item_master_is_no_step_of_an_order(desk: "Desk", document: DocumentSentV1 | DocumentAcknowledgedV1) -> None:
    desk.take(document)
    assert desk.steps == []


def test_a_refused_instruction_is_told_to_somebody(desk: "Desk") -> None:
    desk.instructed()
    desk.take(rejected(direction=Direction.OUTGOING))

    step, [alert] = desk.steps[-1], desk.emitted(AlertRaisedV1)
    assert (step.kind, step.reference) == (StepKind.DOCUMENT_REJECTED, "Deliver_20261122100000.sh:2")
    assert step.detail == {
        "direction": "outgoing",
        "code": "E_SKU",
        "field": "item_code",
        "message": "物料不存在",
    }
    assert (alert.code, alert.about) == ("instruction_rejected", "JFY/TM3021456789012345678")
    assert "E_SKU 物料不存在" in alert.message


def test_a_quarantined_report_stands_in_the_journey(desk: "Desk") -> None:
    desk.instructed()
    desk.take(rejected(direction=Direction.INCOMING))
    assert desk.steps[-1].kind is StepKind.DOCUMENT_REJECTED
    assert desk.emitted(AlertRaisedV1) == []


def test_a_refused_item_master_is_no_step_of_an_order(desk: "Desk") -> None:
    desk.take(rejected(direction=Direction.OUTGOING, reference="GB-TS-001-R-90"))
    assert (desk.steps, desk.events) == ([], [])


def test_a_publication_stands_in_the_journey(desk: "Desk") -> None:
    desk.take(published())
    [step] = desk.steps
    assert step == Step(
        "JFY",
        desk.order_no,
        StepKind.PUBLISHED,
        "SHP-1",
        published().published_at,
        {"state": "done", "waybills": ("SF1400123456789",), "code": "", "message": ""},
    )
    assert desk.events == []


def test_a_refused_publication_is_told_to_somebody(desk: "Desk") -> None:
    desk.take(published(state=PublicationState.REJECTED, code="B60", message="运单号已被使用"))
    [alert] = desk.emitted(AlertRaisedV1)
    assert (alert.code, alert.about) == ("shipment_refused", "JFY/TM3021456789012345678")
    assert "B60 运单号已被使用" in alert.message

"""Instructions become documents to send; what became of documents becomes events."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from kingdee_adapter.mapper.actuals import Balances, actual_event, snapshot_event
from kingdee_adapter.mapper.instructions import Instruction, interface_of, payload_of
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.trace import Cause
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import (
    AdjustmentInstructedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentPlace,
    DocumentRejectedV1,
    DocumentSentV1,
    OutboundInstructedV1,
)
from lemai_contracts.values import Leg
from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Document, Rejected, Row
from lemai_docking.faults import Fault
from lemai_docking.journal.outgoing import Outgoing, OutgoingFile, Overdue

KIND = "kingdee"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALERTS = {
    "E_FILE_CHANGED": "file_changed",
    "E_UNKNOWN": "file_unknown",
    "E_DUP_CONFLICT": "document_conflict",
    "E_UNREAD": "file_unknown",
    "E_CHANNEL": "channel_failing",
}
"""Codes of alerts by those of faults; every other fault is a file that was refused or left alone."""


@dataclass(frozen=True)
class ToSend:
    """A document for a counterpart's outbox."""

    counterpart_code: str
    document: Outgoing


@dataclass(frozen=True)
class Carried:
    """Documents of ours, and the file that carries them."""

    counterpart_code: str
    file: OutgoingFile
    documents: Sequence[Outgoing]


@dataclass(frozen=True)
class Refused:
    """Documents of ours in a file that the counterpart refused, or, in none, that could not be written; and why."""

    counterpart_code: str
    file_name: str
    documents: Sequence[tuple[Outgoing, Sequence[Fault]]]


class Story(NamedTuple):
    """The family of an order we instructed, and the trace of its last instruction."""

    family: str
    traceparent: str = ""


@dataclass(frozen=True)
class Received:
    """What a file from a counterpart brought; `stories` by owner and order number, of the orders we instructed."""

    counterpart_code: str
    file_name: str
    documents: Sequence[Document]
    rejected: Sequence[Rejected]
    stories: Mapping[tuple[str, str], Story]

    def story(self, document: Document | Rejected) -> Story:
        """An order nobody instructed is a family of its own."""
        order = document.owner_code, document.order_no
        return self.stories.get(order, Story("/".join(order)))


@dataclass(frozen=True)
class Counted:
    """A chunk of the balances in a snapshot with this head."""

    counterpart_code: str
    head: Row
    balances: Balances


@dataclass(frozen=True)
class Unanswered:
    """Documents of ours that are past the deadline of an answer."""

    counterpart_code: str
    awaiting: Literal["acknowledgement", "actual"]
    documents: Sequence[Overdue]


@dataclass(frozen=True)
class Alarm:
    """Something a person must know about a file or document of a counterpart, or, without one, about its channel."""

    counterpart_code: str
    subject: str
    fault: Fault


def on_instructed(reference: Reference, event: Instruction, uow: UnitOfWork) -> None:
    """Queue interface 1, 3, 5 or 7 for the counterpart; who gets or sends the goods stays sealed."""
    counterpart = reference.counterpart(event.counterpart_code)
    is_internal = isinstance(event, AdjustmentInstructedV1) and counterpart.adjustments == "internal"
    if counterpart.kind == KIND and not is_internal:
        urgent = isinstance(event, OutboundInstructedV1) and event.urgent
        uow.append(ToSend(counterpart.code, _outgoing(event, event.order_no, event.revision, uow, urgent=urgent)))


def on_item_changed(reference: Reference, event: ItemChangedV1, uow: UnitOfWork) -> None:
    """Queue interface 9 for every counterpart that keeps goods of the owner."""
    revision = (event.changed_at - EPOCH) // timedelta(microseconds=1)
    for code in _counterparts(reference, event.owner_code):
        uow.append(ToSend(code, _outgoing(event, event.item_code, revision, uow)))


def on_published(command: Carried, uow: UnitOfWork) -> None:
    """Each document is out, at its line of the file."""
    for document in command.documents:
        uow.emit(
            DocumentSentV1(
                family=document.family,
                counterpart_code=command.counterpart_code,
                interface=document.interface,
                owner_code=document.owner_code,
                reference=document.order_no,
                leg=Leg(document.leg) if document.leg else None,
                revision=document.revision,
                document=DocumentPlace(file_name=command.file.name, line=document.line),
                sha256=command.file.sha256,
                sent_at=uow.now,
                notes=document.notes,
            ),
            cause=Cause(document.causationid, document.traceparent),
        )


def on_acknowledged(command: Carried, uow: UnitOfWork) -> None:
    """The counterpart has stored each document."""
    for document in command.documents:
        uow.emit(
            DocumentAcknowledgedV1(
                family=document.family,
                counterpart_code=command.counterpart_code,
                interface=document.interface,
                owner_code=document.owner_code,
                reference=document.order_no,
                leg=Leg(document.leg) if document.leg else None,
                revision=document.revision,
                file_name=command.file.name,
                acknowledged_at=uow.now,
            ),
            cause=Cause(document.causationid, document.traceparent),
        )


def on_refused(command: Refused, uow: UnitOfWork) -> None:
    """Each document will do nothing at the counterpart; the first reason is told, the journal has all."""
    for document, faults in command.documents:
        fault = faults[0]
        uow.emit(
            DocumentRejectedV1(
                family=document.family,
                counterpart_code=command.counterpart_code,
                direction=Direction.OUTGOING,
                interface=document.interface,
                owner_code=document.owner_code,
                reference=document.order_no,
                leg=Leg(document.leg) if document.leg else None,
                revision=document.revision,
                document=DocumentPlace(file_name=command.file_name, line=document.line),
                code=fault.code,
                field=fault.field,
                value=fault.value,
                message=fault.message,
                rejected_at=uow.now,
            ),
            cause=Cause(document.causationid, document.traceparent),
        )


def on_received(command: Received, uow: UnitOfWork) -> None:
    """Every well-formed actual is a fact, known order or not; what was refused is told to people."""
    code, file_name = command.counterpart_code, command.file_name
    for document in command.documents:
        story = command.story(document)
        actual = actual_event(document, counterpart_code=code, family=story.family, file_name=file_name)
        uow.emit(actual, cause=_within(story, uow))
    for rejected in command.rejected:
        fault, story = rejected.faults[0], command.story(rejected)
        uow.emit(
            DocumentRejectedV1(
                family=story.family,
                counterpart_code=code,
                direction=Direction.INCOMING,
                interface=rejected.interface,
                owner_code=rejected.owner_code,
                reference=rejected.order_no,
                document=DocumentPlace(file_name=file_name, line=rejected.line_no),
                code=fault.code,
                field=fault.field,
                value=fault.value,
                message=fault.message,
                rejected_at=uow.now,
            ),
            cause=_within(story, uow),
        )
    if command.rejected:
        count, first = len(command.rejected), command.rejected[0].faults[0].message
        message = f"{count} 份单据已隔离，请处理 / documents quarantined, look into them: {first}"
        uow.alert("document_quarantined", f"{code}/{file_name}", message)


def on_counted(command: Counted, uow: UnitOfWork) -> None:
    """One chunk of a complete snapshot."""
    uow.emit(snapshot_event(command.head, command.balances, counterpart_code=command.counterpart_code))


def on_alarm(command: Alarm, uow: UnitOfWork) -> None:
    """Tell somebody."""
    fault = command.fault
    code = ALERTS.get(fault.code, "file_refused")
    about = f"{command.counterpart_code}/{command.subject}".rstrip("/")
    uow.alert(code, about, f"{fault.code} {fault.message}")


def on_unanswered(command: Unanswered, uow: UnitOfWork) -> None:
    """Tell somebody of each."""
    for overdue in command.documents:
        about = f"{command.counterpart_code}/{overdue.document.order_no}"
        place = f"{overdue.file_name} 第 {overdue.document.line} 行 / line {overdue.document.line}"
        if command.awaiting == "acknowledgement":
            message = "逾期未收到回执，请询问对接方 / not acknowledged by its deadline: ask the counterpart"
            uow.alert("not_acknowledged", about, f"{message}: {place}")
        else:
            message = "逾期未收到实绩，请询问对接方 / no actual by its deadline: ask the counterpart"
            uow.alert("not_answered", about, f"{message}: {place}")


def _within(story: Story, uow: UnitOfWork) -> Cause:
    """The file brought it, and it goes on with what we asked for."""
    return Cause(uow.cause.causationid, story.traceparent or uow.cause.traceparent)


def _outgoing(
    event: Instruction | ItemChangedV1, number: str, revision: int, uow: UnitOfWork, *, urgent: bool = False
) -> Outgoing:
    interface = interface_of(event)
    payload = payload_of(event)
    return Outgoing(
        interface=interface,
        owner_code=event.owner_code,
        order_no=number,
        leg=layouts()[interface].leg or "",
        revision=revision,
        family=event.partitionkey,
        content_hash=hashlib.sha256(payload).hexdigest(),
        payload=payload,
        urgent=urgent,
        causationid=uow.cause.causationid,
        traceparent=uow.cause.traceparent,
    )


def _counterparts(reference: Reference, owner_code: str) -> list[str]:
    counterparts = (
        reference.counterpart_of(store.warehouse) for store in reference.stores if owner_code in store.owners
    )
    return sorted({counterpart.code for counterpart in counterparts if counterpart.kind == KIND})

"""Instructions become documents to send; what became of documents becomes events."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from kingdee_adapter.mapper import ITEM_MASTER, OUTBOUND_INSTRUCTION
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_contracts import Event
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentPlace,
    DocumentRejectedV1,
    DocumentSentV1,
    OutboundInstructedV1,
)
from lemai_contracts.ops import AlertRaisedV1, Severity
from lemai_contracts.stock import SnapshotReportedV1
from lemai_contracts.values import Leg
from lemai_docking.documents import Rejected
from lemai_docking.faults import Fault
from lemai_docking.outgoing import Outgoing

KIND = "kingdee"


@dataclass(frozen=True)
class ToSend:
    """A document for a counterpart's outbox."""

    counterpart_code: str
    document: Outgoing


@dataclass(frozen=True)
class Sent:
    """Documents of ours that are published, or acknowledged, with the file they are in."""

    counterpart_code: str
    file_name: str
    sha256: str
    documents: Sequence[Outgoing]


@dataclass(frozen=True)
class Refused:
    """A document of ours that could not be written, or that the counterpart refused, and why."""

    counterpart_code: str
    file_name: str
    document: Outgoing
    fault: Fault


@dataclass(frozen=True)
class Received:
    """What a file from a counterpart brought."""

    counterpart_code: str
    file_name: str
    actuals: Sequence[ActualReportedV1]
    rejected: Sequence[Rejected]


@dataclass(frozen=True)
class Alarm:
    """Something about a counterpart's folder that a person must know."""

    counterpart_code: str
    fault: Fault


def on_outbound_instructed(reference: Reference, event: OutboundInstructedV1, uow: UnitOfWork) -> None:
    """Queue interface 1 for the counterpart. The consignee stays sealed until the file is written."""
    if reference.counterpart(event.counterpart_code).kind == KIND:
        outgoing = _outgoing(event, OUTBOUND_INSTRUCTION, event.order_no, event.revision, Leg.OUT, urgent=event.urgent)
        uow.append(ToSend(event.counterpart_code, outgoing))


def on_item_changed(reference: Reference, event: ItemChangedV1, uow: UnitOfWork) -> None:
    """Queue interface 9 for every counterpart that keeps goods of the owner."""
    revision = int(event.changed_at.timestamp() * 1_000_000)
    for code in _counterparts(reference, event.owner_code):
        uow.append(ToSend(code, _outgoing(event, ITEM_MASTER, event.item_code, revision, None)))


def on_published(command: Sent, uow: UnitOfWork) -> None:
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
                document=DocumentPlace(file_name=command.file_name, line=document.line),
                sha256=command.sha256,
                sent_at=uow.now,
            )
        )


def on_acknowledged(command: Sent, uow: UnitOfWork) -> None:
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
                file_name=command.file_name,
                acknowledged_at=uow.now,
            )
        )


def on_refused(command: Refused, uow: UnitOfWork) -> None:
    document, fault = command.document, command.fault
    uow.emit(
        DocumentRejectedV1(
            family=document.family,
            counterpart_code=command.counterpart_code,
            direction=Direction.OUTGOING,
            interface=document.interface,
            owner_code=document.owner_code,
            reference=document.order_no,
            document=DocumentPlace(file_name=command.file_name, line=document.line),
            code=fault.code,
            field=fault.field,
            value=fault.value,
            message=fault.message,
            rejected_at=uow.now,
        )
    )


def on_received(command: Received, uow: UnitOfWork) -> None:
    """Every well-formed actual is a fact, known order or not; what was refused is told to people."""
    for actual in command.actuals:
        uow.emit(actual)
    for rejected in command.rejected:
        fault = rejected.faults[0]
        uow.emit(
            DocumentRejectedV1(
                family=f"{rejected.owner_code}/{rejected.order_no}",
                counterpart_code=command.counterpart_code,
                direction=Direction.INCOMING,
                interface=rejected.interface,
                owner_code=rejected.owner_code,
                reference=rejected.order_no,
                document=DocumentPlace(file_name=command.file_name, line=rejected.line_no),
                code=fault.code,
                field=fault.field,
                value=fault.value,
                message=fault.message,
                rejected_at=uow.now,
            )
        )
        _alert("document_quarantined", f"{command.counterpart_code}/{command.file_name}", fault.message, uow)


def on_snapshot(command: Sequence[SnapshotReportedV1], uow: UnitOfWork) -> None:
    for chunk in command:
        uow.emit(chunk)


def on_alarm(command: Alarm, uow: UnitOfWork) -> None:
    _alert(command.fault.code, f"{command.counterpart_code}/{command.fault.value}", command.fault.message, uow)


def _outgoing(
    event: OutboundInstructedV1 | ItemChangedV1,
    interface: str,
    reference: str,
    revision: int,
    leg: Leg | None,
    *,
    urgent: bool = False,
) -> Outgoing:
    payload = event.model_dump_json().encode()
    return Outgoing(
        interface=interface,
        owner_code=event.owner_code,
        order_no=reference,
        leg=leg or "",
        revision=revision,
        family=event.partitionkey,
        content_hash=hashlib.sha256(payload).hexdigest(),
        payload=payload,
        urgent=urgent,
    )


def _counterparts(reference: Reference, owner_code: str) -> list[str]:
    codes = {
        counterpart.code
        for store in reference.stores
        if owner_code in store.owners and (counterpart := reference.counterpart_of(store.warehouse)).kind == KIND
    }
    return sorted(codes)


def _alert(code: str, about: str, message: str, uow: UnitOfWork) -> None:
    alert: Event = AlertRaisedV1(code=code, about=about, severity=Severity.CRITICAL, message=message, raised_at=uow.now)
    uow.emit(alert)

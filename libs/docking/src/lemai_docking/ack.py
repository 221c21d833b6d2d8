"""Acknowledgements (reference §2.1): one JSON document per received file, in both directions."""

import codecs
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Decoded, Document, Rejected
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import Fault, kept

Told = Annotated[str, AfterValidator(kept)]
"""What a counterpart says, as it can be kept."""


class Result(BaseModel):
    """One finding about one document; line 0 is its head or the whole file."""

    model_config = ConfigDict(frozen=True)

    order_no: Told = ""
    leg: Told = ""
    line_no: int = 0
    level: Told = "ERROR"
    code: Told = ""
    field: Told = ""
    message: Told = ""


class Ack(BaseModel):
    """What became of a file. ACCEPTED means stored and found well-formed, nothing more."""

    model_config = ConfigDict(frozen=True)

    message_id: Told = ""
    file_name: Told
    sha256: Told = ""
    status: Literal["ACCEPTED", "PARTIAL", "REJECTED", "DUPLICATE", "HELD"]
    received_at: Told = ""
    documents: int = 0
    accepted: int = 0
    held: int = 0
    rejected: int = 0
    results: tuple[Result, ...] = ()

    @property
    def refuses_file(self) -> bool:
        """Whether the file was refused as a whole, none of its documents looked at."""
        return self.status == "REJECTED" and not self.documents

    def refusals(self, order_no: str, leg: str) -> list[Fault]:
        """Why a document of the file was refused; empty if it was not. A duplicate repeats what was said first."""
        if self.status not in {"PARTIAL", "REJECTED", "DUPLICATE"}:
            return []
        refused_all = self.status == "REJECTED" or 0 < self.documents == self.rejected
        whole_file = [Fault("E_PARTNER")] if refused_all else []
        own = [
            Fault("E_PARTNER", result.line_no, result.field, f"{result.code} {result.message}".strip())
            for result in self.results
            if result.level == "ERROR" and result.order_no == order_no and result.leg in {"", leg}
        ]
        return own or whole_file

    def json_bytes(self) -> bytes:
        """The acknowledgement as it is written to a file."""
        return self.model_dump_json(indent=1).encode()


_ACK = TypeAdapter(Ack)


def read_ack(data: bytes) -> Ack | None:
    """The acknowledgement in these bytes, None if there is none."""
    try:
        return _ACK.validate_json(data.removeprefix(codecs.BOM_UTF8))
    except ValidationError:
        return None


def is_json(data: bytes) -> bool:
    """Whether these bytes are a whole value of JSON, whatever it says: then its writer is done."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def ack_of(
    decoded: Decoded,
    *,
    name: str,
    sha256: str,
    received_at: datetime,
    same: Sequence[Document],
    rejected: Sequence[Rejected],
) -> Ack:
    """Our answer to a readable file. `rejected` holds its own bad documents and those we refused."""
    held = sum(document.held for document in rejected)
    documents = len(decoded.documents) + len(decoded.rejected)
    results = [_result(warning, _around(decoded, warning.line)) for warning in decoded.warnings]
    results += [_result(Fault("I_SAME", document.line_no), document) for document in same]
    results += [_result(fault, document) for document in rejected for fault in document.faults]
    return Ack(
        message_id=decoded.header.message_id,
        file_name=name,
        sha256=sha256,
        status=_status(documents - len(rejected), held, len(rejected) - held),
        received_at=_written(received_at),
        documents=documents,
        accepted=documents - len(rejected),
        held=held,
        rejected=len(rejected) - held,
        results=tuple(results),
    )


def ack_of_rejection(fault: Fault, *, name: str, sha256: str, received_at: datetime) -> Ack:
    """Our answer to a file that was rejected as a whole."""
    return Ack(
        file_name=name,
        sha256=sha256,
        status="REJECTED",
        received_at=_written(received_at),
        results=(_result(fault),),
    )


def _around(decoded: Decoded, line: int) -> Document | Rejected | None:
    """The document a line of the file is about; None before the first, and for the whole file."""
    everything: list[Document | Rejected] = [*decoded.documents, *decoded.rejected]
    return max((one for one in everything if one.line_no <= line), key=lambda one: one.line_no, default=None)


def _status(accepted: int, held: int, rejected: int) -> Literal["ACCEPTED", "PARTIAL", "REJECTED", "HELD"]:
    if not held and not rejected:
        return "ACCEPTED"
    if accepted:
        return "PARTIAL"
    return "REJECTED" if rejected else "HELD"


def _result(fault: Fault, document: Document | Rejected | None = None) -> Result:
    return Result(
        order_no=document.order_no if document else "",
        leg=(layouts()[document.interface].leg or "") if document else "",
        line_no=fault.line,
        level=fault.level,
        code=fault.code,
        field=fault.field,
        message=fault.message,
    )


def _written(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).isoformat(timespec="seconds")

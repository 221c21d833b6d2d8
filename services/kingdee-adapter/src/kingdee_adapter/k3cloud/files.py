"""What is read from K/3 Cloud as files of ours: rows as they came, and what we knew of their orders.

A file is decoded the same way whenever it is decoded, so that it can be replayed. Pure.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kingdee_adapter.k3cloud.domain import PlannedLine
from kingdee_adapter.k3cloud.forms import Forms
from kingdee_adapter.k3cloud.results import Order, Texts, answers, bill_document, snapshot_document
from kingdee_adapter.k3cloud.site import Site
from lemai_docking.codec import Encoded, Rendered
from lemai_docking.documents import Decoded, Document, Header, Rejected
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import Fault, FileRejected

_HALVES = re.compile("[\ud800-\udfff]")
THEM, US = "KINGDEE", "LEQEE"
Content = Mapping[str, Any]


def bill_file(form_id: str, rows: Sequence[Texts], orders: Mapping[str, Order]) -> bytes:
    """The rows of one bill, and what is known of its orders by their numbers."""
    known = {number: _known(order) for number, order in orders.items()}
    return _canonical({"form_id": form_id, "rows": rows, "orders": known})


def stock_file(form_id: str, rows: Sequence[Texts], *, warehouse_code: str, owner_code: str, at: datetime) -> bytes:
    """The balances of one warehouse. `owner_code` owns what no other owner's organisation does."""
    wall_clock = f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    stock = {"warehouse_code": warehouse_code, "owner_code": owner_code, "at": wall_clock}
    return _canonical({"form_id": form_id, "rows": rows, "stock": stock})


class ResultCodec:
    """The codec of the files above; they are made here and only ever decoded."""

    def __init__(self, forms: Forms, site: Site) -> None:
        self._forms = forms
        self._site = site

    def decode(self, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
        """The documents of a file. Raises FileRejected for what is none."""
        content = _content(name, data)
        try:
            made = self._made(content)
        except (KeyError, TypeError, ValueError) as error:
            raise FileRejected(Fault("E_RECORD", value=f"{type(error).__name__} {error}"[:100])) from error
        if not made:
            raise FileRejected(Fault("E_COUNT", 0, "rows", "0", "≥ 1"))
        header = Header(
            format_version="1.0",
            interface=made[0].interface,
            charset="UTF-8",
            sender=THEM,
            receiver=US,
            message_id=name.removesuffix(".json"),
            created_at=_time_of(content),
            owner_code=content["stock"]["owner_code"] if "stock" in content else made[0].owner_code,
            test_flag="N",
        )
        documents = [one for one in made if isinstance(one, Document)]
        return Decoded(header, documents, [one for one in made if isinstance(one, Rejected)], [])

    def is_complete(self, _name: str, _data: bytes) -> bool:
        """They are made whole."""
        return True

    def excerpts(self, _name: str, data: bytes, lines: Collection[int]) -> Mapping[int, bytes]:
        """For each line a document begins on, a file with its rows alone."""
        content = _content("", data)
        if "stock" in content:
            return dict.fromkeys(lines, data)
        result = self._forms.results[content["form_id"]]
        parts = answers(result, self._site, content["rows"], _orders(content))
        return {
            part.rows[0][0]: bill_file(content["form_id"], [row for _, row in part.rows], {part.order_no: part.order})
            for part in parts
            if part.rows[0][0] in lines
        }

    def render(self, document: Document) -> Rendered:
        """Never asked for: what we send are Save requests."""
        raise NotImplementedError(document.interface)

    def frame(self, header: Header, rendered: Sequence[Rendered]) -> Encoded:
        """Never asked for."""
        raise NotImplementedError(header.interface)

    def _made(self, content: Content) -> list[Document | Rejected]:
        if "stock" in content:
            return [snapshot_document(self._forms.stock, self._site, content["rows"], **content["stock"])]
        result = self._forms.results[content["form_id"]]
        parts = answers(result, self._site, content["rows"], _orders(content))
        return [bill_document(result, self._site, part) for part in parts]


def _known(order: Order) -> Content:
    lines = [[line.line_no, line.item_code, line.quantity] for line in order.lines]
    return {"owner_code": order.owner_code, "final": order.final, "lines": lines, "code": order.code}


def _orders(content: Content) -> dict[str, Order]:
    return {
        number: Order(
            owner_code=known["owner_code"],
            final=known["final"],
            lines=tuple(PlannedLine(*line) for line in known["lines"]),
            code=known["code"],
        )
        for number, known in content["orders"].items()
    }


def _time_of(content: Content) -> datetime:
    """When it was true: the moment of a snapshot, or the approval of a bill."""
    text = content["stock"]["at"] if "stock" in content else content["rows"][0]["FApproveDate"]
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def _content(name: str, data: bytes) -> Content:
    try:
        content = json.loads(data)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"stock", "orders"} & set(content) or "form_id" not in content:
        raise FileRejected(Fault("E_HEADER", value=name))
    return content


def _canonical(content: Content) -> bytes:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Half a character can only stand in a file as an escape; it is refused with its field when the file is decoded.
    return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()

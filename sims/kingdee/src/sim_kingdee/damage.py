"""Ways to spoil a file on purpose, so that a reader's defences can be seen to work."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from sim_kingdee.message import Document, Record

_TOTAL = re.compile(rb'(?s)(.*(?:TRL\t\d+\t\d+\t\d+\t|<totalQty>|"total_qty": "))(-?\d+)(.*)')
_MESSAGE_ID = re.compile(rb'(<messageId>|"message_id": ")([^<"]+)')


class Damage(StrEnum):
    """What happens to the next file of actuals. Its documents come again, sound, in the file after it.

    `crash_mid_file` is the exception: the same file is complete one turn later.
    """

    BAD_LINE = "bad_line"
    WRONG_TOTAL = "wrong_total"
    WRONG_HASH = "wrong_hash"
    HALF_FILE = "half_file"
    HALF_TEMPORARY = "half_temporary"
    CRASH_MID_FILE = "crash_mid_file"


def spoil_documents(damage: Damage | None, documents: Sequence[Document]) -> list[Document]:
    """`bad_line` spoils the first line of the last document, or its head when it has none; the frame stays right."""
    if damage is not Damage.BAD_LINE:
        return list(documents)
    *sound, last = documents
    if not last.children:
        return [*sound, Document(_spoilt(last.head, "line_count"))]
    first, *others = last.children
    return [*sound, Document(last.head, [_spoilt(first, "line_no"), *others])]


def _spoilt(record: Record, name: str) -> Record:
    return replace(record, values={**record.values, name: "第一行"})


def spoil_bytes(damage: Damage | None, data: bytes) -> bytes:
    """The other damages change the bytes after rendering; only the text encoding carries a hash to spoil."""
    match damage:
        case Damage.WRONG_TOTAL:
            found = _TOTAL.fullmatch(data)
            assert found is not None
            return found[1] + str(int(found[2]) + 1).encode() + found[3]
        case Damage.WRONG_HASH:
            return re.sub(rb"(?<=\tSHA256\t)[0-9a-f]{64}", hashlib.sha256(data).hexdigest().encode(), data)
        case Damage.HALF_FILE | Damage.HALF_TEMPORARY:
            return data[: len(data) // 2]
        case _:
            return data


def change(data: bytes) -> bytes:
    """The same documents under another message_id: other bytes, sound in themselves."""
    if not data.startswith(b"HDR\t"):
        return _MESSAGE_ID.sub(rb"\1\2X", data, count=1)
    start = data.rindex(b"TRL\t")
    header, rest = data[:start].split(b"\n", 1)
    values = header.split(b"\t")
    values[6] += b"X"
    body = b"\t".join(values) + b"\n" + rest
    trailer = data[start:].split(b"\t")
    trailer[6] = hashlib.sha256(body).hexdigest().encode() + b"\n"
    return body + b"\t".join(trailer)

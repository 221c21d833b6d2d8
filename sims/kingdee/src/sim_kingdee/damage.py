"""Ways to spoil a file on purpose, so that a reader's defences can be seen to work."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from sim_kingdee.message import Document


class Damage(StrEnum):
    """What happens to the next file of actuals. Its documents come again, sound, in the file after it."""

    BAD_LINE = "bad_line"
    WRONG_TOTAL = "wrong_total"
    WRONG_HASH = "wrong_hash"
    HALF_FILE = "half_file"
    HALF_TEMPORARY = "half_temporary"


def spoil_documents(damage: Damage | None, documents: Sequence[Document]) -> list[Document]:
    """`bad_line` spoils the number of the first line of the last document; the frame stays right."""
    if damage is not Damage.BAD_LINE:
        return list(documents)
    *sound, last = documents
    first, *others = last.children
    spoilt = replace(first, values={**first.values, "line_no": "第一行"})
    return [*sound, Document(last.head, [spoilt, *others])]


def spoil_bytes(damage: Damage | None, data: bytes) -> bytes:
    """The other damages change the bytes after rendering."""
    body, trailer = _split(data)
    match damage:
        case Damage.WRONG_TOTAL:
            trailer[4] = str(int(trailer[4]) + 1).encode()
            return body + b"\t".join(trailer)
        case Damage.WRONG_HASH:
            trailer[6] = hashlib.sha256(data).hexdigest().encode() + b"\n"
            return body + b"\t".join(trailer)
        case Damage.HALF_FILE | Damage.HALF_TEMPORARY:
            return data[: len(body) // 2]
        case _:
            return data


def change(data: bytes) -> bytes:
    """The same documents under another message_id: other bytes, sound in themselves."""
    body, trailer = _split(data)
    header, rest = body.split(b"\n", 1)
    values = header.split(b"\t")
    values[6] += b"X"
    body = b"\t".join(values) + b"\n" + rest
    trailer[6] = hashlib.sha256(body).hexdigest().encode() + b"\n"
    return body + b"\t".join(trailer)


def _split(data: bytes) -> tuple[bytes, list[bytes]]:
    start = data.rindex(b"TRL\t")
    return data[:start], data[start:].split(b"\t")

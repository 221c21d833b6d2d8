"""Whatever comes in a text file: never a crash, never a hang, never something taken that was not said."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from lemai_docking.codec import Codec, encode
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile, built_in, load_profile
from lemai_docking.documents import Decoded
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected
from lemai_docking.testing.docking import reseal

HERE = Path(__file__).parent
SAMPLES = sorted((HERE / "samples").iterdir())
FOREIGN = sorted((HERE / "foreign").glob("*.txt"))
BITS = [
    "\t",
    "|",
    '"',
    "%",
    "%0A",
    "\n",
    "\r\n",
    "\x00",
    "\ufeff",
    "-1",
    "0",
    "9" * 30,
    "😀",
    "亅",
    "ZP",
    "2026-11-22 10:00:00",
]
ROUNDS = 3_000
SECONDS_PER_BYTE = 1 / 100_000
SIZE = 300_000


def with_all_columns() -> Profile:
    """The default profile writing every field, so that nothing is lost when written again."""
    content = built_in("kingdee-default").model_dump()
    for interface, how in content["interfaces"].items():
        records = layouts()[interface].records.items()
        how["columns"] = {tag: [field.name for field in record.fields] for tag, record in records}
    return Profile.model_validate(content)


AGREED, ACME = with_all_columns(), load_profile(HERE / "foreign" / "acme.yaml")
CASES = [(AGREED, path) for path in SAMPLES] + [(ACME, path) for path in FOREIGN]


def spoiled(data: bytes, random: Random) -> bytes:
    """The file after one to three accidents to its bytes, cells or lines."""
    end = data.rfind(b"\nTRL\t") + 1 or len(data)
    body = data[:end]
    for _ in range(random.randint(1, 3)):
        body = random.choice(ACCIDENTS)(body, random)
    return reseal(body + data[end:]) if body.endswith(b"\n") and end < len(data) else body + data[end:]


def changed_bytes(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.randbytes(random.randint(0, 3)) + body[at + random.randint(0, 3) :]


def changed_text(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.choice(BITS).encode(random.choice(["utf-8", "gb18030"])) + body[at:]


def changed_lines(body: bytes, random: Random) -> bytes:
    lines = body.splitlines(keepends=True) or [b""]
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one : one + random.randint(0, 2)] = [lines[other]] * random.randint(0, 2)
    return b"".join(lines)


def changed_cells(body: bytes, random: Random) -> bytes:
    delimiter = b"\t" if b"\t" in body else b"|"
    cells = body.split(delimiter)
    one, other = random.randrange(len(cells)), random.randrange(len(cells))
    cells[one], cells[other] = cells[other], cells[one]
    return delimiter.join(cells)


ACCIDENTS: list[Callable[[bytes, Random], bytes]] = [changed_bytes, changed_text, changed_lines, changed_cells]


def decoded_in_time(codec: Codec, name: str, data: bytes, *, vouched: bool) -> Decoded | None:
    """What is read of a file, None if it is rejected."""
    began = time.process_time()
    try:
        decoded = codec.decode(name, data, vouched=vouched)
        for document in decoded.documents:
            for rows in document.records.values():
                assert len(list(rows)) == len(rows)
    except FileRejected:
        decoded = None
    # What nothing bounds takes minutes; the second is for the garbage of a whole test run.
    assert time.process_time() - began < 1 + len(data) * SECONDS_PER_BYTE
    return decoded


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("profile", "path"), CASES, ids=[path.name for _, path in CASES])
def test_what_is_taken_was_said(profile: Profile, path: Path) -> None:
    """An accepted file says, written again, the same; whatever it had besides is in a warning."""
    codec, data, random = codec_of(profile), path.read_bytes(), Random(7)
    taken = 0
    for _ in range(ROUNDS):
        decoded = decoded_in_time(codec, path.name, spoiled(data, random), vouched=random.random() < 0.5)
        if decoded is None or not decoded.documents:
            continue
        taken += 1
        groups = {document.interface for document in decoded.documents}
        for interface in groups:
            documents = [document for document in decoded.documents if document.interface == interface]
            stamp = profile.match(path.name).stamp
            header = profile.header(interface, stamp=stamp, created_at=stamp, owner_code="JFY")
            again = codec.decode(path.name, encode(codec, header, documents).data)
            assert list(again.documents) == documents
    assert taken > ROUNDS / 100


def hostile() -> Iterator[tuple[str, str, bytes]]:
    """Name of the file, what is in it, and much of that."""
    deliver, ship, stock = "Deliver_20261122100000.sh", "CKHD_20261122152100.txt", "KC_20261122020500.txt"
    header = (HERE / "samples" / deliver).read_bytes().split(b"\nO\t")[0]
    trailer = b"\nTRL\t1\t2\t5\t3\tSHA256\t" + b"0" * 64 + b"\n"
    bodies = {
        "heads": b"\nO" * (SIZE // 2),
        "tabs": b"\nO" + b"\t" * SIZE,
        "percents": b"\nO\t" + b"%" * SIZE,
        "escapes": b"\nO\t" + b"%0A" * (SIZE // 3),
        "digits": b"\nO\t" + b"9" * SIZE,
        "columns": b"\nCOL\tO\t" + b"\t".join(b"c%d" % number for number in range(SIZE // 7)),
        "column lines": b"\nCOL\tO\torder_no" * (SIZE // 15),
        "empty lines": b"\n" * SIZE,
        "trailers": b"\nTRL" * (SIZE // 4),
    }
    for name, body in bodies.items():
        yield deliver, name, reseal(header + body + trailer)
    yield ship, "quotes", b'"' * SIZE
    yield ship, "an open quote", b'"' + b"a|\n" * (SIZE // 3)
    yield ship, "delimiters", b"|" * SIZE
    yield ship, "lines", b"|\n" * (SIZE // 2)
    yield ship, "orders", b"".join(b"%d|2026/11/22|15:20|SF|1|1|A|1|\xc1\xbc\xc6\xb7\n" % n for n in range(SIZE // 40))
    yield stock, "spaces", b" " * SIZE
    yield stock, "a line", b"W" * SIZE
    yield stock, "lines", (b"W" * 52 + b"\n") * (SIZE // 53)


HOSTILE = list(hostile())


@pytest.mark.parametrize(
    ("name", "data"), [(name, data) for name, _, data in HOSTILE], ids=[case[1] for case in HOSTILE]
)
def test_much_of_anything_takes_little_time(name: str, data: bytes) -> None:
    profile = AGREED if name.endswith(".sh") else ACME

    for vouched in (False, True):
        decoded_in_time(codec_of(profile), name, data, vouched=vouched)

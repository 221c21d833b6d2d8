"""Where a file ends: what is taken, what is refused at once, and what may still be growing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from lemai_docking.ack import Ack, is_json, read_ack
from lemai_docking.codec import Codec, encode
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.definitions.samples import sample_for
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import Fault, FileRejected

STAMP = datetime(2026, 11, 22, 7, 21, tzinfo=UTC)
SHIP = "SHIP-20261122152100.shupl"
SHAPE = "TRL, 4 个整数/integers, SHA256, 64 位十六进制/hex digits"


@pytest.fixture
def whole() -> bytes:
    return (Path(__file__).parent / "samples" / SHIP).read_bytes()


def a_file(profile: Profile) -> tuple[bytes, Codec, str]:
    document = sample_for(profile, "ship_result", Random(1))
    header = profile.header("ship_result", stamp=STAMP, created_at=STAMP, owner_code="JFY")
    theirs = replace(header, sender=profile.them, receiver=profile.us)
    codec = codec_of(profile)
    return encode(codec, theirs, [document]).data, codec, profile.file_name("ship_result", STAMP)


def trailer(data: bytes) -> bytes:
    return data[data.rindex(b"\nTRL") + 1 :].rstrip(b"\n")


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("as agreed", lambda line: line + b"\n"),
        ("without a last line end", lambda line: line),
        ("the digest in upper case, as .NET writes it", lambda line: line[:-64] + line[-64:].upper() + b"\n"),
        ("one empty line behind", lambda line: line + b"\n\n"),
        ("empty lines with CR", lambda line: line + b"\r\n\r\n \r\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_trailer_is_taken(whole: bytes, how: str, end: Callable[[bytes], bytes]) -> None:
    codec = codec_of(built_in("kingdee-default"))
    data = whole[: whole.rindex(b"\nTRL") + 1] + end(trailer(whole))

    assert codec.is_complete(SHIP, data), how
    assert codec.decode(SHIP, data).rejected == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda line: line + b"\nO\tTM1\n", Fault("E_TRAILER", 13, "", "O\tTM1\n", "其后无内容/nothing behind it")),
        (lambda line: line[:-1] + b"\n", Fault("E_TRAILER", 12, "", "", SHAPE)),
        (lambda line: line.replace(b"SHA256", b"MD5") + b"\n", Fault("E_TRAILER", 12, "", "", SHAPE)),
        (lambda line: line[:-1] + b"g\n", Fault("E_TRAILER", 12, "", "", SHAPE)),
    ],
)
def test_what_waiting_cannot_put_right_is_told_at_once(
    whole: bytes, change: Callable[[bytes], bytes], fault: Fault
) -> None:
    codec = codec_of(built_in("kingdee-default"))
    at = whole.rindex(b"\nTRL") + 1
    data = whole[:at] + change(whole[at:].rstrip(b"\n"))

    assert codec.is_complete(SHIP, data)
    with pytest.raises(FileRejected) as rejected:
        codec.decode(SHIP, data)
    told = rejected.value.fault
    assert (told.code, told.line, told.expected) == (fault.code, fault.line, fault.expected)
    assert told.value == (fault.value or data[at:].decode().rstrip("\n")[:100])


@pytest.mark.parametrize("name", ["kingdee-default", "kingdee-xml", "kingdee-json"])
def test_a_file_that_is_cut_anywhere_may_still_be_growing(name: str) -> None:
    data, codec, file_name = a_file(built_in(name))

    assert not [end for end in range(0, len(data.rstrip()), 7) if codec.is_complete(file_name, data[:end])]


@pytest.mark.parametrize("name", ["kingdee-xml", "kingdee-json"])
def test_text_behind_a_message_is_told_at_once(name: str) -> None:
    data, codec, file_name = a_file(built_in(name))

    assert codec.is_complete(file_name, data + b"\n\n")
    assert codec.is_complete(file_name, data + b"done\n")
    with pytest.raises(FileRejected) as rejected:
        codec.decode(file_name, data + b"done\n")
    assert rejected.value.fault.code == "E_SYNTAX"


@pytest.mark.parametrize(
    ("data", "ends"),
    [(b'{"file_name": "a"', False), (b'{"results": [{"code": "E"}', False), (b'{"ok": true}', True), (b"OK", False)],
)
def test_an_answer_in_json_that_is_no_acknowledgement_need_not_be_waited_for(data: bytes, *, ends: bool) -> None:
    assert read_ack(data) is None
    assert is_json(data) == ends


def test_an_acknowledgement_may_begin_with_a_bom() -> None:
    ack = Ack(file_name="a", status="ACCEPTED")

    assert read_ack(b"\xef\xbb\xbf" + ack.json_bytes()) == ack

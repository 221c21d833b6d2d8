"""Damaged messages: refused or read for what they say, never slowly, and nothing but FileRejected or a Fault."""

import os
import time
from random import Random

import pytest

from lemai_docking.documents import Decoded
from lemai_docking.encodings.choice import codec_of
from lemai_docking.encodings.messages.xml_syntax import whole
from lemai_docking.faults import FileRejected
from lemai_docking.soap.envelope import Login, SoapFault, call, message_of, opened
from lemai_docking.soap.wsdl import OPERATIONS

from .docking_messages import SAMPLES, converted, profile_of

SEED = int(os.environ.get("FUZZ_SEED", "20261122"))
ROUNDS = 10_000
SECONDS_MAX = 1.0
XML_PARTS = [
    b"<",
    b">",
    b"</order>",
    b"<orders>",
    b"&amp;",
    b"&#1;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"-->",
    b"<!DOCTYPE a>",
]
JSON_PARTS = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\u0000", b"\\ud800", b"null", b"true", b"1e9", b"NaN"]
PARTS = [
    b"",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b" ",
    b"0",
    b"-1",
    b"9" * 40,
    b"0.5",
    "张".encode(),
    b"a" * 600,
]

pytestmark = pytest.mark.prove


def damaged(data: bytes, random: Random, parts: list[bytes]) -> bytes:
    """One to four cuts, doublings, moves or insertions."""
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(data))
        end = min(len(data), start + random.choice([0, 1, 1, 2, 8, 64, 512]))
        piece = random.choice([b"", data[start:end] * 2, random.choice(parts), bytes([random.randrange(256)])])
        data = data[:start] + piece + data[end:]
        if random.random() < 0.2:
            a, b = sorted(random.randrange(len(data) + 1) for _ in range(2))
            data = data[b:] + data[a:b] + data[:a]
    return data


def read(names: str, name: str, data: bytes) -> Decoded | None:
    """What a decoder makes of it, in time; None if it refuses."""
    start = time.process_time()
    try:
        if names == "soap":
            return codec_of(profile_of("soap")).decode(f"{name}.xml", whole(message_of(opened(data))))
        return codec_of(profile_of(names)).decode(f"{name}.{names}", data)
    except (FileRejected, SoapFault):
        return None
    finally:
        took = time.process_time() - start
        assert took < SECONDS_MAX * max(1, len(data) / 100_000), f"{took:.2f} s for {len(data)} bytes"


@pytest.mark.parametrize("names", ["xml", "json", "soap"])
@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_damage_is_told_or_harmless(names: str, name: str) -> None:
    """Whatever is accepted has as many documents and lines, and the same control total, as its trailer says; so a
    change in what it says is a change that the sender could have made on purpose."""
    random = Random(f"{SEED} {names} {name}")
    sound = converted(name, "json" if names == "json" else "xml")
    if names == "soap":
        header = codec_of(profile_of("xml")).decode(f"{name}.xml", sound).header
        sound = call(OPERATIONS[header.interface], sound, Login("u", "p"))
    parts = PARTS + (JSON_PARTS if names == "json" else XML_PARTS)
    whole_one = read(names, name, sound)
    assert whole_one is not None
    refused = accepted = 0
    for _ in range(ROUNDS):
        decoded = read(names, name, damaged(sound, random, parts))
        if decoded is None:
            refused += 1
            continue
        accepted += 1
        assert len(decoded.documents) + len(decoded.rejected) == len(whole_one.documents)
        for document in decoded.documents:
            assert document.content_hash
            for rows in document.records.values():
                assert all(rows)
    assert refused > accepted


@pytest.mark.parametrize("names", ["xml", "json"])
def test_noise_is_refused(names: str) -> None:
    random = Random(f"{SEED} {names}")
    parts = PARTS + (JSON_PARTS if names == "json" else XML_PARTS)
    for _ in range(ROUNDS):
        noise = b"".join(random.choices(parts, k=random.randint(0, 60)))
        assert read(names, "SHIP-20261122152100.shupl", noise) is None

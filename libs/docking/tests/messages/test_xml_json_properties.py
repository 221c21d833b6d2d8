"""Whatever a document holds, reading the message that was written gives it back: all ten interfaces, every field."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.samples import sample
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused

from .docking_messages import STAMP, documents, everything, written

PROFILES = {names: everything(names) for names in ("xml", "json")}
CODECS = {names: codec_of(profile) for names, profile in PROFILES.items()}


@pytest.mark.parametrize("names", ["xml", "json"])
@pytest.mark.parametrize("interface", list(layouts()))
@settings(max_examples=20)
@given(data=st.data())
def test_what_was_written_is_read_back(interface: str, names: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(documents(interface), max_size=1 if interface == "inventory_balance" else 3))
    profile, codec = PROFILES[names], CODECS[names]
    header = profile.header(interface, stamp=STAMP, created_at=STAMP, owner_code="JFY")

    file = codec.frame(header, [codec.render(document) for document in wanted])
    decoded = codec.decode(profile.file_name(interface, STAMP), file.data)

    assert decoded.rejected == []
    assert decoded.header == header
    assert list(decoded.documents) == wanted
    assert tuple(document.line_no for document in decoded.documents) == file.lines
    assert [document.content_hash for document in decoded.documents] == [one.content_hash for one in wanted]
    assert codec.is_complete(profile.file_name(interface, STAMP), file.data)


@pytest.mark.parametrize("names", ["xml", "json"])
@given(data=st.data())
def test_contents_and_serial_numbers_find_their_places(names: str, data: st.DataObject) -> None:
    document = data.draw(documents("ship_result"))
    mixed = {tag: data.draw(st.permutations(rows)) for tag, rows in document.records.items()}
    profile, codec = PROFILES[names], CODECS[names]

    message = written(codec, profile, "ship_result", replace(document, records=mixed))

    (read,) = codec.decode(profile.file_name("ship_result", STAMP), message).documents
    assert read.content_hash == document.content_hash


@pytest.mark.parametrize("names", ["xml", "json"])
@pytest.mark.parametrize(
    ("tag", "name", "field", "value"), [("Q", "package_no", "package_no", "9"), ("S", "item_code", "line_no", "1")]
)
def test_what_stands_nowhere_is_refused(names: str, tag: str, name: str, field: str, value: str) -> None:
    document = _with_all_records()
    astray = {**document.records[tag][0], name: "9"}

    with pytest.raises(DocumentRefused) as refused:
        CODECS[names].render(replace(document, records={**document.records, tag: [astray]}))

    assert [(fault.code, fault.field, fault.value) for fault in refused.value.faults] == [("E_RECORD", field, value)]


@pytest.mark.parametrize("names", ["xml", "json"])
@pytest.mark.parametrize("text", ["\x00", "a\x1fb", "\ufeffa", "\ud800", "\ufffe", "\uffff"])
def test_characters_that_xml_forbids_are_not_written(names: str, text: str) -> None:
    document = _with_all_records()

    with pytest.raises(DocumentRefused) as refused:
        CODECS[names].render(replace(document, head={**document.head, "wms_order_no": text}))

    assert [(fault.code, fault.field) for fault in refused.value.faults] == [("E_CHAR", "wms_order_no")]


@pytest.mark.parametrize("names", ["xml", "json"])
@pytest.mark.parametrize("text", ["一\r\n二", "一\r二", "\n一\n二\r\n"])
def test_line_ends_inside_values_become_lf(names: str, text: str) -> None:
    document = _with_all_records()
    profile, codec = PROFILES[names], CODECS[names]

    message = written(codec, profile, "ship_result", replace(document, head={**document.head, "remark": text}))

    assert b"\r" not in message
    (read,) = codec.decode(profile.file_name("ship_result", STAMP), message).documents
    assert read.head["remark"] == "一\n二"


@pytest.mark.parametrize("names", ["xml", "json"])
def test_a_message_holds_one_snapshot(names: str) -> None:
    profile, codec = PROFILES[names], CODECS[names]
    snapshot = sample("inventory_balance", Random(1))

    with pytest.raises(ValueError, match="one snapshot"):
        written(codec, profile, "inventory_balance", snapshot, snapshot)


@pytest.mark.parametrize("names", ["xml", "json"])
def test_messages_are_utf8(names: str) -> None:
    header = PROFILES[names].header("ship_result", stamp=STAMP, created_at=STAMP, owner_code="JFY")

    with pytest.raises(ValueError, match="GB18030"):
        CODECS[names].frame(replace(header, charset="GB18030"), [])


def _with_all_records() -> Document:
    """One package with one content, one line with one serial number."""
    found = sample("ship_result", Random(1), lines=1)
    seeds = (sample("ship_result", Random(seed), lines=1) for seed in range(1000))
    found = next(one for one in seeds if {"P", "Q", "S"} <= set(one.records))
    (line,) = found.records["L"]
    records = {
        "L": [{**line, "actual_qty": 1}],
        "P": [{**found.records["P"][0], "package_no": "1"}],
        "Q": [{**found.records["Q"][0], "package_no": "1"}],
        "S": [{**found.records["S"][0], "item_code": line["item_code"]}],
    }
    return replace(found, head={**found.head, "package_count": 1}, records=records)

"""Texts for people: cleaned and cut on the way out, cleaned on the way in; keys are never changed (ADR 021)."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from lemai_docking.codec import encode
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import built_in
from lemai_docking.definitions.samples import sample_for
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused

STAMP = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
PROFILES = {"text": "kingdee-default", "xml": "kingdee-xml", "json": "kingdee-json", "soap": "kingdee-soap"}
FAMILY = "👨‍👩‍👧"

# What a shopper wrote, what the warehouse reads, what the journey notes of it.
NOTES = [
    ("送货前请电联\n谢谢😀", "送货前请电联\n谢谢😀", ""),
    ("\ufeff快一点", "快一点", "去除 removed U+FEFF"),
    ("快\x0b一\x08点", "快 一 点", "去除 removed U+000B U+0008"),
    ("快\x00一\ud83d点", "快一点", "去除 removed U+0000 U+D83D"),
    ("快" * 612, "快" * 500, "截短 cut 612 → 500"),
    ("快" * 499 + FAMILY, "快" * 499, "截短 cut 504 → 499"),
    ("\ufeff" + "快" * 501, "快" * 500, "去除 removed U+FEFF, 截短 cut 501 → 500"),
]


def an_order(encoding: str) -> Document:
    return sample_for(built_in(PROFILES[encoding]), "deliver_order", Random(1))


@pytest.mark.parametrize("encoding", PROFILES)
@pytest.mark.parametrize(("written", "read", "note"), NOTES)
def test_a_shoppers_note_never_keeps_an_order(encoding: str, written: str, read: str, note: str) -> None:
    profile, order = built_in(PROFILES[encoding]), an_order(encoding)
    codec = codec_of(profile)
    noted = replace(order, head={**order.head, "buyer_message": written})
    header = profile.header("deliver_order", stamp=STAMP, created_at=STAMP, owner_code="JFY")

    file = encode(codec, header, [noted])

    assert codec.render(noted).notes == ((f"buyer_message: {note}",) if note else ())
    (decoded,) = codec.decode(profile.file_name("deliver_order", STAMP), file.data).documents
    assert decoded.head["buyer_message"] == read


@pytest.mark.parametrize("encoding", PROFILES)
def test_a_note_of_a_line_names_the_line(encoding: str) -> None:
    order = an_order(encoding)
    lines = [{**row, "item_name": "衣\x00"} for row in order.records["L"]]

    assert codec_of(built_in(PROFILES[encoding])).render(replace(order, records={"L": lines})).notes == tuple(
        f"行 line {row['line_no']} item_name: 去除 removed U+0000" for row in lines
    )


@pytest.mark.parametrize("encoding", PROFILES)
@pytest.mark.parametrize(
    ("field", "value", "code", "expected"),
    [
        ("order_no", "26\x0011", "E_CHAR", "无/no U+0000"),
        ("shop_code", "\ufeffTM1", "E_CHAR", "无/no U+FEFF"),
        ("shop_code", "TM\u200b1", "E_CHAR", "无/no U+200B"),
        ("shop_code", "T" * 51, "E_FIELD", "≤ 50 字符/characters"),
        ("receiver_address", "路" * 201, "E_FIELD", "≤ 200 字符/characters"),
    ],
)
def test_a_key_is_refused_with_its_code_point_and_an_address_is_never_cut(
    encoding: str, field: str, value: str, code: str, expected: str
) -> None:
    order = an_order(encoding)

    with pytest.raises(DocumentRefused) as refused:
        codec_of(built_in(PROFILES[encoding])).render(replace(order, head={**order.head, field: value}))

    assert (code, field, expected) in [(fault.code, fault.field, fault.expected) for fault in refused.value.faults]


def test_every_text_says_whether_people_read_it() -> None:
    """Names and remarks end like this; whatever else is a text is a key."""
    people = ("_name", "_message", "remark", "_reason", "_address", "_nick")
    for layout in layouts().values():
        for record in layout.records.values():
            for field in record.fields:
                assert field.type == "str" or field.prose is None, field.name
                assert field.prose or field.type != "str" or not field.name.endswith(people), field.name

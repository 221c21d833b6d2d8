"""Whatever a document holds, reading what was written gives it back: all ten interfaces, every field."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemai_docking.codec import encode
from lemai_docking.definitions.layout import Record, layouts
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.definitions.samples import sample
from lemai_docking.documents import Document, Header, Value
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused, FileRejected

STAMP = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ALPHABET = "aZ9 -_%\t\n\r|\"',;:\\中亅乗𠮷€é\u3000😀*"


def with_all_columns() -> Profile:
    """The default profile writing every field of every record."""
    content = built_in("kingdee-default").model_dump()
    for interface, how in content["interfaces"].items():
        records = layouts()[interface].records.items()
        how["columns"] = {tag: [field.name for field in record.fields] for tag, record in records}
    return Profile.model_validate(content)


NO_LINES = Record(label="", fields=())
EVERYTHING = with_all_columns()


def a_header(interface: str, charset: str) -> Header:
    header = EVERYTHING.header(interface, stamp=STAMP, created_at=STAMP, owner_code="JFY")
    return replace(header, charset=charset)


def documents(interface: str) -> st.SearchStrategy[Document]:
    """Any document that breaks no rule."""
    lines = st.integers(layouts()[interface].records.get("L", NO_LINES).min, 3)
    randoms = st.integers(0, 2**32).map(Random)
    return st.builds(sample, st.just(interface), randoms, lines=lines, alphabet=st.just(ALPHABET))


@pytest.mark.parametrize("interface", list(layouts()))
@settings(max_examples=20)
@given(data=st.data())
def test_what_was_written_is_read_back(interface: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(documents(interface), max_size=3))
    header = a_header(interface, data.draw(st.sampled_from(["UTF-8", "GB18030"])))

    file = encode(codec_of(EVERYTHING), header, written)
    decoded = codec_of(EVERYTHING).decode(EVERYTHING.file_name(interface, STAMP), file.data)

    assert decoded.rejected == []
    assert decoded.header == header
    assert list(decoded.documents) == written
    assert tuple(document.line_no for document in decoded.documents) == file.lines
    assert [document.content_hash for document in decoded.documents] == [one.content_hash for one in written]


@settings(max_examples=50)
@given(data=st.data())
def test_damaged_bytes_are_rejected_or_still_read_whole(data: st.DataObject) -> None:
    (document,) = data.draw(st.lists(documents("ship_result"), min_size=1, max_size=1))
    file = encode(codec_of(EVERYTHING), a_header("ship_result", "UTF-8"), [document]).data
    at = data.draw(st.integers(0, len(file) - 1))
    damaged = file[:at] + data.draw(st.binary(max_size=2)) + file[at + 1 :]

    try:
        decoded = codec_of(EVERYTHING).decode(EVERYTHING.file_name("ship_result", STAMP), damaged)
    except FileRejected:
        return
    assert list(decoded.documents) == [document]


@given(st.binary(max_size=400))
def test_any_bytes_give_a_rejection_and_nothing_else(data: bytes) -> None:
    with pytest.raises(FileRejected):
        codec_of(EVERYTHING).decode("SHIP-20261122100000.shupl", data)


@pytest.mark.parametrize(
    ("tag", "name", "value", "code"),
    [
        ("O", "order_no", "2611220001-h", "E_ROUTE"),
        ("O", "order_no", "26 11", "E_FIELD"),
        ("O", "shop_code", "店" * 51, "E_FIELD"),
        ("O", "shop_code", "店\x00", "E_CHAR"),
        ("O", "shop_code", "店\n1", "E_CHAR"),
        ("O", "shop_code", "店\u200b", "E_CHAR"),
        ("O", "receiver_address", "路" * 201, "E_FIELD"),
        ("O", "shop_name", "\x1f", "E_CHAR"),
        ("O", "shop_name", "\u3000", "E_FIELD"),
        ("O", "paid_at", None, "E_FIELD"),
        ("O", "total_amount", Decimal("69.001"), "E_FIELD"),
        ("O", "total_amount", Decimal("NaN"), "E_FIELD"),
        ("O", "line_count", 7, "E_COUNT"),
        ("L", "plan_qty", 0, "E_QTY"),
        ("L", "plan_qty", None, "E_FIELD"),
        ("L", "inventory_type", "XX", "E_INVTYPE"),
    ],
)
def test_we_refuse_to_write_what_we_would_not_read(tag: str, name: str, value: Value | None, code: str) -> None:
    order = an_order()
    rows = {"O": dict(order.head), "L": dict(order.records["L"][0])}
    rows[tag].pop(name, None)
    rows[tag] |= {} if value is None else {name: value}

    with pytest.raises(DocumentRefused) as refused:
        codec_of(EVERYTHING).render(Document("deliver_order", rows["O"], {"L": [rows["L"]]}))

    assert [(fault.code, fault.field) for fault in refused.value.faults] == [(code, name)]


def test_an_instruction_without_lines_is_refused() -> None:
    with pytest.raises(DocumentRefused) as refused:
        codec_of(EVERYTHING).render(replace(an_order(), records={}))

    assert [(fault.code, fault.field) for fault in refused.value.faults] == [("E_COUNT", "L")]


@pytest.mark.parametrize("value", [1, 1.5, date(2026, 11, 22), STAMP.replace(tzinfo=None)])
def test_a_value_of_the_wrong_type_is_a_mistake_of_ours(value: Any) -> None:
    order = an_order()

    with pytest.raises(TypeError):
        codec_of(EVERYTHING).render(replace(order, head={**order.head, "paid_at": value}))


def test_an_unknown_field_is_a_mistake_of_ours() -> None:
    order = an_order()

    with pytest.raises(ValueError, match="colour"):
        codec_of(EVERYTHING).render(replace(order, head={**order.head, "colour": "red"}))


def test_the_profile_chooses_what_is_written() -> None:
    order = an_order()
    with_remark = replace(order, head={**order.head, "remark": "易碎"})

    text = codec_of(built_in("kingdee-default")).render(with_remark).text

    assert text == codec_of(built_in("kingdee-default")).render(order).text
    assert "易碎" in codec_of(EVERYTHING).render(with_remark).text


def an_order() -> Document:
    head: dict[str, Value] = {
        "order_no": "2611220001",
        "order_type": "SALE",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "platform_code": "TM",
        "platform_order_no": "3021456789012345678",
        "shop_name": "聚芳永旗舰店",
        "created_at": STAMP,
        "placed_at": STAMP,
        "paid_at": STAMP,
        "audited_at": STAMP,
        "total_amount": Decimal("69.00"),
        "item_amount": Decimal("69.00"),
        "logistics_code": "SF",
        "receiver_name": "张三",
        "receiver_mobile": "13800000000",
        "receiver_province": "浙江省",
        "receiver_city": "杭州市",
        "receiver_address": "文一西路969号",
    }
    line: dict[str, Value] = {
        "line_no": 1,
        "item_code": "GB-TS-001-R-90",
        "plan_qty": 1,
        "inventory_type": "ZP",
        "actual_price": Decimal("69.00"),
        "line_amount": Decimal("69.00"),
    }
    return Document("deliver_order", head, {"L": [line]})

"""Whatever a document holds, reading what was written gives it back: all ten interfaces, every field."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemai_docking.documents import Document, Header, Value
from lemai_docking.faults import DocumentRefused, FileRejected
from lemai_docking.layout import Field, Record, layouts
from lemai_docking.profile import Profile, built_in
from lemai_docking.routing import SUFFIXES
from lemai_docking.text_read import decode
from lemai_docking.text_write import encode, render

STAMP = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TIMES = st.integers(-2_000_000_000, 200_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def with_all_columns() -> Profile:
    """The default profile writing every field of every record."""
    content = built_in("kingdee-default").model_dump()
    for interface, how in content["interfaces"].items():
        records = layouts()[interface].records.items()
        how["columns"] = {tag: [field.name for field in record.fields] for tag, record in records}
    return Profile.model_validate(content)


EVERYTHING = with_all_columns()


def values(field: Field) -> st.SearchStrategy[Value]:
    if field.codes and field.type == "int":
        return st.sampled_from([int(code) for code in field.codes])
    if field.codes:
        return st.sampled_from(field.codes)
    if field.type.startswith("dec"):
        digits, places = map(int, field.type[4:-1].split(","))
        top = 10 ** (digits - places) - 1
        return st.decimals(field.min if field.min is not None else -top, top, places=places)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "str": st.text(
            st.characters(
                exclude_categories=["Cs"], exclude_characters=[*map(chr, (*range(9), *range(11, 32), 0xFEFF))]
            )
            | st.sampled_from("%\t\n𠮷亅乗€ 😀"),
            min_size=1,
            max_size=field.max,
        ).map(lambda text: text.strip() or "x"),
        "int": st.integers(field.min or 0, 10 ** min(field.max, 9) - 1),
        "qty": st.integers(-(10**14) + 1 if field.min is None else field.min, 10**14 - 1),
        "flag": st.sampled_from("YN"),
        "date": st.dates(date(1000, 1, 1)),
        "datetime": TIMES,
    }
    return simple[field.type]


@st.composite
def rows(draw: st.DrawFn, record: Record, tags: tuple[str, ...]) -> dict[str, Value]:
    wanted = [field for field in record.fields if field.required == "M" or draw(st.booleans())]
    row = {field.name: draw(values(field)) for field in wanted}
    while missing := record.unmet(row, tags):
        row |= {name: draw(values(record.by_name[name])) for name in missing}
    return row | {field.name: field.default for field in record.fields if field.default and field.name not in row}


@st.composite
def documents(draw: st.DrawFn, interface: str) -> Document:
    layout = layouts()[interface]
    tags = tuple(tag for tag in layout.records if tag == layout.head or draw(st.booleans()) or layout.records[tag].min)
    records = {
        tag: draw(st.lists(rows(layout.records[tag], tags), min_size=1, max_size=3))
        for tag in tags
        if tag != layout.head
    }
    head = draw(rows(layout.records[layout.head], tags))
    if layout.line != layout.head:
        head["line_count"] = len(records.get(layout.line, ()))
    if layout.kinds:
        base = draw(st.from_regex(r"[0-9A-Z]{1,20}", fullmatch=True))
        head["order_no"] = f"{base}-{SUFFIXES[str(head['order_type'])]}".rstrip("-")
    return Document(interface, head, records)


def a_header(interface: str, charset: str) -> Header:
    header = EVERYTHING.header(interface, stamp=STAMP, created_at=STAMP, owner_code="JFY")
    return replace(header, charset=charset)


@pytest.mark.parametrize("interface", list(layouts()))
@settings(max_examples=20)
@given(data=st.data())
def test_what_was_written_is_read_back(interface: str, data: st.DataObject) -> None:
    written = data.draw(st.lists(documents(interface), max_size=3))
    header = a_header(interface, data.draw(st.sampled_from(["UTF-8", "GB18030"])))

    file = encode(EVERYTHING, header, written)
    decoded = decode(EVERYTHING, EVERYTHING.file_name(interface, STAMP), file.data)

    assert decoded.rejected == []
    assert decoded.header == header
    assert list(decoded.documents) == written
    assert tuple(document.line_no for document in decoded.documents) == file.lines
    assert [document.content_hash for document in decoded.documents] == [one.content_hash for one in written]


@settings(max_examples=50)
@given(data=st.data())
def test_damaged_bytes_are_rejected_or_still_read_whole(data: st.DataObject) -> None:
    (document,) = data.draw(st.lists(documents("ship_result"), min_size=1, max_size=1))
    file = encode(EVERYTHING, a_header("ship_result", "UTF-8"), [document]).data
    at = data.draw(st.integers(0, len(file) - 1))
    damaged = file[:at] + data.draw(st.binary(max_size=2)) + file[at + 1 :]

    try:
        decoded = decode(EVERYTHING, EVERYTHING.file_name("ship_result", STAMP), damaged)
    except FileRejected:
        return
    assert list(decoded.documents) == [document]


@given(st.binary(max_size=400))
def test_any_bytes_give_a_rejection_and_nothing_else(data: bytes) -> None:
    with pytest.raises(FileRejected):
        decode(EVERYTHING, "SHIP-20261122100000.shupl", data)


@pytest.mark.parametrize(
    ("tag", "name", "value", "code"),
    [
        ("O", "order_no", "2611220001-h", "E_ROUTE"),
        ("O", "order_no", "26 11", "E_FIELD"),
        ("O", "shop_name", "店" * 201, "E_FIELD"),
        ("O", "shop_name", "店\x00", "E_CHAR"),
        ("O", "shop_name", "\x1f", "E_CHAR"),
        ("O", "shop_name", "\u3000", "E_FIELD"),
        ("O", "paid_at", None, "E_FIELD"),
        ("O", "total_amount", Decimal("1.005"), "E_FIELD"),
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
        render(EVERYTHING, Document("deliver_order", rows["O"], {"L": [rows["L"]]}))

    assert [(fault.code, fault.field) for fault in refused.value.faults] == [(code, name)]


def test_an_instruction_without_lines_is_refused() -> None:
    with pytest.raises(DocumentRefused) as refused:
        render(EVERYTHING, replace(an_order(), records={}))

    assert [(fault.code, fault.field) for fault in refused.value.faults] == [("E_COUNT", "L")]


@pytest.mark.parametrize("value", [1, 1.5, date(2026, 11, 22), STAMP.replace(tzinfo=None)])
def test_a_value_of_the_wrong_type_is_a_mistake_of_ours(value: Any) -> None:
    order = an_order()

    with pytest.raises(TypeError):
        render(EVERYTHING, replace(order, head={**order.head, "paid_at": value}))


def test_an_unknown_field_is_a_mistake_of_ours() -> None:
    order = an_order()

    with pytest.raises(ValueError, match="colour"):
        render(EVERYTHING, replace(order, head={**order.head, "colour": "red"}))


def test_the_profile_chooses_what_is_written() -> None:
    order = an_order()
    with_remark = replace(order, head={**order.head, "remark": "易碎"})

    text = render(built_in("kingdee-default"), with_remark).text

    assert text == render(built_in("kingdee-default"), order).text
    assert "易碎" in render(EVERYTHING, with_remark).text


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

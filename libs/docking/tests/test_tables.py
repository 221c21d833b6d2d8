"""What frames of tables mean: heads, charsets, delimiters, numbers and dates."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from lemai_docking.codec import Codec, encode
from lemai_docking.definitions.layout import DefinitionError
from lemai_docking.definitions.profile import load_profile
from lemai_docking.documents import Document, Value
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused, FileRejected

STAMP = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
NAME = "SP_20261122100000.csv"
COLUMNS = ["item_code", "item_name", "bar_code", "unit", {"field": "is_valid", "head": "启用"}]
GIVEN = {"owner_code": "JFY", "item_type": "ZC", "action_type": "UPDATE"}
ITEM: dict[str, Value] = {"item_code": "A1", "item_name": "婴儿连体衣", "bar_code": "690", "unit": "Pcs"}

Make = Callable[..., Codec]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """The codec of a profile with a table of items, framed like this."""

    def make_(columns: list[Any] = COLUMNS, *, frame: dict[str, Any], **profile: Any) -> Codec:
        item = {"file": "SP_{stamp}.csv", "values": {"I": GIVEN}, "columns": {"I": columns}}
        content = {
            "profile": "csv",
            "label": "逗号分隔",
            "encoding": "text",
            "charset": "UTF-8",
            "format_version": "1.0",
            "us": "LEQEE",
            "them": "CSV",
            "message_prefix": "LQ",
            "frame": {"form": "delimited", "delimiter": ",", **frame},
            "interfaces": {"item_master": item},
            **profile,
        }
        file = tmp_path / "csv.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return codec_of(load_profile(file))

    return make_


def decoded(codec: Codec, text: str, encoding: str = "utf-8") -> list[dict[str, Value]]:
    found = codec.decode(NAME, text.encode(encoding))
    assert (found.rejected, found.warnings) == ([], [])
    return [dict(document.head) for document in found.documents]


def refusal(codec: Codec, head: dict[str, Value]) -> tuple[str, str]:
    with pytest.raises(DocumentRefused) as refused:
        codec.render(Document("item_master", head))
    (fault,) = refused.value.faults
    return fault.code, fault.field


def test_heads_are_chinese_labels_unless_the_profile_says_otherwise(make: Make) -> None:
    codec = make(frame={"heads": True, "newline": "CRLF"}, bom=True)
    header = codec.decode(NAME, "商品编码,商品名称,条码,单位,启用\r\n".encode()).header

    data = encode(codec, header, [Document("item_master", {**GIVEN, **ITEM, "is_valid": "Y"})]).data

    assert data == "\ufeff商品编码,商品名称,条码,单位,启用\r\nA1,婴儿连体衣,690,Pcs,Y\r\n".encode()


def test_columns_are_found_by_their_heads_in_any_order(make: Make) -> None:
    codec = make(frame={"heads": True})

    found = codec.decode(NAME, "单位,部门,条码,商品名称,商品编码\nPcs,一部,690,衣,A1\n".encode())

    assert [(warning.code, warning.line, warning.value) for warning in found.warnings] == [("W_COLUMN", 1, "部门")]
    (item,) = found.documents
    assert {name: item.head[name] for name in ITEM} == {**ITEM, "item_name": "衣"}
    assert item.head["is_valid"] == "Y"
    assert item.line_no == 2


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ("商品编码,商品名称,条码", "单位"),
        ("商品编码,商品名称,条码,单位,单位", "不重复的列/distinct columns"),
    ],
)
def test_a_missing_or_repeated_head_rejects_the_file(make: Make, heads: str, expected: str) -> None:
    with pytest.raises(FileRejected) as rejected:
        make(frame={"heads": True}).decode(NAME, f"{heads}\nA1,衣,690,Pcs\n".encode())

    assert (rejected.value.fault.code, rejected.value.fault.line) == ("E_COLUMN", 1)
    assert rejected.value.fault.expected.startswith(expected)


@pytest.mark.parametrize("name", ["䶮", "𬭎", "𠮷", "€uro", "😀"])
def test_what_gbk_cannot_hold_is_read_and_refused_when_written(make: Make, name: str) -> None:
    codec = make(frame={}, charset="GBK")

    assert decoded(codec, f"A1,{name},690,Pcs,Y\n", "gb18030")[0]["item_name"] == name
    assert refusal(codec, {**GIVEN, **ITEM, "item_code": name}) == ("E_CHARSET", "item_code")


def test_heads_that_the_charset_cannot_hold_are_told(make: Make) -> None:
    columns = [*COLUMNS[:4], {"field": "is_valid", "head": "䶮"}]

    with pytest.raises(DefinitionError, match=r"columns\.I: GBK 中没有 / cannot hold 䶮"):
        make(columns, frame={"heads": True}, charset="GBK")


@pytest.mark.parametrize("text", ["\ufeffA1,衣,690,Pcs,Y\n", "A1,衣,690,Pcs,Y\r\n"])
def test_a_bom_or_cr_is_told_where_it_was_not_agreed(make: Make, text: str) -> None:
    codec = make(frame={})

    (warning,) = codec.decode(NAME, text.encode()).warnings

    assert warning.code == ("W_BOM" if text[0] == "\ufeff" else "W_CR")
    assert decoded(make(frame={"newline": "CRLF"}, bom=True), text)[0]["item_code"] == "A1"


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        ({}, "红,蓝"),
        ({}, "红\n蓝"),
        ({"delimiter": "||"}, "红|"),
        ({"delimiter": "||"}, "红||蓝"),
        ({"quote": '"'}, "红\x00蓝"),
    ],
)
def test_what_would_be_read_otherwise_is_refused(make: Make, frame: dict[str, Any], name: str) -> None:
    assert refusal(make(frame=frame), {**GIVEN, **ITEM, "item_code": name}) == ("E_CHAR", "item_code")


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ({"field": "tag_price", "places": 4}, "129.0000", Decimal(129)),
        ({"field": "tag_price", "places": 2, "point": False}, "12900", Decimal(129)),
        ({"field": "tag_price", "places": 2, "point": False}, "5", Decimal("0.05")),
        ({"field": "tag_price", "places": 2}, "-1.50", Decimal("-1.5")),
        ({"field": "pcs", "places": 0}, "0050", 50),
        ({"field": "updated_at", "format": "%Y/%m/%d %H:%M:%S"}, "2026/11/22 10:00:00", STAMP),
        ({"field": "updated_at", "format": "%Y%m%d"}, "20261122", datetime(2026, 11, 21, 16, tzinfo=UTC)),
        ({"field": "is_fragile", "default": "Y"}, "", "Y"),
        ({"field": "remark", "default": "无"}, "", "无"),
    ],
)
def test_a_spelling_is_understood(make: Make, column: dict[str, Any], text: str, value: Value) -> None:
    (item,) = decoded(make([*COLUMNS, column], frame={}), f"A1,衣,690,Pcs,Y,{text}\n")

    assert item[column["field"]] == value


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ({"field": "tag_price", "places": 2}, "1,290.00", None),
        ({"field": "tag_price", "places": 2}, "1 290.00", "2 位小数/decimals"),
        ({"field": "tag_price", "places": 2}, "1.29e3", "2 位小数/decimals"),
        ({"field": "tag_price", "places": 2}, "１２", "2 位小数/decimals"),
        ({"field": "tag_price", "places": 2, "point": False}, "12.90", "2 位小数/decimals，无小数点/no point"),
        ({"field": "tag_price", "places": 4}, "1.2345", "dec(18,2)"),
        ({"field": "updated_at", "format": "%Y/%m/%d"}, "2026/1/2", "%Y/%m/%d"),
        ({"field": "updated_at", "format": "%Y%m%d"}, "20260230", "%Y%m%d"),
    ],
)
def test_another_spelling_is_not(make: Make, column: dict[str, Any], text: str, expected: str | None) -> None:
    codec = make([*COLUMNS, column], frame={"delimiter": ";" if expected else ","})
    line = ["A1", "衣", "690", "Pcs", "Y", text]

    (rejected,) = codec.decode(NAME, f"{(';' if expected else ',').join(line)}\n".encode()).rejected

    (fault,) = rejected.faults
    assert (fault.code, fault.expected) == (("E_FIELD", expected) if expected else ("E_COLUMN", "6 列/columns"))


def test_a_number_that_would_have_to_be_rounded_is_refused(make: Make) -> None:
    codec = make([*COLUMNS, {"field": "purchase_price", "places": 2}], frame={})

    assert refusal(codec, {**GIVEN, **ITEM, "purchase_price": Decimal("1.005")}) == ("E_FIELD", "purchase_price")


def test_a_value_the_file_stands_for_is_not_another(make: Make) -> None:
    assert refusal(make(frame={}), {**GIVEN, **ITEM, "owner_code": "OTHER"}) == ("E_FIELD", "owner_code")


def test_a_date_keeps_its_day(make: Make, tmp_path: Path) -> None:
    content = yaml.safe_load((Path(__file__).with_name("foreign") / "acme.yaml").read_text(encoding="utf-8"))
    columns = content["interfaces"]["deliver_order"]["columns"]["L"]
    columns.append({"field": "product_date", "format": "%d.%m.%Y"})
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    codec = codec_of(load_profile(file))
    name = "CK_20261122100000.txt"
    data = (Path(__file__).with_name("foreign") / name).read_bytes().decode("gb18030")

    for gift in ("|否", "|是"):
        data = data.replace(f"{gift}\r\n", f"{gift}|31.01.2026\r\n")
    orders = codec.decode(name, data.encode("gb18030")).documents

    assert {row["product_date"] for order in orders for row in order.records["L"]} == {date(2026, 1, 31)}

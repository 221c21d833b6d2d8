"""A counterpart with formats of its own is a file: the worked example of docs/integrators/docking.md."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from lemai_docking.codec import encode
from lemai_docking.definitions.profile import Profile, find_profile
from lemai_docking.documents import Document, Value
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused, FileRejected

FOREIGN = Path(__file__).with_name("foreign")
PAGE = Path(__file__).parents[3] / "docs" / "integrators" / "docking.md"
Read = Callable[[str], list[Document]]
ORDERS, SHIPPED, ITEMS, STOCK = (
    "CK_20261122100000.txt",
    "CKHD_20261122152100.txt",
    "SP_20261122090000.txt",
    "KC_20261122020500.txt",
)


@pytest.fixture(scope="module")
def acme() -> Profile:
    return find_profile("acme.yaml", FOREIGN)


@pytest.fixture(scope="module")
def read(acme: Profile) -> Read:
    """The documents of a file, none of them refused."""

    def read_(name: str) -> list[Document]:
        decoded = codec_of(acme).decode(name, (FOREIGN / name).read_bytes())
        assert decoded.rejected == []
        assert decoded.warnings == []
        return list(decoded.documents)

    return read_


def test_the_page_builds_this_profile() -> None:
    steps = re.findall(
        r"^```yaml file=\w+\.yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )

    assert yaml.safe_load("".join(steps)) == yaml.safe_load((FOREIGN / "acme.yaml").read_text(encoding="utf-8"))


def test_an_order_has_its_fields_from_heads_lines_and_both_halves_of_a_time(
    read: Read,
) -> None:
    sale, resend = read(ORDERS)

    assert (sale.order_no, sale.head["order_type"], sale.head["logistics_code"]) == ("2611220001", "SALE", "SF")
    assert sale.head["placed_at"] == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
    assert sale.head["total_amount"] == Decimal("129.00")
    assert sale.head["receiver_name"] == "张䶮"
    assert sale.head["buyer_message"] == '送货前请电联\r\n100%纯棉|对吗？"急"'
    assert [(row["item_code"], row["plan_qty"], row["is_gift"]) for row in sale.records["L"]] == [
        ("GB-TS-001-R-90", 1, "N"),
        ("GB-SH-014-B-22", 2, "N"),
    ]
    assert (resend.order_no, resend.head["order_type"], resend.line_no) == ("2611220007-b", "RESEND", 5)


def test_rows_of_one_order_are_one_result_wherever_they_stand(read: Read) -> None:
    sale, resend = read(SHIPPED)

    assert [row["line_no"] for row in sale.records["L"]] == [1, 2]
    given = {"order_type": "SALE", "warehouse_code": "WH01", "owner_code": "JFY", "confirm_type": 0, "line_count": 2}
    assert {name: sale.head[name] for name in given} == given
    assert resend.head["order_type"] == "RESEND"
    assert resend.head["logistics_code"] == "OTHER", "极兔 is in no table"
    assert resend.records["L"][0]["inventory_type"] == "CC", "残品 is read, 次品 written"


def test_a_result_without_a_code_of_its_own_gets_one_from_what_it_says(acme: Profile) -> None:
    data = (FOREIGN / SHIPPED).read_bytes()
    codec = codec_of(acme)

    def codes(content: bytes) -> list[object]:
        return [document.head["out_biz_code"] for document in codec.decode(SHIPPED, content).documents]

    assert codes(data) == codes(data)
    assert codes(data)[0] != codes(data.replace(b"15:20", b"15:21"))[0]
    assert codes(data)[1] == codes(data.replace(b"15:20", b"15:21"))[1]


def test_stock_and_items_stand_in_fixed_columns(read: Read) -> None:
    (page,) = read(STOCK)
    shirt, shoes = read(ITEMS)

    head = {name: page.head[name] for name in ("snapshot_id", "snapshot_at", "scope", "warehouse_code", "line_count")}
    assert head == {
        "snapshot_id": STOCK,
        "snapshot_at": datetime(2026, 11, 21, 18, 5, tzinfo=UTC),
        "scope": "FULL",
        "warehouse_code": "WH01",
        "line_count": 3,
    }
    assert [(row["inventory_type"], row["qty"], row["lock_qty"], row["total_qty"]) for row in page.records["B"]] == [
        ("ZP", 120, 3, 123),
        ("CC", 5, 0, 5),
        ("ZP", 48, 2, 50),
    ]
    assert (shirt.head["item_name"], shirt.head["tag_price"], shirt.head["is_valid"]) == (
        "婴儿连体衣",
        Decimal(99),
        "Y",
    )
    assert (shoes.head["item_name"], shoes.head["is_valid"]) == ("学步鞋", "N")


@pytest.mark.parametrize("name", [ORDERS, ITEMS])
def test_what_we_send_is_written_again_byte_for_byte(acme: Profile, read: Read, name: str) -> None:
    documents = read(name)
    file = acme.match(name)
    (interface,) = file.interfaces
    header = acme.header(interface, stamp=file.stamp, created_at=file.stamp, owner_code="JFY")

    assert encode(codec_of(acme), header, documents).data == (FOREIGN / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "complete"), [(ORDERS, True), (SHIPPED, True), (ITEMS, True), (STOCK, True), ("KC_20261122.txt", False)]
)
def test_a_file_is_complete_with_its_trailer_or_under_its_name(acme: Profile, name: str, complete: bool) -> None:
    data = (FOREIGN / name).read_bytes() if complete else b""
    codec = codec_of(acme)

    assert codec.is_complete(name, data) == complete
    assert codec.is_complete(name, data[:-40]) == (name in {SHIPPED, ITEMS})


# (file, old text, new text) -> (code, line, field): the file is rejected.
FILE_FAULTS: Mapping[tuple[str, str, str], tuple[str, int, str]] = {
    (ORDERS, "END|2|3", "END|2|4"): ("E_COUNT", 0, "line_count"),
    (ORDERS, "END|2|3", "END|1|3"): ("E_COUNT", 0, "document_count"),
    (ORDERS, "END|2|3", "END|2"): ("E_TRAILER", 7, ""),
    (ORDERS, "DT|2|GB", "XX|2|GB"): ("E_COUNT", 0, "line_count"),
    (ORDERS, '""急"""', '""急'): ("E_ESCAPE", 1, ""),
    (ORDERS, "HD|2611220001|", "DT|2611220001|"): ("E_RECORD", 1, ""),
    (SHIPPED, "|良品\r\n2611220007", "\r\n2611220007"): ("E_COLUMN", 1, ""),
    (SHIPPED, "2611220001|2026/11/22|15:20|顺丰|SF1400123456789|2", "|2026/11/22|15:20|顺丰|SF1400123456789|2"): (
        "E_FIELD",
        3,
        "order_no",
    ),
    (STOCK, "99000000000003", "99000000000004"): ("E_COUNT", 0, "line_count"),
    (STOCK, "00000178\n", "00000179\n"): ("E_COUNT", 0, "control_total"),
    (STOCK, "WH01    GB-SH", "WH01   GB-SH"): ("E_COLUMN", 3, ""),
}

# (file, old text, new text) -> (code, line, field): a document is rejected.
DOCUMENT_FAULTS: Mapping[tuple[str, str, str], tuple[str, int, str]] = {
    (ORDERS, "2611220001|10|", "2611220001|11|"): ("E_FIELD", 1, "order_type"),
    (ORDERS, "2611220001|10|", "2611220001|20|"): ("E_ROUTE", 1, "order_no"),
    (ORDERS, "|B2C|WH01", "|B2B|WH01"): ("E_FIELD", 1, ""),
    (ORDERS, "|20261122|093000|20261122093102", "|20261122|093060|20261122093102"): ("E_FIELD", 1, "placed_at"),
    (ORDERS, "|20261122|093000|20261122093102", "|20261122||20261122093102"): ("E_FIELD", 1, "placed_at"),
    (ORDERS, "|13900|", "|139.00|"): ("E_FIELD", 1, "item_amount"),
    (ORDERS, "|13900|", "|13,900|"): ("E_FIELD", 1, "item_amount"),
    (ORDERS, "|13900|", "|13901|"): ("W_ROUND", 1, "item_amount"),
    (ORDERS, "|13900|", "|14900|"): ("E_AMOUNT", 1, "item_amount"),
    (ORDERS, "|1.0000|良品|69", "|1.5000|良品|69"): ("E_QTY", 3, "plan_qty"),
    (ORDERS, "|1.0000|良品|69", "|1.0000|坏|69"): ("E_INVTYPE", 3, "inventory_type"),
    (ORDERS, "|69.00|否", "|69.00|不"): ("E_FIELD", 3, "is_gift"),
    (ORDERS, "|35.000000|70.00|否", "|35.000000|70.00"): ("E_COLUMN", 4, ""),
    (ORDERS, "|0.000000|0.00|是", "|0.000000|0.00|是|"): ("E_COLUMN", 6, ""),
    (SHIPPED, "15:20|顺丰|SF1400123456789|2", "15:22|顺丰|SF1400123456789|2"): ("E_FIELD", 3, "shipped_at"),
    (SHIPPED, "2611220007-b|", "2611220007-c|"): ("E_ROUTE", 2, "order_no"),
    (STOCK, "WH01    GB-SH", "WH02    GB-SH"): ("E_FIELD", 3, "warehouse_code"),
    (STOCK, "良品0000000048", "良品000000004x"): ("E_FIELD", 3, "qty"),
    (STOCK, "良品0000000048", "废品0000000048"): ("E_INVTYPE", 3, "inventory_type"),
    (ITEMS, "6901234567908", "             "): ("E_FIELD", 2, "bar_code"),
}


def spoiled(case: tuple[str, str, str]) -> bytes:
    name, old, new = case
    data = (FOREIGN / name).read_bytes()
    assert old.encode("gb18030") in data
    return data.replace(old.encode("gb18030"), new.encode("gb18030"), 1)


@pytest.mark.parametrize("case", list(FILE_FAULTS), ids=lambda case: f"{case[0]} {case[2]!r}")
def test_a_broken_frame_rejects_the_file(acme: Profile, case: tuple[str, str, str]) -> None:
    with pytest.raises(FileRejected) as rejected:
        codec_of(acme).decode(case[0], spoiled(case))

    fault = rejected.value.fault
    assert (fault.code, fault.line, fault.field) == FILE_FAULTS[case]


@pytest.mark.parametrize("case", list(DOCUMENT_FAULTS), ids=lambda case: f"{case[0]} {case[2]!r}")
def test_a_bad_cell_is_told_at_its_place(acme: Profile, case: tuple[str, str, str]) -> None:
    decoded = codec_of(acme).decode(case[0], spoiled(case))

    faults = [*(fault for one in decoded.rejected for fault in one.faults), *decoded.warnings]
    assert (faults[0].code, faults[0].line, faults[0].field) == DOCUMENT_FAULTS[case]


def test_half_a_character_in_a_fixed_column_is_told(acme: Profile) -> None:
    data = (FOREIGN / STOCK).read_bytes().replace("残品".encode("gb18030"), b"\xb2\xd0\xc6 ")

    (rejected,) = codec_of(acme).decode(STOCK, data).rejected

    assert [(fault.code, fault.line, fault.field) for fault in rejected.faults] == [("E_CHARSET", 2, "inventory_type")]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"warehouse_code": "仓" * 51}, "E_FIELD", "warehouse_code"),
        ({"total_amount": Decimal("129.01")}, None, ""),
        ({"total_amount": Decimal("139.00")}, "E_AMOUNT", "total_amount"),
        ({"is_cod": "Y"}, "E_COLUMN", "is_cod"),
        ({"receiver_name": "张*", "receiver_oaid": None}, "E_FIELD", "receiver_oaid"),
    ],
)
def test_what_their_format_cannot_say_is_refused(
    acme: Profile, read: Read, changes: dict[str, Value | None], code: str | None, field: str
) -> None:
    sale, _ = read(ORDERS)
    head = {name: value for name, value in {**sale.head, **changes}.items() if value is not None}
    changed = Document(sale.interface, head, sale.records)

    if code is None:
        codec_of(acme).render(changed)
        return
    with pytest.raises(DocumentRefused) as refused:
        codec_of(acme).render(changed)
    assert (refused.value.faults[0].code, refused.value.faults[0].field) == (code, field)


@pytest.mark.parametrize("changes", [{"item_code": "A" * 31}, {"owner_code": "OTHER"}, {"tag_price": Decimal("1E11")}])
def test_what_does_not_fit_is_refused(acme: Profile, read: Read, changes: dict[str, Value]) -> None:
    shirt, _ = read(ITEMS)
    changed = Document(shirt.interface, {**shirt.head, **changes})

    with pytest.raises(DocumentRefused) as refused:
        codec_of(acme).render(changed)

    assert [fault.field for fault in refused.value.faults] == list(changes)

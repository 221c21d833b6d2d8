"""Every way a described file can be wrong × where in it: exact code, place and message."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.testing.docking import reseal

NAME = "SHIP-20261122152100.shupl"
HEADER = {
    "format_version": "1.0",
    "interface": "ship_result",
    "charset": "UTF-8",
    "sender": "KINGDEE",
    "receiver": "LEQEE",
    "message_id": "KD20261122152100000001",
    "created_at": "2026-11-22T15:21:00+08:00",
    "owner_code": "JFY",
    "test_flag": "N",
}
COLUMNS = {
    "O": "order_no order_type warehouse_code owner_code out_biz_code confirm_type status shipped_at logistics_code "
    "remark package_count line_count",
    "L": "line_no item_code plan_qty actual_qty inventory_type product_date",
    "P": "package_no logistics_code express_no weight",
    "Q": "package_no line_no item_code qty",
    "S": "line_no item_code sn",
}
ROWS = [
    "O SALE WH01 JFY {no}-1 1 PARTDELIVERED 2026-11-22_15:20:31 SF 易碎 1 2",
    "L 1 SKU1 1 1 ZP 2026-01-31",
    "L 2 SKU2 2 2 ZP 2026-01-31",
    "P 1 SF SF1 0.450",
    "Q 1 1 SKU1 1",
    "Q 1 2 SKU2 2",
    "S 1 SKU1 SN1",
]
FIRST, MIDDLE, LAST = "2611220001", "2611220002", "2611220003"
NUMBERS = (FIRST, MIDDLE, LAST)
BEFORE = 1 + len(COLUMNS)

TEXTS = {
    "E_HEADER": ("文件头不合规定", "the header is malformed"),
    "E_CHARSET": ("字符集不支持或字节无法解码", "unsupported charset or undecodable bytes"),
    "E_COLUMN": ("列不符", "columns do not fit"),
    "E_RECORD": ("记录标记未知或位置不对", "unknown or misplaced record tag"),
    "E_TRAILER": ("文件尾缺失或不合规定", "the trailer is missing or malformed"),
    "E_CHECKSUM": ("校验和不符，传输须用二进制模式", "checksum differs; transfer in binary mode"),
    "E_COUNT": ("数量合计不符", "counts do not add up"),
    "E_FIELD": ("字段值不合规定", "malformed value"),
    "E_QTY": ("数量须为整数件且在允许范围内", "quantity must be a whole number of pieces in range"),
    "E_INVTYPE": ("库存类型未知", "unknown inventory type"),
    "E_ESCAPE": ("转义不合规定", "malformed percent escape"),
    "E_CHAR": ("含有禁用字符", "forbidden character"),
    "E_SN_COUNT": ("序列号个数与实际数量不符", "as many serial numbers as pieces are needed"),
    "E_ROUTE": ("订单类型、单号后缀与指示不一致", "order kind, number suffix and instruction disagree"),
    "W_PACKAGE_SUM": ("包裹内数量合计与实际数量不符", "packages do not hold what the line says"),
}
REQUIRED = "必填/required"
ESCAPES = "%25 | %09 | %0A | %0D"
PIECES = "整数件/whole pieces"
STATUSES = "ACCEPT | CANCELED | CANCELEDFAIL | CLOSED | DELIVERED | EXCEPTION | NEW | PARTDELIVERED | REJECT"
GRADES = "CC | DJ | JS | XS | ZP | ZT"


@dataclass(frozen=True)
class Cell:
    """A bad cell: which row of a document, which field, what stands there, and what is said of it."""

    row: int
    field: str
    value: str
    code: str
    expected: str = ""
    place: int | None = None
    """The row it is told at, if not the row itself."""
    shown: str | None = None
    """The value told, if not the cell's."""


CELLS = [
    Cell(0, "order_no", "26 11", "E_FIELD", "单号[-c|-t|-h|-b|-gt|-v]"),
    Cell(0, "order_no", "2611220009-h", "E_ROUTE", "SALE: "),
    Cell(0, "order_type", "JYCK", "E_FIELD", "ADJUST | EXCHANGE | RESEND | SALE"),
    Cell(0, "warehouse_code", "W" * 51, "E_FIELD", "≤ 50 字符/characters"),
    Cell(0, "owner_code", "", "E_FIELD", REQUIRED),
    Cell(0, "out_biz_code", "\x07", "E_CHAR", "无/no U+0007"),
    Cell(0, "confirm_type", "2", "E_FIELD", "0 | 1"),
    Cell(0, "confirm_type", "-1", "E_FIELD", "整数/integer ≤ 1 位/digits"),
    Cell(0, "status", "SHIPPED", "E_FIELD", STATUSES),
    Cell(0, "shipped_at", "2026-11-22T15:20:31", "E_FIELD", "YYYY-MM-DD HH:MM:SS"),
    Cell(0, "shipped_at", "2026-02-29 15:20:31", "E_FIELD", "YYYY-MM-DD HH:MM:SS"),
    Cell(0, "remark", "100%", "E_ESCAPE", ESCAPES),
    Cell(0, "remark", "a%0ab", "E_ESCAPE", ESCAPES),
    Cell(0, "warehouse_code", "\ufeffWH", "E_CHAR", "无/no U+FEFF"),
    Cell(0, "package_count", "2", "E_COUNT", "1"),
    Cell(0, "line_count", "3", "E_COUNT", "2"),
    Cell(0, "line_count", "two", "E_FIELD", "整数/integer ≤ 6 位/digits"),
    Cell(1, "line_no", "0", "E_FIELD", "≥ 1"),
    Cell(1, "item_code", " ", "E_FIELD", REQUIRED),
    Cell(1, "plan_qty", "1,000", "E_FIELD", PIECES),
    Cell(1, "actual_qty", "-1", "E_QTY", "≥ 0"),
    Cell(2, "actual_qty", "1.5", "E_QTY", PIECES),
    Cell(2, "inventory_type", "XX", "E_INVTYPE", GRADES),
    Cell(2, "inventory_type", "%5A", "E_ESCAPE", ESCAPES),
    Cell(2, "product_date", "2026-1-31", "E_FIELD", "YYYY-MM-DD"),
    Cell(2, "product_date", "20260131", "E_FIELD", "YYYY-MM-DD"),
    Cell(3, "logistics_code", "", "E_FIELD", REQUIRED),
    Cell(3, "weight", "0.4501", "E_FIELD", "dec(18,3)"),
    Cell(3, "weight", "4e1", "E_FIELD", "dec(18,3)"),
    Cell(3, "express_no", "\x1b", "E_CHAR", "无/no U+001B"),
    Cell(4, "line_no", "first", "E_FIELD", "整数/integer ≤ 10 位/digits"),
    Cell(5, "qty", "0.5", "E_QTY", PIECES),
    Cell(5, "item_code", "%", "E_ESCAPE", ESCAPES),
    Cell(5, "qty", "1", "W_PACKAGE_SUM", "2", place=2),
    Cell(6, "sn", "", "E_FIELD", REQUIRED),
    Cell(6, "line_no", "2", "E_SN_COUNT", "2", place=2, shown="1"),
    Cell(6, "line_no", "9", "E_SN_COUNT", "0", place=6, shown="1"),
]
TOLD_FIELDS = {("qty", "W_PACKAGE_SUM"): "actual_qty", ("line_no", "E_SN_COUNT"): "sn"}

# What replaces a whole row of a document, the code, the value told, what is expected.
RECORDS = [
    (4, "X\t1", "E_RECORD", "X", "O | L | P | Q | S"),
    (2, "L\t2\tSKU2\t2\t2\tZP", "E_COLUMN", "5", "6 列/columns"),
    (4, "Q\t1\t1\tSKU1\t1\t", "E_COLUMN", "5", "4 列/columns"),
    (0, "O\t{no}", "E_COLUMN", "1", "12 列/columns"),
]

SHAPE = "TRL, 4 个整数/integers, SHA256, 64 位十六进制/hex digits"

# Bad value of a header field: code, value told, what is expected.
HEADERS = {
    ("format_version", "2.0"): ("E_HEADER", "1.x"),
    ("format_version", ""): ("E_HEADER", REQUIRED),
    ("interface", "receipt_result"): ("E_HEADER", "ship_result | supplier_return_result"),
    ("charset", "GBK"): ("E_CHARSET", "GB18030 | UTF-8"),
    ("message_id", "M" * 65): ("E_HEADER", "≤ 64 字符/characters"),
    ("created_at", "2026-11-22 15:21:00"): ("E_HEADER", "YYYY-MM-DDTHH:MM:SS+08:00"),
    ("owner_code", ""): ("E_HEADER", REQUIRED),
    ("test_flag", "X"): ("E_HEADER", "N | Y"),
}

# Old and new text of the frame; the fault; whether the digest is made to fit.
FRAMES: list[tuple[str, str, Fault, bool]] = [
    ("HDR\t", "HED\t", Fault("E_HEADER", 1, "", "HED", "HDR"), True),
    ("KINGDEE\tLEQEE", "LEQEE\tKINGDEE", Fault("E_HEADER", 1, "sender", "LEQEE → KINGDEE", "KINGDEE → LEQEE"), True),
    ("JFY\tN\n", "JFY\n", Fault("E_HEADER", 1, "", "8", "9 列/columns"), True),
    ("COL\tO\torder_no\t", "COL\tO\t", Fault("E_COLUMN", 2, "O", "", "order_no"), True),
    ("COL\tS\tline_no\t", "COL\tS\tsn\t", Fault("E_COLUMN", 6, "S", "", "不重复的列/distinct columns"), True),
    ("COL\tP\t", "COL\tZ\t", Fault("E_COLUMN", 10, "", "P", "COL P"), True),
    ("COL\tL\t", "L\tL\t", Fault("E_RECORD", 3, "", "L", "O"), True),
    ("TRL\t3\t6\t26\t9\t", "TRL\t2\t6\t26\t9\t", Fault("E_COUNT", 0, "document_count", "2", "3"), True),
    ("TRL\t3\t6\t26\t9\t", "TRL\t3\t7\t26\t9\t", Fault("E_COUNT", 0, "line_count", "7", "6"), True),
    ("TRL\t3\t6\t26\t9\t", "TRL\t3\t6\t25\t9\t", Fault("E_COUNT", 0, "record_count", "25", "26"), True),
    ("TRL\t3\t6\t26\t9\t", "TRL\t3\t6\t26\t8\t", Fault("E_COUNT", 0, "control_total", "8", "9"), True),
    ("TRL\t3\t6\t", "TRL\t3\tsix\t", Fault("E_TRAILER", 28, "", "", SHAPE), False),
    ("\tSHA256\t", "\tMD5\t", Fault("E_TRAILER", 28, "", "", SHAPE), False),
    ("\nTRL\t", "\nEND\t", Fault("E_TRAILER", 0, "", "", SHAPE), False),
]


def lines() -> list[str]:
    """The file without its trailer: header, columns, and three documents of seven records."""
    found = ["\t".join(["HDR", *HEADER.values()])]
    found += ["\t".join(["COL", tag, *names.split()]) for tag, names in COLUMNS.items()]
    for number in NUMBERS:
        for index, row in enumerate(ROWS):
            tag, *cells = [cell.replace("_", " ") if "_" in cell else cell for cell in row.format(no=number).split(" ")]
            found.append("\t".join([tag, number, *cells] if index == 0 else [tag, *cells]))
    return found


def sealed(content: list[str]) -> bytes:
    return reseal("\n".join([*content, f"TRL\t3\t6\t26\t9\tSHA256\t{'0' * 64}", ""]).encode())


def message(fault: Fault) -> str:
    chinese, english = TEXTS[fault.code]
    told = [
        f"第 {fault.line} 行 " if fault.line else "",
        f"{fault.field}：" if fault.field else "",
        chinese,
        f"，收到「{fault.value}」" if fault.value else "",
        f"，应为 {fault.expected}" if fault.expected else "",
        " / ",
        f"line {fault.line} " if fault.line else "",
        f"{fault.field}: " if fault.field else "",
        english,
        f", got {fault.value!r}" if fault.value else "",
        f", expected {fault.expected}" if fault.expected else "",
    ]
    return "".join(told)


def document_cases() -> Iterator[tuple[str, list[str], Fault, str]]:
    """Each bad cell and record in the first, the middle and the last document."""
    for position, number in enumerate(NUMBERS):
        start = BEFORE + position * len(ROWS)
        for cell in CELLS:
            content = lines()
            tag, *cells = content[start + cell.row].split("\t")
            cells[COLUMNS[tag].split().index(cell.field)] = cell.value
            content[start + cell.row] = "\t".join([tag, *cells])
            line = start + 1 + (cell.row if cell.place is None else cell.place)
            field = TOLD_FIELDS.get((cell.field, cell.code), cell.field)
            shown = cell.value if cell.shown is None else cell.shown
            yield (
                f"{number} {cell.field}={cell.value!r}",
                content,
                Fault(cell.code, line, field, shown, cell.expected),
                number,
            )
        for row, text, code, value, expected in RECORDS:
            content = lines()
            content[start + row] = text.format(no=number)
            yield f"{number} {text!r}", content, Fault(code, start + 1 + row, "", value, expected), number


def file_cases() -> Iterator[tuple[str, bytes, Fault]]:
    """Each way the frame can be broken, and the digest, and the bytes of a document in each position."""
    sound = sealed(lines())
    for (name, value), (code, expected) in HEADERS.items():
        content = lines()
        content[0] = "\t".join(["HDR", *{**HEADER, name: value}.values()])
        yield f"HDR {name}={value}", sealed(content), Fault(code, 1, name, value[:100], expected)
    for old, new, fault, is_resealed in FRAMES:
        changed = sound.replace(old.encode(), new.encode(), 1)
        assert changed != sound, old
        told = changed.splitlines()[-1].decode()[:100] if fault.code == "E_TRAILER" and fault.line else fault.value
        yield f"{old!r} → {new!r}", reseal(changed) if is_resealed else changed, replace(fault, value=told)
    for position in range(len(NUMBERS)):
        line = BEFORE + position * len(ROWS)
        marked = lines()
        marked[line] = marked[line].replace("易碎", "易碎易碎")
        data = sealed(marked).replace("易碎易碎".encode(), "易碎".encode("gb18030"))
        yield f"GB18030 in line {line + 1}", reseal(data), Fault("E_CHARSET", line + 1, "", "d2", "")


DOCUMENTS = list(document_cases())
FILES = list(file_cases())


def test_the_sound_file_is_sound(profile: Profile) -> None:
    decoded = codec_of(profile).decode(NAME, sealed(lines()))

    assert (decoded.rejected, decoded.warnings) == ([], [])
    assert [document.order_no for document in decoded.documents] == list(NUMBERS)


@pytest.mark.parametrize(
    ("content", "fault", "number"), [case[1:] for case in DOCUMENTS], ids=[c[0] for c in DOCUMENTS]
)
def test_a_bad_record_is_told_at_its_place(profile: Profile, content: list[str], fault: Fault, number: str) -> None:
    decoded = codec_of(profile).decode(NAME, sealed(content))

    told = [*decoded.warnings, *(one for document in decoded.rejected for one in document.faults)]
    refused = [number] if fault.level == "ERROR" else []
    assert fault in told
    assert message(fault) in [one.message for one in told]
    assert [document.order_no for document in decoded.documents] == [one for one in NUMBERS if one not in refused]


@pytest.mark.parametrize(("data", "fault"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_a_broken_frame_is_told_at_its_place(profile: Profile, data: bytes, fault: Fault) -> None:
    with pytest.raises(FileRejected) as rejected:
        codec_of(profile).decode(NAME, data)

    assert rejected.value.fault == fault
    assert rejected.value.fault.message == message(fault)


@pytest.mark.parametrize(
    ("remark", "kept"),
    [
        ("\x00易碎", "易碎"),
        ("\ufeff易碎", "易碎"),
        ("易\x0b碎", "易 碎"),
        ("易\r碎", "易 碎"),
        ("碎" * 501, "碎" * 500),
    ],
)
def test_a_text_for_people_is_cleaned_and_taken(profile: Profile, remark: str, kept: str) -> None:
    content = lines()
    tag, *cells = content[BEFORE].split("\t")
    cells[COLUMNS[tag].split().index("remark")] = remark
    content[BEFORE] = "\t".join([tag, *cells])

    decoded = codec_of(profile).decode(NAME, sealed(content))

    assert (decoded.rejected, decoded.documents[0].head["remark"]) == ([], kept)


def test_any_byte_that_changed_on_the_way_is_seen(profile: Profile) -> None:
    data = sealed(lines())
    for at in range(0, data.rindex(b"TRL"), 97):
        with pytest.raises(FileRejected) as rejected:
            codec_of(profile).decode(NAME, data[:at] + b"~" + data[at + 1 :])
        assert rejected.value.fault.code == "E_CHECKSUM"


def test_the_table_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    codes = {case[2].code for case in DOCUMENTS} | {case[2].code for case in FILES} | {"E_CHECKSUM"}

    with capsys.disabled():
        print(f"\n{len(DOCUMENTS) + len(FILES)} bad text files")  # noqa: T201 - the count is wanted

    assert codes == set(TEXTS)

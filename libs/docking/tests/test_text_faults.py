"""One row per error code and class of position: exact code, line and field."""

from collections.abc import Callable

import pytest

from lemai_docking.codec import encode
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected
from lemai_docking.testing.docking import reseal

DELIVER = "Deliver_20261122100000.sh"
SHIP = "SHIP-20261122152100.shupl"
SUPPLIER = "SHIP-20261125110300.shupl"
RECV = "RECV-20261126141200.rcupl"
RETURN = "RECV-20261130164600.rcupl"
ITEM = "Item_20261122090000.im"
IBAL = "IBAL-20261122020500.Ibupl"

Sample = Callable[[str], bytes]

# (sample, old text, new text, code, line, field): the document is rejected, the file is not.
DOCUMENT_FAULTS = [
    (DELIVER, "\tTM\t", "\t\t", "E_FIELD", 4, "platform_code"),
    (DELIVER, "2026-11-22 09:31:02", "2026-11-22T09:31:02", "E_FIELD", 4, "paid_at"),
    (DELIVER, "2026-11-22 09:31:02", "", "E_FIELD", 4, "paid_at"),
    (DELIVER, "2026-11-22 09:58:10", "2026-02-30 09:58:10", "E_FIELD", 4, "created_at"),
    (DELIVER, "\t139.00\t", "\t1,139.00\t", "E_FIELD", 4, "item_amount"),
    (DELIVER, "\t139.00\t", "\t139.001\t", "E_FIELD", 4, "item_amount"),
    (DELIVER, "\t10.00\t", "\t-10.00\t", "E_FIELD", 4, "discount_amount"),
    (DELIVER, "\t13800000000\t", "\t\t", "E_FIELD", 4, "receiver_mobile"),
    (DELIVER, "五常街道", "街" * 51, "E_FIELD", 4, "receiver_town"),
    (DELIVER, "O\t2611220001\t", "O\t-c\t", "E_FIELD", 4, "order_no"),
    (DELIVER, "\tSALE\t", "\tJYCK\t", "E_FIELD", 4, "order_type"),
    (DELIVER, "%0A100", "%0a100", "E_ESCAPE", 4, "buyer_message"),
    (DELIVER, "100%25", "100%", "E_ESCAPE", 4, "buyer_message"),
    (DELIVER, "\tTM\t", "\tT\x07M\t", "E_CHAR", 4, "platform_code"),
    (DELIVER, "\tTM\t", "\t\ufeffTM\t", "E_CHAR", 4, "platform_code"),
    (DELIVER, "O\t2611220001\t", "O\t2611220001-h\t", "E_ROUTE", 4, "order_no"),
    (DELIVER, "五常街道\t", "", "E_COLUMN", 4, ""),
    (DELIVER, "969号\t2\n", "969号\t3\n", "E_COUNT", 4, "line_count"),
    (DELIVER, "L\t1\tGB", "L\t0\tGB", "E_FIELD", 5, "line_no"),
    (DELIVER, "L\t1\tGB", "L\t１\tGB", "E_FIELD", 5, "line_no"),
    (DELIVER, "90cm\t1\tPcs", "90cm\tone\tPcs", "E_FIELD", 5, "plan_qty"),
    (DELIVER, "90cm\t1\tPcs", "90cm\t0\tPcs", "E_QTY", 5, "plan_qty"),
    (DELIVER, "22\t2\tPcs", "22\t1.5\tPcs", "E_QTY", 6, "plan_qty"),
    (DELIVER, "ZP\t35.00", "XX\t35.00", "E_INVTYPE", 6, "inventory_type"),
    (DELIVER, "70.00\tN\t", "70.00\tX\t", "E_FIELD", 6, "is_gift"),
    (DELIVER, "学步鞋 蓝", "学步鞋%00蓝", "E_ESCAPE", 6, "item_name"),
    (DELIVER, "GB-SH-014-B-22", "GB-SH-014\x00B-22", "E_CHAR", 6, "item_code"),
    (DELIVER, "GB-SH-014-B-22", "GB-SH-014\u200bB-22", "E_CHAR", 6, "item_code"),
    (DELIVER, "\tN\t3021456789012345680", "\t3021456789012345680", "E_COLUMN", 6, ""),
    (SHIP, "\tSHP-2611220001-1\t", "\t\t", "E_FIELD", 6, "out_biz_code"),
    (SHIP, "\tPARTDELIVERED\t", "\tSHIPPED\t", "E_FIELD", 6, "status"),
    (SHIP, "-1\t1\tPART", "-1\t2\tPART", "E_FIELD", 6, "confirm_type"),
    (SHIP, "B-22\t2\t1\tZP", "B-22\t2\t-1\tZP", "E_QTY", 8, "actual_qty"),
    (SHIP, "P\t1\tSF\t", "P\t1\t\t", "E_FIELD", 9, "logistics_code"),
    (SHIP, "0.450", "0.4505", "E_FIELD", 9, "weight"),
    (SHIP, "Q\t1\t2\tGB-SH-014-B-22\t1", "Q\t1\t2\tGB-SH-014-B-22\t0.5", "E_QTY", 11, "qty"),
    (SHIP, "Q\t1\t2\tGB-SH-014-B-22\t1", "Q\t1\t2\t\t1", "E_FIELD", 11, "item_code"),
    (SHIP, "Q\t1\t2\t", "X\t1\t2\t", "E_RECORD", 11, ""),
    (SHIP, "O\t2611220001\t", "O\t2611220001-gt\t", "E_ROUTE", 6, "order_no"),
    (SUPPLIER, "O\t2611220005-gt\t", "O\t2611220005\t", "E_ROUTE", 4, "order_no"),
    (RECV, "O\t2611220002-c\t", "O\t2611220002-t\t", "E_ROUTE", 4, "order_no"),
    (RETURN, "\t污渍", "\t", "E_FIELD", 5, "defect_reason"),
    (ITEM, "I\tADD\tJFY\tOTHER\tGB-SH", "I\tDELETE\tJFY\tOTHER\tGB-SH", "E_FIELD", 4, "action_type"),
    (ITEM, "\t129.00\t", "\t1.29e2\t", "E_FIELD", 4, "tag_price"),
    (IBAL, "K\tIB20261122-WH01\t", "K\t\t", "E_FIELD", 4, "snapshot_id"),
    (IBAL, "WH01\t1\t1\t3", "WH01\t0\t1\t3", "E_FIELD", 4, "page"),
    (IBAL, "WH01\t1\t1\t3", "WH01\t1\t1\t4", "E_COUNT", 4, "line_count"),
    (IBAL, "\tCC\t5\t", "\tGOOD\t5\t", "E_INVTYPE", 6, "inventory_type"),
    (IBAL, "\t48\t2\t50", "\t48.25\t2\t50", "E_QTY", 7, "qty"),
    (IBAL, "\t48\t2\t50", "\t48\t-2\t50", "E_QTY", 7, "lock_qty"),
]

# (sample, old bytes, new bytes, code, line): the file is rejected; the digest is computed anew.
FRAME_FAULTS = [
    (DELIVER, b"HDR\t", b"HED\t", "E_HEADER", 1),
    (DELIVER, b"HDR\t1.0", b"HDR\t2.0", "E_HEADER", 1),
    (DELIVER, b"deliver_order\t", b"deliver_orders\t", "E_HEADER", 1),
    (DELIVER, b"deliver_order\t", b"receipt_order\t", "E_HEADER", 1),
    (DELIVER, b"LEQEE\tKINGDEE", b"KINGDEE\tLEQEE", "E_HEADER", 1),
    (DELIVER, b"10:00:00+08:00", b"10:00:00", "E_HEADER", 1),
    (DELIVER, b"\tJFY\tN\n", b"\tJFY\n", "E_HEADER", 1),
    (DELIVER, b"UTF-8", b"GBK", "E_CHARSET", 1),
    (DELIVER, b"UTF-8", b"UTF-16", "E_CHARSET", 1),
    (DELIVER, "学步鞋".encode(), "学步鞋".encode("gb18030"), "E_CHARSET", 6),
    (DELIVER, b"COL\tO\torder_no\t", b"COL\tO\t", "E_COLUMN", 2),
    (DELIVER, b"COL\tL\tline_no\t", b"COL\tL\tline_no\tline_no\t", "E_COLUMN", 3),
    (DELIVER, b"COL\tL\t", b"COL\tZ\t", "E_COLUMN", 5),
    (DELIVER, b"COL\tL\t", b"L\tL\t", "E_RECORD", 3),
    (DELIVER, b"COL\tO\t", b"\n", "E_COUNT", 0),
    (DELIVER, b"\nTRL\t", b"\nEND\t", "E_TRAILER", 0),
    (DELIVER, b"TRL\t1\t", b"TRL\tone\t", "E_TRAILER", 7),
    (DELIVER, b"TRL\t1\t2\t5\t3\t", b"TRL\t1\t2\t5\t3\t3\t", "E_TRAILER", 7),
    (DELIVER, b"TRL\t1\t", b"TRL\t2\t", "E_COUNT", 0),
    (DELIVER, b"TRL\t1\t2\t", b"TRL\t1\t3\t", "E_COUNT", 0),
    (DELIVER, b"TRL\t1\t2\t5\t", b"TRL\t1\t2\t6\t", "E_COUNT", 0),
    (DELIVER, b"TRL\t1\t2\t5\t3\t", b"TRL\t1\t2\t5\t4\t", "E_COUNT", 0),
    (IBAL, b"\t178\t", b"\t177\t", "E_COUNT", 0),
    (ITEM, b"TRL\t2\t2\t3\t0", b"TRL\t2\t2\t3\t1", "E_COUNT", 0),
]

BAD_NAMES = [
    "Deliver_20261122100000.txt",
    "deliver_20261122100000.sh",
    "Deliver_2026112210000.sh",
    "Deliver_20261322100000.sh",
    "Deliver-20261122100000.sh",
    "SHIP_20261122152100.shupl",
    "SHIP-20261122152100.shupl\n",
    "../SHIP-20261122152100.shupl",
    "SHIP-20261122152100.shupl.tmp",
    "SHIP-２０２６1122152100.shupl",
]


@pytest.mark.parametrize(("name", "old", "new", "code", "line", "field"), DOCUMENT_FAULTS)
def test_a_bad_record_rejects_its_document_at_the_exact_place(
    profile: Profile, sample: Sample, name: str, old: str, new: str, code: str, line: int, field: str
) -> None:
    data = sample(name)
    assert old.encode() in data

    decoded = codec_of(profile).decode(name, reseal(data.replace(old.encode(), new.encode(), 1)))

    (rejected,) = decoded.rejected
    fault = rejected.faults[0]
    assert (fault.code, fault.line, fault.field) == (code, line, field)
    assert rejected.held == (code == "E_ROUTE")
    assert len(decoded.documents) == (1 if name == ITEM else 0)


@pytest.mark.parametrize(("name", "old", "new", "code", "line"), FRAME_FAULTS)
def test_a_broken_frame_rejects_the_file(
    profile: Profile, sample: Sample, name: str, old: bytes, new: bytes, code: str, line: int
) -> None:
    data = sample(name)
    assert old in data
    changed = data.replace(old, new, 1)

    with pytest.raises(FileRejected) as rejected:
        codec_of(profile).decode(name, reseal(changed) if b"\nTRL\t" in changed and code != "E_TRAILER" else changed)

    assert (rejected.value.fault.code, rejected.value.fault.line) == (code, line)


def test_any_changed_byte_breaks_the_digest(profile: Profile, sample: Sample) -> None:
    data = sample(SHIP)

    with pytest.raises(FileRejected, match="二进制"):
        codec_of(profile).decode(SHIP, data.replace(b"\t0.450", b"\t0.460"))
    with pytest.raises(FileRejected) as rejected:
        codec_of(profile).decode(SHIP, data.replace(b"\n", b"\r\n"))

    assert rejected.value.fault.code == "E_CHECKSUM"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_of_no_interface_is_rejected(profile: Profile, sample: Sample, name: str) -> None:
    with pytest.raises(FileRejected) as rejected:
        codec_of(profile).decode(name, sample(SHIP))

    assert rejected.value.fault.code == "E_NAME"


def test_all_faults_of_a_document_are_told_and_the_others_go_through(profile: Profile, sample: Sample) -> None:
    data = sample(SHIP)
    second = data[data.index(b"\nO\t") + 1 : data.rindex(b"TRL")].decode()
    bad = second.replace("2611220001", "2611220009").replace("\t1\tZP", "\t0.5\tZP").replace("0.450", "heavy")
    text = data.replace(b"\nTRL", b"\n" + bad.encode() + b"TRL")

    decoded = codec_of(profile).decode(SHIP, reseal(text, (2, 4, 16, 3)))

    (rejected,) = decoded.rejected
    assert (rejected.order_no, rejected.owner_code, rejected.line_no) == ("2611220009", "JFY", 12)
    assert [(fault.code, fault.line, fault.field, fault.value) for fault in rejected.faults] == [
        ("E_QTY", 13, "actual_qty", "0.5"),
        ("E_QTY", 14, "actual_qty", "0.5"),
        ("E_FIELD", 15, "weight", "heavy"),
    ]
    assert [document.order_no for document in decoded.documents] == ["2611220001"]


def test_a_refused_document_can_be_cut_out_mended_and_read_again(profile: Profile, sample: Sample) -> None:
    data = sample(SHIP)
    second = data[data.index(b"\nO\t") + 1 : data.index(b"\nTRL") + 1].decode()
    bad = second.replace("2611220001", "2611220009").replace("\t1\tZP", "\t0.5\tZP")
    text = data.replace(b"\nTRL", b"\n" + bad.encode() + b"TRL")

    (excerpt,) = codec_of(profile).excerpts(SHIP, reseal(text, (2, 4, 16, 3)), {12}).values()
    again = codec_of(profile).decode(SHIP, excerpt, vouched=True)
    mended = codec_of(profile).decode(SHIP, excerpt.replace(b"\t0.5\tZP", b"\t1\tZP"), vouched=True)

    assert [rejected.order_no for rejected in again.rejected] == ["2611220009"]
    assert [document.order_no for document in mended.documents] == ["2611220009"]


def test_a_fault_reads_as_a_sentence_in_chinese_and_english(profile: Profile, sample: Sample) -> None:
    data = reseal(sample(SHIP).replace(b"B-22\t2\t1\tZP", b"B-22\t2\t1.5\tZP"))

    (rejected,) = codec_of(profile).decode(SHIP, data).rejected

    assert rejected.faults[0].message == (
        "第 8 行 actual_qty：数量须为整数件且在允许范围内，收到「1.5」，应为 整数件/whole pieces"
        " / line 8 actual_qty: quantity must be a whole number of pieces in range,"
        " got '1.5', expected 整数件/whole pieces"
    )


def test_personal_values_are_masked_in_faults(profile: Profile, sample: Sample) -> None:
    data = reseal(sample(DELIVER).replace("文一西路969号".encode(), ("路" * 201).encode()))

    (rejected,) = codec_of(profile).decode(DELIVER, data).rejected

    assert (rejected.faults[0].field, rejected.faults[0].value) == ("receiver_address", "***")


@pytest.mark.parametrize("quantity", ["2", "2.0", "2.0000", "02"])
def test_a_whole_quantity_is_read_however_it_is_written(profile: Profile, sample: Sample, quantity: str) -> None:
    data = sample(DELIVER).replace(b"22\t2\tPcs", f"22\t{quantity}\tPcs".encode())

    (order,) = codec_of(profile).decode(DELIVER, reseal(data)).documents

    assert order.records["L"][1]["plan_qty"] == 2


def test_oddities_are_tolerated_with_a_warning(profile: Profile, sample: Sample) -> None:
    data = sample(IBAL)
    wide = reseal(data.replace(b"\tunit\n", b"\tunit\tshelf\n").replace(b"\tPcs\n", b"\tPcs\tA1\n"))
    upper = reseal(sample(RETURN).replace(b"O\t2611220001-t\t", b"O\t2611220001-T\t"))

    def warned(name: str, content: bytes) -> list[str]:
        decoded = codec_of(profile).decode(name, content)
        assert len(decoded.documents) == 1
        return [warning.code for warning in decoded.warnings]

    assert warned("IBAL-20261122020500.ibupl", data) == ["W_NAME"]
    assert warned("IBAL-20261122020500.lbupl", data) == ["W_NAME"]
    assert warned("IBAL-20261122020500-01.Ibupl", data) == ["W_NAME"]
    assert warned("IBAL-20261122020500_000007.Ibupl", data) == ["W_NAME"]
    assert warned(IBAL, b"\xef\xbb\xbf" + data) == ["W_BOM"]
    assert warned(IBAL, reseal(b"\xef\xbb\xbf" + data)) == ["W_BOM"]
    assert warned(IBAL, reseal(data.replace(b"\n", b"\r\n"))) == ["W_CR"]
    assert warned(IBAL, wide) == ["W_COLUMN"]
    assert warned(RETURN, upper) == ["W_SUFFIX_CASE"]


def test_columns_come_in_any_order(profile: Profile, sample: Sample) -> None:
    data = sample(IBAL)
    turned = data.replace(b"qty\tlock_qty\ttotal_qty\tunit", b"unit\tqty\tlock_qty\ttotal_qty")
    turned = turned.replace(b"120\t3\t123\tPcs", b"Pcs\t120\t3\t123")
    turned = turned.replace(b"5\t0\t5\tPcs", b"Pcs\t5\t0\t5").replace(b"48\t2\t50\tPcs", b"Pcs\t48\t2\t50")

    assert codec_of(profile).decode(IBAL, reseal(turned)).documents == codec_of(profile).decode(IBAL, data).documents


def test_a_test_message_says_so(profile: Profile, sample: Sample) -> None:
    decoded = codec_of(profile).decode(SHIP, reseal(sample(SHIP).replace(b"\tJFY\tN\n", b"\tJFY\tY\n")))

    assert decoded.header.test_flag == "Y"
    assert encode(codec_of(profile), decoded.header, decoded.documents).data.startswith(b"HDR\t1.0\tship_result")

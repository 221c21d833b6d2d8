"""The text encoding, against the agreed samples and vectors."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_kingdee import frame
from sim_kingdee.layouts import INTERFACES, instruction_of
from sim_kingdee.message import Document, FrameError, Record

SAMPLES = {
    "Deliver_20261122100000.sh": "deliver_order",
    "SHIP-20261122152100.shupl": "ship_result",
    "ReturnNote_20261122100500.sh": "supplier_return_order",
    "SHIP-20261125110300.shupl": "supplier_return_result",
    "Receipt_20261122101000.rc": "receipt_order",
    "RECV-20261126141200.rcupl": "receipt_result",
    "Deliver_20261128100000.rc": "sales_return_order",
    "RECV-20261130164600.rcupl": "sales_return_result",
    "Item_20261122090000.im": "item_master",
    "IBAL-20261122020500.Ibupl": "inventory_balance",
}
DELIVER = INTERFACES["deliver_order"]


@pytest.mark.parametrize(("name", "interface"), SAMPLES.items())
def test_a_sample_is_read_without_a_finding_and_written_byte_for_byte(samples: Path, name: str, interface: str) -> None:
    data = (samples / name).read_bytes()

    message = frame.read(data, INTERFACES[interface])

    assert message.findings == []
    assert [finding for document in message.documents for finding in document.findings] == []
    assert frame.write(message.header, message.documents).data == data


def test_the_ship_sample_is_written_from_its_data(samples: Path) -> None:
    header = {
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
    head = {
        "order_no": "2611220001",
        "wms_order_no": "WMS8800123",
        "order_type": "SALE",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "out_biz_code": "SHP-2611220001-1",
        "confirm_type": "1",
        "status": "PARTDELIVERED",
        "shipped_at": "2026-11-22 15:20:31",
        "logistics_code": "SF",
        "express_no": "SF1400123456789",
        "package_count": "1",
        "line_count": "2",
    }
    lines = [
        {"line_no": "1", "item_code": "GB-TS-001-R-90", "plan_qty": "1", "actual_qty": "1", "inventory_type": "ZP"},
        {"line_no": "2", "item_code": "GB-SH-014-B-22", "plan_qty": "2", "actual_qty": "1", "inventory_type": "ZP"},
    ]
    package = {
        "package_no": "1",
        "logistics_code": "SF",
        "logistics_name": "顺丰速运",
        "express_no": "SF1400123456789",
        "weight": "0.450",
    }
    contents = [
        {"package_no": "1", "line_no": "1", "item_code": "GB-TS-001-R-90", "qty": "1"},
        {"package_no": "1", "line_no": "2", "item_code": "GB-SH-014-B-22", "qty": "1"},
    ]
    children = [Record("L", v) for v in lines] + [Record("P", package)] + [Record("Q", v) for v in contents]

    rendered = frame.write(header, [Document(Record("O", head), children)])

    assert rendered.data == (samples / "SHIP-20261122152100.shupl").read_bytes()
    assert rendered.lines == [6]


def test_gb18030_matches_the_reference_vector(samples: Path) -> None:
    message = frame.read((samples / "Deliver_20261122100000.sh").read_bytes(), DELIVER)

    data = frame.write({**message.header, "charset": "GB18030"}, message.documents).data

    body = data[: data.index(b"TRL\t")]
    assert len(body) == 1019
    assert hashlib.sha256(body).hexdigest() == "abc3553a7d0cbaf79c832f40250f5d8fa9a7a1c8102977fa65b62fcd31dce56b"
    assert frame.read(data, DELIVER).documents == message.documents


def test_records_know_their_line_in_the_file(samples: Path) -> None:
    order = frame.read((samples / "Deliver_20261122100000.sh").read_bytes(), DELIVER).documents[0]

    assert order.head.line == 4
    assert [line.line for line in order.lines()] == [5, 6]
    assert order.head.values["buyer_message"] == "送货前请电联\n100%纯棉对吗？"


def test_crlf_and_a_bom_are_read(samples: Path) -> None:
    data = (samples / "Deliver_20261122100000.sh").read_bytes()
    body = b"\xef\xbb\xbf" + data[: data.index(b"TRL\t")].replace(b"\n", b"\r\n")

    message = frame.read(_sealed(body, b"TRL\t1\t2\t5\t3\tSHA256\t"), DELIVER)

    assert [finding.code for finding in message.findings] == ["W_BOM"]
    assert message.documents[0].findings == []


def test_an_unknown_column_is_ignored_with_a_warning(samples: Path) -> None:
    data = _edited(samples, b"\tis_gift\t", b"\tcolour\t")

    message = frame.read(data, DELIVER)

    assert [(finding.code, finding.field) for finding in message.findings] == [("W_COLUMN", "colour")]
    assert message.documents[0].findings == []


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        (b"HDR\t1.0", b"HDR\t2.0", "E_HEADER", "format_version"),
        (b"\tdeliver_order\t", b"\tship_result\t", "E_HEADER", "interface"),
        (b"\tLEQEE\tKINGDEE\t", b"\tKINGDEE\tLEQEE\t", "E_HEADER", "sender"),
        (b"+08:00", b"", "E_HEADER", "created_at"),
        (b"T10:00:00", b"T25:00:00", "E_HEADER", "created_at"),
        (b"\tJFY\tN\n", b"\tJFY\n", "E_HEADER", ""),
        (b"\tUTF-8\t", b"\tGBK\t", "E_CHARSET", "charset"),
        ("张三".encode(), b"\xd5\xc5\xc8\xfd", "E_CHARSET", "charset"),
        (b"\tplan_qty\t", b"\tplanned\t", "E_COLUMN", "plan_qty"),
        (b"\titem_name\t", b"\titem_code\t", "E_COLUMN", "L"),
        (b"COL\tL\t", b"COL\tX\t", "E_COLUMN", "X"),
        (b"\nL\t1\t", b"\nM\t1\t", "E_COLUMN", ""),
        (b"\nO\t", b"\nL\t", "E_COLUMN", ""),
        (b"JFY\tN\n", "乐麦\tN\n".encode(), "E_HEADER", ""),
    ],
)
def test_a_broken_frame_refuses_the_file(samples: Path, old: bytes, new: bytes, code: str, field: str) -> None:
    with pytest.raises(FrameError) as caught:
        frame.read(_edited(samples, old, new), DELIVER)

    assert (caught.value.finding.code, caught.value.finding.field) == (code, field)


@pytest.mark.parametrize(
    ("trailer", "field"),
    [
        (b"TRL\t2\t2\t5\t3\t", "document_count"),
        (b"TRL\t1\t3\t5\t3\t", "line_count"),
        (b"TRL\t1\t2\t6\t3\t", "record_count"),
        (b"TRL\t1\t2\t5\t4\t", "control_total"),
        (b"TRL\t1\t2\t5\t", ""),
    ],
)
def test_a_trailer_that_does_not_agree_refuses_the_file(samples: Path, trailer: bytes, field: str) -> None:
    data = (samples / "Deliver_20261122100000.sh").read_bytes().replace(b"TRL\t1\t2\t5\t3\t", trailer)

    with pytest.raises(FrameError) as caught:
        frame.read(data, DELIVER)

    assert (caught.value.finding.code, caught.value.finding.field) == ("E_TRAILER", field)


def test_one_changed_byte_refuses_the_file(samples: Path) -> None:
    data = (samples / "Deliver_20261122100000.sh").read_bytes().replace(b"129.00", b"128.00", 1)

    with pytest.raises(FrameError) as caught:
        frame.read(data, DELIVER)

    assert (caught.value.finding.code, caught.value.finding.field) == ("E_TRAILER", "sha256")


def test_a_file_without_a_document_is_refused(samples: Path) -> None:
    header = frame.read((samples / "Deliver_20261122100000.sh").read_bytes(), DELIVER).header

    with pytest.raises(FrameError) as caught:
        frame.read(frame.write(header, []).data, DELIVER)

    assert caught.value.finding.code == "E_EMPTY"


def test_more_than_five_thousand_documents_are_refused(samples: Path) -> None:
    message = frame.read((samples / "Item_20261122090000.im").read_bytes(), INTERFACES["item_master"])

    with pytest.raises(FrameError) as caught:
        frame.read(frame.write(message.header, message.documents * 2501).data, INTERFACES["item_master"])

    assert caught.value.finding.code == "E_LIMIT"


@pytest.mark.parametrize("cut", [0, 1, 700, 1063, 1064, 1147])
def test_a_file_cut_anywhere_is_not_finished(samples: Path, cut: int) -> None:
    data = (samples / "Deliver_20261122100000.sh").read_bytes()

    assert frame.is_finished(data)
    assert not frame.is_finished(data[:cut])


@pytest.mark.parametrize(
    ("old", "new", "code", "field", "line_no"),
    [
        (b"100%25", b"100%2A", "E_ESCAPE", "", 0),
        (b"%0A100", b"%0a100", "E_ESCAPE", "", 0),
        (b"100%25", b"100%", "E_ESCAPE", "", 0),
        (b"\t13800000000\t", b"\t1380000\x0b000\t", "E_CHAR", "", 0),
        (b"\tN\t3021456789012345680", b"\tN", "E_COLUMN", "", 0),
        (b"\tSALE\t", b"\tSELL\t", "E_FIELD", "order_type", 0),
        (b"2026-11-22 09:30:00", b"2026-02-30 09:30:00", "E_FIELD", "placed_at", 0),
        (b"2026-11-22 09:30:00", b"2026-11-22T09:30:00", "E_FIELD", "placed_at", 0),
        (b"\t129.00\t139.00\t", b"\t129.001\t139.00\t", "E_FIELD", "total_amount", 0),
        (b"\t129.00\t139.00\t", b"\t1,129.00\t139.00\t", "E_FIELD", "total_amount", 0),
        ("\t浙江省\t".encode(), b"\t\t", "E_FIELD", "receiver_province", 0),
        (b"\t2\tPcs\t", b"\t2.5\tPcs\t", "E_FIELD", "plan_qty", 2),
        (b"Pcs\tZP\t35.00", b"Pcs\tXX\t35.00", "E_INVTYPE", "inventory_type", 2),
        (b"GB-SH-014-B-22", b"G" * 51, "E_FIELD", "item_code", 2),
    ],
)
def test_a_malformed_record_spoils_its_document_only(
    samples: Path, old: bytes, new: bytes, code: str, field: str, line_no: int
) -> None:
    order = frame.read(_edited(samples, old, new), DELIVER).documents[0]

    assert [(f.code, f.field, f.line_no) for f in order.findings] == [(code, field, line_no)]
    assert order.rejected


def test_a_negative_quantity_is_an_error_of_its_own(samples: Path) -> None:
    data = _edited(samples, b"\t2\tPcs\t", b"\t-2\tPcs\t").replace(b"TRL\t1\t2\t5\t3\t", b"TRL\t1\t2\t5\t-1\t")

    order = frame.read(data, DELIVER).documents[0]

    assert [(f.code, f.field, f.line_no) for f in order.findings] == [("E_QTY", "plan_qty", 2)]


def test_a_finding_names_place_and_field_but_not_the_value(samples: Path) -> None:
    order = frame.read(_edited(samples, b"\tSALE\t", b"\tSELL\t"), DELIVER).documents[0]

    assert order.findings[0].message == (
        "第 4 行 业务类型 应为 enum(SALE|EXCHANGE|RESEND|ADJUST)"
        " / line 4: order_type must be enum(SALE|EXCHANGE|RESEND|ADJUST)"
    )


def test_four_decimal_zeros_are_a_whole_quantity(samples: Path) -> None:
    order = frame.read(_edited(samples, b"\t2\tPcs\t", b"\t2.0000\tPcs\t"), DELIVER).documents[0]

    assert order.findings == []


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=40))
def test_any_text_survives_writing_and_reading(text: str) -> None:
    allowed = "".join(c for c in text if c >= " " or c in "\t\n\r")
    header = {
        "format_version": "1.0",
        "interface": "item_master",
        "charset": "GB18030",
        "sender": "LEQEE",
        "receiver": "KINGDEE",
        "message_id": "LQ1",
        "created_at": "2026-11-22T10:00:00+08:00",
        "owner_code": "JFY",
        "test_flag": "N",
    }
    item = {
        "action_type": "ADD",
        "owner_code": "JFY",
        "item_code": "A",
        "item_name": "名",
        "bar_code": "069",
        "unit": "Pcs",
        "item_type": "ZC",
        "remark": allowed,
    }

    data = frame.write(header, [Document(Record("I", item))]).data

    assert frame.read(data, INTERFACES["item_master"]).documents[0].head.values == item


@pytest.mark.parametrize(
    ("name", "interface"),
    [
        ("Deliver_20261122100000.sh", "deliver_order"),
        ("Deliver_20261122100000-01.rc", "sales_return_order"),
        ("Deliver_20261122100000_7.sh", "deliver_order"),
        ("Deliver-20261122100000.sh", None),
        ("deliver_20261122100000.sh", None),
        ("Deliver_20261322100000.sh", None),
        ("Deliver_20261122100000.sh.xml", None),
        ("SHIP-20261122152100.shupl", None),
    ],
)
def test_a_name_tells_the_interface_of_a_file_from_lemai(name: str, interface: str | None) -> None:
    found = instruction_of(name)

    assert (found.name if found else None) == interface


def _edited(samples: Path, old: bytes, new: bytes) -> bytes:
    """The sample Deliver file with one edit, sealed again with the counts it had."""
    data = (samples / "Deliver_20261122100000.sh").read_bytes()
    body = data[: data.index(b"TRL\t")]
    assert old in body
    return _sealed(body.replace(old, new, 1), b"TRL\t1\t2\t5\t3\tSHA256\t")


def _sealed(body: bytes, trailer: bytes) -> bytes:
    return body + trailer + hashlib.sha256(body).hexdigest().encode() + b"\n"

"""One row per error code and class of position in JSON: exact code, line and field."""

import sys

import pytest

from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected

from .docking_messages import converted, profile_of

DELIVER = "Deliver_20261122100000.sh"
SHIP = "SHIP-20261122152100.shupl"
RECV = "RECV-20261126141200.rcupl"
RETURN = "RECV-20261130164600.rcupl"
ITEM = "Item_20261122090000.im"
IBAL = "IBAL-20261122020500.Ibupl"

CODEC = codec_of(profile_of("json"))

# (sample, old text, new text, code, line, field): the document is rejected, the message is not.
DOCUMENT_FAULTS = [
    (SHIP, '"out_biz_code": "SHP-2611220001-1",', "", "E_FIELD", 13, "out_biz_code"),
    (SHIP, '"out_biz_code": "SHP-2611220001-1",', '"out_biz_code": null,', "E_FIELD", 13, "out_biz_code"),
    (SHIP, '"out_biz_code": "SHP-2611220001-1",', '"out_biz_code": " ",', "E_FIELD", 19, "out_biz_code"),
    (SHIP, '"order_no": "2611220001"', '"order_no": 2611220001', "E_FIELD", 14, "order_no"),
    (SHIP, '"order_no": "2611220001"', '"order_no": ["2611220001"]', "E_FIELD", 14, "order_no"),
    (SHIP, '"order_no": "2611220001"', '"order_no": {"no": "2611220001"}', "E_FIELD", 14, "order_no"),
    (SHIP, '"order_no": "2611220001"', '"order_no": true', "E_FIELD", 14, "order_no"),
    (SHIP, '"order_no": "2611220001"', '"order_no": "2611220001-gt"', "E_ROUTE", 13, "order_no"),
    (SHIP, '"status": "PART', '"status": "FULL', "E_FIELD", 21, "status"),
    (SHIP, '"confirm_type": 1', '"confirm_type": 2', "E_FIELD", 20, "confirm_type"),
    (SHIP, '"confirm_type": 1', '"confirm_type": 1.0', "E_FIELD", 20, "confirm_type"),
    (SHIP, '"confirm_type": 1', '"confirm_type": true', "E_FIELD", 20, "confirm_type"),
    (SHIP, "2026-11-22 15:20:31", "2026-11-22T15:20:31", "E_FIELD", 22, "shipped_at"),
    (SHIP, '"line_count": 2,\n      "l', '"line_count": 3,\n      "l', "E_COUNT", 13, "line_count"),
    (SHIP, '"line_no": 1', '"line_no": 0', "E_FIELD", 28, "line_no"),
    (SHIP, '"line_no": 1', '"line_no": -1', "E_FIELD", 28, "line_no"),
    (SHIP, '"actual_qty": "1"', '"actual_qty": 0.5', "E_QTY", 28, "actual_qty"),
    (SHIP, '"actual_qty": "1"', '"actual_qty": -1', "E_QTY", 28, "actual_qty"),
    (SHIP, '"actual_qty": "1"', '"actual_qty": 1e2', "E_FIELD", 28, "actual_qty"),
    (SHIP, '"actual_qty": "1"', '"actual_qty": 1e400', "E_FIELD", 28, "actual_qty"),
    (SHIP, '"actual_qty": "1"', f'"actual_qty": {"9" * 5000}', "E_FIELD", 28, "actual_qty"),
    (SHIP, '"inventory_type": "ZP"', '"inventory_type": "XX"', "E_INVTYPE", 28, "inventory_type"),
    (SHIP, '"item_code": "GB-TS-001-R-90"', '"item_code": "GB\\u0000"', "E_CHAR", 28, "item_code"),
    (SHIP, '"item_code": "GB-TS-001-R-90"', '"item_code": "GB\\ud800"', "E_CHAR", 28, "item_code"),
    (SHIP, '"item_code": "GB-TS-001-R-90"', '"item_code": "\\ufeffGB"', "E_CHAR", 28, "item_code"),
    (SHIP, '"items": [', '"items": "none", "other": [', "E_FIELD", 44, "Q"),
    (SHIP, '"package_no": "1",', "", "E_FIELD", 44, "package_no"),
    (SHIP, '"weight": "0.450"', '"weight": 0.4505', "E_FIELD", 44, "weight"),
    (SHIP, '"qty": "1"', '"qty": "0.5"', "E_QTY", 44, "qty"),
    (RECV, '"order_no": "2611220002-c"', '"order_no": "2611220002-t"', "E_ROUTE", 13, "order_no"),
    (RETURN, ',\n          "defect_reason": "污渍"', "", "E_FIELD", 27, "defect_reason"),
    (DELIVER, '"total_amount": "129.00"', '"total_amount": 129.001', "E_FIELD", 26, "total_amount"),
    (DELIVER, '"total_amount": "129.00"', '"total_amount": 1.29e2', "E_FIELD", 26, "total_amount"),
    (DELIVER, '"receiver_mobile": "13800000000",', "", "E_FIELD", 13, "receiver_mobile"),
    (ITEM, '"action_type": "ADD"', '"action_type": "DELETE"', "E_FIELD", 14, "action_type"),
    (ITEM, '"is_valid": "Y"', '"is_valid": true', "E_FIELD", 37, "is_valid"),
    (IBAL, '"page": 1', '"page": 0', "E_FIELD", 17, "page"),
    (IBAL, '"line_count": 3,\n    "b', '"line_count": 4,\n    "b', "E_COUNT", 12, "line_count"),
    (IBAL, '"inventory_type": "CC"', '"inventory_type": "GOOD"', "E_INVTYPE", 31, "inventory_type"),
    (IBAL, '"qty": "48"', '"qty": 48.25', "E_QTY", 41, "qty"),
    (IBAL, '"total_qty": "50"', '"total_qty": 51', "E_QTY", 41, "total_qty"),
]

# (sample, old bytes, new bytes, code, line): the message is rejected.
MESSAGE_FAULTS = [
    (SHIP, b'"line_no": 1', b'"line_no": 1, "line_no": 2', "E_SYNTAX", 28),
    (SHIP, b'"order_type": "SALE"', b'"order_type": "SALE", "order_no": "1"', "E_SYNTAX", 16),
    (SHIP, b'"orders": [', b'"orders": [], "orders": [', "E_SYNTAX", 12),
    (SHIP, b'"confirm_type": 1', b'"confirm_type": NaN', "E_SYNTAX", 20),
    (SHIP, b'"confirm_type": 1', b'"confirm_type": -Infinity', "E_SYNTAX", 20),
    (SHIP, b'"confirm_type": 1', b'"confirm_type": 01', "E_SYNTAX", 20),
    (SHIP, b'"confirm_type": 1', b'"confirm_type": 1,', "E_SYNTAX", 20),
    (SHIP, b'"SALE"', b'"SA\tLE"', "E_SYNTAX", 16),
    (SHIP, b'"SALE"', b'"SA\\xLE"', "E_SYNTAX", 16),
    (SHIP, b'"SALE"', b"'SALE'", "E_SYNTAX", 16),
    (SHIP, b'"order_type"', b"order_type", "E_SYNTAX", 16),
    (SHIP, b'"orders": [', b'"orders": [,', "E_SYNTAX", 12),
    (SHIP, b"{\n  ", b"[\n  ", "E_SYNTAX", 1),
    (SHIP, b"\n}\n", b"\n}\n}\n", "E_SYNTAX", 72),
    (SHIP, b"\n}\n", b"\n", "E_SYNTAX", 71),
    (SHIP, "顺丰".encode(), "顺丰".encode("gb18030"), "E_CHARSET", 47),
    (SHIP, b'"header"', b'"head"', "E_HEADER", 0),
    (SHIP, b'"format_version": "1.0"', b'"format_version": "2.0"', "E_HEADER", 2),
    (SHIP, b'"format_version": "1.0"', b'"format_version": 1.0', "E_HEADER", 3),
    (SHIP, b'"format_version": "1.0",', b"", "E_HEADER", 2),
    (SHIP, b'"ship_result"', b'"ship_results"', "E_HEADER", 4),
    (SHIP, b'"ship_result"', b'"item_master"', "E_HEADER", 2),
    (SHIP, b'"KINGDEE"', b'"LEQEE"', "E_HEADER", 2),
    (SHIP, b"15:21:00+08:00", b"15:21:00Z", "E_HEADER", 8),
    (SHIP, b'"test_flag"', b'"charset": "GB18030", "test_flag"', "E_CHARSET", 2),
    (SHIP, b'"trailer"', b'"items": [{}], "trailer"', "E_RECORD", 66),
    (SHIP, b'"trailer"', b'"snapshot": {}, "trailer"', "E_RECORD", 66),
    (SHIP, b'"trailer"', b'"end"', "E_TRAILER", 0),
    (SHIP, b'"order_count": 1', b'"order_count": "one"', "E_TRAILER", 67),
    (SHIP, b'"order_count": 1', b'"order_count": 1.5', "E_TRAILER", 67),
    (SHIP, b'"order_count": 1', b'"order_count": true', "E_TRAILER", 67),
    (SHIP, b'"order_count": 1,', b"", "E_TRAILER", 66),
    (SHIP, b'"lines": [', b'"lines": [ 7,', "E_COUNT", 0),
    (SHIP, b'"lines": [', b'"lines": "none", "other": [', "E_COUNT", 0),
    (SHIP, b'"order_count": 1', b'"order_count": 2', "E_COUNT", 0),
    (SHIP, b'"line_count": 2,\n    "t', b'"line_count": 3,\n    "t', "E_COUNT", 0),
    (SHIP, b'"total_qty": "2"', b'"total_qty": 3', "E_COUNT", 0),
    (IBAL, b'"total_qty": "178"', b'"total_qty": "177"', "E_COUNT", 0),
]


@pytest.mark.parametrize(("name", "old", "new", "code", "line", "field"), DOCUMENT_FAULTS)
def test_a_bad_value_rejects_its_document_at_its_place(
    name: str, old: str, new: str, code: str, line: int, field: str
) -> None:
    data = converted(name, "json").decode()
    assert old in data

    decoded = CODEC.decode(f"{name}.json", data.replace(old, new, 1).encode())

    (rejected,) = decoded.rejected
    fault = rejected.faults[0]
    assert (fault.code, fault.line, fault.field) == (code, line, field)
    assert rejected.held == (code == "E_ROUTE")
    assert len(decoded.documents) == (1 if name == ITEM else 0)


@pytest.mark.parametrize(("name", "old", "new", "code", "line"), MESSAGE_FAULTS)
def test_a_broken_message_is_rejected(name: str, old: bytes, new: bytes, code: str, line: int) -> None:
    data = converted(name, "json")
    assert old in data

    with pytest.raises(FileRejected) as rejected:
        CODEC.decode(f"{name}.json", data.replace(old, new, 1))

    assert (rejected.value.fault.code, rejected.value.fault.line) == (code, line)


@pytest.mark.parametrize("quantity", ["1", '"1"', "1.0", '"1.0000"', '"01"', '" 1 "'])
def test_a_whole_quantity_is_read_however_it_is_written(quantity: str) -> None:
    data = converted(SHIP, "json").replace(b'"actual_qty": "1"', f'"actual_qty": {quantity}'.encode(), 1)

    (document,) = CODEC.decode(f"{SHIP}.json", data).documents

    assert document.records["L"][0]["actual_qty"] == 1


def test_how_many_bad_inputs_were_tried(capsys: pytest.CaptureFixture[str]) -> None:
    codes = {row[3] for row in [*DOCUMENT_FAULTS, *MESSAGE_FAULTS]}

    with capsys.disabled():
        sys.stdout.write(f"\n{len(DOCUMENT_FAULTS) + len(MESSAGE_FAULTS)} bad JSON messages\n")

    in_documents = {"E_FIELD", "E_QTY", "E_INVTYPE", "E_CHAR", "E_ROUTE", "E_COUNT"}
    assert codes == {*in_documents, "E_SYNTAX", "E_CHARSET", "E_HEADER", "E_RECORD", "E_TRAILER"}

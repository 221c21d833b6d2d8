"""One row per error code and class of position in XML: exact code, line and field."""

import sys

import pytest

from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected

from .docking_messages import converted, profile_of

DELIVER = "Deliver_20261122100000.sh"
SHIP = "SHIP-20261122152100.shupl"
SUPPLIER = "SHIP-20261125110300.shupl"
RECV = "RECV-20261126141200.rcupl"
RETURN = "RECV-20261130164600.rcupl"
ITEM = "Item_20261122090000.im"
IBAL = "IBAL-20261122020500.Ibupl"

PROFILE = profile_of("xml")
CODEC = codec_of(PROFILE)

# (sample, old text, new text, code, line, field): the document is rejected, the message is not.
DOCUMENT_FAULTS = [
    (DELIVER, "<sourcePlatformCode>TM</sourcePlatformCode>", "", "E_FIELD", 14, "platform_code"),
    (DELIVER, "<sourcePlatformCode>TM</sourcePlatformCode>", "<sourcePlatformCode/>", "E_FIELD", 14, "platform_code"),
    (DELIVER, "2026-11-22 09:31:02", "2026-11-22T09:31:02", "E_FIELD", 25, "paid_at"),
    (DELIVER, "2026-11-22 09:31:02", "", "E_FIELD", 14, "paid_at"),
    (DELIVER, "2026-11-22 09:58:10", "2026-02-30 09:58:10", "E_FIELD", 23, "created_at"),
    (DELIVER, ">139.00<", ">1,139.00<", "E_FIELD", 28, "item_amount"),
    (DELIVER, ">139.00<", ">139.001<", "E_FIELD", 28, "item_amount"),
    (DELIVER, ">10.00<", ">-10.00<", "E_FIELD", 29, "discount_amount"),
    (DELIVER, ">2611220001<", ">&#65279;2611220001<", "E_CHAR", 15, "order_no"),
    (DELIVER, "<name>张三</name>", "<name><first>三</first></name>", "E_FIELD", 36, "receiver_name"),
    (DELIVER, "<name>张三</name>", "<name>张三</name><name>张三</name>", "E_COLUMN", 36, "receiver_name"),
    (DELIVER, "五常街道", "街" * 51, "E_FIELD", 41, "receiver_town"),
    (DELIVER, "<mobile>13800000000</mobile>", "", "E_FIELD", 14, "receiver_mobile"),
    (DELIVER, "<deliveryOrderCode>2611220001<", "<deliveryOrderCode>2611220001-h<", "E_ROUTE", 14, "order_no"),
    (DELIVER, "<deliveryOrderCode>2611220001<", "<deliveryOrderCode>-c<", "E_FIELD", 14, "order_no"),
    (DELIVER, ">SALE<", ">JYCK<", "E_FIELD", 16, "order_type"),
    (DELIVER, "<totalOrderLines>2<", "<totalOrderLines>3<", "E_COUNT", 14, "line_count"),
    (DELIVER, "<orderLineNo>1<", "<orderLineNo>0<", "E_FIELD", 47, "line_no"),
    (DELIVER, "<orderLineNo>1<", "<orderLineNo>１<", "E_FIELD", 47, "line_no"),
    (DELIVER, "<planQty>1<", "<planQty>one<", "E_FIELD", 50, "plan_qty"),
    (DELIVER, "<planQty>1<", "<planQty>0<", "E_QTY", 50, "plan_qty"),
    (DELIVER, "<planQty>2<", "<planQty>1.5<", "E_QTY", 62, "plan_qty"),
    (DELIVER, "<planQty>2<", "<planQty>1e0<", "E_FIELD", 62, "plan_qty"),
    (DELIVER, "<inventoryType>ZP<", "<inventoryType>XX<", "E_INVTYPE", 52, "inventory_type"),
    (SHIP, "<outBizCode>SHP-2611220001-1</outBizCode>", "", "E_FIELD", 14, "out_biz_code"),
    (SHIP, ">PARTDELIVERED<", ">SHIPPED<", "E_FIELD", 22, "status"),
    (SHIP, "<confirmType>1<", "<confirmType>2<", "E_FIELD", 21, "confirm_type"),
    (SHIP, "<actualQty>1<", "<actualQty>-1<", "E_QTY", 33, "actual_qty"),
    (SHIP, "          <logisticsCode>SF<", "          <logisticsCode><", "E_FIELD", 47, "logistics_code"),
    (SHIP, "0.450", "0.4505", "E_FIELD", 50, "weight"),
    (SHIP, "<packageCode>1</packageCode>", "", "E_FIELD", 45, "package_no"),
    (SHIP, "<quantity>1<", "<quantity>0.5<", "E_QTY", 55, "qty"),
    (SHIP, "<items>", "<items>pieces</items><items>", "E_FIELD", 51, "items"),
    (SHIP, "<deliveryOrderCode>2611220001<", "<deliveryOrderCode>2611220001-gt<", "E_ROUTE", 14, "order_no"),
    (SUPPLIER, "<deliveryOrderCode>2611220005-gt<", "<deliveryOrderCode>2611220005<", "E_ROUTE", 14, "order_no"),
    (RECV, "<entryOrderCode>2611220002-c<", "<entryOrderCode>2611220002-t<", "E_ROUTE", 14, "order_no"),
    (RETURN, "<defectReason>污渍</defectReason>", "", "E_FIELD", 28, "defect_reason"),
    (ITEM, "<actionType>ADD<", "<actionType>DELETE<", "E_FIELD", 15, "action_type"),
    (ITEM, "<tagPrice>99.00<", "<tagPrice>9.9e1<", "E_FIELD", 31, "tag_price"),
    (IBAL, "<snapshotId>IB20261122-WH01<", "<snapshotId><", "E_FIELD", 14, "snapshot_id"),
    (IBAL, "<currentPage>1<", "<currentPage>0<", "E_FIELD", 18, "page"),
    (IBAL, "<lineCount>3</lineCount>\n    <b", "<lineCount>4</lineCount>\n    <b", "E_COUNT", 13, "line_count"),
    (IBAL, "<inventoryType>CC<", "<inventoryType>GOOD<", "E_INVTYPE", 36, "inventory_type"),
    (IBAL, "<quantity>48<", "<quantity>48.25<", "E_QTY", 47, "qty"),
    (IBAL, "<lockQuantity>2<", "<lockQuantity>-2<", "E_QTY", 48, "lock_qty"),
    (IBAL, "<totalQuantity>50<", "<totalQuantity>51<", "E_QTY", 42, "total_qty"),
]

# (sample, old bytes, new bytes, code, line): the message is rejected.
MESSAGE_FAULTS = [
    (DELIVER, b"</message>", b"", "E_SYNTAX", 79),
    (DELIVER, b"<orders>", b"<orders><order></orders>", "E_SYNTAX", 13),
    (DELIVER, b"<message>", b"<messages>", "E_SYNTAX", 2),
    (DELIVER, b"<orders>", b"<orders>text", "E_SYNTAX", 72),
    (DELIVER, b"<receiverInfo>", b"<receiverInfo>text", "E_SYNTAX", 43),
    (DELIVER, b"<order>", b'<order id="1">', "E_SYNTAX", 14),
    (DELIVER, b"<orders>", b'<orders xmlns="urn:x">', "E_SYNTAX", 13),
    (DELIVER, b"<order>", b"<x:order>", "E_SYNTAX", 14),
    (DELIVER, b"<message>", b"<?php echo 1 ?><message>", "E_SYNTAX", 2),
    (DELIVER, b"<message>", b"<!DOCTYPE message><message>", "E_SYNTAX", 2),
    (DELIVER, "张三".encode(), b"&name;", "E_SYNTAX", 36),
    (DELIVER, "张三".encode(), b"&#0;", "E_SYNTAX", 36),
    (DELIVER, "张三".encode(), b"&#xFFFE;", "E_SYNTAX", 36),
    (DELIVER, b'encoding="UTF-8"', b'encoding="GB18030"', "E_CHARSET", 1),
    (DELIVER, b'encoding="UTF-8"', b'encoding="UTF-7"', "E_CHARSET", 1),
    (DELIVER, "学步鞋".encode(), "学步鞋".encode("gb18030"), "E_CHARSET", 61),
    (DELIVER, b"<header>", b"<head>", "E_SYNTAX", 12),
    (DELIVER, b"<formatVersion>1.0", b"<formatVersion>2.0", "E_HEADER", 3),
    (DELIVER, b"<formatVersion>1.0</formatVersion>", b"", "E_HEADER", 3),
    (DELIVER, b">deliver_order<", b">deliver_orders<", "E_HEADER", 5),
    (DELIVER, b">deliver_order<", b">receipt_order<", "E_HEADER", 3),
    (DELIVER, b">LEQEE<", b">KINGDEE<", "E_HEADER", 3),
    (DELIVER, b"10:00:00+08:00", b"10:00:00", "E_HEADER", 9),
    (DELIVER, b"</header>", b"<charset>GB18030</charset></header>", "E_CHARSET", 3),
    (DELIVER, b"</header>", b"<charset>GBK</charset></header>", "E_CHARSET", 12),
    (DELIVER, b"</header>", b"</header><header><ownerCode>JFY</ownerCode></header>", "E_HEADER", 12),
    (DELIVER, b"</orders>", b"</orders><items><item/></items>", "E_RECORD", 72),
    (DELIVER, b"<orders>", b"<snapshot/><orders>", "E_RECORD", 13),
    (IBAL, b"</snapshot>", b"</snapshot><snapshot/>", "E_RECORD", 53),
    (DELIVER, b"<trailer>", b"<end>", "E_SYNTAX", 77),
    (DELIVER, b"</orders>", b"</orders><trailer/>", "E_TRAILER", 73),
    (DELIVER, b"<orderCount>1</orderCount>", b"", "E_TRAILER", 73),
    (DELIVER, b"<lineCount>", b"<orderCount>1</orderCount><lineCount>", "E_TRAILER", 73),
    (DELIVER, b"</message>", b"<trailer/></message>", "E_TRAILER", 78),
    (DELIVER, b"<orderCount>1<", b"<orderCount>one<", "E_TRAILER", 74),
    (DELIVER, b"<orderCount>1<", b"<orderCount>2<", "E_COUNT", 0),
    (DELIVER, b"<lineCount>2<", b"<lineCount>3<", "E_COUNT", 0),
    (DELIVER, b"<totalQty>3<", b"<totalQty>4<", "E_COUNT", 0),
    (IBAL, b"<totalQty>178<", b"<totalQty>177<", "E_COUNT", 0),
    (IBAL, b"<lineCount>3</lineCount>\n    <t", b"<lineCount>2</lineCount>\n    <t", "E_COUNT", 0),
    (ITEM, b"<totalQty>0<", b"<totalQty>1<", "E_COUNT", 0),
]


@pytest.mark.parametrize(("name", "old", "new", "code", "line", "field"), DOCUMENT_FAULTS)
def test_a_bad_value_rejects_its_document_at_the_exact_place(
    name: str, old: str, new: str, code: str, line: int, field: str
) -> None:
    data = converted(name, "xml").decode()
    assert old in data

    decoded = CODEC.decode(f"{name}.xml", data.replace(old, new, 1).encode())

    (rejected,) = decoded.rejected
    fault = rejected.faults[0]
    assert (fault.code, fault.line, fault.field) == (code, line, field)
    assert rejected.held == (code == "E_ROUTE")
    assert len(decoded.documents) == (1 if name == ITEM else 0)


@pytest.mark.parametrize(("name", "old", "new", "code", "line"), MESSAGE_FAULTS)
def test_a_broken_message_is_rejected(name: str, old: bytes, new: bytes, code: str, line: int) -> None:
    data = converted(name, "xml")
    assert old in data

    with pytest.raises(FileRejected) as rejected:
        CODEC.decode(f"{name}.xml", data.replace(old, new, 1))

    assert (rejected.value.fault.code, rejected.value.fault.line) == (code, line)


def test_how_many_bad_inputs_were_tried(capsys: pytest.CaptureFixture[str]) -> None:
    codes = {row[3] for row in [*DOCUMENT_FAULTS, *MESSAGE_FAULTS]}

    with capsys.disabled():
        sys.stdout.write(f"\n{len(DOCUMENT_FAULTS) + len(MESSAGE_FAULTS)} bad XML messages\n")

    in_documents = {"E_FIELD", "E_QTY", "E_INVTYPE", "E_CHAR", "E_ROUTE", "E_COLUMN", "E_COUNT"}
    assert codes == {*in_documents, "E_SYNTAX", "E_CHARSET", "E_HEADER", "E_RECORD", "E_TRAILER"}

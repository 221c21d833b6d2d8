"""XML and JSON: what is written is the reference's example to the byte, and what is not agreed is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_kingdee import frame, json_codec, xml_codec
from sim_kingdee.encodings import ENCODINGS, Encoding
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, FrameError, Record

DELIVER = INTERFACES["deliver_order"]
SAMPLES = [
    ("Deliver_20261122100000.sh.xml", "deliver_order"),
    ("RECV-20261126141200.rcupl.xml", "receipt_result"),
    ("RECV-20261130164600.rcupl.json", "sales_return_result"),
    ("IBAL-20261122020500.Ibupl.json", "inventory_balance"),
]
TEXT_SAMPLES = [
    ("Deliver_20261122100000.sh", "deliver_order"),
    ("SHIP-20261122152100.shupl", "ship_result"),
    ("ReturnNote_20261122100500.sh", "supplier_return_order"),
    ("SHIP-20261125110300.shupl", "supplier_return_result"),
    ("Receipt_20261122101000.rc", "receipt_order"),
    ("RECV-20261126141200.rcupl", "receipt_result"),
    ("Deliver_20261128100000.rc", "sales_return_order"),
    ("RECV-20261130164600.rcupl", "sales_return_result"),
    ("Item_20261122090000.im", "item_master"),
    ("IBAL-20261122020500.Ibupl", "inventory_balance"),
]


def encoding_of(name: str) -> Encoding:
    return ENCODINGS["xml" if name.endswith(".xml") else "json"]


def content(documents: list[Document]) -> list[list[tuple[str, dict[str, str]]]]:
    """What documents say, without empty values and places."""
    return [
        [(r.tag, {k: v for k, v in r.values.items() if v}) for r in (document.head, *document.children)]
        for document in documents
    ]


@pytest.mark.parametrize(("name", "interface"), SAMPLES)
def test_an_example_of_the_reference_is_read_and_written_byte_for_byte(
    samples: Path, name: str, interface: str
) -> None:
    data = (samples / name).read_bytes()
    encoding = encoding_of(name)

    message = encoding.read(data, INTERFACES[interface])

    assert [message.findings, *(document.findings for document in message.documents)] == [[], []]
    assert encoding.write(message.header, message.documents).data == data


@pytest.mark.parametrize("encoding", ["xml", "json"])
@pytest.mark.parametrize(("name", "interface"), TEXT_SAMPLES)
def test_every_interface_says_the_same_in_every_encoding(
    samples: Path, encoding: Any, name: str, interface: str
) -> None:
    text = frame.read((samples / name).read_bytes(), INTERFACES[interface])
    codec = ENCODINGS[encoding]

    read = codec.read(codec.write(text.header, text.documents).data, INTERFACES[interface])

    assert content(read.documents) == content(text.documents)
    assert [document.findings for document in read.documents] == [[] for _ in text.documents]


def test_the_examples_say_what_the_text_examples_say(samples: Path) -> None:
    for name, interface in SAMPLES:
        text = frame.read((samples / name.rpartition(".")[0]).read_bytes(), INTERFACES[interface])
        other = encoding_of(name).read((samples / name).read_bytes(), INTERFACES[interface])
        assert content(other.documents) == content(text.documents)


@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_packages_and_serials_are_nested_and_come_back(samples: Path, encoding: Any) -> None:
    text = frame.read((samples / "SHIP-20261122152100.shupl").read_bytes(), INTERFACES["ship_result"])
    (document,) = text.documents
    first, second, *packages = document.children
    serial = Record("S", {"line_no": "1", "item_code": "GB-TS-001-R-90", "sn": "SN000001"})
    document = Document(document.head, [first, serial, second, *packages])
    codec = ENCODINGS[encoding]

    data = codec.write(text.header, [document]).data

    assert content(codec.read(data, INTERFACES["ship_result"]).documents) == content([document])
    assert data.count(b"packageCode>") + 2 * data.count(b"package_no") == 2


@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_the_line_a_document_begins_on_is_told(samples: Path, encoding: Any) -> None:
    items = frame.read((samples / "Item_20261122090000.im").read_bytes(), INTERFACES["item_master"])
    codec = ENCODINGS[encoding]

    rendered = codec.write(items.header, items.documents)

    lines = rendered.data.decode().split("\n")
    opening, first = ("<item>", "<actionType>ADD") if encoding == "xml" else ("{", '"action_type": "ADD')
    assert [lines[n - 1].strip() for n in rendered.lines] == [opening] * 2
    assert [lines[n].strip()[: len(first)] for n in rendered.lines] == [first] * 2


@pytest.mark.parametrize("name", ["Deliver_20261122100000.sh.xml", "IBAL-20261122020500.Ibupl.json"])
def test_a_file_cut_anywhere_is_not_finished(samples: Path, name: str) -> None:
    data = (samples / name).read_bytes()
    encoding = encoding_of(name)

    assert encoding.is_finished(data)
    assert not any(encoding.is_finished(data[:cut]) for cut in range(0, len(data.rstrip()), 7))


BOMB = b'<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        (b"<message>", BOMB + b"<message>", "E_SYNTAX", ""),
        (b"<message>", b"<message version='1'>", "E_SYNTAX", ""),
        (b"<message>", b"<message xmlns='urn:x'>", "E_SYNTAX", ""),
        (b"<orders>", b"<orders>text", "E_SYNTAX", ""),
        (b"</orders>", b"</order>", "E_SYNTAX", ""),
        (b'encoding="UTF-8"', b'encoding="GBK"', "E_SYNTAX", ""),
        (b"\xe5\xbc\xa0", b"\xd5\xc5", "E_SYNTAX", ""),
        (b"<message>", b"<message>" + b"<a>" * 32 + b"</a>" * 32, "E_SYNTAX", ""),
        (b"<testFlag>N</testFlag>", b"<testFlag>N</testFlag><testFlag>Y</testFlag>", "E_HEADER", ""),
        (b"<messageId>LQ20261122100000000001</messageId>", b"", "E_HEADER", "message_id"),
        (b">deliver_order<", b">receipt_order<", "E_HEADER", "interface"),
        (b"<orderCount>1<", b"<orderCount>2<", "E_TRAILER", "orderCount"),
        (b"<lineCount>2<", b"<lineCount>1<", "E_TRAILER", "lineCount"),
        (b"<totalQty>3<", b"<totalQty>4<", "E_TRAILER", "totalQty"),
        (b"<totalQty>3</totalQty>", b"", "E_TRAILER", "totalQty"),
        (b"<totalQty>3<", b"<totalQty>three<", "E_TRAILER", "totalQty"),
    ],
)
def test_xml_that_cannot_be_trusted_is_refused(samples: Path, old: bytes, new: bytes, code: str, field: str) -> None:
    data = (samples / "Deliver_20261122100000.sh.xml").read_bytes()
    assert data.count(old) == 1

    with pytest.raises(FrameError) as caught:
        xml_codec.read(data.replace(old, new), DELIVER)

    assert (caught.value.finding.code, caught.value.finding.field) == (code, field)


@pytest.mark.parametrize(
    ("old", "new", "code", "field", "line_no"),
    [
        (b"<planQty>2<", b"<planQty>2.5<", "E_FIELD", "plan_qty", 2),
        (b"<planQty>2<", b"<planQty>-2<", "E_QTY", "plan_qty", 2),
        (b"<planQty>2</planQty>", b"", "E_FIELD", "plan_qty", 2),
        (b"<name>\xe5\xbc\xa0\xe4\xb8\x89</name>", b"", "E_FIELD", "receiver_name", 0),
        (b"<shopCode>TM-JFY-01</shopCode>", b"<shopCode>A</shopCode><shopCode>B</shopCode>", "E_FIELD", "shop_code", 0),
    ],
)
def test_a_malformed_element_spoils_its_document_only(
    samples: Path, old: bytes, new: bytes, code: str, field: str, line_no: int
) -> None:
    data = (samples / "Deliver_20261122100000.sh.xml").read_bytes()
    assert data.count(old) == 1

    (order,) = xml_codec.read(data.replace(old, new).replace(b"<totalQty>3<", _total(new)), DELIVER).documents

    assert [(f.code, f.field, f.line_no) for f in order.findings] == [(code, field, line_no)]


def _total(new: bytes) -> bytes:
    """A negative quantity is whole, so the trailer counts it."""
    return b"<totalQty>-1<" if b"-2" in new else b"<totalQty>3<"


def test_unknown_elements_are_ignored(samples: Path) -> None:
    data = (samples / "Deliver_20261122100000.sh.xml").read_bytes()
    more = data.replace(b"<orderLines>", b"<extendProps><key>1</key></extendProps><orderLines>")

    assert content(xml_codec.read(more, DELIVER).documents) == content(xml_codec.read(data, DELIVER).documents)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"page": 1,', '"page": 1, "page": 1,', "E_SYNTAX"),
        ('"snapshot": {', '"snapshots": {', "E_EMPTY"),
        ('"balances": [', '"balances": [1, ', "E_SYNTAX"),
        ('"total_qty": "178"', '"total_qty": "177"', "E_TRAILER"),
        ('"total_qty": "178"', '"total_qty": NaN', "E_SYNTAX"),
        ('"owner_code": "JFY",\n    "test_flag"', '"owner_code": 1,\n    "test_flag"', "E_HEADER"),
        ('"page": 1,', '"page": 1,,', "E_SYNTAX"),
        ("{", "[{", "E_SYNTAX"),
        ("{", "\ufeff{", "E_SYNTAX"),
    ],
)
def test_json_that_cannot_be_trusted_is_refused(samples: Path, old: str, new: str, code: str) -> None:
    text = (samples / "IBAL-20261122020500.Ibupl.json").read_text()
    assert old in text

    with pytest.raises(FrameError) as caught:
        json_codec.read(text.replace(old, new, 1).encode(), INTERFACES["inventory_balance"])

    assert caught.value.finding.code == code


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ('"order_no": "2611220001-t"', '"order_no": 2611220001', "E_FIELD", "order_no"),
        ('"status": "FULFILLED"', '"status": null', "E_FIELD", "status"),
        ('"express_no": "YT8812345678901"', '"express_no": "YT\\u0000"', "E_CHAR", "express_no"),
        ('"express_no": "YT8812345678901"', '"express_no": "YT\\ud800"', "E_CHAR", "express_no"),
        ('"line_count": 1,\n      "lines"', '"line_count": 1.5,\n      "lines"', "E_FIELD", "line_count"),
    ],
)
def test_a_malformed_value_spoils_its_json_document_only(
    samples: Path, old: str, new: str, code: str, field: str
) -> None:
    text = (samples / "RECV-20261130164600.rcupl.json").read_text()
    assert old in text

    (order,) = json_codec.read(text.replace(old, new).encode(), INTERFACES["sales_return_result"]).documents

    assert [(f.code, f.field) for f in order.findings] == [(code, field)]


def test_json_numbers_are_read_digit_by_digit_and_unknown_keys_reported(samples: Path) -> None:
    text = (samples / "RECV-20261130164600.rcupl.json").read_text()
    text = text.replace('"actual_qty": "1"', '"actual_qty": 1.0000').replace('"status"', '"mood": "good", "status"')

    (order,) = json_codec.read(text.encode(), INTERFACES["sales_return_result"]).documents

    assert order.lines()[0].values["actual_qty"] == "1.0000"
    assert [(f.code, f.field) for f in order.findings] == [("W_COLUMN", "mood")]


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff"),
    min_size=1,
    max_size=40,
) | st.sampled_from(["a\nb\tc", "<&>\"'", "]]>", " 前后空格 ", "\\u0041"])


@given(text=TEXTS, encoding=st.sampled_from(["xml", "json"]))
def test_any_text_survives_writing_and_reading(text: str, encoding: Any) -> None:
    item = {"action_type": "ADD", "owner_code": "JFY", "item_code": "A", "item_name": "名", "bar_code": "1"}
    item |= {"unit": "Pcs", "item_type": "ZC", "remark": text}
    header = {
        "format_version": "1.0",
        "interface": "item_master",
        "charset": "UTF-8",
        "sender": "LEQEE",
        "receiver": "KINGDEE",
        "message_id": "LQ1",
        "created_at": "2026-11-22T09:00:00+08:00",
        "owner_code": "JFY",
        "test_flag": "N",
    }
    codec = ENCODINGS[encoding]

    (document,) = codec.read(
        codec.write(header, [Document(Record("I", item))]).data, INTERFACES["item_master"]
    ).documents

    assert document.head.values == item


def test_a_character_that_xml_forbids_is_never_written() -> None:
    header = dict.fromkeys(("format_version", "sender", "receiver", "message_id", "created_at"), "x")
    header |= {"interface": "item_master", "owner_code": "JFY", "test_flag": "N"}

    with pytest.raises(ValueError, match="remark"):
        xml_codec.write(header, [Document(Record("I", {"remark": "\x0b"}))])

"""What may differ in a message without harm, the reference's examples, and what quarantine keeps of a message."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lemai_docking.codec import Codec
from lemai_docking.documents import Decoded
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected

from .docking_messages import SAMPLES, VECTORS, converted, profile_of

SHIP = "SHIP-20261122152100.shupl"
RETURN = "RECV-20261130164600.rcupl"
IBAL = "IBAL-20261122020500.Ibupl"
CODECS: dict[str, Codec] = {names: codec_of(profile_of(names)) for names in ("text", "xml", "json")}


def decoded(name: str, names: str, data: bytes) -> Decoded:
    return CODECS[names].decode(f"{name}.{names}", data)


def warned(name: str, names: str, data: bytes) -> list[tuple[str, str, str]]:
    read = decoded(name, names, data)
    assert len(read.documents) == 1
    return [(warning.code, warning.field, warning.value) for warning in read.warnings]


@pytest.mark.parametrize("path", sorted(VECTORS.iterdir()), ids=lambda path: path.name)
def test_the_examples_of_the_reference_are_read_and_written_to_the_byte(path: Path) -> None:
    codec = CODECS[path.suffix[1:]]
    text = CODECS["text"].decode(path.stem, (SAMPLES / path.stem).read_bytes())

    read = codec.decode(path.name, path.read_bytes())

    assert (read.header, read.documents, read.rejected, read.warnings) == (text.header, text.documents, [], [])
    assert codec.frame(read.header, [codec.render(one) for one in read.documents]).data == path.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("<orderLine>", "<orderLine><extendProps><colour>red</colour></extendProps>", "L", "extendProps"),
        ("<deliveryOrderCode>", "<shelf>A1</shelf><deliveryOrderCode>", "O", "shelf"),
        ("</header>", "</header><version>7</version>", "message", "version"),
        ("<orders>", "<orders><remark/>", "message", "remark"),
        ("<item>", "<item><packageCode>1</packageCode>", "Q", "packageCode"),
        ("</trailer>", "<packageCount>1</packageCount></trailer>", "trailer", "packageCount"),
    ],
)
def test_unknown_elements_are_ignored_with_a_warning(old: str, new: str, where: str, what: str) -> None:
    data = converted(SHIP, "xml")

    odd = data.replace(old.encode(), new.encode())

    assert warned(SHIP, "xml", odd) == [("W_COLUMN", where, what)]
    assert decoded(SHIP, "xml", odd).documents == decoded(SHIP, "xml", data).documents


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('"line_no": 1', '"shelf": {"row": [1]}, "line_no": 1', "L", "shelf"),
        ('"order_no"', '"shelf": null, "order_no"', "O", "shelf"),
        ('"trailer"', '"version": 7, "trailer"', "message", "version"),
        ('"order_count"', '"package_count": 1, "order_count"', "trailer", "package_count"),
    ],
)
def test_unknown_keys_are_ignored_with_a_warning(old: str, new: str, where: str, what: str) -> None:
    data = converted(SHIP, "json")

    odd = data.replace(old.encode(), new.encode(), 1)

    assert warned(SHIP, "json", odd) == [("W_COLUMN", where, what)]
    assert decoded(SHIP, "json", odd).documents == decoded(SHIP, "json", data).documents


@pytest.mark.parametrize("names", ["xml", "json"])
def test_other_oddities_are_tolerated_with_a_warning(names: str) -> None:
    ship, returned = converted(SHIP, names), converted(RETURN, names)

    assert warned(SHIP, names, b"\xef\xbb\xbf" + ship) == [("W_BOM", "", "")]
    assert warned(SHIP, names, ship.replace(b"\n", b"\r\n")) == []
    assert warned(RETURN, names, returned.replace(b"2611220001-t", b"2611220001-T"))[0][0] == "W_SUFFIX_CASE"
    other = returned.replace(b"sales_return_result", b"receipt_result")
    assert warned(RETURN, names, other) == [("W_ROUTE", "interface", "receipt_result")]


def test_the_document_outranks_the_header_whatever_its_elements_are_named() -> None:
    """Both results of a RECV file name the order's number and kind by elements of their own."""
    data = converted(RETURN, "xml").replace(b">sales_return_result<", b">receipt_result<")

    (document,) = decoded(RETURN, "xml", data).documents

    assert (document.interface, document.order_no) == ("sales_return_result", "2611220001-t")


@pytest.mark.parametrize(
    "spelled",
    ["2611<!-- -->220001", "2611<![CDATA[220001]]>", "&#50;611220001", "\n 2611220001\n", "<![CDATA[2611220001]]>"],
)
def test_a_value_is_whole_however_it_is_spelled(spelled: str) -> None:
    data = converted(SHIP, "xml").replace(b">2611220001<", f">{spelled}<".encode())

    (document,) = decoded(SHIP, "xml", data).documents

    assert document.order_no == "2611220001"


def test_parts_come_in_any_order() -> None:
    data = converted(SHIP, "xml").decode()
    header = re.search("  <header>.*</header>\n", data, re.DOTALL)
    trailer = re.search("  <trailer>.*</trailer>\n", data, re.DOTALL)
    assert header
    assert trailer
    turned = data.replace(header[0], "").replace(trailer[0], header[0]).replace("<message>", f"<message>{trailer[0]}")
    snapshot = json.loads(converted(IBAL, "json"))
    swapped = {key: dict(reversed(snapshot[key].items())) for key in reversed(snapshot)}

    assert decoded(SHIP, "xml", turned.encode()).documents == decoded(SHIP, "xml", data.encode()).documents
    assert (
        decoded(IBAL, "json", json.dumps(swapped).encode()).documents
        == decoded(IBAL, "json", converted(IBAL, "json")).documents
    )


def two_orders(names: str) -> bytes:
    """A shipment, and another with half a piece in its first line."""
    data = converted(SHIP, names).decode()
    if names == "xml":
        start, end = data.index("    <order>"), data.index("  </orders>")
        first, joint = data[start:end], ""
        bad = first.replace("<actualQty>1<", "<actualQty>0.5<", 1)
        counts = [("<orderCount>1", "<orderCount>2"), ("<lineCount>2", "<lineCount>4")]
    else:
        start, end = data.index('    {\n      "order_no"'), data.index('\n  ],\n  "trailer"')
        first, joint = data[start:end], ",\n"
        bad = first.replace('"actual_qty": "1"', '"actual_qty": "0.5"', 1)
        counts = [('"order_count": 1', '"order_count": 2'), ('"line_count": 2,\n    "t', '"line_count": 4,\n    "t')]
    data = data[:start] + first + joint + bad.replace("2611220001", "2611220009") + data[end:]
    for old, new in counts:
        data = data.replace(old, new)
    return data.encode()


def on_one_line(names: str, data: bytes) -> bytes:
    return re.sub(rb">\s+<", b"><", data) if names == "xml" else json.dumps(json.loads(data)).encode()


@pytest.mark.parametrize("names", ["xml", "json"])
def test_one_bad_document_is_rejected_and_the_others_go_through(names: str) -> None:
    read = decoded(SHIP, names, two_orders(names))

    assert [document.order_no for document in read.documents] == ["2611220001"]
    (rejected,) = read.rejected
    assert (rejected.order_no, rejected.owner_code) == ("2611220009", "JFY")
    assert [(fault.code, fault.field, fault.value) for fault in rejected.faults] == [("E_QTY", "actual_qty", "0.5")]


@pytest.mark.parametrize("names", ["xml", "json"])
def test_documents_on_one_line_are_told_apart(names: str) -> None:
    read = decoded(SHIP, names, on_one_line(names, two_orders(names)))

    first, second = read.documents[0].line_no, read.rejected[0].line_no
    assert first < second


@pytest.mark.parametrize("names", ["xml", "json"])
@pytest.mark.parametrize("shaped", [on_one_line, lambda _, data: data], ids=["one line", "indented"])
def test_a_refused_document_can_be_cut_out_mended_and_read_again(
    names: str, shaped: Callable[[str, bytes], bytes]
) -> None:
    data = b"\xef\xbb\xbf" + shaped(names, two_orders(names))
    name = f"{SHIP}.{names}"
    (rejected,) = decoded(SHIP, names, data).rejected

    (excerpt,) = CODECS[names].excerpts(name, data, {rejected.line_no}).values()
    again = CODECS[names].decode(name, excerpt, vouched=True)
    mended = CODECS[names].decode(name, excerpt.replace(b"0.5", b"1"), vouched=True)

    assert CODECS[names].is_complete(name, excerpt)
    assert [one.order_no for one in again.rejected] == ["2611220009"]
    assert [one.order_no for one in mended.documents] == ["2611220009"]
    with pytest.raises(FileRejected, match="文件尾"):
        CODECS[names].decode(name, excerpt)


@pytest.mark.parametrize("names", ["xml", "json"])
def test_a_snapshot_can_be_cut_out_too(names: str) -> None:
    data = converted(IBAL, names)
    name = f"{IBAL}.{names}"
    (page,) = decoded(IBAL, names, data).documents

    (excerpt,) = CODECS[names].excerpts(name, data, {page.line_no}).values()

    assert list(CODECS[names].decode(name, excerpt, vouched=True).documents) == [page]


@pytest.mark.parametrize("names", ["xml", "json"])
def test_a_file_is_complete_once_its_message_is_closed(names: str) -> None:
    data = converted(SHIP, names)
    name = f"{SHIP}.{names}"
    ends = [end for end in range(len(data)) if CODECS[names].is_complete(name, data[:end])]

    assert ends == [len(data) - 1]
    assert CODECS[names].is_complete(name, data)
    assert not CODECS[names].is_complete("note.txt", data)


@pytest.mark.parametrize("names", ["xml", "json"])
def test_personal_values_are_masked_in_faults(names: str) -> None:
    name = "Deliver_20261122100000.sh"
    data = converted(name, names).replace("文一西路969号".encode(), ("路" * 201).encode())

    (rejected,) = decoded(name, names, data).rejected

    assert (rejected.faults[0].field, rejected.faults[0].value) == ("receiver_address", "***")

"""Decodes messages in a process of its own and prints how that ended, and what it took beyond the message itself.

`python alone.py xml|json`: by hostile case, code of the rejection, CPU milliseconds, megabytes.
`python alone.py xml|json <lines>`: a page of a stock snapshot; lines, free pieces on each of two walks, megabytes.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lemai_docking.codec import Codec
from lemai_docking.definitions.profile import built_in
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected
from lemai_docking.soap.envelope import SoapFault, opened

MILLION = 1_000_000
PEAK = Path("/proc/self/clear_refs")
NAMES = {"xml": "Deliver_20261122100000.sh.xml", "json": "Deliver_20261122100000.sh.json"}


XML_ROW = (
    "<balance><warehouseCode>WH01</warehouseCode><ownerCode>JFY</ownerCode><itemCode>GB-%07d</itemCode>"
    "<inventoryType>ZP</inventoryType><quantity>%d</quantity><lockQuantity>0</lockQuantity>"
    "<totalQuantity>%d</totalQuantity><unit>件</unit></balance>"
)
JSON_ROW = (
    '{"warehouse_code": "WH01", "owner_code": "JFY", "item_code": "GB-%07d", "inventory_type": "ZP", "qty": "%d", '
    '"lock_qty": "0", "total_qty": "%d", "unit": "件"}'
)


def header(interface: str, names: str) -> str:
    """The header of a message that could be sound."""
    sender, receiver = ("KINGDEE", "LEQEE") if interface == "inventory_balance" else ("LEQEE", "KINGDEE")
    values = {
        "formatVersion": "1.0",
        "interface": interface,
        "sender": sender,
        "receiver": receiver,
        "messageId": "M1",
        "createdAt": "2026-11-22T10:00:00+08:00",
        "ownerCode": "JFY",
    }
    if names == "xml":
        return "<header>" + "".join(f"<{name}>{value}</{name}>" for name, value in values.items()) + "</header>"
    snake = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in values.items()}
    return '"header": ' + json.dumps(snake)


def xml(body: str, before: str = "", interface: str = "deliver_order") -> bytes:
    """An XML message of this body."""
    return f"<?xml version='1.0'?>{before}<message>{header(interface, 'xml')}{body}</message>".encode()


def in_order(content: str) -> bytes:
    """An XML message of one order."""
    return xml(f"<orders><order>{content}</order></orders>")


def envelope(content: str, before: str = "") -> bytes:
    """A SOAP envelope with this in its header."""
    uri = "http://schemas.xmlsoap.org/soap/envelope/"
    return (
        f"{before}<s:Envelope xmlns:s='{uri}'><s:Header>{content}</s:Header><s:Body><a/></s:Body></s:Envelope>".encode()
    )


def in_json(body: str, interface: str = "deliver_order") -> bytes:
    """A JSON message of this body."""
    return ("{" + header(interface, "json") + ", " + body + "}").encode()


def doctype(content: str) -> bytes:
    """A sound message behind a document type of this content."""
    return xml("<orders/>", f"<!DOCTYPE message {content}>")


LAUGHS = "<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))

CASES: dict[str, dict[str, Callable[[], bytes]]] = {
    "xml": {
        "billion laughs": lambda: doctype(f"[{LAUGHS}]").replace(b"<orders/>", b"<orders>&a9;</orders>"),
        "quadratic blow-up": lambda: doctype(f"[<!ENTITY a '{'a' * 100_000}'>]").replace(b"M1", b"&a;" * 100_000),
        "external entity": lambda: doctype("[<!ENTITY a SYSTEM 'file:///etc/hostname'>]").replace(b"M1", b"&a;"),
        "parameter entity": lambda: doctype("[<!ENTITY % a SYSTEM 'file:///etc/hostname'>%a;]"),
        "external DTD": lambda: doctype("SYSTEM 'http://127.0.0.1:9/message.dtd'"),
        "200,000 levels": lambda: in_order("<a>" * 200_000 + "</a>" * 200_000),
        "200,000 attributes": lambda: in_order("<a " + " ".join(f"b{n}='1'" for n in range(200_000)) + "/>"),
        "a million namespaces": lambda: in_order("<a " + " ".join(f"xmlns:b{n}='u'" for n in range(MILLION)) + "/>"),
        "an element of 40 MB": lambda: in_order(f"<remark>{'a' * 40 * MILLION}</remark>"),
        "lines of 40 MB": lambda: in_order("<remark>" + "a\n" * 20 * MILLION + "</remark>"),
        "a name of 40 MB": lambda: in_order(f"<{'a' * 40 * MILLION}/>"),
        "a comment of 40 MB": lambda: in_order(f"<!--{'a' * 40 * MILLION}-->"),
        "12 million elements": lambda: in_order("<a/>" * 12 * MILLION),
        "4 million lines": lambda: in_order("<orderLines>" + "<orderLine/>" * 4 * MILLION + "</orderLines>"),
        "5 million orders": lambda: xml("<orders>" + "<order/>" * 5 * MILLION + "</orders>"),
        "100 MB": lambda: in_order("a" * 100 * MILLION),
        "UTF-16": lambda: xml("<orders/>").decode().encode("utf-16"),
        "UTF-16 without a mark": lambda: xml("<orders/>").decode().encode("utf-16-le"),
        "UTF-7 declared": lambda: xml("<orders/>").replace(b"'1.0'", b"'1.0' encoding='UTF-7'", 1),
        "UTF-16 declared": lambda: xml("<orders/>").replace(b"'1.0'", b"'1.0' encoding='UTF-16'", 1),
        "XInclude": lambda: in_order("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/hostname'/>"),
        "xsi:type": lambda: in_order("<a xmlns:x='http://www.w3.org/2001/XMLSchema-instance' x:type='b'/>"),
        "a style sheet": lambda: xml("<orders/>", "<?xml-stylesheet href='http://127.0.0.1:9/'?>"),
        "NUL": lambda: in_order("<remark>\x00</remark>"),
        "nothing": lambda: b"",
    },
    "json": {
        "100,000 arrays": lambda: in_json('"orders": ' + "[" * 100_000 + "]" * 100_000),
        "100,000 objects": lambda: in_json('"orders": [' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]"),
        "a text of 40 MB": lambda: in_json(f'"orders": [{{"remark": "{"a" * 40 * MILLION}"}}], "orders": []'),
        "a number of 40 MB": lambda: in_json(f'"orders": [{{"remark": {"1" * 40 * MILLION}}}], "orders": []'),
        "16 million texts": lambda: in_json('"orders": [{"a": [""' + ',""' * 16 * MILLION + "]}]"),
        "5 million texts in a line": lambda: in_json('"orders": [{"lines": [{"a": [""' + ',""' * 5 * MILLION + "]}]}]"),
        "16 million orders": lambda: in_json('"orders": [{}' + ",{}" * 16 * MILLION + "]"),
        "100 MB": lambda: in_json('"orders": "' + "a" * 100 * MILLION + '"'),
        "equal keys": lambda: in_json('"orders": [{"order_no": "1", "order_no": "2"}]'),
        "equal keys in a line": lambda: in_json('"orders": [{"lines": [{"line_no": 1, "line_no": 2}]}]'),
        "NaN": lambda: in_json('"orders": [{"total_amount": NaN}]'),
        "UTF-16": lambda: in_json('"orders": []').decode().encode("utf-16"),
        "UTF-16 without a mark": lambda: in_json('"orders": []').decode().encode("utf-16-le"),
        "NUL": lambda: in_json('"orders": [{"remark": "\x00"}]'),
        "nothing": lambda: b"",
    },
    "soap": {
        "billion laughs": lambda: envelope("&a9;", f"<!DOCTYPE a [{LAUGHS}]>"),
        "quadratic blow-up": lambda: envelope("&a;" * 100_000, f"<!DOCTYPE a [<!ENTITY a '{'a' * 100_000}'>]>"),
        "external entity": lambda: envelope("&a;", "<!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>"),
        "external DTD": lambda: envelope("", "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'>"),
        "200,000 levels": lambda: envelope("<a>" * 200_000 + "</a>" * 200_000),
        "200,000 attributes": lambda: envelope("<a " + " ".join(f"b{n}='1'" for n in range(200_000)) + "/>"),
        "a million namespaces": lambda: envelope("<a " + " ".join(f"xmlns:b{n}='u'" for n in range(MILLION)) + "/>"),
        "a text of 9 MB": lambda: envelope(f"<a>{'a' * 9 * MILLION}</a>"),
        "2 million elements": lambda: envelope("<a/>" * 2 * MILLION),
        "as many elements as there may be": lambda: envelope("<a/>" * 249_000),
        "100 MB": lambda: envelope("a" * 100 * MILLION),
        "UTF-16": lambda: envelope("").decode().encode("utf-16"),
        "UTF-16 without a mark": lambda: envelope("").decode().encode("utf-16-le"),
    },
}


def page(names: str, lines: int) -> bytes:
    """One page of so many lines, with 0 to 6 pieces each."""
    total = sum(number % 7 for number in range(lines))
    rows = ((XML_ROW if names == "xml" else JSON_ROW) % (n, n % 7, n % 7) for n in range(lines))
    if names == "xml":
        head = (
            "<snapshotId>S1</snapshotId><snapshotAt>2026-11-22 02:00:00</snapshotAt><scope>FULL</scope>"
            f"<warehouseCode>WH01</warehouseCode><currentPage>1</currentPage><totalPage>1</totalPage>"
            f"<lineCount>{lines}</lineCount>"
        )
        trailer = f"<orderCount>1</orderCount><lineCount>{lines}</lineCount><totalQty>{total}</totalQty>"
        body = f"<snapshot>{head}<balances>{''.join(rows)}</balances></snapshot><trailer>{trailer}</trailer>"
        return f"<message>{header('inventory_balance', 'xml')}{body}</message>".encode()
    head = (
        '"snapshot_id": "S1", "snapshot_at": "2026-11-22 02:00:00", "scope": "FULL", "warehouse_code": "WH01", '
        f'"page": 1, "total_page": 1, "line_count": {lines}'
    )
    trailer = f'{{"order_count": 1, "line_count": {lines}, "total_qty": "{total}"}}'
    snapshot = f'{{{head}, "balances": [{", ".join(rows)}]}}'
    return f'{{{header("inventory_balance", "json")}, "snapshot": {snapshot}, "trailer": {trailer}}}'.encode()


def kilobytes(what: str) -> int:
    """A figure of this process' memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def measured(decode: Callable[[bytes], object], data: bytes) -> tuple[str, int, int]:
    """What decoding ends in and takes."""
    PEAK.write_text("5")  # From here on the peak counts anew.
    before, start = kilobytes("VmRSS"), time.process_time()
    try:
        decode(data)
        code = "accepted"
    except FileRejected as rejection:
        code = rejection.fault.code
    except SoapFault as fault:
        code = fault.code
    took = time.process_time() - start
    return code, round(took * 1000), (kilobytes("VmHWM") - before) // 1000


def walked(codec: Codec, names: str, lines: int) -> list[int]:
    """What reading a page of a snapshot gives and takes."""
    data = page(names, lines)
    PEAK.write_text("5")
    before = kilobytes("VmRSS")
    (document,) = codec.decode(f"IBAL-20261122020500.Ibupl.{names}", data).documents
    rows = document.records["B"]
    walks = [sum(int(str(row["qty"])) for row in rows) for _ in range(2)]
    return [len(rows), *walks, (kilobytes("VmHWM") - before) // 1000]


def main(names: str, lines: int) -> object:
    """What is to be printed."""
    codec = codec_of(built_in(f"kingdee-{names}"))
    if lines:
        return walked(codec, names, lines)
    decode = opened if names == "soap" else partial(codec.decode, NAMES[names])
    return {case: measured(decode, data()) for case, data in CASES[names].items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int("".join(sys.argv[2:]) or 0))))

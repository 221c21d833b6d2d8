"""The catalog over HTTP, on a real database."""

import asyncio
import base64
import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog_svc.api.uploads import BODY_BYTES_MAX
from catalog_svc.domain.item_sheets import COLUMNS

SAMPLES = Path(__file__).parents[2] / "samples"
HEAD = ("item_code", "item_name", "barcodes", "unit", "retail_price")
HAT = ("HAT", "帽子", "0690001", "顶", "79")
SHOE = ("SHOE", "学步鞋", "0690002", "双", "99.90")
BAD = ("COAT", "大衣", "0690003", "米", "199")


def sheet(*rows: Sequence[str], head: Sequence[str] = HEAD) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([head, *rows])
    return buffer.getvalue().encode()


async def upload(http: httpx.AsyncClient, content: bytes, owner_code: str = "JFY") -> dict[str, Any]:
    answer = await http.post("/v1/item-sheets", files={"file": ("items.csv", content)}, data={"owner_code": owner_code})
    assert answer.status_code == 201, answer.text
    preview: dict[str, Any] = answer.json()
    return preview


async def confirm(
    http: httpx.AsyncClient, sheet_id: str, *, accept_refused: bool = False, key: str | None = None
) -> httpx.Response:
    return await http.post(
        f"/v1/item-sheets/{sheet_id}/confirm",
        json={"accept_refused": accept_refused},
        headers={"Idempotency-Key": key} if key else {},
    )


async def import_items(http: httpx.AsyncClient, *rows: Sequence[str], owner_code: str = "JFY") -> None:
    preview = await upload(http, sheet(*rows), owner_code)
    assert (await confirm(http, preview["sheet_id"])).status_code == 200


async def published(database: AsyncEngine) -> list[tuple[str, int]]:
    async with database.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT subject, aggregateversion FROM event ORDER BY seq")
        return [(row.subject, row.aggregateversion) for row in rows]


async def test_the_sample_is_previewed_confirmed_and_published(http: httpx.AsyncClient, database: AsyncEngine) -> None:
    preview = await upload(http, (SAMPLES / "items.xlsx").read_bytes())

    assert (preview["state"], preview["owner_code"], preview["confirmed_at"]) == ("previewed", "JFY", None)
    assert len(preview["added"]) == 200
    assert (preview["changed"], preview["unchanged"], preview["refused"]) == ([], [], [])
    assert (await http.get("/v1/items")).json() == {"items": [], "next": None}
    assert await published(database) == []

    confirmed = (await confirm(http, preview["sheet_id"])).json()

    assert confirmed == preview | {"state": "confirmed", "confirmed_at": confirmed["confirmed_at"]}
    assert (await http.get(f"/v1/item-sheets/{preview['sheet_id']}")).json() == confirmed
    assert await published(database) == [(f"JFY/{item['item_code']}", 1) for item in preview["added"]]
    item = (await http.get("/v1/items/JFY/GB-SET-001-R")).json()
    assert item["barcodes"] == ["6901234569971"]
    assert item["components"] == [
        {"item_code": "GB-TS-001-R-90", "quantity": 2},
        {"item_code": "GB-TS-007-R-90", "quantity": 1},
    ]
    assert item["changed_at"] == confirmed["confirmed_at"]


async def test_the_same_items_as_csv_change_nothing(http: httpx.AsyncClient, database: AsyncEngine) -> None:
    first = await upload(http, (SAMPLES / "items.xlsx").read_bytes())
    await confirm(http, first["sheet_id"])

    second = await upload(http, (SAMPLES / "items.csv").read_bytes())

    assert len(second["unchanged"]) == 200
    assert (second["added"], second["changed"], second["refused"]) == ([], [], [])
    assert (await confirm(http, second["sheet_id"])).status_code == 200
    assert len(await published(database)) == 200


async def test_a_change_is_shown_field_by_field(http: httpx.AsyncClient, database: AsyncEngine) -> None:
    await import_items(http, HAT, SHOE)

    preview = await upload(http, sheet(("HAT", "69"), ("SHOE", "99.9"), head=("商品编码", "零售价")))

    assert preview["changed"] == [
        {
            "item_code": "HAT",
            "item_name": "帽子",
            "fields": [{"column": "零售价 retail_price", "old": "79.00", "new": "69.00"}],
        }
    ]
    assert preview["unchanged"] == ["SHOE"]
    await confirm(http, preview["sheet_id"])
    assert await published(database) == [("JFY/HAT", 1), ("JFY/SHOE", 1), ("JFY/HAT", 2)]
    assert (await http.get("/v1/items/JFY/HAT")).json()["retail_price"] == {"amount": "69.00", "currency": "CNY"}


async def test_refused_rows_are_named_and_must_be_accepted(http: httpx.AsyncClient) -> None:
    preview = await upload(http, sheet(HAT, BAD))

    assert [(refusal["row"], refusal["column"], refusal["value"]) for refusal in preview["refused"]] == [
        (3, "单位 unit", "米")
    ]
    answer = await confirm(http, preview["sheet_id"])
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "有被拒绝的行 / rows are refused"
    assert (await http.get("/v1/items")).json()["items"] == []

    assert (await confirm(http, preview["sheet_id"], accept_refused=True)).status_code == 200
    assert [item["item_code"] for item in (await http.get("/v1/items")).json()["items"]] == ["HAT"]


async def test_a_preview_is_stale_once_items_of_its_owner_change(http: httpx.AsyncClient) -> None:
    stale = await upload(http, sheet(HAT))
    await import_items(http, HAT, owner_code="NB")
    still_good = await confirm(http, (await upload(http, sheet(SHOE)))["sheet_id"])
    assert still_good.status_code == 200

    answer = await confirm(http, stale["sheet_id"])

    assert answer.status_code == 409
    assert answer.json() == {
        "type": "urn:lemai:problem:conflict",
        "request_id": answer.headers["X-Request-Id"],
        "title": "预览之后商品有变动 / items changed since the preview",
        "status": 409,
        "detail": "请重新上传并预览 / upload the sheet again and look at its preview",
        "errors": [],
    }
    assert (await http.get("/v1/items/JFY/HAT")).status_code == 404


async def test_of_two_confirmations_at_once_one_wins(http: httpx.AsyncClient) -> None:
    previews = [await upload(http, sheet(row)) for row in (HAT, SHOE)]

    answers = await asyncio.gather(*(confirm(http, preview["sheet_id"]) for preview in previews))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_confirming_again_publishes_nothing_again(http: httpx.AsyncClient, database: AsyncEngine) -> None:
    sheet_id = (await upload(http, sheet(HAT)))["sheet_id"]

    answers = [await confirm(http, sheet_id, key=key) for key in ("k1", "k1", None)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert await published(database) == [("JFY/HAT", 1)]


async def test_an_idempotency_key_is_for_one_request(http: httpx.AsyncClient) -> None:
    sheet_id = (await upload(http, sheet(HAT)))["sheet_id"]
    await confirm(http, sheet_id, key="k1")

    answer = await confirm(http, sheet_id, key="k1", accept_refused=True)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "header.Idempotency-Key"


async def test_an_unknown_sheet_is_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/item-sheets/none")).status_code == 404
    assert (await confirm(http, "none")).status_code == 404


@pytest.mark.parametrize(
    ("content", "owner_code", "error"),
    [
        (
            sheet(HAT),
            "XX",
            {"field": "owner_code", "value": "XX", "message": "应为其中之一 / expected one of: JFY、NB"},
        ),
        (b"", "JFY", {"field": "file", "value": "", "message": "表格没有内容 / the sheet is empty"}),
        (
            b"A\n\xff\n",
            "JFY",
            {
                "field": "file",
                "value": "第 2 行 / line 2",
                "message": "不是 xlsx，也不是 UTF-8、UTF-16 或 GB18030 编码的 CSV / "
                "neither xlsx nor CSV in UTF-8, UTF-16 or GB18030",
            },
        ),
    ],
    ids=["owner", "empty", "encoding"],
)
async def test_an_upload_that_cannot_be_previewed(
    http: httpx.AsyncClient, content: bytes, owner_code: str, error: dict[str, str]
) -> None:
    answer = await http.post("/v1/item-sheets", files={"file": ("items.csv", content)}, data={"owner_code": owner_code})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [error]


async def test_a_body_that_declares_too_much_is_refused_unread(http: httpx.AsyncClient) -> None:
    async def never_read() -> AsyncIterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    headers = {"Content-Length": str(BODY_BYTES_MAX + 1), "Content-Type": "multipart/form-data; boundary=x"}
    answer = await http.post("/v1/item-sheets", content=never_read(), headers=headers)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_declares_nothing_is_read_up_to_the_limit(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        while True:
            sent += 65_536
            assert sent < 2 * BODY_BYTES_MAX
            yield bytes(65_536)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await http.post("/v1/item-sheets", content=endless(), headers=headers)

    assert answer.status_code == 413


async def test_the_file_name_is_kept_without_what_cannot_be_shown(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v1/item-sheets",
        files={"file": ("商品\u202e" + "x" * 300, sheet(HAT))},
        data={"owner_code": "JFY"},
    )

    assert answer.json()["file_name"] == "商品" + "x" * 198


async def test_items_are_searched_page_by_page(http: httpx.AsyncClient) -> None:
    await import_items(http, HAT, SHOE)
    await import_items(http, HAT, owner_code="NB")

    first = (await http.get("/v1/items", params={"limit": 2})).json()
    second = (await http.get("/v1/items", params={"limit": 2, "cursor": first["next"]})).json()

    assert [(item["owner_code"], item["item_code"]) for item in first["items"]] == [("JFY", "HAT"), ("JFY", "SHOE")]
    assert [(item["owner_code"], item["item_code"]) for item in second["items"]] == [("NB", "HAT")]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query",
    ["name=%00", "prefix=%00", "owner_code=a%20b", "limit=0", "limit=201", "cursor=x", "cursor=WzFd", "barcode="],
)
async def test_a_search_that_makes_no_sense(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(f"/v1/items?{query}")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_forged_cursor_is_refused(http: httpx.AsyncClient) -> None:
    await import_items(http, HAT)

    answer = await http.get("/v1/items", params={"cursor": base64.urlsafe_b64encode(b'[1,"\\u0000"]').decode()})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.cursor"


async def test_an_unknown_item_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/items/JFY/HAT")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "item JFY/HAT"


LISTING = {"store_code": "TM-JFY-01", "platform_item_id": "653200000001", "item_code": "HAT"}


async def test_listings_are_put_published_and_found(http: httpx.AsyncClient, database: AsyncEngine) -> None:
    await import_items(http, HAT, SHOE)
    listings = [LISTING | {"platform_sku_id": "1"}, LISTING | {"platform_sku_id": "2", "item_code": "SHOE"}]

    first = await http.put("/v1/listings", json={"listings": listings})
    again = await http.put("/v1/listings", json={"listings": listings})

    assert (first.status_code, first.json()) == (200, {"added": 2, "changed": 0, "unchanged": 0})
    assert again.json() == {"added": 0, "changed": 0, "unchanged": 2}
    assert (await published(database))[2:] == [
        ("TM-JFY-01/653200000001/1", 1),
        ("TM-JFY-01/653200000001/2", 1),
    ]
    found = (await http.get("/v1/listings", params={"owner_code": "JFY", "item_code": "SHOE"})).json()["items"]
    assert [listing | {"changed_at": None} for listing in found] == [
        listings[1] | {"owner_code": "JFY", "active": True, "changed_at": None}
    ]


async def test_listings_are_listed_page_by_page(http: httpx.AsyncClient) -> None:
    await import_items(http, HAT)
    listings = [LISTING | {"platform_sku_id": str(number)} for number in range(3)]
    await http.put("/v1/listings", json={"listings": listings})

    first = (await http.get("/v1/listings", params={"store_code": "TM-JFY-01", "limit": 2})).json()
    second = (await http.get("/v1/listings", params={"limit": 2, "cursor": first["next"]})).json()

    assert [listing["platform_sku_id"] for listing in first["items"] + second["items"]] == ["0", "1", "2"]
    assert second["next"] is None


async def test_listings_come_as_a_sheet(http: httpx.AsyncClient) -> None:
    await import_items(http, HAT, SHOE)
    content = sheet(("TM-JFY-01", "1", "HAT"), ("TM-JFY-01", "2", "SHOE"), head=("店铺", "平台商品ID", "商品编码"))

    answer = await http.post("/v1/listing-sheets", files={"file": ("listings.csv", content)})

    assert (answer.status_code, answer.json()) == (200, {"added": 2, "changed": 0, "unchanged": 0, "notes": []})


async def test_a_listing_sheet_with_a_bad_row_keeps_nothing(http: httpx.AsyncClient) -> None:
    await import_items(http, HAT)
    content = sheet(("TM-JFY-01", "1", "HAT"), ("TM-JFY-01", "2", "NONE"), head=("店铺", "平台商品ID", "商品编码"))

    answer = await http.post("/v1/listing-sheets", files={"file": ("listings.csv", content)})

    assert answer.status_code == 422
    assert answer.json()["title"] == "未保存任何映射 / no listing was kept"
    assert answer.json()["errors"] == [
        {
            "field": "行 row 3 商品编码 item_code",
            "value": "NONE",
            "message": "货主 JFY 没有此商品，请先导入 / JFY has no such item; import it first",
        }
    ]
    assert (await http.get("/v1/listings")).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"listings": []}, "body.listings"),
        ({"listings": [LISTING | {"price": 1}]}, "body.listings.0.price"),
        ({"listings": [LISTING | {"item_code": "A\u0000"}]}, "body.listings.0.item_code"),
        ({"listings": [LISTING | {"platform_item_id": ""}]}, "body.listings.0.platform_item_id"),
        (
            {"listings": [{key: LISTING[key] for key in ("store_code", "item_code")}]},
            "body.listings.0.platform_item_id",
        ),
        ({"listings": [LISTING | {"store_code": "NONE"}]}, "行 row 1 店铺 store_code"),
    ],
    ids=["none", "unknown field", "NUL", "empty id", "no id", "unknown store"],
)
async def test_a_bad_listing_names_its_field(http: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await http.put("/v1/listings", json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_openapi_names_every_operation_and_describes_the_upload(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    operations = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert operations == {
        ("get", "/v1/items"),
        ("get", "/v1/items/{owner_code}/{item_code}"),
        ("post", "/v1/item-sheets"),
        ("get", "/v1/item-sheets/template"),
        ("get", "/v1/item-sheets/{sheet_id}"),
        ("post", "/v1/item-sheets/{sheet_id}/confirm"),
        ("get", "/v1/listings"),
        ("put", "/v1/listings"),
        ("post", "/v1/listing-sheets"),
    }
    upload_body = document["paths"]["/v1/item-sheets"]["post"]["requestBody"]["content"]
    assert list(upload_body) == ["multipart/form-data"]


async def test_what_a_preview_notes_is_kept_with_it(http: httpx.AsyncClient) -> None:
    preview = await upload(http, "2026 秋冬\n".encode() + sheet(("HAT", "帽\0子", "0690001", "顶", "79")))

    notes = [
        {"rows": "1", "column": "", "reason": "在表头之上，未读取 / stands above the heads and was not read"},
        {"rows": "3", "column": "商品名称 item_name", "reason": "已去除 U+0000 / U+0000 was taken out"},
    ]
    assert preview["notes"] == notes
    assert (await http.get(f"/v1/item-sheets/{preview['sheet_id']}")).json()["notes"] == notes


async def test_a_code_in_another_case_than_in_the_catalog_is_refused(http: httpx.AsyncClient) -> None:
    await import_items(http, ("HAT", "帽子", "0690001", "顶", "79"))

    preview = await upload(http, sheet(("Hat", "帽子", "0690009", "顶", "79")))

    assert [(refusal["value"], refusal["reason"]) for refusal in preview["refused"]] == [
        ("Hat", "与已有商品 HAT 仅大小写不同 / differs from item HAT only in case")
    ]


async def test_the_template_has_every_head_and_is_read_once_it_is_filled_in(http: httpx.AsyncClient) -> None:
    template = await http.get("/v1/item-sheets/template")
    workbook = openpyxl.load_workbook(io.BytesIO(template.content))
    empty, notes = workbook.worksheets
    filled = {"商品编码": "007", "商品名称": "帽子", "条码": "0690001", "单位": "顶"}

    assert [cell.value for cell in empty[1]] == [column.head for column in COLUMNS]
    assert [row[0].value for row in notes.iter_rows(min_row=2)] == [column.head for column in COLUMNS]
    assert empty.column_dimensions["A"].number_format == "@"
    for cell in empty[1]:
        empty.cell(2, cell.column, filled.get(cell.value))
    written = io.BytesIO()
    workbook.save(written)
    assert [item["item_code"] for item in (await upload(http, written.getvalue()))["added"]] == ["007"]

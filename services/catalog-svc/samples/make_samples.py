"""Writes the sample product sheets beside this file: `items.xlsx` and `items.csv`, the same 200 SKUs of owner JFY.

Made-up children's wear of one brand: sizes and colours, barcodes of which some begin with zeros, some items with two
barcodes, some combos. The seed is fixed, so that the sheets change only when this program does.
"""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import count, product
from pathlib import Path

import openpyxl

SEED = 20261122
FOLDER = Path(__file__).parent
COLUMNS = {
    "item_code": "商品编码",
    "item_name": "商品名称",
    "goods_code": "货号",
    "barcodes": "条码",
    "specification": "规格",
    "color": "颜色",
    "size": "尺码",
    "unit": "单位",
    "category_code": "类别编码",
    "category_name": "类别名称",
    "brand_code": "品牌编码",
    "brand_name": "品牌名称",
    "item_type": "商品类型",
    "tag_price": "吊牌价",
    "retail_price": "零售价",
    "purchase_price": "采购价",
    "gross_weight": "毛重",
    "components": "组合明细",
    "valid": "是否有效",
    "remark": "备注",
}
COLORS = {"R": "红色", "B": "蓝色", "Y": "黄色", "W": "白色"}
CLOTHES_SIZES = ("80", "90", "100", "110")
SHOE_SIZES = ("20", "21", "22", "23")
STYLES = {
    "GB-TS-001": ("婴儿连体衣", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-002": ("纯棉圆领T恤", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-003": ("牛仔背带裤", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-004": ("加绒卫衣", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-005": ("轻薄羽绒服", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-006": ("格纹衬衫", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-007": ("灯芯绒长裤", "CLS01", "童装", CLOTHES_SIZES),
    "GB-TS-008": ("针织开衫", "CLS01", "童装", CLOTHES_SIZES),
    "GB-SH-014": ("学步鞋", "CLS02", "童鞋", SHOE_SIZES),
    "GB-SH-015": ("魔术贴运动鞋", "CLS02", "童鞋", SHOE_SIZES),
    "GB-SH-016": ("雪地靴", "CLS02", "童鞋", SHOE_SIZES),
    "GB-SH-017": ("软底凉鞋", "CLS02", "童鞋", SHOE_SIZES),
}
COMBOS = {"GB-SET-001": ("新生儿礼盒", 2, 1), "GB-SET-002": ("换季两件装", 1, 1)}
Rows = Sequence[Mapping[str, str]]


def make_rows() -> Rows:
    """One row per SKU: each style in every colour and size, then combos of two of them in each colour and size."""
    rng = random.Random(SEED)  # noqa: S311 - made-up prices
    serials = count(456_789)
    plain = list(_plain_rows(rng, serials))
    return [*plain, *_combo_rows(rng, serials)]


def _plain_rows(rng: random.Random, serials: Iterator[int]) -> Iterator[Mapping[str, str]]:
    for (goods_code, (name, category_code, category, sizes)), (letter, color), position in product(
        STYLES.items(), COLORS.items(), range(4)
    ):
        imported = goods_code in {"GB-TS-005", "GB-SH-016"}
        size = f"{sizes[position]}cm" if sizes is CLOTHES_SIZES else sizes[position]
        barcodes = [_barcode("00" if imported else "69", next(serials))]
        if goods_code == "GB-SH-015":
            barcodes.append(_barcode("69", next(serials)))
        yield {
            "item_code": f"{goods_code}-{letter}-{sizes[position]}",
            "item_name": name,
            "goods_code": goods_code,
            "barcodes": ";".join(barcodes),
            "specification": f"{color};{size}",
            "color": color,
            "size": size,
            "unit": "双" if category_code == "CLS02" else "件",
            "category_code": category_code,
            "category_name": category,
            "item_type": "ZC",
            "gross_weight": str(Decimal(rng.randrange(120, 900)).scaleb(-3)),
            "components": "",
            "remark": "面料100%棉" if goods_code == "GB-TS-002" else "",
            **_shared(rng),
        }


def _combo_rows(rng: random.Random, serials: Iterator[int]) -> Iterator[Mapping[str, str]]:
    for (goods_code, (name, tops, trousers)), (letter, color) in product(COMBOS.items(), COLORS.items()):
        yield {
            "item_code": f"{goods_code}-{letter}",
            "item_name": name,
            "goods_code": goods_code,
            "barcodes": _barcode("69", next(serials)),
            "specification": color,
            "color": color,
            "size": "",
            "unit": "套",
            "category_code": "CLS09",
            "category_name": "组合",
            "item_type": "ZH",
            "gross_weight": "",
            "components": f"GB-TS-001-{letter}-90*{tops};GB-TS-007-{letter}-90*{trousers}",
            "remark": "",
            **_shared(rng),
        }


def _shared(rng: random.Random) -> Mapping[str, str]:
    tag = rng.randrange(69, 400)
    retail, purchase = tag * rng.randrange(6, 10) // 10, tag * rng.randrange(25, 45)
    return {
        "brand_code": "GB",
        "brand_name": "金宝贝",
        "tag_price": f"{tag}.00",
        "retail_price": f"{retail}.90",
        "purchase_price": str(Decimal(purchase).scaleb(-2)),
        "valid": "Y",
    }


def _barcode(prefix: str, serial: int) -> str:
    """EAN-13: twelve digits and the check digit."""
    digits = f"{prefix}0123{serial:06}"
    weighted = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def write_csv(rows: Rows, path: Path) -> None:
    """Heads are the English keys; UTF-8 with a mark, which spreadsheet programs need."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        writer.writeheader()
        writer.writerows(rows)


def write_xlsx(rows: Rows, path: Path) -> None:
    """Heads are the Chinese ones; codes are text cells, prices and weights numbers."""
    workbook = openpyxl.Workbook()
    workbook.properties.created = workbook.properties.modified = datetime(2026, 11, 22)  # noqa: DTZ001 - openpyxl's own
    sheet = workbook.active
    sheet.title = "商品"
    sheet.append(list(COLUMNS.values()))
    for row in rows:
        sheet.append([_cell(key, row[key]) for key in COLUMNS])
    for line in sheet.iter_rows(min_row=2):
        for cell in line:
            if isinstance(cell.value, str):
                cell.number_format = "@"
    sheet.freeze_panes = "A2"
    workbook.save(path)


def _cell(key: str, text: str) -> str | Decimal:
    return Decimal(text) if text and key.endswith(("price", "weight")) else text


if __name__ == "__main__":
    write_csv(make_rows(), FOLDER / "items.csv")
    write_xlsx(make_rows(), FOLDER / "items.xlsx")

"""Item sheets: what a sheet would change in the catalog of its owner, and what of it is refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from catalog_svc.domain import cells
from catalog_svc.domain.cells import code, decimal, text
from catalog_svc.domain.items import COMBO, ITEM_TYPES, Item
from catalog_svc.domain.sheets import Column, Note, Reading, Refusal, Row, repeats

ITEM_CODE = Column(
    "item_code", "商品编码", code(50), required=True, synonyms=("SKU", "SKU编码", "商家编码", "货品编码", "物料编码")
)
BARCODES = Column("barcodes", "条码", cells.BARCODES, required=True, synonyms=("条形码", "商品条码", "69码", "barcode"))
ITEM_TYPE = Column("item_type", "商品类型", cells.one_of(ITEM_TYPES), synonyms=("类型",))
COMPONENTS = Column("components", "组合明细", cells.COMPONENTS, blank=())
COLUMNS = (
    ITEM_CODE,
    Column("item_name", "商品名称", text(200), required=True, synonyms=("品名", "名称", "货品名称", "物料名称")),
    Column("goods_code", "货号", code(50), synonyms=("款号", "款式编码")),
    Column("short_name", "简称", text(200), synonyms=("商品简称",)),
    BARCODES,
    Column("specification", "规格", text(200), synonyms=("规格型号",)),
    Column("color", "颜色", text(50), synonyms=("颜色名称",)),
    Column("size", "尺码", text(50), synonyms=("尺寸",)),
    Column("unit", "单位", cells.UNIT, required=True, synonyms=("计量单位",)),
    Column("category_code", "类别编码", code(50), synonyms=("分类编码", "类目编码")),
    Column("category_name", "类别名称", text(200), synonyms=("分类", "类别", "类目", "分类名称")),
    Column("brand_code", "品牌编码", code(50)),
    Column("brand_name", "品牌名称", text(50), synonyms=("品牌",)),
    ITEM_TYPE,
    Column("tag_price", "吊牌价", cells.amount(16), blank=None, attribute="tag_price_minor"),
    Column(
        *("retail_price", "零售价", cells.amount(16)),
        blank=None,
        attribute="retail_price_minor",
        synonyms=("售价", "销售价"),
    ),
    Column("purchase_price", "采购价", decimal(12, 6), blank=None, synonyms=("进价", "采购单价")),
    Column("gross_weight", "毛重", decimal(15, 3), blank=None, synonyms=("毛重(kg)", "毛重(千克)")),
    COMPONENTS,
    Column("valid", "是否有效", cells.FLAG, blank=True, synonyms=("有效",)),
    Column("remark", "备注", text(500), synonyms=("说明",)),
)
"""Lengths and digits are those of kingdee.md §1.14."""


class CatalogMoved(Exception):
    """Items of the owner changed after the preview was made."""


class RowsRefused(Exception):
    """Some rows are refused, and nobody said that the others are to be taken without them."""


@dataclass(frozen=True)
class FieldChange:
    """What a field of an item said and will say, as a sheet would show it."""

    column: str
    old: str
    new: str


@dataclass(frozen=True)
class ItemChange:
    item: Item
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class Preview:
    """What confirming a sheet would do; the items are as they will be, `unchanged` are item codes."""

    added: tuple[Item, ...]
    changed: tuple[ItemChange, ...]
    unchanged: tuple[str, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[Note, ...] = ()

    @property
    def to_publish(self) -> Sequence[Item]:
        return [*self.added, *(change.item for change in self.changed)]


@dataclass(frozen=True)
class Known:
    """What a sheet has to be compared with: items of its owner by code, and who has its barcodes."""

    items: Mapping[str, Item]
    """Also those whose code differs only in case."""
    holders: Mapping[str, str]
    """Item code by barcode."""


@dataclass(frozen=True)
class ItemSheet:
    """An uploaded sheet: its preview was made at `revision` of the owner's catalog."""

    sheet_id: str
    owner_code: str
    file_name: str
    sha256: str
    uploaded_at: datetime
    revision: int
    preview: Preview
    confirmed_at: datetime | None = None

    @property
    def key(self) -> tuple[str]:
        return (self.sheet_id,)

    def confirm(self, revision: int, at: datetime, *, accept_refused: bool) -> "ItemSheet":
        """Raises CatalogMoved, because each rule across items was checked at the preview's revision; RowsRefused."""
        if revision != self.revision:
            raise CatalogMoved
        if self.preview.refused and not accept_refused:
            raise RowsRefused
        return replace(self, confirmed_at=at)


def named_codes(reading: Reading) -> set[str]:
    """Every item a sheet speaks of, as a row or as a component: what `Known.items` has to hold."""
    codes = {row.values[ITEM_CODE.field] for row in reading.rows if ITEM_CODE.field in row.values}
    return codes.union(part.item_code for row in reading.rows for part in row.values.get(COMPONENTS.field, ()))


def named_barcodes(reading: Reading) -> set[str]:
    """Every barcode of a sheet: what `Known.holders` has to hold."""
    return {barcode for row in reading.rows for barcode in row.values.get(BARCODES.field, ())}


def compare(reading: Reading, owner_code: str, known: Known, now: datetime) -> Preview:
    """What a sheet would change. A row that breaks a rule is refused, the others are taken."""
    refusals = [*reading.refusals, *_repeated_codes(reading), *_twins(reading, known)]
    refused_rows = {refusal.row for refusal in refusals}
    items: dict[int, Item] = {}
    for row in reading.rows:
        if row.number not in refused_rows:
            before = known.items.get(row.values[ITEM_CODE.field])
            item = _item(row, owner_code, before, now)
            found = list(_contradictions(row.number, item, before) if item else _missing(row))
            refusals += found
            if item and not found:
                items[row.number] = item
    # A row that is refused may take others with it: what it would have freed or added is not there.
    while found := [*_taken_barcodes(items, known), *_broken_combos(items, known)]:
        refusals += found
        for refusal in found:
            items.pop(refusal.row, None)
    refused = sorted(refusals, key=lambda refusal: refusal.row)
    return replace(_preview(items.values(), known, refused), notes=reading.notes)


def _twins(reading: Reading, known: Known) -> Iterator[Refusal]:
    """Codes that differ from one of the catalog only in case: an ERP that does not tell them apart would mix them."""
    spelling = {item_code.casefold(): item_code for item_code in known.items}
    for row in reading.rows:
        written = row.values.get(ITEM_CODE.field, "")
        if written not in known.items and (item_code := spelling.get(written.casefold())):
            reason = f"与已有商品 {item_code} 仅大小写不同 / differs from item {item_code} only in case"
            yield Refusal(row.number, ITEM_CODE.label, written, reason)


def _repeated_codes(reading: Reading) -> Iterator[Refusal]:
    field = ITEM_CODE.field
    for row, item_code, reason in repeats(
        (row.number, row.values[field]) for row in reading.rows if field in row.values
    ):
        yield Refusal(row, ITEM_CODE.label, item_code, reason)


def _item(row: Row, owner_code: str, before: Item | None, now: datetime) -> Item | None:
    """The item as the row wants it; None where a new one lacks something."""
    if before:
        return replace(before, **row.values).with_default_type()
    if any(_missing(row)):
        return None
    return Item(owner_code=owner_code, changed_at=now, **row.values).with_default_type()


def _missing(row: Row) -> Iterator[Refusal]:
    for column in COLUMNS:
        if column.required and column.field not in row.values:
            yield Refusal(row.number, column.label, "", "新增商品须有此列 / a new item needs this column")


def _contradictions(number: int, item: Item, before: Item | None) -> Iterator[Refusal]:
    parts = COMPONENTS.form.write(item.components)
    if (item.item_type == COMBO) != bool(item.components):
        reason = f"只有 {COMBO} 商品有组合明细 / items of type {COMBO} have components, others have none"
        yield Refusal(number, COMPONENTS.label, parts, reason)
    elif before and bool(before.components) != bool(item.components):
        reason = (
            "普通商品与组合商品不能互换，请用新编码 / an item cannot become a combo or stop being one; use a new code"
        )
        yield Refusal(number, COMPONENTS.label, parts, reason)


def _taken_barcodes(items: Mapping[int, Item], known: Known) -> Iterator[Refusal]:
    """Barcodes that two items of the owner would have, once the sheet is taken."""
    in_sheet = {item.item_code for item in items.values()}
    barcodes = [(number, barcode) for number, item in items.items() for barcode in item.barcodes]
    for number, barcode, reason in repeats(barcodes):
        yield Refusal(number, BARCODES.label, barcode, reason)
    for number, barcode in barcodes:
        holder = known.holders.get(barcode)
        if holder and holder not in in_sheet:
            yield Refusal(number, BARCODES.label, barcode, f"已属于商品 {holder} / belongs to item {holder}")


def _broken_combos(items: Mapping[int, Item], known: Known) -> Iterator[Refusal]:
    """Components that are not there or are combos themselves; those a combo has already were looked at before."""
    in_sheet = {item.item_code: item for item in items.values()}
    for number, item in items.items():
        before = known.items.get(item.item_code)
        for component in item.components:
            part = in_sheet.get(component.item_code) or known.items.get(component.item_code)
            if before and component in before.components:
                continue
            if part is None:
                yield Refusal(number, COMPONENTS.label, component.item_code, "没有此商品 / there is no such item")
            elif part.components:
                reason = "是组合商品，组合不能嵌套 / is a combo; combos cannot be nested"
                yield Refusal(number, COMPONENTS.label, component.item_code, reason)


def _preview(items: Iterable[Item], known: Known, refusals: Sequence[Refusal]) -> Preview:
    pairs = [(known.items.get(item.item_code), item) for item in items]
    return Preview(
        added=tuple(item for before, item in pairs if before is None),
        changed=tuple(
            ItemChange(item, _differences(before, item)) for before, item in pairs if before not in (None, item)
        ),
        unchanged=tuple(item.item_code for before, item in pairs if before == item),
        refused=tuple(refusals),
    )


def _differences(before: Item, after: Item) -> tuple[FieldChange, ...]:
    values = ((column, getattr(before, column.field), getattr(after, column.field)) for column in COLUMNS)
    return tuple(
        FieldChange(column.label, column.form.write(old), column.form.write(new))
        for column, old, new in values
        if old != new
    )

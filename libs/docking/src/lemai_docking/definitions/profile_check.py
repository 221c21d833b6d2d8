"""What can be wrong with a profile, each problem under its key: checked when it is loaded, never while a file waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lemai_docking.definitions.columns import DERIVED, PLACEHOLDERS, CodeTable, Column, Frame, starts, tags_of
from lemai_docking.definitions.layout import Field, Layout, layouts
from lemai_docking.encodings.values import parser
from lemai_docking.faults import BadValue

if TYPE_CHECKING:
    from lemai_docking.definitions.profile import InterfaceProfile, Profile

_MOMENT = datetime(2026, 11, 22, 10, 9, 8)  # noqa: DTZ001 - a wall clock, only to measure a format


def problems_of(profile: Profile) -> Iterator[str]:
    """Everything wrong with a profile, as `key: problem`."""
    yield from _charset_problems(profile)
    yield from _frame_problems("frame", profile.frame, profile.charset)
    yield from _code_problems("codes", profile.codes, list(layouts().values()))
    if profile.encoding != "text":
        yield from _text_only(profile)
    for interface, how in profile.interfaces.items():
        layout = layouts().get(interface)
        if layout is None:
            yield f"interfaces.{interface}: 未知接口 / unknown interface"
            continue
        yield from _Interface(profile, layout, how).problems()
    yield from _shared_file_problems(profile)
    received = [one for one in profile.interfaces if one in layouts() and layouts()[one].direction == "in"]
    has_tables = profile.encoding == "text" and any(profile.frame_of(one).form != "described" for one in received)
    if has_tables and not profile.owner_code:
        yield "owner_code: 文件无文件头时必填 / required where files have no header"


def _charset_problems(profile: Profile) -> Iterator[str]:
    if profile.bom and profile.charset != "UTF-8":
        yield f"bom: {profile.charset} 没有 BOM / has no BOM"
    if profile.encoding != "text" and profile.charset != "UTF-8":
        yield f"charset: {profile.encoding} 只用 UTF-8 / is always UTF-8"
    if profile.encoding != "text" and profile.bom:
        yield f"bom: {profile.encoding} 不带 BOM / has no BOM"


def _text_only(profile: Profile) -> Iterator[str]:
    """What would be silently ignored under another encoding."""
    stated = {"frame": profile.frame != Frame(), "codes": bool(profile.codes)}
    for interface, how in profile.interfaces.items():
        stated[f"interfaces.{interface}.frame"] = how.frame is not None
        stated[f"interfaces.{interface}.codes"] = bool(how.codes)
        stated[f"interfaces.{interface}.values"] = bool(how.values)
    for key in [key for key, is_there in stated.items() if is_there]:
        yield f"{key}: 仅用于文本编码 / for text only"


def _frame_problems(key: str, frame: Frame, charset: str) -> Iterator[str]:
    if frame.form == "described":
        if charset == "GBK":
            yield "charset: 自描述文本只用 UTF-8 或 GB18030 / a described file is UTF-8 or GB18030"
        if frame != Frame():
            yield f"{key}: 自描述文本格式固定 / a described frame has no options"
    if frame.form == "fixed" and (frame.quote or frame.heads or frame.delimiter != "\t"):
        yield f"{key}: 定宽文本没有分隔符、引号或列名行 / a fixed frame has no delimiter, quote or heads"
    if frame.quote and (len(frame.delimiter) != 1 or frame.delimiter == frame.quote):
        yield f"{key}.delimiter: 有引号时须为另一个字符 / with quotes it is one other character"
    if frame.trailer and frame.form == "fixed" and frame.trailer.counts and frame.trailer.width is None:
        yield f"{key}.trailer.width: 缺少 / is missing"
    words = list(frame.tags.values())
    if len(set(words)) != len(words):
        yield f"{key}.tags: 标记重复 / a tag is used twice"


def _code_problems(key: str, codes: Mapping[str, CodeTable], among: Sequence[Layout]) -> Iterator[str]:
    fields = [field for layout in among for record in layout.records.values() for field in record.fields]
    for name, table in codes.items():
        known = {code for field in fields if field.name == name for code in _closed_codes(field)}
        if name not in {field.name for field in fields}:
            yield f"{key}.{name}: 未知字段 / unknown field"
        for ours in table:
            if known and ours not in known:
                yield f"{key}.{name}.{ours}: 不是我方代码 / is no code of ours"
        foreign = [spelled for several in table.values() for spelled in several]
        for spelled in sorted({one for one in foreign if foreign.count(one) > 1}):
            yield f"{key}.{name}: 对方代码重复 / the counterpart's code appears twice: {spelled}"


def _closed_codes(field: Field) -> tuple[str, ...]:
    if field.type == "flag":
        return ("Y", "N")
    return () if field.open else field.codes


def _shared_file_problems(profile: Profile) -> Iterator[str]:
    for file, interfaces in profile.interfaces_by_file.items():
        known = [interface for interface in interfaces if interface in layouts()]
        key = f"interfaces.{interfaces[-1]}"
        if len({layouts()[interface].direction for interface in known}) > 1:
            yield f"{key}.file: {file} 收发方向不同 / is used in both directions"
        if len({layouts()[interface].head for interface in known}) > 1:
            yield f"{key}.file: {file} 用于不同种类的单据 / is used for documents of another kind"
        if len({profile.frame_of(interface).model_dump_json() for interface in known}) > 1:
            yield f"{key}.frame: {file} 须格式相同 / must be framed alike"
        elif known and profile.frame_of(known[0]).form != "described" and len({_shape(profile, i) for i in known}) > 1:
            yield f"{key}.columns: {file} 须列数、列宽相同，单号与业务类型同列 / must have the same columns and widths"


def _shape(profile: Profile, interface: str) -> str:
    """How lines are cut, and where a document's number and kind stand."""
    return str(
        {
            key: [
                (column.name if column.name in {"order_no", "order_type"} else "", column.width, column.at)
                for column in columns
            ]
            for key, columns in profile.interfaces[interface].columns.items()
        }
    )


class _Interface:
    """One interface of a profile under scrutiny."""

    def __init__(self, profile: Profile, layout: Layout, how: InterfaceProfile) -> None:
        self._profile = profile
        self._layout = layout
        self._how = how
        self._frame = profile.frame_of(layout.interface)
        self._is_table = profile.encoding == "text" and self._frame.form != "described"
        self._key = f"interfaces.{layout.interface}"

    def problems(self) -> Iterator[str]:
        """Everything wrong with it."""
        if self._how.frame:
            yield from _frame_problems(f"{self._key}.frame", self._how.frame, self._profile.charset)
        yield from self._record_problems()
        for key, columns in self._how.columns.items():
            if set(tags_of(key)) <= set(self._layout.records):
                yield from self._column_problems(f"{self._key}.columns.{key}", tags_of(key), columns)
        yield from self._missing_fields()
        yield from _code_problems(f"{self._key}.codes", self._how.codes, [self._layout])
        yield from self._value_problems()
        if self._is_table:
            yield from self._table_problems()

    def _record_problems(self) -> Iterator[str]:
        layout, keys = self._layout, list(self._how.columns)
        flat = f"{layout.head}+{layout.line}"
        tags = [tag for key in keys for tag in tags_of(key)]
        for tag in dict.fromkeys((layout.head, layout.line)):
            if tag not in tags:
                yield f"{self._key}.columns.{tag}: 缺少记录 / record is missing"
        for key in keys:
            if not set(tags_of(key)) <= set(layout.records):
                yield f"{self._key}.columns.{key}: 未知记录 / unknown record"
            elif "+" in key and (key != flat or len(keys) > 1):
                yield f"{self._key}.columns.{key}: 只可单独为 {flat} / can only be {flat}, alone"
            elif "+" in key and not self._is_table:
                yield f"{self._key}.columns.{key}: 自描述文本不可合并记录 / a described file keeps records apart"

    def _column_problems(self, key: str, tags: tuple[str, ...], columns: tuple[Column, ...]) -> Iterator[str]:
        places = [(column.tag(tags, self._layout), column) for column in columns if column.field]
        for column in [column for tag, column in places if tag is None]:
            yield f"{key}: 未知字段 / unknown field {column.field}"
        names = [(tag, column.name) for tag, column in places if tag is not None]
        for tag, name in dict.fromkeys(names):
            parts = [column for place, column in places if place == tag and column.name == name]
            field = self._layout.records[tag].by_name[name]
            if len(parts) > 1 and not (self._is_table and all(part.format for part in parts)):
                yield f"{key}: 字段重复 / field appears twice: {name}"
            else:
                yield from self._spelling_problems(f"{key}.{name}", field, parts)
        if not self._is_table and any(not column.field or column.of_table for column in columns):
            yield f"{key}: 常量、缺省值、列名、列宽仅用于表格文本 / belong to tables only"
        for text in [text for column in columns for text in (column.head, column.constant or "")]:
            if not _is_in(text, self._profile.charset):
                yield f"{key}: {self._profile.charset} 中没有 / cannot hold {text}"
        if self._is_table and self._frame.form == "fixed":
            yield from self._width_problems(key, columns)
        elif self._is_table and any(column.width or column.at for column in columns):
            yield f"{key}: 只有定宽文本有列宽 / only fixed frames have widths"

    def _spelling_problems(self, key: str, field: Field, parts: list[Column]) -> Iterator[str]:
        kind = field.type.partition("(")[0]
        for part in parts:
            if part.format is not None and kind not in {"date", "datetime"}:
                yield f"{key}.format: {field.type} 不是日期 / is no date"
            elif part.format is not None and not _is_format(part.format):
                yield f"{key}.format: 不是日期格式 / no date format: {part.format}"
            if (part.places is not None or part.fill == "0") and kind not in {"int", "qty", "dec"}:
                yield f"{key}: {field.type} 不是数字 / is no number"
            if not part.point and not part.places:
                yield f"{key}.places: 无小数点时必填 / required without a point"

    def _width_problems(self, key: str, columns: tuple[Column, ...]) -> Iterator[str]:
        ends = 0
        tag_width = max((len(self._frame.word(tag)) for tag in tags_of(key.rpartition(".")[2])), default=0)
        first = tag_width if len(self._how.columns) > 1 else 0
        for column, start in zip(columns, starts(columns, first), strict=True):
            name = column.name or column.constant or column.head
            if column.width is None:
                yield f"{key}.{name}.width: 缺少 / is missing"
                continue
            if start < max(ends, first):
                yield f"{key}.{name}.at: 与前列重叠 / overlaps the column before"
            ends = start + column.width
            needed = self._needed(column, tags_of(key.rpartition(".")[2]))
            if column.width < needed:
                yield f"{key}.{name}.width: {column.width} 字节不够 / bytes are too few, needs {needed}"

    def _needed(self, column: Column, tags: tuple[str, ...]) -> int:
        """Bytes the shortest honest column of its type takes."""
        tag = column.tag(tags, self._layout) if column.field else None
        if tag is None:
            return self._bytes(column.constant or "")
        field = self._layout.records[tag].by_name[column.name]
        if codes := self._profile.codes_of(self._layout.interface).get(column.name):
            return max(self._bytes(spelled) for foreign in codes.values() for spelled in foreign)
        if column.format:
            return len(_MOMENT.strftime(column.format))
        if field.type in {"date", "datetime"}:
            return field.max
        if closed := _closed_codes(field):
            return max(map(len, closed))
        return 1 + (column.places or 0) + bool(column.places and column.point)

    def _bytes(self, text: str) -> int:
        return len(text.encode(self._profile.charset, "replace"))

    def _missing_fields(self) -> Iterator[str]:
        for tag, record in self._layout.records.items():
            keys = [key for key in self._how.columns if tag in tags_of(key)]
            if not keys:
                continue
            there = {
                column.name
                for column in self._how.columns[keys[0]]
                if column.field and column.tag(tags_of(keys[0]), self._layout) == tag
            }
            given = set(self._how.values.get(tag, {}))
            derived = DERIVED.get(tag, frozenset()) if self._is_table else frozenset()
            for name in sorted(record.mandatory - there - given - derived):
                yield f"{self._key}.columns.{keys[0]}: 缺少必填字段 / mandatory field is missing: {name}"
            for name in sorted(there & given):
                yield f"{self._key}.values.{tag}.{name}: 已有此列 / has a column already"

    def _value_problems(self) -> Iterator[str]:
        for tag, values in self._how.values.items():
            key = f"{self._key}.values.{tag}"
            record = self._layout.records.get(tag)
            if record is None:
                yield f"{key}: 未知记录 / unknown record"
                continue
            if not self._is_table:
                yield f"{key}: 自描述文本自带全部字段 / a described file carries all its fields"
            for name, text in values.items():
                if name not in record.by_name:
                    yield f"{key}: 未知字段 / unknown field {name}"
                elif not any(placeholder in text for placeholder in PLACEHOLDERS):
                    try:
                        parser(record.by_name[name])(text)
                    except BadValue as bad:
                        yield f"{key}.{name}: 值不合规定 / bad value {text}, {bad.expected}"

    def _table_problems(self) -> Iterator[str]:
        if self._frame.heads and len(self._how.columns) > 1:
            yield f"{self._key}.columns: 有列名行时只能有一种行 / with a line of heads there is one kind of line"
        for tag in sorted(set(self._frame.tags) - {tag for key in self._how.columns for tag in tags_of(key)}):
            if self._how.frame:
                yield f"{self._key}.frame.tags.{tag}: 没有此记录 / there is no such record"
        words = [self._frame.word(tag) for tag in self._how.columns]
        if self._frame.form == "fixed" and (len(set(map(len, words))) > 1 or not "".join(words).isascii()):
            yield f"{self._key}.frame.tags: 定宽文本的标记须等长且为 ASCII / tags are ASCII, equally long"


def _is_in(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _is_format(form: str) -> bool:
    try:
        return "%" in form and bool(datetime.strptime(_MOMENT.strftime(form), form))  # noqa: DTZ007 - as above
    except ValueError:
        return False

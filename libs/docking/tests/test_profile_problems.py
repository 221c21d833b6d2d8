"""Whatever is wrong with a profile is told when it is loaded, by file and key."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lemai_docking.definitions.layout import DefinitionError
from lemai_docking.definitions.profile import find_profile, load_profile

FOREIGN = yaml.safe_load((Path(__file__).with_name("foreign") / "acme.yaml").read_text(encoding="utf-8"))
SHIP = "interfaces.ship_result"
ORDER = "interfaces.deliver_order"
ITEM = "interfaces.item_master"
STOCK = "interfaces.inventory_balance"
GONE = object()

# Path to a key of the foreign profile, what to put there, and every problem told.
PROBLEMS: list[tuple[str, Any, list[str]]] = [
    ("charset", "BIG5", ["charset: 不合规定 / Input should be 'UTF-8', 'GB18030' or 'GBK'"]),
    ("colour", "red", ["colour: 不合规定 / Extra inputs are not permitted"]),
    ("us", GONE, ["us: 不合规定 / Field required"]),
    ("bom", True, ["bom: GB18030 没有 BOM / has no BOM"]),
    ("owner_code", GONE, ["owner_code: 文件无文件头时必填 / required where files have no header"]),
    ("limits.lines", 0, ["limits.lines: 不合规定 / Input should be greater than 0"]),
    ("frame.delimiter", "||", ["frame.delimiter: 有引号时须为另一个字符 / with quotes it is one other character"]),
    ("frame.delimiter", '"', ["frame.delimiter: 有引号时须为另一个字符 / with quotes it is one other character"]),
    ("frame.tags.L", "HD", ["frame.tags: 标记重复 / a tag is used twice"]),
    ("frame.heads", True, [
        f"{ORDER}.columns: 有列名行时只能有一种行 / with a line of heads there is one kind of line"
    ]),
    ("codes.colour", {"RED": "红"}, ["codes.colour: 未知字段 / unknown field"]),
    ("codes.order_type.SALES", "70", ["codes.order_type.SALES: 不是我方代码 / is no code of ours"]),
    ("codes.is_gift.N", "是", ["codes.is_gift: 对方代码重复 / the counterpart's code appears twice: 是"]),
    ("codes.is_gift.N", 0, ["codes.is_gift.N: 不合规定 / Input should be a valid tuple"]),
    ("interfaces.stock", {"file": "S_{stamp}.x", "columns": {}}, ["interfaces.stock: 未知接口 / unknown interface"]),
    (f"{ORDER}.file", "CK.txt", [
        f"{ORDER}.file: 不合规定 / String should match pattern '^[\\w-]+\\{{stamp\\}}\\.\\w+$'"
    ]),
    (f"{ORDER}.columns.L", GONE, [f"{ORDER}.columns.L: 缺少记录 / record is missing"]),
    (f"{ORDER}.columns.Z", ["order_no"], [f"{ORDER}.columns.Z: 未知记录 / unknown record"]),
    (f"{ORDER}.columns.L.0", "line_number", [f"{ORDER}.columns.L: 未知字段 / unknown field line_number"]),
    (f"{ORDER}.columns.L.1", "line_no", [
        f"{ORDER}.columns.L: 字段重复 / field appears twice: line_no",
        f"{ORDER}.columns.L: 缺少必填字段 / mandatory field is missing: item_code",
    ]),
    (f"{ORDER}.columns.O.0", "shop_code", [f"{ORDER}.columns.O: 缺少必填字段 / mandatory field is missing: order_no"]),
    (f"{ORDER}.columns.O.9.format", "YYYYMMDD", [
        f"{ORDER}.columns.O.created_at.format: 不是日期格式 / no date format: YYYYMMDD"
    ]),
    (f"{ORDER}.columns.L.2", {"field": "item_name", "format": "%Y"}, [
        f"{ORDER}.columns.L.item_name.format: str 不是日期 / is no date"
    ]),
    (f"{ORDER}.columns.L.2", {"field": "item_name", "places": 2}, [
        f"{ORDER}.columns.L.item_name: str 不是数字 / is no number"
    ]),
    (f"{ORDER}.columns.L.3", {"field": "plan_qty", "point": False}, [
        f"{ORDER}.columns.L.plan_qty.places: 无小数点时必填 / required without a point"
    ]),
    (f"{ORDER}.columns.L.2", {"field": "item_name", "width": 9}, [
        f"{ORDER}.columns.L: 只有定宽文本有列宽 / only fixed frames have widths"
    ]),
    (f"{ORDER}.columns.O+L", ["order_no"], [
        f"{ORDER}.columns.O+L: 只可单独为 O+L / can only be O+L, alone"
    ]),
    (f"{SHIP}.values.O.status", "SHIPPED", [
        f"{SHIP}.values.O.status: 值不合规定 / bad value SHIPPED, ACCEPT | CANCELED | CANCELEDFAIL | CLOSED | DELIVERED"
        " | EXCEPTION | NEW | PARTDELIVERED | REJECT"
    ]),
    (f"{SHIP}.values.O.colour", "red", [f"{SHIP}.values.O: 未知字段 / unknown field colour"]),
    (f"{SHIP}.values.Z", {"a": "b"}, [f"{SHIP}.values.Z: 未知记录 / unknown record"]),
    (f"{SHIP}.values.O.express_no", "1", [f"{SHIP}.values.O.express_no: 已有此列 / has a column already"]),
    (f"{SHIP}.values.O.confirm_type", GONE, [
        f"{SHIP}.columns.O+L: 缺少必填字段 / mandatory field is missing: confirm_type"
    ]),
    (f"{SHIP}.file", "CK_{stamp}.txt", [
        f"{SHIP}.file: CK_{{stamp}}.txt 收发方向不同 / is used in both directions",
        f"{SHIP}.frame: CK_{{stamp}}.txt 须格式相同 / must be framed alike",
    ]),
    (f"{SHIP}.frame", {"form": "described"}, [
        f"{SHIP}.columns.O+L: 自描述文本不可合并记录 / a described file keeps records apart",
        f"{SHIP}.columns.O+L: 字段重复 / field appears twice: shipped_at",
        f"{SHIP}.columns.O+L: 缺少必填字段 / mandatory field is missing: line_count",
        f"{SHIP}.columns.O+L: 缺少必填字段 / mandatory field is missing: out_biz_code",
        f"{SHIP}.values.O: 自描述文本自带全部字段 / a described file carries all its fields",
    ]),
    (f"{ITEM}.frame.quote", '"', [
        f"{ITEM}.frame: 定宽文本没有分隔符、引号或列名行 / a fixed frame has no delimiter, quote or heads",
    ]),
    (f"{ITEM}.columns.I.1.width", GONE, [f"{ITEM}.columns.I.item_name.width: 缺少 / is missing"]),
    (f"{ITEM}.columns.I.1.at", 20, [f"{ITEM}.columns.I.item_name.at: 与前列重叠 / overlaps the column before"]),
    (f"{ITEM}.columns.I.4.places", 6, []),
    (f"{ITEM}.columns.I.4.width", 2, [
        f"{ITEM}.columns.I.tag_price.width: 2 字节不够 / bytes are too few, needs 3"
    ]),
    (f"{STOCK}.columns.K+B.2.width", 3, [
        f"{STOCK}.columns.K+B.inventory_type.width: 3 字节不够 / bytes are too few, needs 4"
    ]),
    (f"{STOCK}.frame.trailer.width", GONE, [f"{STOCK}.frame.trailer.width: 缺少 / is missing"]),
    (f"{STOCK}.frame.tags", {"Z": "Z"}, [f"{STOCK}.frame.tags.Z: 没有此记录 / there is no such record"]),
    ("encoding", "xml", [
        "charset: xml 只用 UTF-8 / is always UTF-8",
        "frame: 仅用于文本编码 / for text only",
        "codes: 仅用于文本编码 / for text only",
    ]),
]  # fmt: skip


def changed(path: str, value: Any) -> Any:
    content = copy.deepcopy(FOREIGN)
    *keys, last = path.split(".")
    place: Any = content
    for key in keys:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    if value is GONE:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return content


def problems_of(folder: Path, content: Mapping[str, Any]) -> list[str]:
    file = folder / "acme.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    try:
        load_profile(file)
    except DefinitionError as error:
        return str(error).replace("acme.yaml: ", "").split("\n")
    return []


@pytest.mark.parametrize(
    ("path", "value", "problems"), PROBLEMS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_problem_is_told_by_its_key(tmp_path: Path, path: str, value: Any, problems: list[str]) -> None:
    told = problems_of(tmp_path, changed(path, value))

    assert told[: len(problems)] == problems if path == "encoding" else told == problems


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    content = changed("codes.colour", {"RED": "红"})
    content["bom"] = True

    assert problems_of(tmp_path, content) == [
        "bom: GB18030 没有 BOM / has no BOM",
        "codes.colour: 未知字段 / unknown field",
    ]


def test_a_name_is_a_built_in_profile_and_a_path_a_file(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    text = "extends: kingdee-masked\nprofile: mine\ninterfaces:\n  item_master: {file: 'SKU_{stamp}.im'}\n"
    (tmp_path / "profiles" / "mine.yaml").write_text(text, encoding="utf-8")

    mine = find_profile("profiles/mine.yaml", tmp_path)

    assert mine.interfaces["item_master"].file == "SKU_{stamp}.im"
    assert "receiver_oaid" in mine.carried["deliver_order"]["O"]
    assert find_profile("kingdee-soap", tmp_path).encoding == "soap"


def test_a_key_of_null_is_taken_away(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("extends: kingdee-default\ninterfaces: {item_master: null}\n", encoding="utf-8")

    assert set(load_profile(file).interfaces) == set(find_profile("kingdee-default", tmp_path).interfaces) - {
        "item_master"
    }

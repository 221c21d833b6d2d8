from pathlib import Path

import pytest
import yaml

from lemai_docking.definitions.layout import DefinitionError, Layout, Record, envelope, layouts, load_definition
from lemai_docking.definitions.profile import Profile, built_in, load_profile
from lemai_docking.encodings.routing import SUFFIXES

SOLD = {
    "platform_code", "shop_name", "placed_at", "total_amount", "item_amount", "logistics_code", "receiver_name",
    "receiver_province", "receiver_city", "receiver_address",
}  # fmt: skip


TOTAL = [{"name": "total_qty", "label": "甲", "xml": "a", "type": "qty", "max": 5}]


def a_profile_file(folder: Path, **changes: object) -> Path:
    """The default profile with one interface, changed."""
    content = built_in("kingdee-default").model_dump()
    content["interfaces"] = {"inventory_balance": content["interfaces"]["inventory_balance"]}
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(content | changes, allow_unicode=True), encoding="utf-8")
    return file


def a_record_of(field: dict[str, object]) -> dict[str, object]:
    """The records of a stock layout whose head has only this field."""
    fields = [{"label": "甲", "xml": "a", "type": "str", "max": 5} | field]
    return {"K": {"label": "快照", "fields": fields}, "B": {"label": "余额", "fields": TOTAL}}


def test_the_ten_interfaces_are_there_with_their_names_and_directions() -> None:
    assert [(layout.number, layout.label, layout.direction) for layout in layouts().values()] == [
        (1, "出库指示", "out"),
        (2, "出库实绩", "in"),
        (3, "返厂指示", "out"),
        (4, "返厂实绩", "in"),
        (5, "入库指示", "out"),
        (6, "入库实绩", "in"),
        (7, "退货指示", "out"),
        (8, "退货实绩", "in"),
        (9, "商品主档", "out"),
        (10, "库存实绩", "in"),
    ]


def test_every_field_of_the_reference_tables_is_there() -> None:
    counts = {
        interface: {tag: len(record.fields) for tag, record in layout.records.items()}
        for interface, layout in layouts().items()
    }

    assert counts == {
        "deliver_order": {"O": 49, "L": 18},
        "ship_result": {"O": 16, "L": 12, "P": 10, "Q": 4, "S": 3},
        "supplier_return_order": {"O": 30, "L": 13},
        "supplier_return_result": {"O": 17, "L": 11, "P": 10, "Q": 4, "S": 3},
        "receipt_order": {"O": 28, "L": 15},
        "receipt_result": {"O": 14, "L": 12, "S": 3},
        "sales_return_order": {"O": 29, "L": 14},
        "sales_return_result": {"O": 17, "L": 14, "S": 3},
        "item_master": {"I": 45},
        "inventory_balance": {"K": 7, "B": 12},
    }
    assert len(envelope().fields) == 9


def test_each_order_kind_has_a_suffix_and_an_instruction_is_answered_on_its_own_leg() -> None:
    for layout in layouts().values():
        assert set(layout.kinds) <= set(SUFFIXES)
        if layout.answered_by:
            assert layouts()[layout.answered_by].leg == layout.leg
            assert layouts()[layout.answered_by].kinds == layout.kinds


def test_conditions_are_told_by_the_document_itself() -> None:
    order = layouts()["deliver_order"].records["O"]
    shipped = layouts()["ship_result"].records["O"]

    def unmet(record: Record, row: dict[str, object], *tags: str) -> set[str]:
        return set(record.unmet(row, row, tags)) - (SOLD if record is order else set())

    assert unmet(order, {"order_type": "SALE", "receiver_mobile": "1"}) == {"platform_order_no", "paid_at"}
    assert unmet(order, {"order_type": "SALE", "is_cod": "Y", "platform_order_no": "1", "receiver_tel": "1"}) == {
        "receivable_amount"
    }
    assert unmet(order, {"order_type": "RESEND"}) == {"original_order_no", "receiver_mobile"}
    assert unmet(shipped, {"status": "DELIVERED", "order_type": "SALE"}, "O", "L") == {"logistics_code"}
    assert unmet(shipped, {"status": "DELIVERED", "order_type": "SALE"}, "O", "L", "P") == set()
    assert unmet(shipped, {"status": "ACCEPT"}, "O") == set()


def test_a_loss_has_no_buyer_no_money_and_no_carrier() -> None:
    records = layouts()["deliver_order"].records
    loss, sale = {"order_type": "ADJUST"}, {"order_type": "SALE"}

    assert records["O"].unmet(loss, loss, ()) == []
    assert records["L"].unmet({}, loss, ()) == []
    assert set(records["O"].unmet(sale, sale, ())) > SOLD
    assert records["L"].unmet({}, sale, ()) == ["actual_price", "line_amount"]


def test_a_wrong_profile_is_told_by_file_and_key(tmp_path: Path) -> None:
    columns = {"K": ["snapshot_id", "snapshot_at", "scope", "page", "page", "total_page", "line_count"], "Z": ["a"]}
    interfaces = {
        "inventory_balance": {"file": "IBAL-{stamp}.Ibupl", "columns": columns},
        "stock": {"file": "S-{stamp}.x", "columns": {}},
    }

    with pytest.raises(DefinitionError) as error:
        load_profile(a_profile_file(tmp_path, interfaces=interfaces))

    key = "mine.yaml: interfaces.inventory_balance.columns"
    assert str(error.value).split("\n") == [
        f"{key}.B: 缺少记录 / record is missing",
        f"{key}.Z: 未知记录 / unknown record",
        f"{key}.K: 字段重复 / field appears twice: page",
        f"{key}.K: 缺少必填字段 / mandatory field is missing: warehouse_code",
        "mine.yaml: interfaces.stock: 未知接口 / unknown interface",
    ]


def test_a_misspelt_key_or_value_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as error:
        load_profile(a_profile_file(tmp_path, charset="BIG5", chars="UTF-8"))

    assert [problem.split(":")[0] for problem in error.value.problems] == ["charset", "chars"]
    assert error.value.file == "mine.yaml"


def test_a_file_that_is_no_yaml_or_no_mapping_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"

    file.write_text("profile: [", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"mine\.yaml: .*YAML"):
        load_profile(file)

    file.write_text("- a", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"mine\.yaml: \(file\)"):
        load_profile(file)


def test_one_file_name_for_both_directions_is_told(tmp_path: Path) -> None:
    content = built_in("kingdee-default").model_dump()
    content["interfaces"]["inventory_balance"]["file"] = "Item_{stamp}.im"

    with pytest.raises(DefinitionError, match="both directions"):
        load_profile(a_profile_file(tmp_path, interfaces=content["interfaces"]))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"identity": "number"}, "identity"),
        ({"control": "weight"}, "control"),
        ({"direction": "both"}, "direction"),
        ({"records": a_record_of({"name": "snapshot_id", "when": {"b": ["1"]}})}, "unknown fields b"),
        ({"records": a_record_of({"name": "snapshot_id", "unless": "Z"})}, "unknown Z"),
        ({"records": {"K": {"label": "快照", "fields": [{"name": "page"}]}}}, "records.K.fields.0"),
    ],
)
def test_a_wrong_layout_is_told(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    file = tmp_path / "layout.yaml"
    file.write_text(
        yaml.safe_dump(layouts()["inventory_balance"].model_dump() | change, sort_keys=False), encoding="utf-8"
    )

    with pytest.raises(DefinitionError, match=problem):
        load_definition(Layout, file)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([{"name": "a"}, {"name": "a"}], "appear twice: a"),
        ([{"name": "a", "codes": ["Y"], "default": "N"}], "not one of the codes"),
        ([{"name": "a", "type": "float"}], "fields.0.type"),
    ],
)
def test_a_wrong_field_is_told(tmp_path: Path, fields: list[dict[str, object]], problem: str) -> None:
    whole = [{"label": "甲", "xml": "a", "type": "str", "max": 5} | field for field in fields]
    file = tmp_path / "record.yaml"
    file.write_text(yaml.safe_dump({"label": "记录", "fields": whole}), encoding="utf-8")

    with pytest.raises(DefinitionError, match=problem):
        load_definition(Record, file)


def test_file_names_follow_the_profile(profile: Profile) -> None:
    stamp = profile.match("IBAL-20261122020500.Ibupl").stamp

    assert stamp.isoformat() == "2026-11-21T18:05:00+00:00"
    assert profile.file_name("sales_return_order", stamp) == "Deliver_20261122020500.rc"
    assert profile.match("SHIP-20261122152100.shupl").interfaces == ("ship_result", "supplier_return_result")
    assert profile.match("Deliver_20261122152100.rc").interfaces == ("sales_return_order",)


def test_a_header_of_ours_names_parties_and_message(profile: Profile) -> None:
    stamp = profile.match("Deliver_20261122100000.sh").stamp

    header = profile.header("deliver_order", stamp=stamp, created_at=stamp, owner_code="JFY")

    assert (header.sender, header.receiver, header.message_id) == ("LEQEE", "KINGDEE", "LQ20261122100000000001")

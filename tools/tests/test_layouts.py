"""`lemai layouts`: what an integrator sees before a counterpart's first file comes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lemai_tools.cli import app

STAMP = ["--stamp", "20261122100000"]
MINE = """
extends: kingdee-default
profile: mine
label: 我的
interfaces:
  item_master:
    file: 'SKU_{stamp}.im'
    columns:
      I: [owner_code, item_code, bar_code, item_name, unit, item_type, action_type]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE, encoding="utf-8")
    return tmp_path


def lemai(*words: str) -> Result:
    return CliRunner().invoke(app, ["layouts", *words])


def test_a_sound_profile_is_told(folder: Path) -> None:
    result = lemai("check", "mine.yaml")

    assert (result.exit_code, result.output) == (0, "方案无误 sound: mine，10 个接口 interfaces\n")


def test_every_problem_of_a_profile_is_told(folder: Path) -> None:
    (folder / "mine.yaml").write_text(MINE.replace("action_type", "action"), encoding="utf-8")

    result = lemai("check", "mine.yaml")

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "mine.yaml: interfaces.item_master.columns.I: 未知字段 / unknown field action",
        "mine.yaml: interfaces.item_master.columns.I: 缺少必填字段 / mandatory field is missing: action_type",
    ]


@pytest.mark.parametrize("name", ["nobody", "nobody.yaml"])
def test_a_profile_that_is_not_there_is_told(folder: Path, name: str) -> None:
    result = lemai("check", name)

    assert result.exit_code == 1
    assert result.output.startswith(f"{name}: 没有此方案 no such profile: nobody；内置 built in: kingdee-default,")


def test_the_field_table_is_shown_in_both_languages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")

    result = lemai("show", "mine.yaml", "item_master")

    assert result.exit_code == 0
    for text in ("9 商品主档 item_master", "item_code", "商品编码", "写法与说明 spelling, note", "FBaseUnitId.FNumber"):
        assert text in result.output
    assert "order_no" not in result.output


def test_an_interface_that_is_not_there_is_told(folder: Path) -> None:
    result = lemai("sample", "mine.yaml", "orders")

    assert result.exit_code == 1
    assert "no such interface: orders" in result.output


@pytest.mark.parametrize(
    "profile", ["kingdee-default", "kingdee-masked", "kingdee-xml", "kingdee-json", "kingdee-soap"]
)
def test_a_sample_of_every_interface_decodes_without_a_fault(folder: Path, profile: str) -> None:
    interfaces = (
        "deliver_order",
        "ship_result",
        "receipt_order",
        "sales_return_result",
        "item_master",
        "inventory_balance",
    )
    for interface in interfaces:
        name = lemai("sample", profile, interface, *STAMP).output.strip()
        result = lemai("decode", profile, name)

        decoded = json.loads(result.output)
        assert result.exit_code == 0
        assert (decoded["interface"], decoded["rejected"], decoded["warnings"]) == (interface, [], [])
        assert decoded["documents"][0]["interface"] == interface


def test_another_seed_gives_another_sample(folder: Path) -> None:
    contents = set()
    for seed in ("1", "1", "2"):
        name = lemai("sample", "mine.yaml", "item_master", "--seed", seed, *STAMP).output.strip()
        contents.add((folder / name).read_bytes())

    assert name == "SKU_20261122100000.im"
    assert len(contents) == 2


def test_a_rejected_document_is_told_at_its_place(folder: Path) -> None:
    name = lemai("sample", "kingdee-json", "item_master", *STAMP).output.strip()
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    content["items"][1]["item_type"] = "??"
    (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")

    result = lemai("decode", "kingdee-json", name)

    decoded = json.loads(result.output)
    ((fault,),) = [one["faults"] for one in decoded["rejected"]]
    assert result.exit_code == 1
    assert (fault["code"], fault["field"]) == ("E_FIELD", "item_type")
    assert '"??"' in (folder / name).read_text(encoding="utf-8").splitlines()[fault["line"] - 1]
    assert len(decoded["documents"]) == 1


def test_a_rejected_file_is_told_with_its_reason(folder: Path) -> None:
    name = lemai("sample", "mine.yaml", "item_master", *STAMP).output.strip()
    (folder / name).write_bytes((folder / name).read_bytes().replace(b"LQ2026", b"LQ2027"))

    result = lemai("decode", "mine.yaml", name)

    assert result.exit_code == 1
    assert json.loads(result.output)["file_rejected"]["code"] == "E_CHECKSUM"

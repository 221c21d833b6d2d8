import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest

import lemai_contracts
from lemai_contracts import event_types
from lemai_contracts.__main__ import SCHEMAS, main

PLACED = "lemai.order.placed.v1.json"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A tree that says what the registry says, released once."""
    folder = tmp_path / "schemas"
    assert main(["write"], folder) == 0
    assert main(["release"], folder) == 0
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_committed_schemas_say_what_the_registry_says_and_break_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lemai_contracts", "check"])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(Path(lemai_contracts.__file__).parent / "__main__.py"), run_name="__main__")
    assert (left.value.code, capsys.readouterr().out) == (0, "")


def test_the_committed_tree_has_a_release() -> None:
    assert list((SCHEMAS / "released").glob("*.json"))


def test_what_was_written_is_without_drift(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"], schemas) == 0
    assert capsys.readouterr().out == ""


def test_drift_names_file_and_field(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(schemas / PLACED, '"x-key": "{family}"', '"x-key": "{order_no}"')
    assert main(["check"], schemas) == 1
    assert capsys.readouterr().out == (
        f"契约文件与代码不一致，请运行 make contracts / drift, run make contracts: {PLACED} $.x-key\n"
    )


def test_a_file_merged_badly_is_drift(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (schemas / PLACED).write_text("<<<<<<< ours\n", encoding="utf-8")
    assert main(["check"], schemas) == 1
    assert f"{PLACED} 不是 JSON not JSON: " in capsys.readouterr().out


def test_another_layout_is_drift(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (schemas / PLACED).write_text(json.dumps(json.loads((schemas / PLACED).read_bytes())), encoding="utf-8")
    assert main(["check"], schemas) == 1
    assert f"{PLACED} 只有排版不同 only the layout differs\n" in capsys.readouterr().out


def test_missing_and_surplus_files_are_drift_until_they_are_written_again(
    schemas: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (schemas / PLACED).rename(schemas / "lemai.order.placed.v0.json")
    assert main(["check"], schemas) == 1
    out = capsys.readouterr().out
    assert "lemai.order.placed.v0.json 多余 surplus\n" in out
    assert f"{PLACED} 缺少 missing\n" in out
    assert main(["write"], schemas) == 0
    assert main(["check"], schemas) == 0


def test_a_breaking_change_names_type_and_field(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(schemas / "released" / PLACED, '"warehouse_code"', '"depot_code"')
    assert main(["check"], schemas) == 1
    assert capsys.readouterr().out == (
        "契约不兼容，请撤回或声明新的大版本 / breaking, undo it or declare a new major type: "
        "lemai.order.placed.v1 $.depot_code 已删除 removed\n"
        "契约不兼容，请撤回或声明新的大版本 / breaking, undo it or declare a new major type: "
        "lemai.order.placed.v1 $.warehouse_code 新增且必填 added and required\n"
    )


def test_a_removed_type_is_breaking(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(schemas / PLACED, schemas / "released" / "lemai.order.planned.v1.json")
    assert main(["check"], schemas) == 1
    assert "lemai.order.planned.v1 $ 类型已删除 type removed\n" in capsys.readouterr().out


def test_a_new_type_is_no_break(schemas: Path) -> None:
    (schemas / "released" / PLACED).unlink()
    assert main(["check"], schemas) == 0


def test_a_release_freezes_every_schema(schemas: Path) -> None:
    released = {path.name: path.read_text() for path in (schemas / "released").iterdir()}
    assert released == {f"{name}.json": (schemas / f"{name}.json").read_text() for name in event_types()}


def test_a_breaking_change_is_not_released(schemas: Path) -> None:
    frozen = schemas / "released" / PLACED
    edit(frozen, '"warehouse_code"', '"depot_code"')
    before = frozen.read_bytes()
    assert main(["release"], schemas) == 1
    assert frozen.read_bytes() == before


def test_an_unknown_command_is_refused(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["freeze"], schemas)
    assert "freeze" in capsys.readouterr().err

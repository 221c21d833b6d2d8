"""`lemai config`: the page follows the schema, and the check tells what would not start."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lemai_tools.cli import app
from lemai_tools.config import PAGE, described
from lemai_tools.platform.home import REPOSITORY


def test_the_page_describes_every_key_and_variable_there_is() -> None:
    page = described()

    assert PAGE.read_text(encoding="utf-8") == page, "run: lemai config reference"
    assert [line for line in page.splitlines() if line.endswith("|  |")] == []


def test_sound_configuration_is_said_to_be_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEMAI_HOME", str(tmp_path / "home"))

    command = [sys.executable, "-m", "lemai_tools", "config", "check"]
    sound = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (sound.returncode, sound.stdout.split(":")[0]) == (0, "配置无误 sound")
    assert "可以启动" not in sound.stdout, "the services speak to the check alone"


def test_every_problem_of_reference_data_and_profiles_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = (REPOSITORY / "config" / "lemai.yaml").read_text(encoding="utf-8")
    config = tmp_path / "lemai.yaml"
    monkeypatch.setenv("LEMAI_CONFIG", str(config))
    monkeypatch.setenv("LEMAI_HOME", str(tmp_path / "home"))

    config.write_text(sound.replace("carrier: SF", "carrier: SFF").replace("safety_stock: 0", "safety_stock: -1"))
    refused = CliRunner().invoke(app, ["config", "check"])
    config.write_text(sound.replace("kingdee-masked", "kingdee-maskd").replace("carrier: SF", "carrier: YTO9"))
    unknown = CliRunner().invoke(app, ["config", "check"])
    config.write_text(sound.replace("platform: tmall", "platform: jd"))
    monkeypatch.setenv("LEMAI_PORT_ORDER_SVC", "abc")
    monkeypatch.setenv("LEMAI_PORT_KAFKA", "65536")
    ports = CliRunner().invoke(app, ["config", "check"])

    assert (refused.exit_code, unknown.exit_code, ports.exit_code) == (2, 2, 2)
    assert "stores.0.safety_stock = -1" in refused.output
    profile, carrier = unknown.output.splitlines()
    assert profile.startswith(
        f"{config}:11: counterparts[KINGDEE-JFY].profile = 'kingdee-maskd': 没有此方案 no such profile"
    )
    assert carrier.startswith(f"{config}:25: stores[TM-JFY-01].carrier = 'YTO9': "), "told at once"
    first, second, third = ports.output.splitlines()
    assert first.startswith("LEMAI_PORT_ORDER_SVC = 'abc': 请改为端口号 / change it to the number of a port")
    assert second.startswith("LEMAI_PORT_KAFKA = '65536': ")
    assert third.startswith("没有平台插件 'jd'，已安装："), "what a service finds is told beside it"

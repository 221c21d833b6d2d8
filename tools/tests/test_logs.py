"""`lemai logs`: an order's lines over every service, by time."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lemai_tools.cli import app

PLACED = {"timestamp": "2026-12-01T03:00:01Z", "event": "order placed", "order_no": "TM1", "trace_id": "a"}
PULLED = {"timestamp": "2026-12-01T03:00:00.5Z", "event": "marketplace trade changed", "trade_no": "1", "trace_id": "a"}
ALERT = {"timestamp": "2026-12-01T03:00:03Z", "event": "ops alert raised", "about": "JFY/TM1", "trace_id": "b"}
SENT = {"timestamp": "2026-12-01T03:00:02Z", "event": "document sent", "reference": "TM1", "trace_id": "a"}
OTHER = {"timestamp": "2026-12-01T03:00:02Z", "event": "order placed", "order_no": "TM2", "trace_id": "c"}
WRITTEN = {
    "marketplace-adapter": [PULLED],
    "order-svc": [ALERT, PLACED | {"owner_code": "JFY"}, OTHER],
    "kingdee-adapter": [SENT],
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEMAI_HOME", str(tmp_path))
    folder = tmp_path / "logs"
    folder.mkdir()
    for service, lines in WRITTEN.items():
        texts = [json.dumps({"service": service, "level": "info"} | line) for line in lines]
        (folder / f"{service}.log").write_text("\n".join(["no JSON", *texts, '{"service": "cut sh']), encoding="utf-8")
    return tmp_path


def told(*arguments: str) -> list[str]:
    done = run(*arguments, "--json")
    return [f"{line['service']}: {line['event']}" for line in json.loads(done.output)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["logs", *arguments], catch_exceptions=False)


def test_an_order_is_told_over_all_services_in_order_of_time() -> None:
    assert told("--order", "TM1") == [
        "marketplace-adapter: marketplace trade changed",
        "order-svc: order placed",
        "kingdee-adapter: document sent",
        "order-svc: ops alert raised",
    ]


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        (["--trace", "c"], ["order-svc: order placed"]),
        (["--owner", "JFY"], ["order-svc: order placed"]),
        (["--service", "kingdee-adapter"], ["kingdee-adapter: document sent"]),
        (["--since", "2026-12-01T03:00:03+00:00"], ["order-svc: ops alert raised"]),
        (["--order", "TM3"], []),
    ],
)
def test_lines_are_chosen(asked: list[str], lines: list[str]) -> None:
    assert told(*asked) == lines


def test_a_person_reads_one_line_each() -> None:
    [line] = run("--trace", "c").output.splitlines()

    assert line == "2026-12-01T03:00:02Z order-svc info order placed order_no=TM2 trace_id=c"


def test_a_moment_that_is_none_is_refused() -> None:
    refused = run("--since", "yesterday")

    assert (refused.exit_code, "10m" in refused.output) == (2, True)


def test_that_nothing_was_found_is_said() -> None:
    assert run("--order", "NOPE").output == "没有 / nothing\n"

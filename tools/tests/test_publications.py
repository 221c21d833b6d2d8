"""`lemai publications` and `lemai calls`: what they ask of a service."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from lemai_tools.cli import app
from lemai_tools.platform.members import SERVICES
from lemai_tools.sim import Ship
from sim_kingdee.domain import Behaviour

ANSWERS = {
    "GET /v1/publications?kind=publish_shipment&state=rejected": {
        "items": [{"id": 7, "key": "TM-01/900", "answer": {"code": "waybill", "message": "两个 two"}}]
    },
    "POST /v1/publications/7/correct": {"id": 8},
    "POST /v1/publications/7/resend": {"id": 9},
    "GET /v1/calls?state=waiting": {"items": [{"id": 3, "kind": "publish_stock", "key": "TM-01/7/70"}]},
    "POST /v1/calls/3/retry": {"calls": 1},
    "POST /v1/calls/retry?key=TM-01%2F": {"calls": 5},
    "POST /v1/calls/3/give-up": {"items": []},
}
Asked = list[tuple[str, object]]


@pytest.fixture
def service() -> Iterator[tuple[str, Asked]]:
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = f"{self.command} {self.path}"
            asked.append((line, json.loads(body or b"null")))
            answer = json.dumps(ANSWERS[line]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name is the base class's

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("command", "line", "body", "said"),
    [
        ("publications list", "GET /v1/publications?kind=publish_shipment&state=rejected", None, "two"),
        (
            "publications correct 7 --waybill SF1 --reason why",
            "POST /v1/publications/7/correct",
            {"carrier_code": None, "waybill_no": "SF1", "of_waybill": None, "reason": "why"},
            "8",
        ),
        ("publications resend 7 --reason why", "POST /v1/publications/7/resend", {"reason": "why"}, "9"),
        ("calls list marketplace-adapter", "GET /v1/calls?state=waiting", None, "TM-01/7/70"),
        ("calls retry marketplace-adapter 3", "POST /v1/calls/3/retry", None, "tried again"),
        ("calls retry-all marketplace-adapter --key TM-01/", "POST /v1/calls/retry?key=TM-01%2F", None, "5"),
        (
            "calls give-up marketplace-adapter 3 --reason why",
            "POST /v1/calls/3/give-up",
            {"reason": "why"},
            "given up",
        ),
    ],
)
def test_a_verb_asks_its_service(service: tuple[str, Asked], command: str, line: str, body: object, said: str) -> None:
    url, asked = service

    result = CliRunner().invoke(app, [*command.split(), "--url", url])

    assert result.exit_code == 0, result.output
    assert asked == [(line, body)]
    assert said in result.output


def test_what_does_not_run_here_is_told_with_what_there_is(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["calls", "list", "bogus"], env={"LEMAI_HOME": str(tmp_path), "COLUMNS": "300"})

    assert result.exit_code == 1
    assert all(name in result.output for name in ("bogus", *SERVICES))


def test_every_way_of_shipping_is_offered() -> None:
    assert set(get_args(Ship)) == {*Behaviour}


def test_a_way_of_shipping_that_is_none_orders_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["sim", "order", "HAT", "--ship", "bogus"], env={"LEMAI_HOME": str(tmp_path)})

    assert (result.exit_code, "two_parcels" in result.output) == (2, True)

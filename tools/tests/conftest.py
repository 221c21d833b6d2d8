"""A platform whose members are toys: one small HTTP program under every member's name."""

from collections.abc import Iterator

import pytest

from lemai_tools.platform.home import Home
from lemai_tools.platform.members import SERVICES, SIMULATORS

TOY = '''
import http.server, json, os, sys

if "migrate" in sys.argv:
    sys.exit(print("migrated"))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every path with its environment."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())


address = os.environ["HTTP_HOST"], int(os.environ["HTTP_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
'''
REFERENCE = """
version: "1"
owners: [{code: JFY}]
counterparts: [{code: KD, kind: kingdee, profile: kingdee-default, channel: {kind: folder, folder: jfy}}]
warehouses: [{code: WH01, counterpart: KD}, {code: WH02, counterpart: KD}]
carriers: [{code: SF}]
stores:
  - {code: T01, platform: tmall, owners: [JFY], warehouse: WH01, carrier: SF, stock_share_percent: 50}
  - {code: J01, platform: jd, owners: [JFY], warehouse: WH01, carrier: SF, stock_share_percent: 50}
order_no_prefixes: {tmall: TM, jd: JD}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An empty state folder; the environment names it, its reference data and the toys to every new process."""
    root = tmp_path_factory.mktemp("platform")
    for name in SERVICES + SIMULATORS:
        package = root / "toys" / name.replace("-", "_")
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(TOY)
    (root / "lemai.yaml").write_text(REFERENCE)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(root / "toys"))
        environment.syspath_prepend(root / "toys")
        environment.setenv("LEMAI_CONFIG", str(root / "lemai.yaml"))
        environment.setenv("LEMAI_HOME", str(root / "home"))
        environment.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        yield Home(root / "home")

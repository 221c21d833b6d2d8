"""A platform whose members are toys: one small HTTP program under every member's name."""

import json
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
STORES = {"stores": [{"code": "T01", "platform": "tmall"}, {"code": "J01", "platform": "jd"}]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An empty state folder; the environment names it, its reference data and the toys to every new process."""
    root = tmp_path_factory.mktemp("platform")
    for name in SERVICES + SIMULATORS:
        package = root / "toys" / name.replace("-", "_")
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(TOY)
    (root / "lemai.yaml").write_text(json.dumps(STORES))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(root / "toys"))
        environment.syspath_prepend(root / "toys")
        environment.setenv("LEMAI_CONFIG", str(root / "lemai.yaml"))
        environment.setenv("LEMAI_HOME", str(root / "home"))
        environment.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        yield Home(root / "home")

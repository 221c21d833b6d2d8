"""The state folder of one checkout: data, logs, ports and secrets of what runs there."""

import json
import os
import random
import secrets
import socket
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]

# Below the range from which systems take client ports, so that no client sits on a port whose server restarts.
PORTS = range(20_000, 32_000)


def default_home() -> Path:
    """The folder `LEMAI_HOME` names, else `.lemai` in this checkout."""
    return Path(os.environ.get("LEMAI_HOME", REPOSITORY / ".lemai")).resolve()


class Home:
    """One state folder; every path and secret in it is made when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def folder(self, name: str) -> Path:
        """A folder inside, made if it is not there."""
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    def log(self, process_name: str) -> Path:
        """Where a process writes its output."""
        return self.folder("logs") / f"{process_name}.log"

    def secret(self, name: str) -> Path:
        """A file only its owner reads, holding 32 random bytes in base64; made once."""
        path = self.folder("secrets") / name
        if not path.exists():
            self.write_private(path, secrets.token_urlsafe(32))
        return path

    def write_private(self, path: Path, text: str) -> None:
        """Write a file that only its owner can read."""
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")

    def port(self, name: str) -> int:
        """The loopback port of a server about to start.

        `LEMAI_PORT_<NAME>` if set, else the one it had last time if that is free, else a free one.
        """
        configured = os.environ.get(f"LEMAI_PORT_{name.upper().replace('-', '_')}")
        if configured:
            return int(configured)
        path = self.root / "ports.json"
        ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if name not in ports or not _is_free(ports[name]):
            taken = set(ports.values())
            ports[name] = next(port for port in _shuffled() if port not in taken and _is_free(port))
            path.write_text(json.dumps(ports, indent=1))
        return ports[name]


def _shuffled() -> list[int]:
    return random.SystemRandom().sample(PORTS, len(PORTS))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Servers here reuse addresses too: a port with closed connections of its last server is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""The state folder of one checkout: data, logs, ports and secrets of what runs there."""

import base64
import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]

# Below the range from which systems take client ports, so that no client sits on a port whose server restarts.
PORTS = range(20_000, 32_000)


def default_home() -> Path:
    """The folder `LEMAI_HOME` names, else `.lemai` in this checkout."""
    return Path(os.environ.get("LEMAI_HOME", REPOSITORY / ".lemai")).resolve()


def demo_home() -> Path:
    """The folder of `lemai demo`, inside the default one; it is made anew each time."""
    return default_home() / "demo"


def default_config() -> Path:
    """The reference data `LEMAI_CONFIG` names, else those of this checkout."""
    return Path(os.environ.get("LEMAI_CONFIG", REPOSITORY / "config" / "lemai.yaml")).resolve()


def wrong_ports() -> Iterator[str]:
    """A line for each `LEMAI_PORT_<NAME>` that is none: told before any is taken, beside what else is wrong."""
    for variable, value in os.environ.items():
        if variable.startswith("LEMAI_PORT_") and value and not (value.isdigit() and int(value) < 2**16):
            yield f"{variable} = {value!r}: 请改为端口号 / change it to the number of a port, 65535 at most"


class HomeInUseError(Exception):
    """Another process runs the platform of this state folder."""


class Home:
    """One state folder; every path and secret in it is made when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def folder(self, name: str) -> Path:
        """A folder inside, made if it is not there."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, process_name: str) -> Path:
        """Where a process writes its output."""
        return self.folder("logs") / f"{process_name}.log"

    def private(self, name: str, text: str) -> Path:
        """A file that only its owner can read, with this text."""
        path = self.folder("secrets") / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def secret(self, name: str) -> Path:
        """A private file with 32 random bytes in base64, made once."""
        path = self.folder("secrets") / name
        if path.exists():
            return path
        return self.private(name, base64.b64encode(secrets.token_bytes(32)).decode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process alone; raises HomeInUseError. The system frees it when the process ends."""
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeInUseError(f"{self.root} 已在运行 is running already") from None
            yield

    def port(self, name: str) -> int:
        """The loopback port of a server about to start.

        `LEMAI_PORT_<NAME>` if it is one, else the one it had last time if that is free, else a free one.
        """
        configured = os.environ.get(f"LEMAI_PORT_{name.upper().replace('-', '_')}", "")
        if configured.isdigit():
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

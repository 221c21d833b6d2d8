"""The toy as real processes that can be killed."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from lemai_tools.platform.people import access_file
from lemai_tools.platform.processes import Process, Processes

TOY_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Toys:
    """Processes of one toy service: one database, one group."""

    processes: Processes
    database_url: str
    bootstrap_servers: str
    group: str

    async def launch(self, name: str) -> str:
        """Start a process and wait until it is ready; its HTTP address."""
        port = self.processes.home.port(name)
        url = f"http://127.0.0.1:{port}"
        environment = {
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "HTTP_PORT": str(port),
            "TOY_NAME": self.group,
            "ACCESS_FILE": str(access_file(self.processes.home)),
            "PYTHONPATH": os.pathsep.join([str(TOY_FOLDER), os.environ.get("PYTHONPATH", "")]),
        }

        async def ready() -> bool:
            try:
                async with httpx.AsyncClient() as client:
                    return (await client.get(f"{url}/readyz")).is_success
            except httpx.TransportError:
                return False

        argv = (sys.executable, "-m", "lemai_toy")
        await self.processes.launch(Process(name=name, argv=argv, env=environment, ready=ready, url=url))
        return url

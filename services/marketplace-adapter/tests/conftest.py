"""The adapter on databases of its own, and a process of the Tmall simulator that it calls."""

import asyncio
import base64
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import RowMapping, text

from lemai_chassis.database import connect, migrate
from lemai_chassis.delivery.calls import CallWorker
from lemai_chassis.keyring import Keyring, MasterKey
from lemai_chassis.schedules import Scheduler
from lemai_chassis.service import Service
from lemai_chassis.wakeup import Wakeup, listening
from lemai_contracts import Event
from lemai_contracts.ops import AlertRaisedV1
from marketplace_adapter.bootstrap import AdapterSettings, build
from marketplace_adapter.handlers import WindowPulled, on_window_pulled

E = TypeVar("E", bound=Event)
STORE = "TM-01"
MASTER_KEY = bytes(range(32))
MIGRATIONS = Path(__file__).parents[1] / "src" / "marketplace_adapter" / "migrations"
PATIENCE_S = 20.0
BACK_S = 500
SKUS_PER_ITEM = 25
_numbers = count(1)


@dataclass(frozen=True)
class Simulator:
    """A running process of the simulator."""

    url: str
    directory: Path


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directory = tmp_path_factory.mktemp("tmall")
    environment = {**os.environ, "HTTP_PORT": str(port), "SIM_TMALL_DIR": str(directory)}
    process = subprocess.Popen([sys.executable, "-m", "sim_tmall"], env=environment)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}", process)
        yield Simulator(f"http://127.0.0.1:{port}", directory)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the simulator did not start")


class Tmall:
    """One seller of his own on the simulator, and the levers of buyers and platform.

    The platform's clock stands minutes behind the machine's and the adapter's with it, so that time can be moved on.
    """

    def __init__(self, http: httpx.AsyncClient, simulator: Simulator, number: int) -> None:
        self._http = http
        self._behind_s = BACK_S
        self._database = simulator.directory / "tmall.sqlite3"
        self.nick = f"旗舰店{number}"
        self.item = 620_000_000_000 + number * 10
        self.secrets = {
            "endpoint": f"{simulator.url}/router/rest",
            "app_key": f"{number:08d}",
            "app_secret": "secret0123456789abcdef0123456789ab",
            "session": f"6100session{number}",
        }

    async def open(self) -> None:
        """Register the seller, put two items on sale, and set the clock back."""
        await self.clear_faults()
        await self.post("/clock", skew_seconds=-BACK_S, visibility_lag=0)
        await self.renew_session()
        for item in (self.item, self.item + 1):
            await self._list(item)

    async def retitle(self, title: str) -> None:
        """Give the item another title."""
        await self._list(self.item, title=title)

    async def recode(self, outer_id: str) -> None:
        """The seller writes another code of his own on every SKU."""
        await self._list(self.item, outer_id=outer_id)

    async def _list(self, item: int, title: str = "连体衣", outer_id: str = "") -> None:
        skus = [
            {"sku_id": sku, "outer_id": outer_id or f"JFY-{sku}", "price": "33.33", "quantity": 1000}
            for sku in self.skus(item)
        ]
        await self.post("/items", num_iid=item, title=title, skus=skus, seller=self.nick)

    def skus(self, item: int) -> list[int]:
        return [item * 100 + number for number in range(SKUS_PER_ITEM)]

    async def renew_session(self) -> None:
        """The seller authorises the app with the session the adapter knows."""
        await self._authorise(self.secrets["session"])

    async def end_session(self) -> None:
        """The seller authorises the app anew: the session the adapter knows is over."""
        await self._authorise(f"not {self.secrets['session']}")

    async def _authorise(self, session: str) -> None:
        app = {name: self.secrets[name] for name in ("app_key", "app_secret")}
        await self.post("/sellers", **app, session=session, nick=self.nick)

    def now(self) -> datetime:
        """The platform's time, and the adapter's."""
        return datetime.now(UTC) - timedelta(seconds=self._behind_s)

    async def forward(self, seconds: int) -> None:
        """Move time on, the platform's first."""
        await self.post("/clock", skew_seconds=seconds - self._behind_s)
        self._behind_s -= seconds

    async def post(self, path: str, **body: Any) -> Any:
        reply = await self._http.post(path, json=body or None)
        assert reply.is_success, reply.text
        return reply.json()

    async def get(self, path: str, **query: Any) -> Any:
        return (await self._http.get(path, params=query)).raise_for_status().json()

    async def order(self, *quantities: int, **more: Any) -> str:
        """A paid trade with a line of each quantity; its number."""
        lines = [
            {"sku_id": sku, "quantity": pieces} for sku, pieces in zip(self.skus(self.item), quantities, strict=False)
        ]
        return str((await self.post("/trades", lines=lines, seller=self.nick, **more))["tid"])

    async def orders(self, number: int) -> list[str]:
        """Many paid trades at once."""
        tids: list[str] = (await self.post("/trades/bulk", count=number, seller=self.nick))["tids"]
        return tids

    async def trade(self, trade_no: str) -> Any:
        """All the platform knows of a trade."""
        return await self.get(f"/trades/{trade_no}")

    async def parcels(self, trade_no: str) -> list[tuple[str, dict[str, int]]]:
        """Waybills of a trade with the pieces of each line, lines named by their position."""
        trade = await self.trade(trade_no)
        position = {line["oid"]: str(number) for number, line in enumerate(trade["lines"], 1)}
        return [
            (parcel["out_sid"], {position[content["oid"]]: content["quantity"] for content in parcel["contents"]})
            for parcel in trade["parcels"]
        ]

    async def quantities(self) -> dict[str, int]:
        """What is for sale, by SKU."""
        return {row["sku_id"]: row["quantity"] for row in (await self.get("/stock", seller=self.nick))["stock"]}

    async def fault(self, kind: str, method: str, **details: int) -> None:
        await self.post("/faults", kind=kind, method=method, **details)

    async def clear_faults(self) -> None:
        (await self._http.delete("/faults")).raise_for_status()

    async def calls(self, method: str) -> list[str]:
        """How this seller's calls of a method ended, in their order."""
        found: list[str] = []
        after = 0
        while after is not None:
            page = await self.get("/calls", method=method, after=after, limit=10_000)
            found += [call["outcome"] for call in page["calls"] if call["nick"] == self.nick]
            after = page["next"]
        return found

    def replace_lines(self, trade_no: str, lines: Any) -> Any:
        """Change a trade behind the platform's back; its lines before. Without lines it cannot be read."""
        with closing(sqlite3.connect(self._database, timeout=PATIENCE_S, isolation_level=None)) as connection:
            [(body,)] = connection.execute("SELECT body FROM trade WHERE tid = ?", (trade_no,)).fetchall()
            before = json.loads(body)
            changed = json.dumps(before | {"lines": lines}).encode()
            connection.execute("UPDATE trade SET body = ? WHERE tid = ?", (changed, trade_no))
        return before["lines"]


class Adapter:
    """The adapter put together as it runs, its loops driven by the test."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.engine = service.engine
        self._schedules = {schedule.name: schedule for schedule in service.schedules}
        self.pull = self._schedules[f"pull:{STORE}"].run
        self.sweep = self._schedules[f"sweep:{STORE}"].run

    async def scheduled_pull(self) -> timedelta:
        """Pull as the scheduler does it, errors and all; after which time it would pull again."""
        schedule = self._schedules[f"pull:{STORE}"]
        return await Scheduler(self.engine, [schedule])._turn(schedule, failing=True)

    async def rows(self, sql: str, **parameters: Any) -> Sequence[RowMapping]:
        async with self.engine.database.begin() as connection:
            return (await connection.execute(text(sql), parameters)).mappings().all()

    async def column(self, sql: str) -> list[Any]:
        return [value for row in await self.rows(sql) for value in row.values()]

    async def run(self, *statements: str) -> None:
        async with self.engine.database.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))

    async def events(self, kind: type[E]) -> list[E]:
        """Every event of a type, in the order it was published."""
        rows = await self.rows("SELECT data::text AS data FROM event WHERE type = :type ORDER BY seq", type=kind.type)
        return [kind.model_validate_json(row["data"]) for row in rows]

    async def alerts(self) -> list[tuple[str, str]]:
        return [(alert.code, alert.about) for alert in await self.events(AlertRaisedV1)]

    async def pulled_until(self, until: datetime) -> None:
        """Begin to pull there."""
        await self.engine.execute(on_window_pulled, WindowPulled(STORE, until))

    async def until_publications(self, *states: str) -> None:
        """Wait until the publications are in these states, in the order they were asked for."""
        await self._until("state", list(states))

    async def until_answers(self, *codes: str) -> None:
        """Wait until the platform answered the publications with these codes, in the order they were asked for."""
        await self._until("answer->>'code'", list(codes))

    async def _until(self, column: str, expected: list[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (found := await self.column(f"SELECT {column} FROM outbound_call ORDER BY id")) != expected:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)

    async def try_again_now(self) -> None:
        """Let the pause of what is to be tried again be over."""
        await self.run(
            "UPDATE outbound_call SET due_at = now() WHERE state IN ('pending', 'unknown')",
            "SELECT pg_notify('outbound_call', '')",
        )

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        """Workers make the calls that were asked for, as long as this lasts."""
        wakeup = Wakeup()
        async with listening(self.engine.database, {"outbound_call": wakeup}):
            workers = [asyncio.create_task(CallWorker(self.engine, kind, wakeup).run()) for kind in self.service.calls]
            try:
                yield
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.wait(workers)


@pytest.fixture
async def tmall(simulator: Simulator) -> AsyncIterator[Tmall]:
    async with httpx.AsyncClient(base_url=f"{simulator.url}/sim") as http:
        seller = Tmall(http, simulator, next(_numbers))
        await seller.open()
        yield seller


@pytest.fixture(scope="session")
def keyring_url(postgres: Any) -> str:
    """A database for the keys alone, shared by the tests: what they seal has keys of its own."""
    url: str = asyncio.run(postgres.fresh_database("keyring"))
    return url


@pytest.fixture
async def keyring(keyring_url: str) -> AsyncIterator[Keyring]:
    """Opens what the adapter sealed."""
    database = connect(keyring_url)
    yield Keyring(database, MasterKey(MASTER_KEY))
    await database.dispose()


@pytest.fixture
async def adapter(tmall: Tmall, database_url: str, keyring_url: str, tmp_path: Path) -> AsyncIterator[Adapter]:
    await migrate(database_url, MIGRATIONS)
    master_key, secrets = tmp_path / "master-key", tmp_path / "store-secrets.json"
    master_key.write_bytes(base64.b64encode(MASTER_KEY))
    secrets.write_text(json.dumps({STORE: tmall.secrets}))
    settings = AdapterSettings(
        lemai_config=Path(__file__).parent / "lemai.yaml",
        database_url=SecretStr(database_url),
        keyring_database_url=SecretStr(keyring_url),
        kafka_bootstrap_servers="nowhere:9092",
        master_key_file=master_key,
        store_secrets_file=secrets,
    )
    service = build(settings)
    service.engine.clock = tmall.now
    async with service.resources:
        for prepare in service.on_start:
            await prepare()
        built = Adapter(service)
        await built.pulled_until(tmall.now() - timedelta(seconds=5))
        yield built

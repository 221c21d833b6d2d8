"""Events as the other services send them, and the adapter between a database, a folder and a Kingdee."""

import asyncio
import base64
import itertools
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import yaml
from pydantic import SecretStr
from sqlalchemy import text

import kingdee_adapter
from kingdee_adapter.bootstrap import AdapterSettings, build
from lemai_chassis.access import Role
from lemai_chassis.database import connect, migrate
from lemai_chassis.delivery.message import Message
from lemai_chassis.keyring import Keyring, MasterKey
from lemai_chassis.reference import Reference
from lemai_chassis.service import Process, Service
from lemai_chassis.testing import person, token
from lemai_contracts import Attributes, Event, to_headers
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import OutboundInstructedV1
from lemai_docking.definitions.profile import built_in
from lemai_docking.documents import Decoded
from lemai_docking.encodings.choice import codec_of

E = TypeVar("E", bound=Event)
T = TypeVar("T")
MIGRATIONS = Path(kingdee_adapter.__file__).parent / "migrations"
SAMPLES = Path(__file__).parent / "samples"
PROFILE = built_in("kingdee-default")
CODEC = codec_of(PROFILE)
DEADLINE_S = 20
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
KINGDEE = "KINGDEE-JFY"
SHIP = "SHIP-20261122152100.shupl"
_SECONDS = itertools.count()
DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"
CONSIGNEE = {
    "name": "张三",
    "phone": "13800000000",
    "province": "浙江省",
    "city": "杭州市",
    "district": "余杭区",
    "town": "五常街道",
    "address": "文一西路969号",
    "postcode": "",
    "token": None,
}
REFERENCE = Reference.model_validate(
    {
        "version": "test",
        "owners": [{"code": "JFY"}, {"code": "NB"}],
        "counterparts": [
            {
                "code": code,
                "kind": "kingdee",
                "profile": profile,
                "channel": {"kind": "folder", "folder": code.lower()},
                "adjustments": adjustments,
                "acknowledge_within_minutes": 30,
                "answer_within_hours": 24,
                "keep_bytes_days": 90,
            }
            for code, profile, adjustments in (
                (KINGDEE, "kingdee-default", "internal"),
                ("KINGDEE-2", "kingdee-masked", "interfaces"),
            )
        ],
        "warehouses": [{"code": "WH01", "counterpart": KINGDEE}, {"code": "WH02", "counterpart": "KINGDEE-2"}],
        "stores": [
            {
                "code": code,
                "name": name,
                "platform": "tmall",
                "owners": owners,
                "warehouse": warehouse,
                "carrier": "SF",
                "stock_share_percent": 50,
            }
            for code, name, owners, warehouse in (
                ("TM-JFY-01", "聚芳永旗舰店", ["JFY"], "WH01"),
                ("TM-JFY-02", "", ["JFY"], "WH01"),
                ("TM-MIX-01", "集合店", ["NB", "JFY"], "WH02"),
            )
        ],
        "carriers": [{"code": "SF", "name": "顺丰速运"}],
        "suppliers": [{"code": "VEN0007", "name": "杭州某某服饰有限公司", "owner": "JFY"}],
        "order_no_prefixes": {"tmall": "TM"},
        "document_codes": {"tmall": "TM"},
    }
)


def changed(event: E, **fields: Any) -> E:
    """The event with other fields, checked again."""
    return type(event).model_validate(event.model_dump() | fields)


def an_instruction(**fields: Any) -> OutboundInstructedV1:
    """The sales order 2611220001 of the reference's sample file."""
    return changed(example(OutboundInstructedV1), counterpart_code=KINGDEE, **fields)


def an_item(**fields: Any) -> ItemChangedV1:
    """The dress of the reference's sample file."""
    return changed(example(ItemChangedV1), **fields)


def sample(name: str) -> Decoded:
    """A file of the reference, read."""
    return CODEC.decode(name, (SAMPLES / name).read_bytes())


def a_shipment_file(*order_nos: str) -> bytes:
    """A file that ships the sample order, whole, under these numbers; each is a message of its own."""
    (shipment,) = sample(SHIP).documents
    documents = [
        replace(shipment, head={**shipment.head, "order_no": order_no, "out_biz_code": f"SHP-{order_no}-1"})
        for order_no in order_nos
    ]
    stamp = NOW + timedelta(seconds=next(_SECONDS))
    header = PROFILE.header("ship_result", stamp=stamp, created_at=NOW, owner_code="JFY")
    return CODEC.frame(header, [CODEC.render(document) for document in documents]).data


@dataclass
class World:
    """The adapter as its bootstrap puts it together, on databases and a folder of its own."""

    service: Service
    settings: AdapterSettings
    keyring: Keyring

    @property
    def folder(self) -> Path:
        """The exchange folder of KINGDEE."""
        return self.settings.docking_root / "kingdee-jfy"

    async def take(self, *events: Event) -> None:
        """Take a batch of events, as from Kafka."""
        await self.service.engine.run([_message(offset, event) for offset, event in enumerate(events)])

    async def order(self, *order_nos: str, consignee: Mapping[str, Any] = CONSIGNEE, **fields: Any) -> list[str]:
        """Take urgent instructions in one batch, each of a family of its own; the keys that seal their consignees."""
        sealed = await self.keyring.seal([consignee] * len(order_nos))
        common = an_instruction(urgent=True, **fields)
        await self.take(
            *(
                changed(
                    common,
                    order_no=order_no,
                    family=f"tmall/{order_no}",
                    consignee=common.consignee.model_dump() | vars(value),
                )
                for order_no, value in zip(order_nos, sealed, strict=True)
            )
        )
        return [value.key_id for value in sealed]

    async def told(self, kind: type[E], **fields: object) -> list[E]:
        """The events of one type that say this, in order."""
        events = [kind.model_validate(row["data"]) for row in await self.rows("event", type=kind.type)]
        return [event for event in events if all(getattr(event, name) == value for name, value in fields.items())]

    async def wait_for(self, kind: type[E], count: int = 1, **fields: object) -> list[E]:
        """The events of one type that say this, once there are so many."""

        async def enough() -> list[E] | None:
            told = await self.told(kind, **fields)
            return told if len(told) >= count else None

        return await until(enough, f"{count} {kind.__name__} {fields}")

    async def wait_for_row(self, table: str, **equal: str) -> Mapping[str, Any]:
        """The first row of a table with these values, once there is one."""

        async def there() -> Mapping[str, Any] | None:
            return next(iter(await self.rows(table, **equal)), None)

        return await until(there, f"{table} {equal}")

    async def drop(self, name: str, data: bytes) -> None:
        """Put a file into the inbox, and wait until it is dealt with."""
        path = self.folder / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        await gone(path)

    async def rows(self, table: str, **equal: str) -> list[Mapping[str, Any]]:
        """Rows of a table in the order they came."""
        order = "seq" if table == "event" else "id"
        where = " AND ".join(["true", *(f"{column} = :{column}" for column in equal)])
        async with self.service.engine.database.connect() as connection:
            found = await connection.execute(text(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}"), equal)
            return [dict(row) for row in found.mappings()]

    @asynccontextmanager
    async def http(self, person: str = "li.na") -> AsyncIterator[httpx.AsyncClient]:
        """A client of the adapter's REST, by somebody's token."""
        transport = httpx.ASGITransport(Process(self.service, self.settings).app())
        async with httpx.AsyncClient(transport=transport, base_url="http://adapter/v1") as client:
            client.headers.update(token(person))
            yield client

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publishers and readers at work."""
        loops = [asyncio.ensure_future(loop()) for loop in self.service.loops]
        try:
            yield
            for loop in loops:
                if loop.done():
                    loop.result()
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)


@dataclass
class Simulator:
    """A Kingdee of its own process that shares nothing with the adapter but the folder."""

    http: httpx.AsyncClient

    async def get(self, path: str, **parameters: str) -> Any:
        return (await self.http.get(path, params=parameters)).raise_for_status().json()

    async def post(self, path: str, **body: Any) -> Any:
        return (await self.http.post(path, json=body)).raise_for_status().json()

    async def stock(self, owner_code: str, on_hand: Mapping[str, int]) -> None:
        """Put pieces on the shelf."""
        place = {"warehouse_code": "WH01", "owner_code": owner_code}
        await self.post(
            "/sim/stock", stock=[place | {"item_code": item, "on_hand": count} for item, count in on_hand.items()]
        )

    async def script(self, order_no: str, behaviour: str) -> None:
        """Say what it will do with an order."""
        await self.post("/sim/scripts", order_no={order_no: behaviour})

    async def order(self, order_no: str) -> dict[str, Any]:
        """What it says itself that it was asked and has done."""
        return dict(await self.get(f"/sim/orders/JFY/{order_no}"))


@dataclass
class Exchange:
    """An adapter and a Kingdee at the two ends of one folder."""

    world: World
    kingdee: Simulator


PEOPLE = [person("li.na"), person("wang.wei", [Role.CONTENT])]
"""Who may do what; the name is the token too."""


@asynccontextmanager
async def adapter(
    postgres: Any, folder: Path, reference: Reference = REFERENCE, secrets: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[World]:
    """An adapter on new databases; what it needs to start lies in `folder`, secrets by the names of their files."""
    database_url, keyring_url = [await postgres.fresh_database(name) for name in ("kingdee", "keyring")]
    key, config = folder / "master.key", folder / "lemai.yaml"
    key.write_bytes(base64.b64encode(b"k" * 32))
    config.write_text(yaml.safe_dump(reference.model_dump(mode="json")))
    access = folder / "access.json"
    access.write_text(json.dumps([each.model_dump(mode="json") for each in PEOPLE]))
    for name, secret in secrets.items():
        (folder / name).write_text(secret)
    await migrate(database_url, MIGRATIONS)
    settings = AdapterSettings(
        lemai_config=config,
        database_url=SecretStr(database_url),
        keyring_database_url=SecretStr(keyring_url),
        kafka_bootstrap_servers="unused:9092",
        master_key_file=key,
        docking_root=folder / "exchange",
        docking_secrets=folder,
        access_file=access,
    )
    service = build(settings)
    keys = connect(keyring_url)
    for prepare in service.on_start:
        await prepare()
    async with service.resources:
        yield World(service, settings, Keyring(keys, MasterKey.read(key)))
    await service.engine.database.dispose()
    await keys.dispose()
    for url in (database_url, keyring_url):
        await postgres.drop(url)


@asynccontextmanager
async def simulator(exchange: Path, store: Path) -> AsyncIterator[Simulator]:
    """`python -m sim_kingdee` at work in an exchange folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "SIM_KINGDEE_ROOT": str(exchange),
        "SIM_KINGDEE_DIR": str(store),
        "SIM_KINGDEE_POLL_MS": "50",
        "SIM_KINGDEE_FLUSH_MS": "50",
        "HTTP_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sim_kingdee", env={**os.environ, **settings})
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        try:
            await until(lambda: _answers(http), "the simulator")
            yield Simulator(http)
        finally:
            process.terminate()
            await process.wait()


async def gone(path: Path) -> None:
    """Wait until somebody has moved a file away."""

    async def moved() -> bool | None:
        return None if path.exists() else True

    await until(moved, f"move of {path.name}")


async def until(probe: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What the probe finds, as soon as it finds something."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while (found := await probe()) is None:
                await asyncio.sleep(0.02)
            return found
    except TimeoutError:
        raise AssertionError(f"no {what} within {DEADLINE_S} s") from None


async def _answers(http: httpx.AsyncClient) -> bool | None:
    try:
        await http.get("/sim/files")
    except httpx.TransportError:
        return None
    return True


def _message(offset: int, event: Event) -> Message:
    attributes = Attributes(
        id=uuid4(),
        source="test",
        type=event.type,
        time=NOW,
        subject=event.subject,
        partitionkey=event.partitionkey,
        aggregateversion=1,
        traceparent="",
    )
    body = event.model_dump_json().encode()
    return Message(event.topic.name, 0, offset, event.partitionkey, to_headers(attributes), body)

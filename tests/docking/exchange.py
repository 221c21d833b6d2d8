"""The smallest platform that docks: Kafka, PostgreSQL, kingdee-adapter and the Kingdee simulator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.docking.counterparts import K3CLOUD, OWNERS, channels, reference
from tests.docking.orders import ITEMS, Case, Instruction, Owner

from lemai_chassis.database import connect
from lemai_chassis.keyring import Keyring, MasterKey
from lemai_contracts import Attributes, Event, from_headers, to_headers
from lemai_contracts.event import event_types
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import ActualReportedV1, DocumentRejectedV1, OutboundInstructedV1
from lemai_contracts.topics import FULFILMENT_ACTUAL, FULFILMENT_DOCUMENT, OPS_ALERT, STOCK_SNAPSHOT
from lemai_tools.demo.world import Api, until
from lemai_tools.platform.home import Home
from lemai_tools.platform.local import Platform
from lemai_tools.platform.people import authorization

E = TypeVar("E", bound=Event)
SHELF = 100_000
DEADLINE_S = 30
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


class Told:
    """What the adapter has told on Kafka so far."""

    def __init__(self) -> None:
        self._events: dict[UUID, Event] = {}

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        """Take in events for ever, each once: after a crash the wire may bring one again under the same id."""
        async for record in consumer:
            attributes = from_headers(record.headers)
            self._events[attributes.id] = event_types()[attributes.type].model_validate_json(record.value)

    def of(self, event_type: type[E], **fields: object) -> list[E]:
        """The events of a type that say this."""
        return [
            event
            for event in self._events.values()
            if isinstance(event, event_type) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def wait_for(self, event_type: type[E], count: int = 1, /, **fields: object) -> list[E]:
        """The same, once there are so many; if they do not come, what was rejected may tell why."""

        async def look() -> tuple[list[E], list[str]]:
            rejected = [f"{event.reference} {event.code} {event.message}" for event in self.of(DocumentRejectedV1)]
            return self.of(event_type, **fields), rejected

        what = f"{count} {event_type.__name__} {fields}"
        events, _ = await until(what, look, lambda seen: len(seen[0]) >= count, DEADLINE_S)
        return events


@dataclass(frozen=True)
class Exchange:
    """Both ends: what goes in and comes out on Kafka, and what the Kingdees and the adapter's journal say."""

    platform: Platform
    producer: AIOKafkaProducer
    keyring: Keyring
    told: Told
    kingdee: Api
    documents: Api

    async def publish(self, *events: Event) -> None:
        """As the other services do."""
        for event in events:
            attributes = Attributes(
                id=uuid4(),
                source="test",
                type=event.type,
                time=datetime.now(UTC),
                subject=event.subject,
                partitionkey=event.partitionkey,
                aggregateversion=1,
                traceparent="",
            )
            await self.producer.send(
                event.topic.name,
                event.model_dump_json().encode(),
                key=event.partitionkey.encode(),
                headers=to_headers(attributes),
            )
        await self.producer.flush()

    async def sealed(self, count: int) -> list[dict[str, Any]]:
        """So many consignees, each under a key of its own, as marketplace-adapter seals them."""
        shown = example(OutboundInstructedV1).consignee.model_dump()
        return [shown | vars(value) for value in await self.keyring.seal([CONSIGNEE] * count)]

    async def instruct(self, case: Case, owner: Owner, *numbers: str) -> list[Instruction]:
        """Orders of one kind under these numbers, on their way."""
        sealed = await self.sealed(len(numbers))
        orders = [case.instruction(owner, number, one) for number, one in zip(numbers, sealed, strict=True)]
        await self.publish(*orders)
        return orders

    async def came(self, order: Instruction) -> int:
        """How often a Kingdee took an order, by its own record."""
        instructions = (await self.kingdee.get(f"/sim/orders/{order.owner_code}/{order.order_no}"))["instructions"]
        repeats = (await self.kingdee.get("/sim/duplicates"))["repeated"]
        return len(instructions) + [repeat["order_no"] for repeat in repeats].count(order.order_no)

    async def reports(self, order: Instruction, count: int = 1) -> list[ActualReportedV1]:
        """So many reports of an order, in the order they were told."""
        return await self.told.wait_for(ActualReportedV1, count, owner_code=order.owner_code, order_no=order.order_no)

    async def all_taken(self, file_name: str) -> None:
        """Wait until we have answered a file of the Kingdee as often as it came."""

        async def left() -> list[Any]:
            files = (await self.kingdee.get("/sim/files", direction="out", name=file_name))["files"]
            return [file for file in files if file["in_inbox"]]

        await until(f"{file_name} taken", left, lambda files: files == [])

    async def adapter(self, statement: str) -> None:
        """Change what the adapter keeps: the one way to let hours pass at once."""
        database = connect(self.platform.databases["kingdee_adapter"])
        async with database.begin() as connection:
            await connection.exec_driver_sql(statement)
        await database.dispose()

    async def restart_adapter(self) -> None:
        """kill -9, and again. Calls it was at are settled once their leases have run out, which is made to be now."""
        self.platform.kill("kingdee-adapter")
        await self.adapter("UPDATE outbound_call SET leased_until = now() WHERE lease IS NOT NULL")
        await self.platform.restart("kingdee-adapter")

    async def count_stock(self, owner: Owner) -> None:
        """Have a Kingdee tell all it has; a K/3 Cloud is asked, as it is every day."""
        if owner is K3CLOUD:
            await self.adapter("UPDATE schedule SET due_at = now() WHERE name LIKE 'k3cloud stock %'")
        else:
            place = {"warehouse_code": owner.warehouse, "owner_code": owner.code}
            await self.kingdee.post("/sim/snapshot", {**place, "face": owner.channel})

    async def stock(self) -> None:
        """Plenty of every item and grade."""
        shelves = [
            {
                "warehouse_code": owner.warehouse,
                "owner_code": owner.code,
                "item_code": item,
                "inventory_type": grade,
                "on_hand": SHELF,
            }
            for owner in OWNERS
            for item in ITEMS
            for grade in ("ZP", "CC")
        ]
        await self.kingdee.post("/sim/stock", {"stock": shelves})

    async def items_arrived(self) -> None:
        """Wait until every Kingdee knows its owner's items."""

        async def known() -> int:
            return len((await self.kingdee.get("/sim/items"))["items"])

        await until("items", known, lambda count: count >= len(OWNERS) * len(ITEMS))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Exchange]:
    """The platform of this state folder, with its two ends at hand."""
    home = Home(folder)
    config = folder / "lemai.yaml"
    config.write_text(yaml.safe_dump(reference(channels(home)), allow_unicode=True))
    async with (
        Platform(home, config) as platform,
        httpx.AsyncClient(timeout=30, headers=authorization(home)) as http,
    ):
        async with asyncio.TaskGroup() as starts:
            for name in ("sim-kingdee", "kingdee-adapter"):
                starts.create_task(platform.start(name))
        keys = connect(platform.databases["keyring"])
        servers = platform.bootstrap_servers
        topics = [topic.name for topic in (FULFILMENT_ACTUAL, FULFILMENT_DOCUMENT, STOCK_SNAPSHOT, OPS_ALERT)]
        async with (
            AIOKafkaProducer(bootstrap_servers=servers) as producer,
            AIOKafkaConsumer(*topics, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer,
        ):
            told = Told()
            listening = asyncio.create_task(told.listen(consumer))
            yield Exchange(
                platform=platform,
                producer=producer,
                keyring=Keyring(keys, MasterKey.read(home.secret("master-key"))),
                told=told,
                kingdee=Api(http, platform.members["sim-kingdee"].url),
                documents=Api(http, platform.members["kingdee-adapter"].url),
            )
            listening.cancel()
        await keys.dispose()

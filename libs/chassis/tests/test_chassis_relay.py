"""Events out: nothing lost, in order per key, by the one active relay of a service."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from lemai_toy import STORAGE, on_trade_changed, state_changed, tally_refs
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kafka import unique, written_meanwhile
from toy_kit import TRACE_ID, count_of, eventually, fetch, is_waiting_for_a_lock, message, trade

from lemai_chassis import kafka
from lemai_chassis.delivery import relay
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.delivery.relay import Relay
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.wakeup import Wakeup, listening
from lemai_contracts.marketplace import TradeChangedV1, TradesPulledV1
from lemai_contracts.topics import MARKETPLACE_TRADE, ORDER


@pytest.fixture
def engine(database: AsyncEngine) -> Engine:
    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, on_trade_changed, tally_refs)])


@asynccontextmanager
async def relaying(database: AsyncEngine, servers: str) -> AsyncIterator[asyncio.Task[None]]:
    """A relay at work; each is a process of its own."""
    wakeup, producer = Wakeup(), kafka.producer(servers)
    async with kafka.running(producer), listening(database, {"outbox": wakeup}):
        running = asyncio.create_task(Relay(database, "toy", producer, wakeup).run())
        try:
            yield running
        finally:
            running.cancel()
            await asyncio.wait([running])


async def until_published(database: AsyncEngine) -> None:
    async def published() -> bool:
        return await count_of(database, "outbox") == 0

    await eventually(published)


async def until_active(database: AsyncEngine) -> None:
    async def active() -> bool:
        locks = await fetch(
            database,
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND granted",
        )
        return locks == [(1,)]

    await eventually(active)


async def test_events_are_published_in_order_per_key_and_nothing_is_lost(
    engine: Engine, database: AsyncEngine, kafka_servers: str
) -> None:
    families = [unique("F") for _ in range(10)]

    async with written_meanwhile(kafka_servers, ORDER) as topic:
        async with relaying(database, kafka_servers):
            for version in range(20):
                await engine.run([message(trade(family, str(version))) for family in families])
            await until_published(database)
        records = [record for record in await topic.read() if record.key.decode() in families]

    by_key: dict[str, list[int]] = defaultdict(list)
    for record in records:
        by_key[record.key.decode()].append(int(dict(record.headers)["ce_aggregateversion"]))
    assert by_key == {family: list(range(1, 21)) for family in families}
    stored = await fetch(database, "SELECT id, data->>'reason' FROM event")
    assert len(stored) == 200
    assert {str(event_id) for event_id, _ in stored} == {dict(record.headers)["ce_id"].decode() for record in records}


async def test_an_event_travels_as_cloudevents_in_binary_mode(
    engine: Engine, database: AsyncEngine, kafka_servers: str
) -> None:
    family = unique("F")
    came = message(trade(family))

    async with written_meanwhile(kafka_servers, ORDER) as topic, relaying(database, kafka_servers):
        await engine.run([came])
        await until_published(database)
        [record] = [record for record in await topic.read() if record.key.decode() == family]

    [(event_id, time, traceparent)] = await fetch(database, "SELECT id, time, traceparent FROM event")
    assert list(record.headers) == [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id).encode()),
        ("ce_source", b"toy"),
        ("ce_type", b"lemai.order.state_changed.v1"),
        ("ce_time", time.isoformat().encode()),
        ("ce_subject", f"TOY/{family}".encode()),
        ("ce_partitionkey", family.encode()),
        ("ce_aggregateversion", b"1"),
        ("ce_causationid", str(came.attributes().id).encode()),
        ("traceparent", traceparent.encode()),
        ("content-type", b"application/json"),
    ]
    assert TRACE_ID in traceparent
    assert type(state_changed(trade(family))).model_validate_json(record.value) == state_changed(trade(family))


async def test_an_event_that_names_its_partition_goes_there(database: AsyncEngine, kafka_servers: str) -> None:
    store = unique("S")

    def pulled(_command: None, uow: UnitOfWork) -> None:
        for partition in range(MARKETPLACE_TRADE.partitions):
            uow.emit(TradesPulledV1(store_code=store, partition=partition, until=datetime(2026, 11, 22, tzinfo=UTC)))

    async with written_meanwhile(kafka_servers, MARKETPLACE_TRADE) as topic, relaying(database, kafka_servers):
        await Engine(database, "toy", STORAGE).execute(pulled, None)
        await until_published(database)
        records = [record for record in await topic.read() if record.key.decode() == store]

    told = {TradesPulledV1.model_validate_json(record.value).partition: record.partition for record in records}
    assert told == {partition: partition for partition in range(12)}


async def test_more_events_than_fit_one_request_keep_their_order(
    engine: Engine, database: AsyncEngine, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "BATCH_BYTES_MAX", 4096)
    monkeypatch.setattr(relay, "BATCH_EVENTS", 30)
    family = unique("F")
    await engine.run([message(trade(family, str(version))) for version in range(100)])

    async with written_meanwhile(kafka_servers, ORDER) as topic, relaying(database, kafka_servers):
        await until_published(database)
        records = [record for record in await topic.read() if record.key.decode() == family]

    assert [int(dict(record.headers)["ce_aggregateversion"]) for record in records] == list(range(1, 101))


async def test_large_events_are_read_a_few_at_a_time(
    engine: Engine, database: AsyncEngine, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH_BYTES", 5000)
    family = unique("F")
    big = trade(family).model_copy(update={"version": secrets.token_hex(2000)})
    await engine.run([message(big) for _ in range(10)])

    producer = kafka.producer(kafka_servers)
    async with written_meanwhile(kafka_servers, ORDER) as topic, kafka.running(producer), database.connect() as one:
        autocommit = await one.execution_options(isolation_level="AUTOCOMMIT")
        published = [await Relay(database, "toy", producer, Wakeup()).publish(autocommit) for _ in range(7)]
        records = [record for record in await topic.read() if record.key.decode() == family]

    assert sum(published) == 10
    assert max(published) < 4
    assert [int(dict(record.headers)["ce_aggregateversion"]) for record in records] == list(range(1, 11))


async def test_after_a_crash_between_acknowledgement_and_delete_an_event_comes_again_under_its_id(
    engine: Engine, database: AsyncEngine, kafka_servers: str
) -> None:
    families = [unique("F") for _ in range(5)]
    await engine.run([message(trade(family)) for family in families])

    async with written_meanwhile(kafka_servers, ORDER) as topic:
        async with database.connect() as other:
            await other.exec_driver_sql("SELECT FROM outbox FOR UPDATE")
            async with relaying(database, kafka_servers):
                await eventually(lambda: is_waiting_for_a_lock(database))
                acknowledged = [record for record in await topic.read() if record.key.decode() in families]
        assert len(acknowledged) == 5
        assert await count_of(database, "outbox") == 5

        async with relaying(database, kafka_servers):
            await until_published(database)
        records = [record for record in await topic.read() if record.key.decode() in families]

    ids = [UUID(dict(record.headers)["ce_id"].decode()) for record in records]
    assert len(ids) == 10
    assert set(ids) == {event_id for (event_id,) in await fetch(database, "SELECT id FROM event")}


async def test_nothing_is_deleted_before_the_broker_acknowledged_it(
    engine: Engine, database: AsyncEngine, kafka_servers: str
) -> None:
    class Unheard(AIOKafkaProducer):  # type: ignore[misc]
        """Sends, but never learns of an acknowledgement."""

        async def send_batch(self, *_: object, **__: object) -> "asyncio.Future[object]":
            return asyncio.get_running_loop().create_future()

    await engine.run([message(trade(unique("F")))])
    producer = Unheard(bootstrap_servers=kafka_servers)
    async with kafka.running(producer):
        running = asyncio.create_task(Relay(database, "toy", producer, Wakeup()).run())
        await until_active(database)
        await eventually(has_an_old_event)
        assert await count_of(database, "outbox") == 1
        running.cancel()
        await asyncio.wait([running])

    assert await count_of(database, "outbox") == 1


async def has_an_old_event() -> bool:
    return (REGISTRY.get_sample_value("lemai_outbox_age_seconds") or 0) > 0


async def test_a_broker_that_refuses_ends_the_relay_and_another_goes_on(
    engine: Engine, database: AsyncEngine, kafka_servers: str
) -> None:
    class Refused(AIOKafkaProducer):  # type: ignore[misc]
        """Its broker takes nothing."""

        async def send_batch(self, *_: object, **__: object) -> None:
            raise KafkaTimeoutError

    await engine.run([message(trade(unique("F")))])
    producer = Refused(bootstrap_servers=kafka_servers)
    async with kafka.running(producer):
        with pytest.raises(KafkaTimeoutError):
            await Relay(database, "toy", producer, Wakeup()).run()
    assert await count_of(database, "outbox") == 1

    async with relaying(database, kafka_servers):
        await until_published(database)


async def test_a_second_relay_stands_by_until_the_first_is_gone(
    engine: Engine, database: AsyncEngine, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "STANDBY_S", 0.02)
    families = [unique("F") for _ in range(3)]

    async with written_meanwhile(kafka_servers, ORDER) as topic, relaying(database, kafka_servers) as first:
        await until_active(database)
        async with relaying(database, kafka_servers) as second:
            await engine.run([message(trade(families[0]))])
            await until_published(database)

            first.cancel()
            await asyncio.wait([first])
            await until_active(database)
            await engine.run([message(trade(families[1]))])
            await until_published(database)

            second.cancel()
            await asyncio.wait([second])
        async with relaying(database, kafka_servers):
            await engine.run([message(trade(families[2]))])
            await until_published(database)
        records = [record.key.decode() for record in await topic.read() if record.key.decode() in families]

    assert sorted(records) == sorted(families)


async def test_the_sweep_finds_what_no_notification_told(
    engine: Engine, database: AsyncEngine, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "SWEEP_S", 0.05)
    producer = kafka.producer(kafka_servers)
    async with kafka.running(producer):
        running = asyncio.create_task(Relay(database, "toy", producer, Wakeup()).run())
        await until_active(database)
        await engine.run([message(trade(unique("F")))])
        await until_published(database)
        running.cancel()
        await asyncio.wait([running])

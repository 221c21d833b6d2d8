"""The Kafka loop: a batch, one transaction, one offset commit; an error skips nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaConnectionError, UnknownError
from lemai_toy import STORAGE, on_trade_changed, tally_refs
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kafka import a_new_group, committed, produce, unique
from toy_kit import eventually, fetch, message, notes, parked, trade

from lemai_chassis import kafka
from lemai_chassis.delivery import consumer as loop_module
from lemai_chassis.delivery.consumer import KEY_LENGTH_MAX, ConsumerLoop
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.topics import MARKETPLACE_TRADE, OPS_ALERT


class RecordingConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """Remembers its commits; `fail` may raise instead of one."""

    commits: list[dict[TopicPartition, int]]
    fail: Callable[[], None] = staticmethod(lambda: None)

    async def commit(self, offsets: Any = None) -> None:
        self.fail()
        await super().commit(offsets)
        self.commits = [*getattr(self, "commits", []), offsets]


def an_engine(database: AsyncEngine, handler: Any = on_trade_changed) -> Engine:
    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, handler, tally_refs)])


def a_consumer(servers: str, group: str) -> RecordingConsumer:
    return RecordingConsumer(
        bootstrap_servers=servers, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )


@asynccontextmanager
async def consuming(engine: Engine, consumer: AIOKafkaConsumer) -> AsyncIterator[ConsumerLoop]:
    """A loop at work. What ends it is raised here."""
    async with kafka.running(consumer):
        loop = ConsumerLoop(engine, consumer)
        running = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            running.cancel()
            await asyncio.wait([running])
        if not running.cancelled():
            running.result()


async def until_noted(database: AsyncEngine, family: str, *versions: str) -> None:
    async def noted() -> bool:
        return (await notes(database)).get(family) == list(versions)

    await eventually(noted)


def batches() -> float:
    return REGISTRY.get_sample_value("lemai_batch_records_count") or 0


async def test_offsets_are_committed_once_per_batch(database: AsyncEngine, kafka_servers: str) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    families = [unique("F") for _ in range(20)]
    before, start = batches(), await committed(kafka_servers, group, MARKETPLACE_TRADE)
    await produce(kafka_servers, [message(trade(family, str(version))) for version in range(10) for family in families])

    consumer = a_consumer(kafka_servers, group)
    async with consuming(an_engine(database), consumer):
        for family in families:
            await until_noted(database, family, *map(str, range(10)))
        await eventually(lambda: has_committed(kafka_servers, group, start + 200))

    assert len(consumer.commits) == batches() - before < 20


async def test_what_was_committed_to_the_database_but_not_to_kafka_comes_again_without_effect(
    database: AsyncEngine, kafka_servers: str
) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    family = unique("F")
    start = await committed(kafka_servers, group, MARKETPLACE_TRADE)
    await produce(kafka_servers, [message(trade(family, version)) for version in "123"])

    def die() -> None:
        raise UnknownError("killed before the offsets were committed")

    dying = a_consumer(kafka_servers, group)
    dying.fail = die
    async with kafka.running(dying):
        with pytest.raises(UnknownError):
            await ConsumerLoop(an_engine(database), dying).run()
    assert (await notes(database))[family] == ["1", "2", "3"]
    assert await committed(kafka_servers, group, MARKETPLACE_TRADE) == start
    async with consuming(an_engine(database), a_consumer(kafka_servers, group)):
        await eventually(lambda: has_committed(kafka_servers, group, start + 3))

    assert (await notes(database))[family] == ["1", "2", "3"]
    assert await fetch(database, "SELECT count(*) FROM event WHERE partitionkey = $1", family) == [(3,)]


async def test_partitions_that_moved_before_their_commit_are_no_error(
    database: AsyncEngine, kafka_servers: str
) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    family = unique("F")

    def moved() -> None:
        raise CommitFailedError

    consumer = a_consumer(kafka_servers, group)
    consumer.fail = moved
    async with consuming(an_engine(database), consumer) as loop:
        for version in "12":
            await produce(kafka_servers, [message(trade(family, version))])
            await until_noted(database, family, *"12"[: int(version)])
        assert loop.trouble == ""


async def test_an_infrastructure_error_stops_the_loop_rewinds_and_backs_off_without_skipping(
    database: AsyncEngine, kafka_servers: str
) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    family = unique("F")
    start = await committed(kafka_servers, group, MARKETPLACE_TRADE)

    await fetch(database, "ALTER TABLE inbox RENAME TO hidden")
    try:
        async with consuming(an_engine(database), a_consumer(kafka_servers, group)) as loop:
            await produce(kafka_servers, [message(trade(family, version)) for version in "12"])
            await eventually(lambda: 'relation "inbox" does not exist' in loop.trouble)
            await produce(kafka_servers, [message(trade(family, version)) for version in "34"])
            assert await committed(kafka_servers, group, MARKETPLACE_TRADE) == start

            await fetch(database, "ALTER TABLE hidden RENAME TO inbox")
            await until_noted(database, family, "1", "2", "3", "4")
            await eventually(lambda: loop.trouble == "")
    finally:
        await fetch(database, "ALTER TABLE IF EXISTS hidden RENAME TO inbox")

    assert await parked(database) == {}


async def test_a_batch_whose_partitions_were_revoked_is_dropped_and_read_again(
    database: AsyncEngine, kafka_servers: str
) -> None:
    class Losing(RecordingConsumer):
        """Has lost its partitions when it is asked the first time after `lost` was set."""

        lost = False

        def assignment(self) -> Any:
            lost, self.lost = self.lost, False
            return set() if lost else super().assignment()

    runs = []

    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        runs.append(event.version)
        consumer.lost = len(runs) == 1
        on_trade_changed(event, uow)

    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    family = unique("F")
    consumer = Losing(bootstrap_servers=kafka_servers, group_id=group, enable_auto_commit=False)
    async with consuming(an_engine(database, handler), consumer):
        await produce(kafka_servers, [message(trade(family))])
        await until_noted(database, family, "1")

    assert runs == ["1", "1"]
    assert len(consumer.commits) == 1


async def test_a_partition_that_is_somebody_elses_now_is_not_rewound(database: AsyncEngine) -> None:
    consumer = kafka.consumer("127.0.0.1:1", "nobody")

    ConsumerLoop(an_engine(database), consumer)._rewind({TopicPartition(MARKETPLACE_TRADE.name, 0): []})

    await consumer.stop()


async def test_a_broker_that_is_silent_ends_the_loop_for_a_new_consumer_to_begin(
    database: AsyncEngine, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unanswered(AIOKafkaConsumer):  # type: ignore[misc]
        """Gets no answers to its fetches."""

        def last_poll_timestamp(self, _place: TopicPartition) -> None:
            return None

    monkeypatch.setattr(loop_module, "SILENCE_MAX_S", 1.0)
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    consumer = Unanswered(bootstrap_servers=kafka_servers, group_id=group)
    async with kafka.running(consumer):
        with pytest.raises(KafkaConnectionError, match="no answer for 1 s"):
            await ConsumerLoop(an_engine(database), consumer).run()


async def test_a_process_that_has_no_partition_of_its_own_is_ready(database: AsyncEngine, kafka_servers: str) -> None:
    def ignore(_event: AlertRaisedV1, _uow: UnitOfWork) -> None:
        """Alerts are on a topic of one partition."""

    group = await a_new_group(kafka_servers, [OPS_ALERT])
    engine = Engine(database, "toy", STORAGE, [On(AlertRaisedV1, ignore)])
    first, second = (kafka.consumer(kafka_servers, group) for _ in range(2))
    async with consuming(engine, first) as one:
        await eventually(lambda: one.trouble == "")
        async with consuming(engine, second) as two:
            await eventually(lambda: two.trouble == "")
            await eventually(lambda: len(first.assignment()) + len(second.assignment()) == 1)
            assert (one.trouble, two.trouble) == ("", "")


async def test_a_loop_that_has_not_joined_its_group_is_not_ready(database: AsyncEngine, kafka_servers: str) -> None:
    consumer = kafka.consumer(kafka_servers, "nobody")

    assert ConsumerLoop(an_engine(database), consumer).trouble == "not in its group yet"
    await consumer.stop()


async def test_the_loop_beats_while_it_goes_round(database: AsyncEngine, kafka_servers: str) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    async with consuming(an_engine(database), kafka.consumer(kafka_servers, group)) as loop:
        await eventually(lambda: loop.trouble == "")
        before = time.monotonic()
        await eventually(lambda: loop.heartbeat > before)


async def test_records_that_others_wrote_are_taken_whatever_their_key_and_headers(
    database: AsyncEngine, kafka_servers: str
) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    family = unique("F")
    bad = message(trade(family, told="fail"))
    keys = [b"", b"\xff\0" + family.encode(), family.encode() * 200]
    async with consuming(an_engine(database), kafka.consumer(kafka_servers, group)):
        async with AIOKafkaProducer(bootstrap_servers=kafka_servers) as producer:
            for number, key in enumerate(keys):
                event = trade(f"{family}-{number}", told="fail")
                headers = [*message(event).headers, ("empty", None)]
                await producer.send(bad.topic, key=key or None, value=bad.value, headers=headers, partition=number)
            await producer.flush()
        await eventually(lambda: three_are_parked(database))

    assert set(await parked(database)) == {
        f"{MARKETPLACE_TRADE.name}/0",
        f"\ufffd\ufffd{family}",
        (family * 200)[:KEY_LENGTH_MAX],
    }


async def test_lag_is_what_is_not_taken_yet(database: AsyncEngine, kafka_servers: str) -> None:
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE])
    family = unique("F")
    lags = []

    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        lags.append(lag())
        on_trade_changed(event, uow)

    def lag() -> float | None:
        labels = {"topic": MARKETPLACE_TRADE.name, "partition": "11"}
        return REGISTRY.get_sample_value("lemai_consumer_lag", labels)

    await produce(kafka_servers, [message(trade(family, version)) for version in "123"], partition=11)
    async with consuming(an_engine(database, handler), kafka.consumer(kafka_servers, group)):
        await until_noted(database, family, "1", "2", "3")
        await eventually(lambda: lag() == 0)

    assert lags == [3, 3, 3]


@pytest.mark.parametrize(
    ("records", "seconds", "next_records"),
    [(500, 0.1, 500), (500, 0.3, 333), (500, 60.0, 250), (1, 0.01, 250)],
    ids=["in time", "a little slow", "very slow: by half at most", "one alone says little"],
)
async def test_a_batch_is_as_large_as_fits_its_time(
    database: AsyncEngine, records: int, seconds: float, next_records: int
) -> None:
    consumer = kafka.consumer("127.0.0.1:1", "nobody")
    loop = ConsumerLoop(an_engine(database), consumer)

    loop._pace(records, seconds)

    assert loop._records_max == next_records
    for _ in range(20):
        loop._pace(1, 60)
    assert loop._records_max == 1
    loop._pace(1, 0.01)
    assert loop._records_max == 20
    await consumer.stop()


async def has_committed(servers: str, group: str, offset: int) -> bool:
    return await committed(servers, group, MARKETPLACE_TRADE) == offset


async def three_are_parked(database: AsyncEngine) -> bool:
    return len(await parked(database)) == 3

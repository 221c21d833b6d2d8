"""The Kafka loop: a batch of records, one transaction, one offset commit."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord
from sqlalchemy.exc import DBAPIError

from lemai_chassis.delivery import metrics
from lemai_chassis.delivery.engine import Engine, RevokedError
from lemai_chassis.delivery.message import Message

log = structlog.get_logger()
BATCH_RECORDS = 500
BATCH_TARGET_S = 0.2
POLL_MS = 500
BACKOFF_S = (0.2, 0.5, 1.0, 2.0)

Batch = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class ConsumerLoop(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Takes a service's records in batches of at most 500 that take about 200 ms.

    An error of the database or the broker stops everything and backs off; nothing is skipped by it.
    """

    def __init__(self, engine: Engine, consumer: AIOKafkaConsumer) -> None:
        self._engine = engine
        self._consumer = consumer
        self._records_max = BATCH_RECORDS
        self.heartbeat = time.monotonic()
        """When the loop last went round; the process is alive if that is not long ago."""
        self.trouble = "not assigned yet"
        """Why the loop does not flow; empty when it does."""

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        log.info("partitions revoked", partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.info("partitions assigned", partitions=len(assigned))

    async def run(self) -> None:
        """Until cancelled."""
        self._consumer.subscribe(self._engine.topics, listener=self)
        failures = 0
        while True:
            self.heartbeat = time.monotonic()
            batch: Batch = {}
            try:
                batch = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=self._records_max)
                if batch:
                    await self._take(batch)
                failures = 0
                self.trouble = "" if self._consumer.assignment() else "no partitions assigned"
            except RevokedError:
                self._rewind(batch)
            except (DBAPIError, OSError, KafkaError) as error:
                self.trouble = f"{type(error).__name__}: {error}"
                log.warning("consumer backs off", error=self.trouble)
                self._rewind(batch)
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def _take(self, batch: Batch) -> None:
        messages = [_message(record) for records in batch.values() for record in records]
        metrics.BATCH_RECORDS.observe(len(messages))
        started = time.monotonic()
        await self._engine.run(messages, self._still_assigned(batch))
        self._pace(len(messages), time.monotonic() - started)
        try:
            await self._consumer.commit({place: records[-1].offset + 1 for place, records in batch.items()})
        except (CommitFailedError, IllegalStateError):
            log.info("partitions moved before their commit; whoever has them finds the inbox full")
        for place in batch:
            behind = (self._consumer.highwater(place) or 0) - batch[place][-1].offset - 1
            metrics.CONSUMER_LAG.labels(place.topic, place.partition).set(max(behind, 0))

    def _still_assigned(self, batch: Batch) -> Callable[[], bool]:
        return lambda: self._consumer.assignment() >= set(batch)

    def _pace(self, records: int, seconds: float) -> None:
        """Ask for as many records next time as fit the time a batch may take."""
        fitting = int(records * BATCH_TARGET_S / max(seconds, 0.001))
        self._records_max = max(1, min(BATCH_RECORDS, max(fitting, self._records_max // 2)))

    def _rewind(self, batch: Batch) -> None:
        """Go back to where the batch began, on the partitions that are still ours."""
        for place, records in batch.items():
            if place in self._consumer.assignment():
                self._consumer.seek(place, records[0].offset)


def _message(record: ConsumerRecord) -> Message:
    key = record.key.decode("utf-8", "replace").replace("\0", "\ufffd") if record.key else ""
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=key or f"{record.topic}/{record.partition}",
        headers=list(record.headers),
        value=record.value,
    )

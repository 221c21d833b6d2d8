"""The Kafka loop: a batch of records, one transaction, one offset commit."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError
from aiokafka.structs import ConsumerRecord

from lemai_chassis.database import ERRORS
from lemai_chassis.delivery import metrics
from lemai_chassis.delivery.engine import Engine, RevokedError
from lemai_chassis.delivery.message import Message
from lemai_chassis.trace import CURRENT, span

log = structlog.get_logger()
BATCH_RECORDS = 500
BATCH_TARGET_S = 0.2
POLL_MS = 500
SILENCE_MAX_S = 15.0
KEY_LENGTH_MAX = 500
"""Longer keys are cut: who shares the beginning shares the order, and PostgreSQL can index it."""
BACKOFF_S = (0.2, 0.5, 1.0, 2.0)

Batch = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class ConsumerLoop(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Takes a service's records in batches of at most 500 that take about 200 ms.

    An error of the database stops everything and backs off; nothing is skipped by it.
    """

    def __init__(self, engine: Engine, consumer: AIOKafkaConsumer) -> None:
        self._engine = engine
        self._consumer = consumer
        self._records_max = BATCH_RECORDS
        self._assigned_at = 0.0
        self._failure = ""
        self.heartbeat = time.monotonic()
        """When the loop last went round; the process is alive if that is not long ago."""

    @property
    def trouble(self) -> str:
        """Why the loop does not flow; empty when it does, be it with no partition of its own."""
        return self._failure or ("" if self._assigned_at else "not in its group yet")

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        log.info("partitions revoked", partitions=len(revoked))
        metrics.CONSUMER_LAG.clear()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.info("partitions assigned", partitions=len(assigned))
        self._assigned_at = time.time()

    async def run(self) -> None:
        """Until cancelled, or until the broker fails: a new consumer then begins where the offsets stand."""
        self._consumer.subscribe(self._engine.topics, listener=self)
        failures = 0
        while True:
            self.heartbeat = time.monotonic()
            async with asyncio.timeout(SILENCE_MAX_S):
                batch: Batch = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=self._records_max)
            if not batch:
                self._check_broker()
                continue
            try:
                await self._take(batch)
                failures, self._failure = 0, ""
            except RevokedError:
                self._rewind(batch)
            except ERRORS as error:
                self._failure = f"{type(error).__name__}: {getattr(error, 'orig', error)}"
                log.warning("consumer backs off", error=self._failure)
                self._rewind(batch)
                await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1

    async def _take(self, batch: Batch) -> None:
        messages = [_message(record) for records in batch.values() for record in records]
        metrics.BATCH_RECORDS.observe(len(messages))
        self._report_lag({place: records[0].offset for place, records in batch.items()})
        started = time.monotonic()
        with span("batch", CURRENT.get(), records=len(messages)):
            await self._engine.run(messages, still_ours=lambda: self._consumer.assignment() >= set(batch))
        self._pace(len(messages), time.monotonic() - started)
        offsets = {place: records[-1].offset + 1 for place, records in batch.items()}
        try:
            async with asyncio.timeout(SILENCE_MAX_S):
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            log.info("partitions moved before their commit; whoever has them finds the inbox full")
        self._report_lag(offsets)

    def _pace(self, records: int, seconds: float) -> None:
        """Ask for as many records next time as fit the time a batch may take."""
        fitting = int(records * BATCH_TARGET_S / max(seconds, 0.001))
        self._records_max = max(1, min(BATCH_RECORDS, max(fitting, self._records_max // 2)))

    def _rewind(self, batch: Batch) -> None:
        """Go back to where the batch began, on the partitions that are still ours."""
        for place, records in batch.items():
            if place in self._consumer.assignment():
                self._consumer.seek(place, records[0].offset)

    def _report_lag(self, offsets: Mapping[TopicPartition, int]) -> None:
        for place in offsets.keys() & self._consumer.assignment():
            end = self._consumer.highwater(place) or 0
            metrics.CONSUMER_LAG.labels(place.topic, place.partition).set(max(end - offsets[place], 0))

    def _check_broker(self) -> None:
        """A fetch is answered twice a second, records or not; aiokafka itself would wait for ever."""
        answers_ms = [self._consumer.last_poll_timestamp(place) or 0 for place in self._consumer.assignment()]
        silent_s = time.time() - max(self._assigned_at, max(answers_ms, default=0) / 1000)
        if answers_ms and silent_s > SILENCE_MAX_S:
            raise KafkaConnectionError(f"no answer for {silent_s:.0f} s")


def _message(record: ConsumerRecord) -> Message:
    key = record.key.decode("utf-8", "replace").replace("\0", "\ufffd")[:KEY_LENGTH_MAX] if record.key else ""
    headers = [(name, value or b"") for name, value in record.headers]
    place = record.topic, record.partition, record.offset
    return Message(*place, key or f"{record.topic}/{record.partition}", headers, record.value)

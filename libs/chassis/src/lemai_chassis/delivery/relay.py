"""Events out: from the outbox to Kafka, in order, by the one active relay of a service."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_chassis.delivery import metrics
from lemai_chassis.wakeup import Wakeup
from lemai_contracts import Attributes, to_headers
from lemai_contracts.topics import TOPICS

BATCH_EVENTS = 1000
BATCH_BYTES = 4 * 1024 * 1024
"""As PostgreSQL stores them; a batch may be one event larger."""
PUBLISH_TIMEOUT_S = 30.0
SWEEP_S = 1.0
STANDBY_S = 1.0
_PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}


class Relay:
    """Publishes a service's events. Whoever holds the advisory lock is active, the others stand by.

    An event is deleted from the outbox after the broker's acknowledgement: a crash in between publishes it
    twice, under the same id, and every inbox takes it once.
    """

    def __init__(self, database: AsyncEngine, source: str, producer: AIOKafkaProducer, wakeup: Wakeup) -> None:
        self._database = database
        self._source = source
        self._producer = producer
        self._wakeup = wakeup

    async def run(self) -> None:
        """Until cancelled, or until the database or the broker fails."""
        autocommit = self._database.execution_options(isolation_level="AUTOCOMMIT")
        async with autocommit.connect() as connection:
            try:
                while not await self._lock(connection):  # noqa: ASYNC110 - another process has it; nothing tells us
                    await asyncio.sleep(STANDBY_S)
                while True:
                    seen = self._wakeup.seen()
                    if not await self.publish(connection):
                        await self._wakeup.wait(seen, SWEEP_S)
            finally:
                await connection.invalidate()  # Back in the pool its session would keep the lock.

    async def publish(self, connection: AsyncConnection) -> int:
        """Publish the oldest events; how many there were."""
        rows = await _oldest(connection)
        metrics.OUTBOX_AGE_SECONDS.set(time.time() - rows[0].time.timestamp() if rows else 0)
        if rows:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await self._send(rows)
            await connection.exec_driver_sql(
                "DELETE FROM outbox WHERE seq = ANY($1::bigint[])", ([row.seq for row in rows],)
            )
            for row in rows:
                metrics.PUBLISHED.labels(row.topic).inc()
        return len(rows)

    async def _send(self, rows: Sequence[Any]) -> None:
        """Send whole batches per partition: one request each instead of one per event."""
        batches: dict[tuple[str, int], list[BatchBuilder]] = {}
        for row in rows:
            filled = batches.setdefault((row.topic, _partition(row)), [])
            record = {"key": row.partitionkey.encode(), "value": row.data.encode(), "headers": self._headers(row)}
            if not filled or filled[-1].append(timestamp=None, **record) is None:
                filled.append(self._producer.create_batch())
                filled[-1].append(timestamp=None, **record)
        acknowledgements = []
        for (topic, partition), filled in batches.items():
            for batch in filled:
                batch.close()
                acknowledgements.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*acknowledgements)

    def _headers(self, row: Any) -> list[tuple[str, bytes]]:
        place = row.subject, row.partitionkey, row.aggregateversion
        return to_headers(
            Attributes(row.id, self._source, row.type, row.time, *place, row.traceparent, row.causationid)
        )

    async def _lock(self, connection: AsyncConnection) -> bool:
        return bool((await connection.exec_driver_sql("SELECT pg_try_advisory_lock(hashtext('relay'))")).scalar())


def _partition(row: Any) -> int:
    if row.partition is not None:
        return int(row.partition)
    return int(murmur2(row.partitionkey.encode()) & 0x7FFFFFFF) % _PARTITIONS[row.topic]


async def _oldest(connection: AsyncConnection) -> Sequence[Any]:
    """The oldest unpublished events: found by number, as a join would read the whole month to meet a few rows."""
    queued = (await connection.exec_driver_sql(_QUEUED, (BATCH_EVENTS,))).all()
    if not queued:
        return ()
    times = [row.recorded_at for row in queued]
    chosen = [row.seq for row in queued], min(times), max(times), BATCH_BYTES
    return (await connection.exec_driver_sql(_EVENTS, chosen)).all()


_QUEUED = "SELECT seq, recorded_at FROM outbox ORDER BY seq LIMIT $1"
_EVENTS = """
SELECT seq, id, type, topic, partition, partitionkey, subject, aggregateversion, time, traceparent, causationid,
       data::text AS data
FROM (SELECT *, sum(pg_column_size(data)) OVER (ORDER BY seq) - pg_column_size(data) AS bytes_before
      FROM event WHERE seq = ANY($1::bigint[]) AND recorded_at BETWEEN $2 AND $3) e
WHERE bytes_before < $4 ORDER BY seq
"""

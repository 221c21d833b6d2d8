"""How our processes talk to Kafka."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from lemai_chassis.settings import Settings

SESSION_TIMEOUT_MS = 6000
BATCH_BYTES_MAX = 512 * 1024
# A fetch waits this long for this much: fuller batches cost less than the wait does.
FETCH_BYTES_MIN = 64 * 1024
FETCH_WAIT_MS = 100
STOP_TIMEOUT_S = 3.0


def security(settings: Settings) -> dict[str, Any]:
    """How a client learns who the broker is and tells who it is; for every client of aiokafka."""
    tls = ssl.create_default_context(cafile=settings.kafka_ca_file) if settings.kafka_ca_file else None
    return {
        "security_protocol": ("SASL_" if settings.kafka_user else "") + ("SSL" if tls else "PLAINTEXT"),
        "ssl_context": tls,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }


def consumer(bootstrap_servers: str, group: str, **security: Any) -> AIOKafkaConsumer:
    """A member of a group. The same partition of every topic goes to the same member: a family meets itself there."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=SESSION_TIMEOUT_MS // 3,
        fetch_min_bytes=FETCH_BYTES_MIN,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        **security,
    )


def producer(bootstrap_servers: str, **security: Any) -> AIOKafkaProducer:
    """Writes each batch once and in order, for as long as it lives."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES_MAX,
        **security,
    )


@asynccontextmanager
async def running(client: AIOKafkaConsumer | AIOKafkaProducer) -> AsyncIterator[None]:
    """Started here, stopped at the end; a broker that is away may finish the stop later, but delays nobody."""
    try:
        await client.start()
        yield
    finally:
        await asyncio.wait([asyncio.create_task(client.stop())], timeout=STOP_TIMEOUT_S)

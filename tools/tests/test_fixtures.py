"""The root conftest's servers are real, shared and clean."""

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def _count_tables(url: str) -> int:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("CREATE TABLE thing (id int)")
        tables: int = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return tables
    finally:
        await connection.close()


@pytest.mark.parametrize("_run", range(3))
async def test_each_test_gets_an_empty_database(database_url: str, _run: int) -> None:
    assert await _count_tables(database_url) == 1


async def test_a_message_comes_back_from_kafka(kafka_bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("fixtures.echo", 1, 1)])
    await admin.close()

    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
        await producer.send_and_wait("fixtures.echo", "乐麦".encode())
    async with AIOKafkaConsumer(
        "fixtures.echo", bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value.decode() == "乐麦"

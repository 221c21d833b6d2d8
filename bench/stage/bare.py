"""The same stage without us: one asyncpg connection, one consumer, one producer, batches of 500."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.structs import ConsumerRecord

from lemai_contracts.topics import MARKETPLACE_TRADE, ORDER

BATCH_RECORDS = 500
TABLES = """
CREATE TABLE inbox (event_id uuid PRIMARY KEY, claimed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (order_no text PRIMARY KEY, family text NOT NULL, store_code text NOT NULL,
    placed_at text NOT NULL, total text NOT NULL);
CREATE TABLE order_line (order_no text, line_no int, item_code text NOT NULL, quantity int NOT NULL,
    amount text NOT NULL, PRIMARY KEY (order_no, line_no));
CREATE TABLE outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL, key text NOT NULL,
    data text NOT NULL);
"""


async def run(url: str, bootstrap_servers: str, group: str, count: int) -> float:
    """Seconds from joining the group until `count` events are published."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(TABLES)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True, acks="all")
    async with consumer, producer:
        started = time.perf_counter()
        consumer.subscribe([MARKETPLACE_TRADE.name])
        published = 0
        while published < count:
            batch = await consumer.getmany(timeout_ms=500, max_records=BATCH_RECORDS)
            if batch:
                async with connection.transaction():
                    await _take(connection, [record for records in batch.values() for record in records])
                published += await _relay(connection, producer)
                await consumer.commit({place: records[-1].offset + 1 for place, records in batch.items()})
        seconds = time.perf_counter() - started
    await connection.close()
    return seconds


async def _take(connection: asyncpg.Connection, records: Sequence[ConsumerRecord]) -> None:
    by_id = {UUID(dict(record.headers)["ce_id"].decode()): record for record in records}
    fresh = await connection.fetch(
        "INSERT INTO inbox (event_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id",
        sorted(by_id),
    )
    trades = [orjson.loads(by_id[row["event_id"]].value) for row in fresh]
    orders = [
        (f"TM{t['trade_no']}", t["family"], t["store_code"], t["created_at"], t["paid"]["amount"]) for t in trades
    ]
    lines = [
        (f"TM{t['trade_no']}", line_no, line["merchant_sku"], line["quantity"], line["paid"]["amount"])
        for t in trades
        for line_no, line in enumerate(t["lines"], 1)
    ]
    events = [(uuid4(), t["family"], orjson.dumps(_placed(t)).decode()) for t in trades]
    await _insert(connection, "orders", "text[], $2::text[], $3::text[], $4::text[], $5::text[]", orders)
    await _insert(connection, "order_line", "text[], $2::int[], $3::text[], $4::int[], $5::text[]", lines)
    await _insert(connection, "outbox (id, key, data)", "uuid[], $2::text[], $3::text[]", events)


async def _insert(connection: asyncpg.Connection, into: str, arrays: str, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(f"INSERT INTO {into} SELECT * FROM unnest($1::{arrays})", *columns)


async def _relay(connection: asyncpg.Connection, producer: AIOKafkaProducer) -> int:
    rows = await connection.fetch("SELECT seq, id, key, data FROM outbox ORDER BY seq")
    batches: dict[int, Any] = {}
    futures = []
    for row in rows:
        key = row["key"].encode()
        partition = int(murmur2(key) & 0x7FFFFFFF) % ORDER.partitions
        record = {"key": key, "value": row["data"].encode(), "headers": [("ce_id", str(row["id"]).encode())]}
        batch = batches.get(partition) or producer.create_batch()
        if batch.append(timestamp=None, **record) is None:
            futures.append(await producer.send_batch(batch, ORDER.name, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, **record)
        batches[partition] = batch
    for partition, batch in batches.items():
        futures.append(await producer.send_batch(batch, ORDER.name, partition=partition))
    for future in futures:
        await future
    await connection.execute("DELETE FROM outbox WHERE seq = ANY($1::bigint[])", [row["seq"] for row in rows])
    return len(rows)


def _placed(trade: dict[str, Any]) -> dict[str, Any]:
    return {
        "family": trade["family"],
        "owner_code": "JFY",
        "order_no": f"TM{trade['trade_no']}",
        "kind": "sales",
        "store_code": trade["store_code"],
        "platform": trade["platform"],
        "trade_no": trade["trade_no"],
        "warehouse_code": "WH01",
        "placed_at": trade["created_at"],
        "paid_at": trade["paid_at"],
        "lines": [
            {
                "line_no": line_no,
                "item_code": line["merchant_sku"],
                "item_name": line["title"],
                "quantity": line["quantity"],
                "amount": line["paid"],
                "platform_line_no": line["platform_line_no"],
                "gift": line["gift"],
            }
            for line_no, line in enumerate(trade["lines"], 1)
        ],
        "freight": trade["freight"],
        "discount": trade["discount"],
        "total": trade["paid"],
    }

"""The trades that both stages read."""

from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from lemai_contracts import Attributes, to_headers
from lemai_contracts.examples import example
from lemai_contracts.marketplace import TradeChangedV1


def trade(number: int) -> TradeChangedV1:
    """The golden example, with two lines, under a number of its own."""
    trade_no = f"30214567{number:011}"
    return example(TradeChangedV1).model_copy(update={"trade_no": trade_no, "family": f"tmall/{trade_no}"})


def headers(event: TradeChangedV1) -> list[tuple[str, bytes]]:
    return to_headers(
        Attributes(
            id=uuid4(),
            source="bench",
            type=event.type,
            time=datetime(2026, 11, 22, 1, 31, 2, tzinfo=UTC),
            subject=event.subject,
            partitionkey=event.partitionkey,
            aggregateversion=1,
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
    )


async def produce_trades(bootstrap_servers: str, count: int) -> None:
    """Write `count` different trades to their topic."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=5, max_batch_size=200_000) as producer:
        for number in range(count):
            event = trade(number)
            await producer.send(
                event.topic.name,
                key=event.partitionkey.encode(),
                value=event.model_dump_json().encode(),
                headers=headers(event),
            )
        await producer.flush()

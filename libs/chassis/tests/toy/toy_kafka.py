"""Looks at Kafka's topics, which all tests of a run share: each test keeps to keys and groups of its own."""

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from lemai_chassis.delivery.message import Message
from lemai_contracts.topics import Topic


def unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(4)}"


def places(topics: Iterable[Topic]) -> list[TopicPartition]:
    return [TopicPartition(topic.name, partition) for topic in topics for partition in range(topic.partitions)]


async def produce(bootstrap_servers: str, messages: Iterable[Message], partition: int | None = None) -> None:
    """Write messages in their order, to the partition of their key if not to another."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True) as producer:
        for message in messages:
            await producer.send(
                message.topic,
                key=message.key.encode(),
                value=message.value,
                headers=message.headers,
                partition=partition,
            )
        await producer.flush()


async def a_new_group(bootstrap_servers: str, topics: Sequence[Topic]) -> str:
    """A group that has taken all there is in these topics."""
    group = unique("toy")
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(places(topics))
        await consumer.commit(await consumer.end_offsets(places(topics)))
    return group


async def committed(bootstrap_servers: str, group: str, topic: Topic) -> int:
    """How many records of the topic the group has taken, by its offsets."""
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(places([topic]))
        return sum([await consumer.committed(place) or 0 for place in places([topic])])


@asynccontextmanager
async def written_meanwhile(bootstrap_servers: str, topic: Topic) -> AsyncIterator["Reader"]:
    """A reader of what is written to the topic from now on."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap_servers) as consumer:
        consumer.assign(places([topic]))
        for place, end in (await consumer.end_offsets(places([topic]))).items():
            consumer.seek(place, end)
        yield Reader(consumer)


class Reader:
    """Collects records, partition by partition in their order."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord] = []

    async def read(self) -> list[ConsumerRecord]:
        """Everything written until now."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        while any([await self._consumer.position(place) < end for place, end in ends.items()]):
            for found in (await self._consumer.getmany(timeout_ms=100)).values():
                self.records += found
        return self.records

"""The topics of the contracts' registry on a broker."""

from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from lemai_contracts.topics import Topic

COPIES_MAX = 3
HOUR_MS = 3_600_000


async def create_topics(bootstrap_servers: str, topics: Iterable[Topic], **security: Any) -> None:
    """Create the topics that are not there yet; raises aiokafka's error for one that cannot be."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, **security)
    await admin.start()
    try:
        copies = min(len((await admin.describe_cluster())["brokers"]), COPIES_MAX)
        answer = await admin.create_topics([_new(topic, copies) for topic in topics])
    finally:
        await admin.close()
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(name)


def _new(topic: Topic, copies: int) -> NewTopic:
    retention_ms = str(topic.retention_hours * HOUR_MS)
    configs = {"cleanup.policy": "compact"} if topic.compacted else {"retention.ms": retention_ms}
    return NewTopic(topic.name, topic.partitions, copies, topic_configs=configs)

import pytest

from lemai_contracts import Event, event_types, topics
from lemai_contracts.export import json_schema
from lemai_contracts.topics import TOPICS, Topic


def test_topics_about_orders_share_their_partition_count() -> None:
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    about_orders = [
        "lemai.marketplace.trade",
        "lemai.marketplace.refund",
        "lemai.marketplace.publication",
        "lemai.order.order",
        "lemai.stock.commitment",
        "lemai.fulfilment.instruction",
        "lemai.fulfilment.actual",
        "lemai.fulfilment.document",
        "lemai.finance.reconciliation",
    ]
    assert [partitions[name] for name in about_orders] == [12] * 9


def test_full_state_is_compacted() -> None:
    assert [topic.name for topic in TOPICS if topic.compacted] == [
        "lemai.catalog.item",
        "lemai.catalog.listing",
        "lemai.stock.availability",
    ]


def test_consignees_travel_on_two_topics_only() -> None:
    assert [topic.name for topic in TOPICS if topic.consignee_data] == [
        "lemai.marketplace.trade",
        "lemai.fulfilment.instruction",
    ]


@pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.type)
def test_an_event_with_a_consignee_stands_on_a_topic_that_says_so(event: type[Event]) -> None:
    assert "Consignee" not in json_schema(event).get("$defs", {}) or event.topic.consignee_data


@pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.type)
def test_the_key_on_a_compacted_topic_is_the_full_identity(event: type[Event]) -> None:
    assert not event.topic.compacted or event.key_template == event.subject_template


def test_every_declared_topic_is_listed_once() -> None:
    declared = [value for value in vars(topics).values() if isinstance(value, Topic)]
    assert sorted(topic.name for topic in TOPICS) == sorted(topic.name for topic in declared)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_every_event_stands_on_a_listed_topic() -> None:
    assert {event.topic for event in event_types().values()} <= set(TOPICS)

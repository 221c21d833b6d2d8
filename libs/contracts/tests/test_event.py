import string

import pytest
from pydantic import ValidationError

from lemai_contracts import Event, event_types, topics
from lemai_contracts.marketplace import TradesPulledV1
from lemai_contracts.order import IntakeAdvancedV1, OrderStateChangedV1
from lemai_contracts.values import Grade

every_event = pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.type)


@pytest.fixture
def counted(registry: None) -> type[Event]:
    class ShelfCountedV1(
        Event,
        type="lemai.test.shelf_counted.v1",
        topic=topics.STOCK_MOVEMENT,
        subject="{owner_code}/{item_code}/{grade}",
        key="{owner_code}/{item_code}",
    ):
        owner_code: str
        item_code: str
        grade: Grade

    return ShelfCountedV1


def test_subject_and_key_are_templates_over_the_attributes(counted: type[Event]) -> None:
    event = counted.model_validate({"owner_code": "JFY", "item_code": "GB-TS-001-R-90", "grade": "good"})
    assert (event.subject, event.partitionkey) == ("JFY/GB-TS-001-R-90/good", "JFY/GB-TS-001-R-90")


def test_the_key_decides_the_partition(counted: type[Event]) -> None:
    event = counted.model_validate({"owner_code": "JFY", "item_code": "GB-TS-001-R-90", "grade": "good"})
    assert event.explicit_partition is None


@pytest.mark.parametrize("watermark", [TradesPulledV1, IntakeAdvancedV1])
def test_a_watermark_names_its_partition(watermark: type[Event]) -> None:
    document = {"store_code": "TM-JFY-01", "partition": 11, "until": "2026-11-22T01:57:30Z"}
    assert watermark.model_validate(document).explicit_partition == 11


@pytest.mark.parametrize("partition", [-1, 12])
def test_a_watermark_of_a_partition_that_is_not_there_is_refused(partition: int) -> None:
    with pytest.raises(ValidationError, match="partition"):
        TradesPulledV1.model_validate(
            {"store_code": "TM-JFY-01", "partition": partition, "until": "2026-11-22T01:57:30Z"}
        )


def test_a_type_is_declared_once(counted: type[Event]) -> None:
    with pytest.raises(TypeError, match=r"^event type lemai\.test\.shelf_counted\.v1 is declared twice$"):

        class Again(Event, type=counted.type, topic=topics.STOCK_MOVEMENT, subject="", key=""):
            pass


def test_a_declared_type_is_in_the_registry(counted: type[Event]) -> None:
    assert event_types()["lemai.test.shelf_counted.v1"] is counted


def test_a_reader_ignores_attributes_of_a_newer_writer() -> None:
    document = {"family": "tmall/1", "owner_code": "JFY", "order_no": "2611220001", "state": "open"}
    assert OrderStateChangedV1.model_validate(document | {"later": 1}) == OrderStateChangedV1.model_validate(document)


@every_event
def test_templates_name_required_attributes_of_their_event(event: type[Event]) -> None:
    used = {name for _, name, _, _ in string.Formatter().parse(event.subject_template + event.key_template) if name}
    required = {name for name, field in event.model_fields.items() if field.is_required()}
    assert used
    assert used <= required


@every_event
def test_type_and_class_name_the_same_major_version(event: type[Event]) -> None:
    lemai, context, _, major = event.type.split(".")
    assert (lemai, context) == tuple(event.topic.name.split(".")[:2])
    assert event.__name__.endswith(major.upper())

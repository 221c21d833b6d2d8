import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from lemai_contracts import Event, event_types, examples
from lemai_contracts.examples import example
from lemai_contracts.export import json_schema
from lemai_contracts.order import OrderPlacedV1, OrderShippedV1

every_event = pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.type)


def text(event: type[Event]) -> str:
    return files(examples).joinpath(f"{event.type}.json").read_text(encoding="utf-8")


def test_each_type_has_one_example() -> None:
    found = {path.name.removesuffix(".json") for path in files(examples).iterdir() if path.name.endswith(".json")}
    assert found == set(event_types())


@every_event
def test_an_example_is_written_again_as_exactly_the_same_json(event: type[Event]) -> None:
    written = json.dumps(example(event).model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"
    assert written == text(event)


@every_event
def test_an_example_is_valid_under_the_schema_of_its_type(event: type[Event]) -> None:
    Draft202012Validator(json_schema(event)).validate(json.loads(text(event)))


@every_event
def test_subject_and_key_of_an_example_have_no_empty_part(event: type[Event]) -> None:
    golden = example(event)
    assert all(golden.subject.split("/"))
    assert all(golden.partitionkey.split("/"))


@pytest.mark.parametrize(("event", "sum_of_it"), [(OrderPlacedV1, "total"), (OrderShippedV1, "amount")])
def test_lines_and_freight_less_discount_are_what_an_order_and_a_shipment_come_to(
    event: type[OrderPlacedV1 | OrderShippedV1], sum_of_it: str
) -> None:
    golden = example(event)
    goods = sum(line.amount.minor for line in golden.lines)
    assert getattr(golden, sum_of_it).minor == goods + golden.freight.minor - golden.discount.minor

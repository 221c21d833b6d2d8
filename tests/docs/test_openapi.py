"""What services say of their calls: a name to read, and a word on all that goes in and comes out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

NAME = re.compile("[a-z]+(_[a-z]+)+")
"""A verb, and of what."""


def operations(openapi: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every call that is offered, as `METHOD service/path`, and what is said of it."""
    for service, document in openapi.items():
        for path, methods in document["paths"].items():
            yield from ((f"{method.upper()} {service}{path}", operation) for method, operation in methods.items())


def test_every_call_is_named_by_what_it_does_and_once(openapi: Mapping[str, dict[str, Any]]) -> None:
    names = {call: operation["operationId"] for call, operation in operations(openapi)}

    assert {call: name for call, name in names.items() if not NAME.fullmatch(name)} == {}
    assert len({(call.split("/")[0].split(" ")[1], name) for call, name in names.items()}) == len(names)


def test_every_call_and_parameter_is_described(openapi: Mapping[str, dict[str, Any]]) -> None:
    silent = [call for call, operation in operations(openapi) if not operation.get("description")]
    silent += [
        f"{call}: {parameter['name']}"
        for call, operation in operations(openapi)
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]

    assert silent == []


def test_every_answer_is_described_and_every_refusal_is_a_problem(openapi: Mapping[str, dict[str, Any]]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    answers = {
        f"{call} {status}": answer
        for call, operation in operations(openapi)
        for status, answer in operation["responses"].items()
    }

    assert [call for call, answer in answers.items() if answer["description"] in ("", "Successful Response")] == []
    assert [
        call for call, answer in answers.items() if re.search("/v1/.* [45]", call) and answer["content"] != problem
    ] == []

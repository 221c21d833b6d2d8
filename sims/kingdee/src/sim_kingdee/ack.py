"""Acknowledgements (docking reference `kingdee.md` §2.1): exactly one for each file or call."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sim_kingdee import wire_time
from sim_kingdee.erp import Outcome
from sim_kingdee.message import Finding, Message
from sim_kingdee.xml_tree import Node


class Result(TypedDict):
    """One finding. `order_no` is the item code for item master, empty for the message as a whole."""

    order_no: str
    leg: str
    line_no: int
    level: str
    code: str
    field: str
    message: str


class Ack(TypedDict):
    """Status is ACCEPTED, PARTIAL, REJECTED or DUPLICATE; `received_at` has an offset; no document is held."""

    message_id: str
    file_name: str
    sha256: str
    status: str
    received_at: str
    documents: int
    accepted: int
    held: int
    rejected: int
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is acknowledged."""

    file_name: str
    sha256: str
    at: datetime


def judged(arrival: Arrival, message: Message, outcomes: Sequence[Outcome]) -> Ack:
    """Acknowledgement of a message whose frame is sound."""
    rejected = sum(outcome.is_rejected for outcome in outcomes)
    results = [_result("", "", finding) for finding in message.findings]
    results += [_result(o.order_no, o.leg, finding) for o in outcomes for finding in o.findings]
    status = "ACCEPTED" if not rejected else "REJECTED" if rejected == len(outcomes) else "PARTIAL"
    return _ack(arrival, message.header["message_id"], status, (len(outcomes), rejected), results)


def refused(arrival: Arrival, finding: Finding) -> Ack:
    """Acknowledgement of a file of which nothing was read."""
    return _ack(arrival, "", "REJECTED", (0, 0), [_result("", "", finding)])


def repeated(arrival: Arrival, first: Ack) -> Ack:
    """The first acknowledgement again, for bytes that came before."""
    received_at = wire_time.instant(arrival.at)
    return {**first, "file_name": arrival.file_name, "status": "DUPLICATE", "received_at": received_at}


def _ack(arrival: Arrival, message_id: str, status: str, documents: tuple[int, int], results: list[Result]) -> Ack:
    total, rejected = documents
    return {
        "message_id": message_id,
        "file_name": arrival.file_name,
        "sha256": arrival.sha256,
        "status": status,
        "received_at": wire_time.instant(arrival.at),
        "documents": total,
        "accepted": total - rejected,
        "held": 0,
        "rejected": rejected,
        "results": results,
    }


def _result(order_no: str, leg: str, finding: Finding) -> Result:
    return {
        "order_no": order_no,
        "leg": leg,
        "line_no": finding.line_no,
        "level": finding.level,
        "code": finding.code,
        "field": finding.field,
        "message": finding.message,
    }


def ack_node(ack: Ack) -> Node:
    """An acknowledgement as the XML element `ack`."""
    node = Node("ack", children=[Node(_camel(name), str(value)) for name, value in ack.items() if name != "results"])
    results = [
        Node("result", children=[Node(_camel(name), str(value)) for name, value in result.items()])
        for result in ack["results"]
    ]
    node.children.append(Node("results", children=results))
    return node


def ack_values(node: Node) -> dict[str, object]:
    """Lemai's acknowledgement as it says it, values as text."""
    values: dict[str, object] = {_snake(child.name): child.text for child in node.children}
    results = node.at("results") or Node("results")
    values["results"] = [{_snake(child.name): child.text for child in result.children} for result in results.children]
    return values


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)

"""kill -9 of the adapter in the middle of every channel's work: nothing is lost, nothing happens twice."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.docking.counterparts import FOLDER, HTTP, OWNERS, SFTP
from tests.docking.exchange import DEADLINE_S, Exchange
from tests.docking.orders import SALES, Instruction

from lemai_contracts import Event
from lemai_contracts.fulfilment import ActualReportedV1, DocumentSentV1
from lemai_tools.demo.world import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORDERS = 12
ASKING = (FOLDER, SFTP, HTTP)
"""Whose profile leaves it to a person whether a file was taken."""


async def test_nothing_is_lost_and_nothing_happens_twice(ready: Exchange) -> None:
    orders: list[Instruction] = []
    steps: tuple[type[Event], ...] = (DocumentSentV1, ActualReportedV1)
    for number, step in enumerate(steps):
        orders += await _instructed_everywhere(ready, f"26112{4 + number}")
        await _more(ready, step)
        await ready.restart_adapter()

    async def unreported() -> list[str]:
        await _tell_what_happened_to_unknown_files(ready)
        reported = {(report.owner_code, report.order_no) for report in ready.told.of(ActualReportedV1)}
        return [order.subject for order in orders if (order.owner_code, order.order_no) not in reported]

    await until("every order reported", unreported, lambda left: left == [], DEADLINE_S)
    assert await _instructed_twice(ready, orders) == []
    assert [order.order_no for order in orders if len(await ready.reports(order)) != 1] == []
    duplicates = await ready.kingdee.get("/sim/duplicates")
    duplicates.pop("repeated")  # Received again, without any effect.
    assert {name: found for name, found in duplicates.items() if found} == {}


async def _instructed_everywhere(exchange: Exchange, prefix: str) -> list[Instruction]:
    numbers = [f"{prefix}{number:05}" for number in range(ORDERS)]
    through_each = await asyncio.gather(*(exchange.instruct(SALES, owner, *numbers) for owner in OWNERS))
    return [order for orders in through_each for order in orders]


async def _more(exchange: Exchange, event_type: type[Event]) -> None:
    """Wait for a few more events of a type, so that the adapter dies in the middle of the work."""
    before = len(exchange.told.of(event_type))
    await exchange.told.wait_for(event_type, before + 1)


async def _instructed_twice(exchange: Exchange, orders: Sequence[Instruction]) -> list[str]:
    """What the Kingdees shipped more than once, or never, by their own record."""
    wrong = []
    for order in orders:
        told = await exchange.kingdee.get(f"/sim/orders/{order.owner_code}/{order.order_no}")
        [instruction] = told["instructions"]
        if [line["done_qty"] for line in instruction["lines"]] != [line.quantity for line in order.lines]:
            wrong.append(f"{order.owner_code}/{order.order_no}: {instruction['lines']}")
    return wrong


async def _tell_what_happened_to_unknown_files(exchange: Exchange) -> None:
    """A file that may have been taken is unknown: a person looks at the partner and tells. Bills are looked up."""
    taken = {file["name"] for file in (await exchange.kingdee.get("/sim/files", direction="in"))["files"]}
    for owner in ASKING:
        asked = {"counterpart": owner.counterpart, "direction": "out", "state": "unknown"}
        for file in await exchange.documents.pages("/v1/files", **asked):
            decision = "done" if file["name"] in taken else "rewrite"
            path = f"/v1/counterparts/{owner.counterpart}/files/{file['name']}/resolve?decision={decision}"
            await exchange.documents.post(path, {"reason": "对接方的记录中已查明"})

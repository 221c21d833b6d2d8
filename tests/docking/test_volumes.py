"""Every channel under load."""

import asyncio

import pytest
from tests.docking.counterparts import OWNERS
from tests.docking.exchange import Exchange
from tests.docking.orders import CASES

from lemai_contracts.fulfilment import ActualReportedV1
from lemai_tools.demo.world import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900), pytest.mark.prove]

ORDERS = 500
DEADLINE_S = 600


async def test_hundreds_of_orders_of_every_kind_are_each_reported_once(ready: Exchange) -> None:
    numbers = [f"27{number:08}" for number in range(ORDERS // len(CASES) + 1)]
    batches = [
        ready.instruct(case, owner, *(f"{number}{place}" for number in numbers))
        for owner in OWNERS
        for place, case in enumerate(CASES)
    ]
    orders = [order for batch in await asyncio.gather(*batches) for order in batch]
    wanted = {(order.owner_code, order.order_no): [line.quantity for line in order.lines] for order in orders}

    async def reported() -> list[ActualReportedV1]:
        return [report for report in ready.told.of(ActualReportedV1) if _key(report) in wanted]

    reports = await until("every order", reported, lambda found: len({*map(_key, found)}) == len(wanted), DEADLINE_S)

    assert len(reports) == len(wanted)
    assert {_key(report): [line.quantity for line in report.lines] for report in reports} == wanted
    duplicates = await ready.kingdee.get("/sim/duplicates")
    assert {name: found for name, found in duplicates.items() if found} == {}


def _key(report: ActualReportedV1) -> tuple[str, str]:
    return report.owner_code, report.order_no

"""kingdee-adapter and a Kingdee at the two ends of every channel, between Kafka and the Kingdee's own record."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.docking.counterparts import OWNERS
from tests.docking.exchange import Exchange, running
from tests.docking.orders import CASES, KINDS, Instruction, items


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def exchange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    async with running(tmp_path_factory.mktemp("docking")) as exchange:
        yield exchange


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ready(exchange: Exchange) -> Exchange:
    """Every Kingdee knows its owner's items and has plenty of them."""
    await exchange.stock()
    await exchange.publish(*(item for owner in OWNERS for item in items(owner)))
    await exchange.items_arrived()
    return exchange


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def instructed(ready: Exchange) -> dict[tuple[str, str], Instruction]:
    """One order of every kind and leg, through every channel at once, by owner and name of its case."""
    sealed = iter(await ready.sealed(len(OWNERS) * len(CASES)))
    orders = {
        (owner.code, case.name): case.instruction(owner, f"26112200{KINDS.index(case.kind):02}", next(sealed))
        for owner in OWNERS
        for case in CASES
    }
    await ready.publish(*orders.values())
    return orders

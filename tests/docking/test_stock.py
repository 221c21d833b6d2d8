"""What the Kingdee counts on its shelves is told as it counts it."""

import pytest
from tests.docking.counterparts import OWNERS, through
from tests.docking.exchange import Exchange
from tests.docking.orders import Owner

from lemai_contracts.stock import SnapshotReportedV1, SnapshotScope

pytestmark = pytest.mark.asyncio(loop_scope="session")

GRADES = {"ZP": "good", "CC": "defective"}


@through(OWNERS)
async def test_a_snapshot_tells_every_shelf(ready: Exchange, owner: Owner) -> None:
    shelves = (await ready.kingdee.get("/sim/stock", owner_code=owner.code))["stock"]
    before = len(ready.told.of(SnapshotReportedV1, owner_code=owner.code))

    await ready.count_stock(owner)
    snapshots = await ready.told.wait_for(SnapshotReportedV1, before + 1, owner_code=owner.code)

    snapshot = snapshots[-1]
    assert (snapshot.warehouse_code, snapshot.scope, snapshot.chunks) == (owner.warehouse, SnapshotScope.FULL, 1)
    assert {(line.item_code, line.grade): (line.free, line.locked, line.total) for line in snapshot.lines} == {
        (shelf["item_code"], GRADES[shelf["inventory_type"]]): (shelf["available"], shelf["locked"], shelf["on_hand"])
        for shelf in shelves
    }

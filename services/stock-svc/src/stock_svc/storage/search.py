"""Lists of the API, each in the order of a key."""

from datetime import datetime

from lemai_chassis.listing import Search

BALANCES = Search(
    "SELECT * FROM balance",
    {"owner_code": str, "warehouse_code": str, "item_code": str, "grade": str},
    conditions={
        "prefix": "starts_with(item_code, :prefix)",
        "listed_by": "EXISTS (SELECT FROM figure WHERE figure.owner_code = found.owner_code "
        "AND figure.item_code = found.item_code AND figure.store_code = :listed_by AND figure.active)",
        "sold_from": "warehouse_code = :sold_from",
    },
)
MOVEMENTS = Search(
    "SELECT * FROM movement",
    {"recorded_at": datetime, "warehouse_code": str, "grade": str, "entry_no": int},
    newest_first=True,
)
COMMITMENTS = Search("SELECT * FROM commitment", {"asked_at": datetime, "order_no": str, "owner_code": str})
FIGURES = Search("SELECT * FROM figure", {"store_code": str, "platform_item_id": str, "platform_sku_id": str})
SNAPSHOTS = Search(
    "SELECT * FROM snapshot",
    {"snapshot_at": datetime, "owner_code": str, "warehouse_code": str, "snapshot_id": str},
    newest_first=True,
)
WAITING_SNAPSHOTS = """
SELECT 'snapshot_waits', snapshot_id, owner_code,
       format('%s 行，%s 件可售将减少 %s / lines, sellable pieces, of them lost', lines, sellable, lost), received_at,
       'lemai stock snapshots'
FROM snapshot WHERE state = 'waiting'"""
DIFFERENCES = Search("SELECT * FROM difference", {"owner_code": str, "warehouse_code": str, "position": int})
"""With `snapshot_id`: of one snapshot, unless two owners' counterparts use the same number."""

"""Queries of the endless work: what is due, what can be filled and told, what a snapshot differs in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_chassis.reference import Store
from lemai_chassis.state.unit_of_work import Key
from lemai_contracts.topics import ORDER_PARTITIONS
from stock_svc.domain import Difference, Part, Snapshot
from stock_svc.handlers.figures import Due
from stock_svc.handlers.snapshots import Comparison
from stock_svc.storage.rows import SNAPSHOTS, SnapshotRow


@dataclass(frozen=True)
class Stores:
    """Which warehouse each store sells from."""

    store_codes: Sequence[str]
    warehouse_codes: Sequence[str]


@dataclass(frozen=True)
class Changed:
    """An item whose free pieces, or whose components, changed."""

    owner_code: str
    warehouse_code: str
    item_code: str
    since: datetime


@dataclass(frozen=True)
class Waiting:
    """A short commitment for which there is enough now."""

    owner_code: str
    order_no: str
    warehouse_code: str
    item_codes: Sequence[str]


async def is_alone(connection: AsyncConnection, work: str) -> bool:
    """Whether no other process does this kind of work; it stays so until the transaction ends."""
    locked = await connection.exec_driver_sql(
        "SELECT pg_try_advisory_xact_lock(hashtext('stock-svc'), hashtext($1))", (work,)
    )
    return bool(locked.scalar())


async def follow_rules(connection: AsyncConnection, stores: Sequence[Store], now: datetime) -> None:
    """Make the figures due of every store whose rule is another one than last time."""
    rules = [(store.code, store.warehouse, store.safety_stock, store.stock_share_percent) for store in stores]
    columns = [list(column) for column in zip(*rules, strict=True)] or [[]] * 4
    await connection.exec_driver_sql(_FOLLOW_RULES, (*columns, now))


async def due_balances(connection: AsyncConnection, limit: int) -> Sequence[Changed]:
    """Good stock whose changes have not been followed up, longest first."""
    rows = await connection.exec_driver_sql(
        "SELECT owner_code, warehouse_code, item_code, due_since AS since FROM balance "
        "WHERE due_since IS NOT NULL ORDER BY due_since LIMIT $1",
        (limit,),
    )
    return [Changed(**row) for row in rows.mappings()]


async def due_combos(connection: AsyncConnection, stores: Stores, limit: int) -> Sequence[Changed]:
    """Combos that consist of something else now, once for each warehouse they are sold from."""
    rows = await connection.exec_driver_sql(
        "SELECT c.owner_code, w.warehouse_code, c.item_code, c.due_since AS since "
        "FROM (SELECT * FROM combo WHERE due_since IS NOT NULL ORDER BY due_since LIMIT $1) c "
        "CROSS JOIN (SELECT DISTINCT unnest($2::text[]) AS warehouse_code) w",
        (limit, list(stores.warehouse_codes)),
    )
    return [Changed(**row) for row in rows.mappings()]


async def fillable(connection: AsyncConnection, changed: Sequence[Changed], limit: int) -> Sequence[Waiting]:
    """Waiting orders with one of these items for which there is enough of everything, first come first."""
    rows = await connection.exec_driver_sql(_FILLABLE, (*_keys(changed), limit))
    return [Waiting(**row) for row in rows.mappings()]


async def sold_from(connection: AsyncConnection, changed: Sequence[Changed], stores: Stores) -> Mapping[Key, datetime]:
    """The figures of what is sold from these items, and the oldest change that each follows from."""
    times = [item.since for item in changed]
    rows = await connection.exec_driver_sql(
        _SOLD_FROM, (*_keys(changed), times, list(stores.store_codes), list(stores.warehouse_codes))
    )
    return {(row.store_code, row.platform_item_id, row.platform_sku_id): row.since for row in rows}


async def tellable(connection: AsyncConnection, stores: Stores, limit: int) -> Sequence[Due]:
    """Due figures that may be told. One statement, so that stock and watermarks are of one moment."""
    rows = await connection.exec_driver_sql(
        _TELLABLE, (list(stores.store_codes), list(stores.warehouse_codes), ORDER_PARTITIONS, limit)
    )
    return [
        Due(
            key=(row.store_code, row.platform_item_id, row.platform_sku_id),
            owner_code=row.owner_code,
            item_code=row.item_code,
            watermark=row.until,
            asked_at=row.asked_at,
            parts=[Part(quantity, free) for quantity, free in zip(row.quantities, row.frees, strict=True)],
        )
        for row in rows
    ]


async def next_snapshot(connection: AsyncConnection) -> Snapshot | None:
    """The one being booked, otherwise the oldest of which every chunk is there."""
    table = SnapshotRow.__table__  # type: ignore[attr-defined]
    ready = text("state = 'correcting' OR (state = 'receiving' AND jsonb_array_length(received) = chunks)")
    rows = await connection.execute(select(table).where(ready).order_by(table.c.state, table.c.snapshot_at).limit(1))
    row = rows.mappings().one_or_none()
    return SNAPSHOTS.parse(row) if row else None


async def waiting_before(connection: AsyncConnection, snapshot: Snapshot) -> Sequence[Key]:
    """Snapshots of its warehouse, not newer, that wait for a decision."""
    rows = await connection.exec_driver_sql(
        "SELECT owner_code, warehouse_code, snapshot_id FROM snapshot WHERE state = 'waiting' "
        "AND owner_code = $1 AND warehouse_code = $2 AND snapshot_at <= $3",
        (snapshot.owner_code, snapshot.warehouse_code, snapshot.snapshot_at),
    )
    return [tuple(row) for row in rows]


async def compare(connection: AsyncConnection, snapshot: Snapshot) -> Comparison:
    """Store what the books differ in. The caller keeps actuals from moving stock meanwhile."""
    await connection.exec_driver_sql(
        "DELETE FROM difference WHERE owner_code = $1 AND warehouse_code = $2 AND snapshot_id = $3", snapshot.key
    )
    found = await connection.exec_driver_sql(
        _COMPARE, (*snapshot.key, snapshot.snapshot_at, snapshot.full, snapshot.locked_is_frozen)
    )
    weight = (await connection.exec_driver_sql(_WEIGH, snapshot.key)).one()
    return Comparison(found.rowcount, int(weight.sellable), int(weight.lost))


async def mark_counted(connection: AsyncConnection, snapshot: Snapshot) -> None:
    """From here on, what occurred before a partial snapshot is in the count of the items it names."""
    await connection.exec_driver_sql(_MARK_COUNTED, (*snapshot.key, snapshot.snapshot_at))


async def differences(connection: AsyncConnection, snapshot: Snapshot, limit: int) -> Sequence[Difference]:
    """The next ones to book."""
    rows = await connection.exec_driver_sql(
        "SELECT position, item_code, grade, expected, counted, frozen FROM difference "
        "WHERE owner_code = $1 AND warehouse_code = $2 AND snapshot_id = $3 AND position > $4 "
        "ORDER BY position LIMIT $5",
        (*snapshot.key, snapshot.corrected, limit),
    )
    return [Difference(**row) for row in rows.mappings()]


async def ledger_faults(connection: AsyncConnection) -> Sequence[Key]:
    """Balances that are not what their ledger adds up to. There are none, or there is a bug."""
    rows = await connection.exec_driver_sql(_LEDGER_FAULTS)
    return [tuple(row) for row in rows]


def _keys(changed: Sequence[Changed]) -> tuple[list[str], list[str], list[str]]:
    return (
        [item.owner_code for item in changed],
        [item.warehouse_code for item in changed],
        [item.item_code for item in changed],
    )


_FOLLOW_RULES = """
WITH changed AS (
    INSERT INTO store_rule AS r (store_code, warehouse_code, safety_stock, stock_share_percent)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
    ON CONFLICT (store_code) DO UPDATE SET warehouse_code = excluded.warehouse_code,
        safety_stock = excluded.safety_stock, stock_share_percent = excluded.stock_share_percent
    WHERE r IS DISTINCT FROM excluded
    RETURNING store_code)
UPDATE figure SET due_since = coalesce(due_since, $5), version = version + 1
FROM changed WHERE figure.store_code = changed.store_code AND figure.active
"""
_FILLABLE = """
WITH waiting AS (
    SELECT DISTINCT c.owner_code, c.order_no
    FROM unnest($1::text[], $2::text[], $3::text[]) AS x(owner_code, warehouse_code, item_code)
    JOIN commitment c ON c.state = 'short' AND (c.owner_code, c.warehouse_code) = (x.owner_code, x.warehouse_code)
        AND c.lines @> jsonb_build_array(jsonb_build_object('item_code', x.item_code)))
SELECT c.owner_code, c.order_no, c.warehouse_code,
       array(SELECT line->>'item_code' FROM jsonb_array_elements(c.lines) line) AS item_codes
FROM waiting JOIN commitment c USING (owner_code, order_no)
WHERE NOT EXISTS (
    SELECT FROM jsonb_to_recordset(c.lines) AS line(item_code text, open bigint)
    LEFT JOIN balance b ON (b.owner_code, b.warehouse_code, b.item_code, b.grade)
        = (c.owner_code, c.warehouse_code, line.item_code, 'good')
    WHERE line.open > greatest(0, b.on_hand - b.committed - b.frozen))
ORDER BY c.asked_at, c.order_no LIMIT $4
"""
_SOLD_FROM = """
WITH changed AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
        AS x(owner_code, warehouse_code, item_code, since)),
sold AS (
    SELECT owner_code, warehouse_code, item_code, since FROM changed
    UNION ALL
    SELECT x.owner_code, x.warehouse_code, c.item_code, x.since FROM changed x
    JOIN combo c ON c.owner_code = x.owner_code
        AND c.components @> jsonb_build_array(jsonb_build_object('item_code', x.item_code)))
SELECT f.store_code, f.platform_item_id, f.platform_sku_id, min(sold.since) AS since
FROM sold
JOIN unnest($5::text[], $6::text[]) AS store(store_code, warehouse_code) USING (warehouse_code)
JOIN figure f USING (store_code, owner_code, item_code)
WHERE f.active
GROUP BY f.store_code, f.platform_item_id, f.platform_sku_id
"""
_TELLABLE = """
WITH pulled AS (
    SELECT store_code, min(until) AS until FROM watermark GROUP BY store_code HAVING count(*) = $3)
SELECT f.store_code, f.platform_item_id, f.platform_sku_id, f.owner_code, f.item_code, pulled.until,
       max((b.asked_at->>f.store_code)::timestamptz) AS asked_at,
       array_agg(part.quantity) AS quantities,
       array_agg(coalesce(b.on_hand - b.committed - b.frozen, 0)) AS frees
FROM figure f
JOIN unnest($1::text[], $2::text[]) AS store(store_code, warehouse_code) USING (store_code)
JOIN pulled USING (store_code)
JOIN applied_count n USING (owner_code, warehouse_code)
LEFT JOIN combo c ON (c.owner_code, c.item_code) = (f.owner_code, f.item_code)
CROSS JOIN jsonb_to_recordset(coalesce(
    nullif(c.components, '[]'), jsonb_build_array(jsonb_build_object('item_code', f.item_code, 'quantity', 1))))
    AS part(item_code text, quantity bigint)
LEFT JOIN balance b ON (b.owner_code, b.warehouse_code, b.item_code, b.grade)
    = (f.owner_code, store.warehouse_code, part.item_code, 'good')
WHERE f.active AND f.due_since <= pulled.until
  AND NOT EXISTS (
    SELECT FROM snapshot s
    WHERE (s.owner_code, s.warehouse_code, s.state) = (f.owner_code, store.warehouse_code, 'correcting'))
GROUP BY f.store_code, f.platform_item_id, f.platform_sku_id, pulled.until
HAVING coalesce(max((b.asked_at->>f.store_code)::timestamptz) <= pulled.until, true)
   AND count(b.due_since) = 0  -- Pieces that came go to the orders that wait before a store is told of them.
ORDER BY f.due_since LIMIT $4
"""
_COMPARE = """
WITH counted AS (
    SELECT item_code, grade, sum(total) AS total, sum(locked) AS locked FROM counted_line
    WHERE owner_code = $1 AND warehouse_code = $2 AND snapshot_id = $3
    GROUP BY item_code, grade),
books AS (
    SELECT item_code, grade, on_hand, frozen, counted_at FROM balance
    WHERE owner_code = $1 AND warehouse_code = $2),
moved_since AS (
    SELECT item_code, grade, sum(change) AS change FROM movement
    WHERE owner_code = $1 AND warehouse_code = $2 AND cause = 'actual' AND occurred_at > $4
    GROUP BY item_code, grade),
compared AS (
    SELECT item_code, grade,
           coalesce(on_hand, 0) - coalesce(change, 0) AS expected, coalesce(total, 0) AS counted,
           coalesce(frozen, 0) AS frozen_before,
           CASE WHEN $6 AND grade = 'good' THEN coalesce(locked, 0) ELSE 0 END AS frozen
    FROM counted FULL JOIN books USING (item_code, grade) LEFT JOIN moved_since USING (item_code, grade)
    WHERE ($5 OR total IS NOT NULL) AND coalesce(counted_at < $4, true))
INSERT INTO difference (owner_code, warehouse_code, snapshot_id, position, item_code, grade, expected, counted, frozen)
SELECT $1, $2, $3, row_number() OVER (ORDER BY item_code, grade), item_code, grade, expected, counted, frozen
FROM compared WHERE expected <> counted OR frozen <> frozen_before
"""
_WEIGH = """
WITH good AS (
    SELECT item_code, greatest(0, on_hand - frozen) AS sellable FROM balance
    WHERE owner_code = $1 AND warehouse_code = $2 AND grade = 'good'),
corrected AS (
    SELECT d.item_code, greatest(0, coalesce(b.on_hand, 0) + d.counted - d.expected - d.frozen) AS sellable
    FROM difference d LEFT JOIN balance b USING (owner_code, warehouse_code, item_code, grade)
    WHERE d.owner_code = $1 AND d.warehouse_code = $2 AND d.snapshot_id = $3 AND d.grade = 'good')
SELECT coalesce(sum(good.sellable), 0) AS sellable,
       coalesce(sum(greatest(0, good.sellable - corrected.sellable)), 0) AS lost
FROM good LEFT JOIN corrected USING (item_code)
"""
_MARK_COUNTED = """
INSERT INTO balance AS b (owner_code, warehouse_code, item_code, grade, version, on_hand, committed, frozen, entries,
                          asked_at, counted_at)
SELECT DISTINCT owner_code, warehouse_code, item_code, grade, 1, 0, 0, 0, 0, '{}'::jsonb, $4::timestamptz
FROM counted_line WHERE owner_code = $1 AND warehouse_code = $2 AND snapshot_id = $3
ORDER BY item_code, grade
ON CONFLICT (owner_code, warehouse_code, item_code, grade)
DO UPDATE SET counted_at = greatest(b.counted_at, excluded.counted_at), version = b.version + 1
"""
_LEDGER_FAULTS = """
SELECT owner_code, warehouse_code, item_code, grade
FROM balance LEFT JOIN (
    SELECT owner_code, warehouse_code, item_code, grade, sum(change) AS changes, count(*) AS entries
    FROM movement GROUP BY owner_code, warehouse_code, item_code, grade) ledger
USING (owner_code, warehouse_code, item_code, grade)
WHERE on_hand <> coalesce(changes, 0) OR balance.entries <> coalesce(ledger.entries, 0)
ORDER BY owner_code, warehouse_code, item_code, grade
"""

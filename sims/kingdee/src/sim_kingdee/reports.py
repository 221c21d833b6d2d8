"""Read-only views of the store, as plain rows ready for JSON."""

import json
import sqlite3
from collections.abc import Iterable, Mapping

Row = dict[str, object]

STOCK = """
SELECT s.warehouse_code, s.owner_code, s.item_code, s.inventory_type, s.on_hand,
       coalesce(l.locked, 0) AS locked, s.on_hand - coalesce(l.locked, 0) AS available,
       coalesce(item.unit, 'Pcs') AS unit
FROM stock s
LEFT JOIN item USING (owner_code, item_code)
LEFT JOIN (
    SELECT warehouse_code, owner_code, item_code, inventory_type, sum(max(plan_qty - done_qty, 0)) AS locked
    FROM instruction JOIN instruction_line ON instruction_id = id
    WHERE leg = 'OUT' AND state IN ('NEW', 'PART_DONE')
    GROUP BY warehouse_code, owner_code, item_code, inventory_type
) l USING (warehouse_code, owner_code, item_code, inventory_type)
"""
_STOCK_ORDER = "ORDER BY s.warehouse_code, s.owner_code, s.item_code, s.inventory_type DESC"

# The same line of a trade in two sales orders, or pieces that left beyond what was asked.
_DUPLICATES = {
    "changed": "SELECT * FROM repeat WHERE kind IN ('changed', 'refused') ORDER BY received_at",
    "repeated": "SELECT * FROM repeat WHERE kind = 'same' ORDER BY received_at",
    "over_shipped": """
        SELECT owner_code, order_no, line_no, item_code, plan_qty, done_qty
        FROM instruction JOIN instruction_line ON instruction_id = id
        WHERE leg = 'OUT' AND done_qty > plan_qty ORDER BY owner_code, order_no, line_no""",
    "trade_lines_twice": """
        SELECT owner_code, platform_order_no, platform_sub_order_no, item_code,
               group_concat(DISTINCT order_no) AS order_nos
        FROM instruction JOIN instruction_line ON instruction_id = id
        WHERE order_type = 'SALE' AND platform_order_no <> ''
        GROUP BY owner_code, platform_order_no, platform_sub_order_no, item_code
        HAVING count(DISTINCT order_no) > 1""",
    # A number that exists already, or a step that was taken already.
    "bills_repeated": """
        SELECT operation, form, bill_no, count(*) AS calls
        FROM bill_call JOIN bill USING (form, bill_no)
        WHERE operation = 'Save' AND refused = 11 AND field IN ('FBillNo', 'FNumber')
           OR operation IN ('Submit', 'Audit') AND refused = 12
        GROUP BY operation, form, bill_no ORDER BY form, bill_no, operation""",
}


def stock(db: sqlite3.Connection, *, warehouse_code: str = "", owner_code: str = "", item_code: str = "") -> list[Row]:
    """Pieces on hand, locked by open outbound instructions, and what is left of them."""
    where, parameters = _where(
        {"s.warehouse_code": warehouse_code, "s.owner_code": owner_code, "s.item_code": item_code}
    )
    return _rows(db.execute(f"{STOCK} WHERE {where} {_STOCK_ORDER}", parameters))


def items(db: sqlite3.Connection, *, owner_code: str = "", item_code: str = "") -> list[Row]:
    """Items with the record that described them last."""
    where, parameters = _where({"owner_code": owner_code, "item_code": item_code})
    rows = db.execute(
        f"SELECT owner_code, item_code, is_valid, record FROM item WHERE {where} ORDER BY 1, 2",  # noqa: S608
        parameters,
    )
    return [{**row, "record": json.loads(row["record"])} for row in rows]


def orders(
    db: sqlite3.Connection,
    *,
    owner_code: str = "",
    order_no: str = "",
    platform_order_no: str = "",
    state: str = "",
    after: int = 0,
    limit: int,
) -> list[Row]:
    """Instructions with their lines and actuals, in order of arrival after an id."""
    where, parameters = _where(
        {
            "owner_code": owner_code,
            "order_no": order_no,
            "platform_order_no": platform_order_no,
            "state": state,
        }
    )
    found = _rows(
        db.execute(
            f"SELECT * FROM instruction WHERE {where} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
            (*parameters, after, limit),
        )
    )
    return [_order(db, row) for row in found]


def _order(db: sqlite3.Connection, row: Row) -> Row:
    lines = db.execute(
        "SELECT line_no, item_code, inventory_type, plan_qty, done_qty, platform_sub_order_no, file_line"
        " FROM instruction_line WHERE instruction_id = ? ORDER BY line_no",
        (row["id"],),
    )
    key = (row["owner_code"], row["order_no"], row["leg"])
    return {**row, "head": json.loads(str(row["head"])), "lines": _rows(lines), "actuals": actuals(db, *key)}


def actuals(db: sqlite3.Connection, owner_code: object, order_no: object, leg: object = "") -> list[Row]:
    """Actuals of an order, oldest first; `file_name` is empty until one is in a well-formed file."""
    where, parameters = _where({"owner_code": owner_code, "order_no": order_no, "leg": leg})
    rows = db.execute(
        f"SELECT * FROM actual WHERE {where} ORDER BY id",  # noqa: S608
        parameters,
    )
    return [_actual(row) for row in rows]


def files(db: sqlite3.Connection, *, direction: str = "", name: str = "", face: str = "") -> list[Row]:
    """Files exchanged, oldest first; files from Lemai with the acknowledgement they got."""
    where, parameters = _where({"direction": direction, "name": name, "face": face})
    rows = db.execute(
        "SELECT face, direction, name, sha256, status, handled_at, damage, ack"  # noqa: S608
        f" FROM file WHERE {where} ORDER BY id",
        parameters,
    )
    return [{**row, "ack": row["ack"] and json.loads(row["ack"])} for row in rows]


def bills(db: sqlite3.Connection, *, form: str = "", bill_no: str = "", after: int = 0, limit: int) -> list[Row]:
    """Bills of the WebAPI with their entries, in order of arrival after an id; `calls` counts by operation."""
    where, parameters = _where({"form": form, "bill_no": bill_no})
    found = _rows(
        db.execute(f"SELECT * FROM bill WHERE {where} AND id > ? ORDER BY id LIMIT ?", (*parameters, after, limit))  # noqa: S608
    )
    return [_bill(db, row) for row in found]


def _bill(db: sqlite3.Connection, row: Row) -> Row:
    entries = db.execute("SELECT fields FROM bill_entry WHERE bill_id = ? ORDER BY seq", (row["id"],))
    calls = db.execute(
        "SELECT operation, count(*) FROM bill_call WHERE form = ? AND bill_no = ? GROUP BY operation",
        (row["form"], row["bill_no"]),
    )
    return {
        **row,
        "head": json.loads(str(row["head"])),
        "entries": [json.loads(fields) for (fields,) in entries],
        "calls": dict(tuple(call) for call in calls),
    }


def bill_calls(db: sqlite3.Connection) -> list[Row]:
    """How often each operation of the WebAPI was called on each form, by MsgCode; 0 is a call that was done."""
    return _rows(
        db.execute(
            "SELECT operation, form, refused, count(*) AS calls FROM bill_call"
            " GROUP BY operation, form, refused ORDER BY operation, form, refused"
        )
    )


def duplicates(db: sqlite3.Connection) -> dict[str, list[Row]]:
    """What happened twice. `repeated` and `bills_repeated` came twice and had no effect; the others should be empty."""
    return {name: _rows(db.execute(sql)) for name, sql in _DUPLICATES.items()}


def _actual(row: sqlite3.Row) -> Row:
    (_, head), *children = json.loads(row["document"])
    parcels = [values for tag, values in children if tag == "P"] or [head]
    return {
        "leg": row["leg"],
        "face": row["face"],
        "interface": row["interface"],
        "out_biz_code": row["out_biz_code"],
        "confirm_type": int(head["confirm_type"]),
        "status": head["status"],
        "booked_at": row["booked_at"],
        "file_name": row["file_name"],
        "file_line": row["file_line"],
        "waybills": [
            {"logistics_code": parcel["logistics_code"], "express_no": parcel["express_no"]}
            for parcel in parcels
            if parcel.get("express_no")
        ],
        "lines": [
            {
                "line_no": int(values["line_no"]),
                "item_code": values["item_code"],
                "inventory_type": values["inventory_type"],
                "actual_qty": int(values["actual_qty"]),
            }
            for tag, values in children
            if tag == "L"
        ],
    }


def _where(equal: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    """SQL that compares the columns whose value is not empty; column names are this module's own text."""
    given = {column: value for column, value in equal.items() if value}
    return " AND ".join(["1", *(f"{column} = ?" for column in given)]), tuple(given.values())


def _rows(rows: Iterable[sqlite3.Row]) -> list[Row]:
    return [dict(row) for row in rows]

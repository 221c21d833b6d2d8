"""The ERP's own store: one SQLite file, used by one thread. Quantities are whole pieces, times UTC text."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from sim_kingdee.actuals import Actual
from sim_kingdee.domain import Behaviour, Instruction, Line
from sim_kingdee.layouts import Interface
from sim_kingdee.message import Document, Record, Values

StockKey = tuple[str, str, str, str]  # warehouse_code, owner_code, item_code, inventory_type


@dataclass(frozen=True, slots=True)
class Received:
    """Where and when an instruction came in; its actuals go back through the same face."""

    file_name: str
    at: datetime
    face: str = "folder"


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds about an instruction that comes again."""

    id: int
    digest: str
    state: str


def utc_text(moment: datetime) -> str:
    """Text that sorts as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


class Store:
    """All writes, and the reads that decide something. Callers own the transaction."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(folder / "erp.sqlite3", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self._bring_up_to_date()
        self.db.executescript((files(__package__) / "schema.sql").read_text(encoding="utf-8"))

    def _bring_up_to_date(self) -> None:
        """A store from before there were faces has only ever exchanged files in a folder."""
        added = {"instruction": ("face",), "actual": ("face",), "file": ("face", "interface")}
        for table, names in added.items():
            columns = {row["name"] for row in self.db.execute(f"PRAGMA table_info({table})")}
            for name in names if columns else ():
                if name not in columns:
                    default = "folder" if name == "face" else ""
                    self.db.execute(f"ALTER TABLE {table} ADD COLUMN {name} TEXT NOT NULL DEFAULT '{default}'")

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Run the block inside a transaction and undo what it wrote."""
        self.db.execute("SAVEPOINT rehearsal")
        try:
            yield
        finally:
            self.db.execute("ROLLBACK TO rehearsal")
            self.db.execute("RELEASE rehearsal")

    # Master data

    def add_warehouses(self, codes: Iterable[str]) -> None:
        """Make warehouses known."""
        self.db.executemany("INSERT OR IGNORE INTO warehouse VALUES (?)", [(code,) for code in codes])

    def has_warehouse(self, code: str) -> bool:
        """Whether a warehouse is known."""
        return self._one("SELECT 1 FROM warehouse WHERE warehouse_code = ?", code) is not None

    def has_owner(self, owner_code: str) -> bool:
        """Whether an owner has any item."""
        return self._one("SELECT 1 FROM item WHERE owner_code = ? LIMIT 1", owner_code) is not None

    def item(self, owner_code: str, item_code: str) -> sqlite3.Row | None:
        """One item."""
        return self._one("SELECT * FROM item WHERE owner_code = ? AND item_code = ?", owner_code, item_code)

    def save_item(self, values: Values, *, is_valid: str) -> None:
        """Add an item or replace it."""
        row = (
            values["owner_code"],
            values["item_code"],
            values["unit"],
            values.get("is_batch_mgmt") or "N",
            is_valid,
            values.get("updated_at", ""),
            json.dumps(values, ensure_ascii=False),
        )
        self.db.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def behaviours(self) -> dict[tuple[str, str], Behaviour]:
        """All scripts by (scope, code)."""
        rows = self.db.execute("SELECT scope, code, behaviour FROM script")
        return {(row["scope"], row["code"]): Behaviour(row["behaviour"]) for row in rows}

    def save_scripts(self, scope: str, behaviours: Mapping[str, Behaviour]) -> None:
        """Set the behaviour of orders, items or, with code "", of everything else."""
        rows = [(scope, code, behaviour) for code, behaviour in behaviours.items()]
        self.db.executemany("INSERT OR REPLACE INTO script VALUES (?, ?, ?)", rows)

    # Stock

    def set_stock(self, rows: Mapping[StockKey, int]) -> None:
        """Set pieces on the shelf."""
        self.db.executemany(
            "INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?, ?)", [(*key, on_hand) for key, on_hand in rows.items()]
        )

    def move_stock(self, key: StockKey, pieces: int) -> None:
        """Put pieces on the shelf, or take them off when negative."""
        self.db.execute(
            "INSERT INTO stock VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET on_hand = on_hand + excluded.on_hand",
            (*key, pieces),
        )

    def on_hand(self, key: StockKey) -> int:
        """Pieces on the shelf."""
        row = self._one(
            "SELECT on_hand FROM stock"
            " WHERE warehouse_code = ? AND owner_code = ? AND item_code = ? AND inventory_type = ?",
            *key,
        )
        return int(row["on_hand"]) if row else 0

    # Instructions

    def known(self, owner_code: str, order_no: str, leg: str) -> Known | None:
        """What is held about one leg of an order."""
        row = self._one(
            "SELECT id, digest, state FROM instruction WHERE owner_code = ? AND order_no = ? AND leg = ?",
            owner_code,
            order_no,
            leg,
        )
        return Known(**row) if row else None

    def add_instruction(
        self,
        interface: Interface,
        document: Document,
        *,
        digest: str,
        behaviour: Behaviour,
        received: Received,
        due_at: datetime | None,
    ) -> None:
        """Store a document of interface 1, 3, 5 or 7 in state NEW; without `due_at` it is never answered."""
        head = document.head.values
        cursor = self.db.execute(
            "INSERT INTO instruction (owner_code, order_no, leg, interface, order_type, warehouse_code,"
            " platform_order_no, head, digest, state, behaviour, file_name, file_line, received_at, due_at, face)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'NEW', ?, ?, ?, ?, ?, ?)",
            (
                head["owner_code"],
                head["order_no"],
                interface.leg,
                interface.name,
                head["order_type"],
                head["warehouse_code"],
                head.get("platform_order_no", ""),
                json.dumps(head, ensure_ascii=False),
                digest,
                behaviour,
                received.file_name,
                document.head.line,
                utc_text(received.at),
                due_at and utc_text(due_at),
                received.face,
            ),
        )
        lines = [_line_row(cursor.lastrowid, line) for line in document.lines()]
        self.db.executemany("INSERT INTO instruction_line VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)", lines)

    def drop_instruction(self, instruction_id: int) -> None:
        """Forget an instruction that is being replaced."""
        self.db.execute("DELETE FROM instruction_line WHERE instruction_id = ?", (instruction_id,))
        self.db.execute("DELETE FROM instruction WHERE id = ?", (instruction_id,))

    def add_repeat(self, leg: str, document: Document, kind: str, received: Received) -> None:
        """Note that an instruction came again; kind is same, changed or refused."""
        head = document.head
        self.db.execute(
            "INSERT INTO repeat VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                head.values["owner_code"],
                head.values["order_no"],
                leg,
                kind,
                received.file_name,
                head.line,
                utc_text(received.at),
            ),
        )

    def due(self, now: datetime, limit: int) -> list[Instruction]:
        """Open instructions whose next confirmation is due, oldest first."""
        return self._instructions("WHERE due_at <= ? ORDER BY due_at, id LIMIT ?", utc_text(now), limit)

    def instruction(self, owner_code: str, order_no: str, leg: str) -> Instruction | None:
        """One instruction."""
        found = self._instructions("WHERE owner_code = ? AND order_no = ? AND leg = ?", owner_code, order_no, leg)
        return found[0] if found else None

    def _instructions(self, where: str, *parameters: object) -> list[Instruction]:
        rows = self.db.execute(f"SELECT * FROM instruction {where}", parameters).fetchall()  # noqa: S608 (own text)
        return [
            Instruction(
                id=row["id"],
                owner_code=row["owner_code"],
                order_no=row["order_no"],
                leg=row["leg"],
                interface=row["interface"],
                order_type=row["order_type"],
                warehouse_code=row["warehouse_code"],
                head=json.loads(row["head"]),
                behaviour=Behaviour(row["behaviour"]),
                face=row["face"],
                lines=self._lines(row["id"]),
            )
            for row in rows
        ]

    def _lines(self, instruction_id: int) -> tuple[Line, ...]:
        rows = self.db.execute(
            "SELECT line_no, item_code, inventory_type, plan_qty, done_qty, batch_code"
            " FROM instruction_line WHERE instruction_id = ? ORDER BY line_no",
            (instruction_id,),
        )
        return tuple(Line(**row) for row in rows)

    def is_silent(self, face: str, file_name: str) -> bool:
        """Whether a file brought instructions and none of them is to be answered in any way."""
        row = self._one(
            "SELECT min(behaviour = 'silent') AS silent FROM instruction WHERE face = ? AND file_name = ?",
            face,
            file_name,
        )
        return bool(row and row["silent"])

    def set_progress(self, instruction_id: int, moved: Mapping[int, int], state: str, due_at: datetime | None) -> None:
        """Add moved pieces by line number and set the state an instruction has now."""
        self.db.executemany(
            "UPDATE instruction_line SET done_qty = done_qty + ? WHERE instruction_id = ? AND line_no = ?",
            [(pieces, instruction_id, line_no) for line_no, pieces in moved.items()],
        )
        self.db.execute(
            "UPDATE instruction SET state = ?, due_at = ? WHERE id = ?",
            (state, due_at and utc_text(due_at), instruction_id),
        )

    # Actuals

    def count_actuals(self, owner_code: str, order_no: str, leg: str) -> int:
        """Confirmations booked so far for one leg."""
        row = self._one(
            "SELECT count(*) AS n FROM actual WHERE owner_code = ? AND order_no = ? AND leg = ?",
            owner_code,
            order_no,
            leg,
        )
        assert row is not None
        return int(row["n"])

    def add_actual(self, actual: Actual, document: Document) -> None:
        """Store an actual that is in no file yet."""
        self.db.execute(
            "INSERT INTO actual (owner_code, order_no, leg, interface, out_biz_code, booked_at, document, face)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                actual.owner_code,
                actual.order_no,
                "OUT" if actual.is_outbound else "IN",
                actual.interface,
                actual.out_biz_code,
                utc_text(actual.booked_at),
                _document_text(document),
                actual.face,
            ),
        )

    def unwritten(self, limit: int, face: str = "folder") -> dict[tuple[str, str], list[tuple[int, Document]]]:
        """Actuals of a face in no file or bill yet as (id, document), by (interface, owner_code), oldest first."""
        rows = self.db.execute(
            "SELECT id, interface, owner_code, document FROM actual WHERE file_name = '' AND face = ?"
            " ORDER BY id LIMIT ?",
            (face, limit),
        )
        groups: dict[tuple[str, str], list[tuple[int, Document]]] = {}
        for row in rows:
            group = groups.setdefault((row["interface"], row["owner_code"]), [])
            group.append((row["id"], _document_from(row["document"])))
        return groups

    def mark_written(self, file_name: str, lines: Mapping[int, int]) -> None:
        """Note the file of actuals and the line each begins on, by id."""
        self.db.executemany(
            "UPDATE actual SET file_name = ?, file_line = ? WHERE id = ?",
            [(file_name, line, actual_id) for actual_id, line in lines.items()],
        )

    def _one(self, sql: str, *parameters: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.db.execute(sql, parameters).fetchone()
        return row


def _line_row(instruction_id: int | None, line: Record) -> tuple[object, ...]:
    values = line.values
    return (
        instruction_id,
        int(values["line_no"]),
        values["item_code"],
        values.get("inventory_type") or "ZP",
        int(values["plan_qty"].partition(".")[0]),
        values.get("batch_code", ""),
        values.get("platform_sub_order_no", ""),
        line.line,
    )


def _document_text(document: Document) -> str:
    records = [document.head, *document.children]
    return json.dumps([[record.tag, record.values] for record in records], ensure_ascii=False)


def _document_from(text: str) -> Document:
    head, *children = (Record(tag, values) for tag, values in json.loads(text))
    return Document(head, children)

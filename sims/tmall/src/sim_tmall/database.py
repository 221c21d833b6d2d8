"""The simulator's memory: one SQLite file that a restart finds as it was left. Used from one thread."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIRST_ID = 2_600_000_000_000_000_000
ID_STEP = 1_000_003

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS app (app_key TEXT PRIMARY KEY, app_secret TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seller (
    nick TEXT PRIMARY KEY, app_key TEXT NOT NULL, session TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    num_iid INTEGER PRIMARY KEY, nick TEXT NOT NULL, approve_status TEXT NOT NULL, title TEXT NOT NULL,
    outer_id TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS item_by_modified ON item (nick, approve_status, modified, num_iid);
CREATE TABLE IF NOT EXISTS sku (
    num_iid INTEGER NOT NULL, sku_id INTEGER NOT NULL, outer_id TEXT NOT NULL, properties_name TEXT NOT NULL,
    price INTEGER NOT NULL, quantity INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
    PRIMARY KEY (num_iid, sku_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS sku_by_id ON sku (sku_id) WHERE sku_id > 0;
CREATE TABLE IF NOT EXISTS delta_done (
    num_iid INTEGER NOT NULL, biz_key TEXT NOT NULL, PRIMARY KEY (num_iid, biz_key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trade (
    tid INTEGER PRIMARY KEY, nick TEXT NOT NULL, status TEXT NOT NULL, type TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, visible INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS trade_by_modified ON trade (nick, modified, tid, visible, type, status);
CREATE INDEX IF NOT EXISTS trade_by_created ON trade (nick, created, tid, visible, type, status);
CREATE TABLE IF NOT EXISTS waybill (
    company_code TEXT NOT NULL, out_sid TEXT NOT NULL, tid INTEGER NOT NULL, receiver_digest TEXT NOT NULL,
    PRIMARY KEY (company_code, out_sid, tid)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, method TEXT NOT NULL, nick TEXT NOT NULL, params BLOB NOT NULL,
    outcome TEXT NOT NULL, fault TEXT NOT NULL, micros INTEGER NOT NULL, request_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS call_by_method ON call (method, id);
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, method TEXT NOT NULL, kind TEXT NOT NULL, remaining INTEGER NOT NULL,
    seconds INTEGER NOT NULL, sub_code TEXT NOT NULL, rows_moved INTEGER NOT NULL
);
"""


class Database:
    """The connection with its transactions, persisted numbers and id counter."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(directory / "tmall.sqlite3", isolation_level=None, cached_statements=256)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def run(self, sql: str, *values: object) -> None:
        """One statement; outside `transaction()` it commits by itself."""
        self._connection.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        """One statement for each row."""
        self._connection.executemany(sql, rows)

    def rows(self, sql: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
        """All rows of a query with positional or named parameters."""
        return self._connection.execute(sql, named or values).fetchall()

    def row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of a query."""
        first: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return first

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception takes back what was written inside."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def setting(self, name: str) -> int:
        """A persisted number, 0 until set."""
        row = self.row("SELECT value FROM setting WHERE name = ?", name)
        return int(row[0]) if row else 0

    def put_setting(self, name: str, value: int) -> None:
        """Persist a number."""
        self.run("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, value)

    def take_ids(self, count: int) -> list[int]:
        """The next 19-digit ids, in order, none given twice."""
        used = self.setting("ids_used")
        self.put_setting("ids_used", used + count)
        return [FIRST_ID + (used + offset) * ID_STEP for offset in range(1, count + 1)]

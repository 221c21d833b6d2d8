"""Bills of every form, in the ERP's own store. Callers own the transaction."""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sim_kingdee.storage import Store
from sim_kingdee.wire_time import SHANGHAI

Fields = dict[str, str | bool]
_ID = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a bill; `id` is 0 until it is stored."""

    id: int
    fields: Fields


@dataclass(frozen=True, slots=True)
class Bill:
    """A stored bill. Status: Z draft, A created, B in approval, C approved, D to be approved again."""

    id: int
    form: str
    bill_no: str
    status: str
    head: Fields
    entries: tuple[Entry, ...]
    is_allocated: bool
    is_forbidden: bool


def server_time(moment: datetime) -> str:
    """A moment as the server keeps it: wall clock with milliseconds, no zone."""
    return moment.astimezone(SHANGHAI).replace(tzinfo=None).isoformat(timespec="milliseconds")


def is_id(value: object) -> bool:
    """Whether a value, or its text, is a whole number that the store can hold."""
    return not isinstance(value, bool) and _ID.fullmatch(str(value)) is not None


class Bills:
    """The tables `bill`, `bill_entry` and `bill_call`."""

    def __init__(self, store: Store) -> None:
        self.db = store.db

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what the block wrote when it raises, and nothing else of the transaction."""
        self.db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO attempt")
            raise
        finally:
            self.db.execute("RELEASE attempt")

    def find(self, form: str, *, bill_id: int = 0, bill_no: str = "") -> Bill | None:
        """One bill by its id or number."""
        row = self.db.execute(
            "SELECT * FROM bill WHERE form = ? AND (id = ? OR bill_no = ?)", (form, bill_id, bill_no)
        ).fetchone()
        return self._bill(row) if row else None

    def _bill(self, row: sqlite3.Row) -> Bill:
        entries = self.db.execute("SELECT id, fields FROM bill_entry WHERE bill_id = ? ORDER BY seq", (row["id"],))
        return Bill(
            id=row["id"],
            form=row["form"],
            bill_no=row["bill_no"],
            status=row["status"],
            head=json.loads(row["head"]),
            entries=tuple(Entry(entry["id"], json.loads(entry["fields"])) for entry in entries),
            is_allocated=bool(row["is_allocated"]),
            is_forbidden=bool(row["is_forbidden"]),
        )

    def is_known_content(self, content: str) -> bool:
        """Whether a bill was saved from JSON with this digest."""
        return self.db.execute("SELECT 1 FROM bill WHERE content = ?", (content,)).fetchone() is not None

    def next_number(self, prefix: str) -> str:
        """A number of the server's own."""
        last = self.db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'bill'").fetchone()[0]
        return f"{prefix}{last + 1:06}"

    def add(
        self, form: str, bill_no: str, head: Fields, entries: Sequence[Entry], now: datetime, content: str = ""
    ) -> int:
        """Store a bill in status A; returns its id."""
        at = server_time(now)
        cursor = self.db.execute(
            "INSERT INTO bill (form, bill_no, status, head, content, created_at, modified_at)"
            " VALUES (?, ?, 'A', ?, ?, ?, ?)",
            (form, bill_no, _text(head), content, at, at),
        )
        assert cursor.lastrowid is not None
        self._add_entries(cursor.lastrowid, entries)
        return cursor.lastrowid

    def replace(self, bill_id: int, head: Fields, entries: Sequence[Entry], now: datetime, content: str) -> None:
        """Give a bill another head and other entries; entries with an id keep it."""
        self.db.execute(
            "UPDATE bill SET head = ?, content = ?, modified_at = ? WHERE id = ?",
            (_text(head), content, server_time(now), bill_id),
        )
        self.db.execute("DELETE FROM bill_entry WHERE bill_id = ?", (bill_id,))
        self._add_entries(bill_id, entries)

    def _add_entries(self, bill_id: int, entries: Sequence[Entry]) -> None:
        self.db.executemany(
            "INSERT INTO bill_entry (id, bill_id, seq, fields) VALUES (?, ?, ?, ?)",
            [(entry.id or None, bill_id, seq, _text(entry.fields)) for seq, entry in enumerate(entries, start=1)],
        )

    def set_status(self, bill_id: int, status: str, now: datetime) -> None:
        """Take a bill one step on or back; C notes the moment of approval, D forgets it."""
        at = server_time(now)
        self.db.execute(
            "UPDATE bill SET status = ?1, modified_at = ?2,"
            " approved_at = CASE ?1 WHEN 'C' THEN ?2 WHEN 'D' THEN NULL ELSE approved_at END WHERE id = ?3",
            (status, at, bill_id),
        )

    def set_allocated(self, bill_id: int) -> None:
        """Give base data to the organisation."""
        self.db.execute("UPDATE bill SET is_allocated = 1 WHERE id = ?", (bill_id,))

    def set_forbidden(self, bill_id: int, *, is_forbidden: bool) -> None:
        """Disable base data, or enable it."""
        self.db.execute("UPDATE bill SET is_forbidden = ? WHERE id = ?", (is_forbidden, bill_id))

    def note_call(
        self, operation: str, form: str, numbers: Sequence[str], refused: int, field: str, now: datetime
    ) -> None:
        """Note a call for each bill it names, or once when it names none."""
        self.db.executemany(
            "INSERT INTO bill_call VALUES (?, ?, ?, ?, ?, ?)",
            [(operation, form, number, refused, field, server_time(now)) for number in numbers or [""]],
        )


def _text(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False)

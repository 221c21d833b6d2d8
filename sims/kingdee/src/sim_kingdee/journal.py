"""Files exchanged with Lemai, in both directions, as the folder face knows them."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sim_kingdee.ack import Ack, Arrival
from sim_kingdee.storage import Store, utc_text


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file from Lemai that was taken before; status TAKEN means it may not be acknowledged yet."""

    id: int
    status: str
    ack: Ack


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file for Lemai; status WRITING means it may not be in the inbox yet, `damage` is empty for a good one."""

    id: int
    name: str
    damage: str
    content: bytes


class Journal:
    """The table `file`. Callers own the transaction."""

    def __init__(self, store: Store) -> None:
        self._db = store.db

    def is_used(self, name: str) -> bool:
        """Whether a file from Lemai had this name before."""
        return (
            self._db.execute("SELECT 1 FROM file WHERE direction = 'in' AND name = ?", (name,)).fetchone() is not None
        )

    def same_content(self, sha256: str) -> Incoming | None:
        """The first file from Lemai with these bytes, whatever its name."""
        row = self._db.execute(
            "SELECT id, status, ack FROM file WHERE direction = 'in' AND sha256 = ? ORDER BY id", (sha256,)
        ).fetchone()
        return Incoming(row["id"], row["status"], json.loads(row["ack"])) if row else None

    def add_incoming(self, arrival: Arrival, ack: Ack) -> int:
        """Store the acknowledgement of a file before it is written; returns the id of the arrival."""
        cursor = self._db.execute(
            "INSERT INTO file (direction, name, sha256, status, handled_at, ack) VALUES ('in', ?, ?, 'TAKEN', ?, ?)",
            (arrival.file_name, arrival.sha256, utc_text(arrival.at), json.dumps(ack, ensure_ascii=False)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def add_outgoing(self, name: str, content: bytes, damage: str, now: datetime) -> Outgoing:
        """Store a file for Lemai before it is written."""
        cursor = self._db.execute(
            "INSERT INTO file (direction, name, sha256, status, handled_at, damage, content)"
            " VALUES ('out', ?, ?, 'WRITING', ?, ?, ?)",
            (name, hashlib.sha256(content).hexdigest(), utc_text(now), damage, content),
        )
        assert cursor.lastrowid is not None
        return Outgoing(cursor.lastrowid, name, damage, content)

    def set_status(self, file_id: int, status: str) -> None:
        """Note how far a file came."""
        self._db.execute("UPDATE file SET status = ? WHERE id = ?", (status, file_id))

    def unfinished(self) -> list[Outgoing]:
        """Files for Lemai that may not be in the inbox yet, oldest first."""
        rows = self._db.execute("SELECT id, name, damage, content FROM file WHERE status = 'WRITING' ORDER BY id")
        return [Outgoing(**row) for row in rows]

    def content(self, name: str) -> bytes:
        """The bytes first written under a name; raises KeyError when there are none."""
        row = self._db.execute(
            "SELECT content FROM file WHERE direction = 'out' AND name = ? ORDER BY id", (name,)
        ).fetchone()
        if row is None:
            raise KeyError(name)
        return bytes(row["content"])

    def last_name(self, prefix: str) -> str | None:
        """The latest name for Lemai that starts with a prefix."""
        row = self._db.execute(
            "SELECT max(name) FROM file WHERE direction = 'out' AND name BETWEEN ? AND ? || '~'", (prefix, prefix)
        ).fetchone()
        return row[0] if row else None

    def count(self) -> int:
        """Files in both directions."""
        return int(self._db.execute("SELECT count(*) FROM file").fetchone()[0])

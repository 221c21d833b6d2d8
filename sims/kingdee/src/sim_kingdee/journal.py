"""Files and calls exchanged with Lemai, in both directions, as one face knows them."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sim_kingdee.ack import Ack, Arrival
from sim_kingdee.storage import Store, utc_text

_OUTGOING = "SELECT id, name, interface, damage, content FROM file WHERE face = ? AND direction = 'out'"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file from Lemai that was taken before; status TAKEN means it may not be acknowledged yet."""

    id: int
    status: str
    ack: Ack


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file for Lemai; status WRITING means it may not be with Lemai yet, `damage` is empty for a good one."""

    id: int
    name: str
    interface: str
    damage: str
    content: bytes


class Journal:
    """The rows of one face in the table `file`. Callers own the transaction."""

    def __init__(self, store: Store, face: str) -> None:
        self._db = store.db
        self._face = face

    def is_used(self, name: str) -> bool:
        """Whether a file from Lemai had this name before."""
        sql = "SELECT 1 FROM file WHERE face = ? AND direction = 'in' AND name = ?"
        return self._db.execute(sql, (self._face, name)).fetchone() is not None

    def same_content(self, sha256: str) -> Incoming | None:
        """The first file from Lemai with these bytes, whatever its name."""
        row = self._db.execute(
            "SELECT id, status, ack FROM file WHERE face = ? AND direction = 'in' AND sha256 = ? ORDER BY id",
            (self._face, sha256),
        ).fetchone()
        return Incoming(row["id"], row["status"], json.loads(row["ack"])) if row else None

    def add_incoming(self, arrival: Arrival, ack: Ack) -> int:
        """Store the acknowledgement of a file before it is written; returns the id of the arrival."""
        cursor = self._db.execute(
            "INSERT INTO file (face, direction, name, sha256, status, handled_at, ack)"
            " VALUES (?, 'in', ?, ?, 'TAKEN', ?, ?)",
            (self._face, arrival.file_name, arrival.sha256, utc_text(arrival.at), json.dumps(ack, ensure_ascii=False)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def add_outgoing(self, name: str, interface: str, content: bytes, damage: str, now: datetime) -> Outgoing:
        """Store a file for Lemai before it is written."""
        cursor = self._db.execute(
            "INSERT INTO file (face, direction, name, interface, sha256, status, handled_at, damage, content)"
            " VALUES (?, 'out', ?, ?, ?, 'WRITING', ?, ?, ?)",
            (self._face, name, interface, hashlib.sha256(content).hexdigest(), utc_text(now), damage, content),
        )
        assert cursor.lastrowid is not None
        return Outgoing(cursor.lastrowid, name, interface, damage, content)

    def set_status(self, file_id: int, status: str) -> None:
        """Note how far a file came."""
        self._db.execute("UPDATE file SET status = ? WHERE id = ?", (status, file_id))

    def set_ack(self, file_id: int, status: str, ack: object) -> None:
        """Note Lemai's answer to a call or a pulled file."""
        text = json.dumps(ack, ensure_ascii=False)
        self._db.execute("UPDATE file SET status = ?, ack = ? WHERE id = ?", (status, text, file_id))

    def unfinished(self) -> list[Outgoing]:
        """Files that may not be with Lemai yet, oldest first."""
        rows = self._db.execute(f"{_OUTGOING} AND status = 'WRITING' ORDER BY id", (self._face,))
        return [Outgoing(**row) for row in rows]

    def listed_after(self, file_id: int, limit: int) -> list[dict[str, str]]:
        """Name, sha256 and cursor of the files for Lemai stored after an id, oldest first."""
        rows = self._db.execute(
            "SELECT name, sha256, CAST(id AS TEXT) AS cursor FROM file"
            " WHERE face = ? AND direction = 'out' AND id > ? ORDER BY id LIMIT ?",
            (self._face, file_id, limit),
        )
        return [dict(row) for row in rows]

    def first(self, name: str) -> Outgoing:
        """What was first written under a name; raises KeyError when there is nothing."""
        row = self._db.execute(f"{_OUTGOING} AND name = ? ORDER BY id", (self._face, name)).fetchone()
        if row is None:
            raise KeyError(name)
        return Outgoing(**row)

    def latest(self, name: str) -> Outgoing:
        """What was last written under a name; raises KeyError when there is nothing."""
        row = self._db.execute(f"{_OUTGOING} AND name = ? ORDER BY id DESC", (self._face, name)).fetchone()
        if row is None:
            raise KeyError(name)
        return Outgoing(**row)

    def last_name(self, prefix: str) -> str | None:
        """The latest name for Lemai that starts with a prefix."""
        row = self._db.execute(
            "SELECT max(name) FROM file WHERE face = ? AND direction = 'out' AND name BETWEEN ? AND ? || '~'",
            (self._face, prefix, prefix),
        ).fetchone()
        return row[0] if row else None

    def count(self) -> int:
        """Files of all faces in both directions."""
        return int(self._db.execute("SELECT count(*) FROM file").fetchone()[0])

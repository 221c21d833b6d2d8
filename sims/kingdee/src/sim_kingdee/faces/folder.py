"""The folder face: takes files from `outbox`, acknowledges them, drops files of actuals and stock in `inbox`.

Folders are named as Lemai sees them.
"""

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sim_kingdee import frame, wire_time
from sim_kingdee.ack import Arrival
from sim_kingdee.damage import Damage
from sim_kingdee.encodings import Encoding
from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Exchange, Pace
from sim_kingdee.journal import Outgoing
from sim_kingdee.layouts import instruction_of
from sim_kingdee.message import FrameError, Message
from sim_kingdee.misdeeds import TakesBeforeMarked
from sim_kingdee.reports import Row

_EAGER_POLL_S = 0.001
_FOLDERS = ("outbox", "inbox", "archive", "ack", "quarantine")


class Folder(Exchange):
    """One exchange folder."""

    def __init__(
        self, root: Path, erp: Erp, *, trailer_patience_s: float, face: str = "folder", encoding: Encoding = frame
    ) -> None:
        super().__init__(face, erp, encoding)
        self._root = root
        self._trailer_patience_s = trailer_patience_s
        self._half_written: set[int] = set()
        for name in _FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        self._send_all(self.journal.unfinished())

    async def serve(self, pace: Pace) -> None:
        """Look into the outbox and write actuals."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().serve(pace))
            while True:
                self.take_outbox(pace.now())
                is_eager = self.erp.misdeeds.next(TakesBeforeMarked, self.face)
                await asyncio.sleep(_EAGER_POLL_S if is_eager else pace.poll_s)

    def take_outbox(self, now: datetime) -> None:
        """Handle every finished file from Lemai: items first, then by stamp."""
        names = [entry.name for entry in os.scandir(self._root / "outbox") if entry.is_file()]
        visible = [name for name in names if not name.startswith(".") and not name.endswith(".tmp")]
        for name in sorted(visible, key=_turn):
            self._take(name, now)

    def _take(self, name: str, now: datetime) -> None:
        path = self._root / "outbox" / name
        data = path.read_bytes()
        is_young = now.timestamp() - path.stat().st_mtime < self._trailer_patience_s
        if is_young and not self._encoding.is_finished(data) and instruction_of(name, self._encoding.SUFFIX):
            return
        arrival = Arrival(name, hashlib.sha256(data).hexdigest(), now)
        with self.store.transaction():
            file_id, ack = self.judge(arrival, self._reading(name, data))
            is_silent = self.store.is_silent(self.face, name)
        self.erp.misdeeds.take(TakesBeforeMarked, self.face)
        if not is_silent:
            _publish(self._root / "ack" / f"{name}.ack", json.dumps(ack, ensure_ascii=False, indent=1).encode())
        is_read = ack["documents"] > 0
        place = self._root / "archive" / wire_time.stamp(now)[:8] / name
        if not is_read:
            # Other bytes of the same name may lie there already.
            place = self._root / "quarantine" / f"{name}.{arrival.sha256[:8]}"
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
        self.journal.set_status(file_id, "ARCHIVED" if is_read else "QUARANTINED")

    def _reading(self, name: str, data: bytes) -> Callable[[], Message]:
        def read() -> Message:
            interface = instruction_of(name, self._encoding.SUFFIX)
            if interface is None:
                raise FrameError("E_NAME", "文件名不合约定 / not a name of interface 1, 3, 5, 7 or 9")
            return self._encoding.read(data, interface)

        return read

    def write_actuals(self, now: datetime) -> None:
        """As every face does; a file the writer crashed in is completed first."""
        self._send_all(self.journal.unfinished())
        super().write_actuals(now)

    def repeat_file(self, name: str, now: datetime, *, changed: bool) -> None:
        """As every face does; raises FileExistsError while the first one lies in the inbox."""
        if (self._root / "inbox" / name).exists():
            raise FileExistsError(name)
        super().repeat_file(name, now, changed=changed)

    def describe(self, row: Row) -> Row:
        """A file's row with what the folder tells: whether it still lies in the inbox, and Lemai's acknowledgement."""
        if row["direction"] == "in":
            return row
        ack = self._root / "ack" / f"{row['name']}.ack"
        return {
            **row,
            "in_inbox": (self._root / "inbox" / str(row["name"])).exists(),
            "ack": json.loads(ack.read_bytes()) if ack.exists() else None,
        }

    def _send(self, file: Outgoing) -> None:
        path = self._root / "inbox" / file.name
        if file.damage == Damage.CRASH_MID_FILE and file.id not in self._half_written:
            self._half_written.add(file.id)
            path.write_bytes(file.content[: len(file.content) // 2])
            return
        if file.damage == Damage.HALF_TEMPORARY:
            _temporary(path).write_bytes(file.content)
        else:
            _publish(path, file.content)
        self.journal.set_status(file.id, "DROPPED")


def _turn(name: str) -> tuple[bool, str, str]:
    stamp = re.search(r"\d{14}", name)
    return not name.startswith("Item_"), stamp[0] if stamp else "", name


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def _publish(path: Path, data: bytes) -> None:
    with _temporary(path).open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _temporary(path).rename(path)

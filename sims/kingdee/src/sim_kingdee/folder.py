"""The file face: takes files from `outbox`, acknowledges them, drops files of actuals and stock in `inbox`.

Folders are named as Lemai sees them. Every file is stored before it is written, so a crash repeats no effect.
"""

import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sim_kingdee import frame, wire_time
from sim_kingdee.ack import Ack, Arrival, judged, refused, repeated
from sim_kingdee.checks import DOCUMENTS_MAX
from sim_kingdee.damage import Damage, change, spoil_bytes, spoil_documents
from sim_kingdee.erp import Erp, balances
from sim_kingdee.journal import Journal, Outgoing
from sim_kingdee.layouts import INTERFACES, instruction_of
from sim_kingdee.message import Document, Finding, FrameError
from sim_kingdee.reports import Row
from sim_kingdee.storage import Received

_FOLDERS = ("outbox", "inbox", "archive", "ack", "quarantine")


class Folder:
    """One exchange folder of one ERP. Used by one thread."""

    def __init__(self, root: Path, erp: Erp, *, trailer_patience_s: float) -> None:
        self.erp = erp
        self.store = erp.store
        self.damages: deque[Damage] = deque()
        self._root = root
        self._journal = Journal(erp.store)
        self._trailer_patience_s = trailer_patience_s
        for name in _FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        for file in self._journal.unfinished():
            self._drop(file)

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
        if is_young and not frame.is_finished(data) and instruction_of(name):
            return
        arrival = Arrival(name, hashlib.sha256(data).hexdigest(), now)
        with self.store.transaction():
            file_id, ack = self._judge(arrival, data)
        _publish(self._root / "ack" / f"{name}.ack", json.dumps(ack, ensure_ascii=False, indent=1).encode())
        is_read = ack["counts"]["documents"] > 0
        place = self._root / "archive" / wire_time.stamp(now)[:8] / name
        if not is_read:
            # Other bytes of the same name may lie there already.
            place = self._root / "quarantine" / f"{name}.{arrival.sha256[:8]}"
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
        self._journal.set_status(file_id, "ARCHIVED" if is_read else "QUARANTINED")

    def _judge(self, arrival: Arrival, data: bytes) -> tuple[int, Ack]:
        first = self._journal.same_content(arrival.sha256)
        if first and first.status == "TAKEN" and first.ack["file_name"] == arrival.file_name:
            # A crash came between the commit and the acknowledgement.
            return first.id, first.ack
        if first:
            ack = repeated(arrival, first.ack)
        elif self._journal.is_used(arrival.file_name):
            ack = refused(arrival, Finding("E_FILE_CHANGED", "同名文件内容不同 / this name had other bytes"))
        else:
            ack = self._read(arrival, data)
        return self._journal.add_incoming(arrival, ack), ack

    def _read(self, arrival: Arrival, data: bytes) -> Ack:
        interface = instruction_of(arrival.file_name)
        if interface is None:
            return refused(arrival, Finding("E_NAME", "文件名不合约定 / not a name of interface 1, 3, 5, 7 or 9"))
        try:
            message = frame.read(data, interface)
        except FrameError as error:
            return refused(arrival, error.finding)
        return judged(arrival, message, self.erp.accept(message, Received(arrival.file_name, arrival.at)))

    def write_actuals(self, now: datetime) -> None:
        """Book what is due and drop all actuals that are in no file yet, one file per interface and owner."""
        with self.store.transaction():
            self.erp.confirm_due(now, DOCUMENTS_MAX)
            groups = self.store.unwritten(DOCUMENTS_MAX)
            files = [self._compose_actuals(*group, now) for group in groups.items()]
        self._drop_all(files)

    def _compose_actuals(
        self, group: tuple[str, str], actuals: Sequence[tuple[int, Document]], now: datetime
    ) -> Outgoing:
        damage = self.damages.popleft() if self.damages else None
        documents = spoil_documents(damage, [document for _, document in actuals])
        file, lines = self._compose(*group, documents, now, damage)
        if damage is None:
            self.store.mark_written(file.name, dict(zip((n for n, _ in actuals), lines, strict=True)))
        return file

    def write_snapshot(self, warehouse_code: str, owner_code: str, page_lines: int, now: datetime) -> list[Outgoing]:
        """Drop a FULL snapshot of an owner's stock, one file per page."""
        with self.store.transaction():
            pages = balances(self.store, warehouse_code, owner_code, page_lines, now)
            files = [self._compose("inventory_balance", owner_code, [page], now, None)[0] for page in pages]
        self._drop_all(files)
        return files

    def _compose(
        self, interface: str, owner_code: str, documents: Sequence[Document], now: datetime, damage: Damage | None
    ) -> tuple[Outgoing, list[int]]:
        stamp = self._next_stamp(INTERFACES[interface].prefix, now)
        header = {
            "format_version": "1.0",
            "interface": interface,
            "charset": "UTF-8",
            "sender": "KINGDEE",
            "receiver": "LEQEE",
            "message_id": f"KD{stamp}{self._journal.count() % 1_000_000:06}",
            "created_at": wire_time.instant(now),
            "owner_code": owner_code,
            "test_flag": "N",
        }
        rendered = frame.write(header, documents)
        name = INTERFACES[interface].file_name(stamp)
        content = spoil_bytes(damage, rendered.data)
        return self._journal.add_outgoing(name, content, damage or "", now), rendered.lines

    def _next_stamp(self, prefix: str, now: datetime) -> str:
        last = self._journal.last_name(prefix)
        if last is None:
            return wire_time.stamp(now)
        used = wire_time.from_stamp(last.removeprefix(prefix)[:14])
        return wire_time.stamp(max(now, used + timedelta(seconds=1)))

    def repeat_file(self, name: str, now: datetime, *, changed: bool) -> None:
        """Drop a file again under its name, with the same bytes or others.

        Raises KeyError for a name never used and FileExistsError while the first one lies in the inbox.
        """
        content = self._journal.content(name)
        if (self._root / "inbox" / name).exists():
            raise FileExistsError(name)
        with self.store.transaction():
            damage = "changed" if changed else "duplicate"
            file = self._journal.add_outgoing(name, change(content) if changed else content, damage, now)
        self._drop(file)

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

    def _drop_all(self, files: Sequence[Outgoing]) -> None:
        for file in files:
            self._drop(file)

    def _drop(self, file: Outgoing) -> None:
        path = self._root / "inbox" / file.name
        if file.damage == Damage.HALF_TEMPORARY:
            _temporary(path).write_bytes(file.content)
        else:
            _publish(path, file.content)
        self._journal.set_status(file.id, "DROPPED")


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

"""Trades in the database: JSON bodies beside the columns that lists search by."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import orjson

from sim_tmall.database import Database
from sim_tmall.trade import Trade, load

_LISTED_BY_MODIFIED = """FROM trade WHERE nick = :nick AND modified BETWEEN :start AND :end
    AND visible <= :now AND (:status IS NULL OR status = :status)
    AND type IN (SELECT value FROM json_each(:types))"""
_NEWEST_MODIFIED = " ORDER BY modified DESC, tid DESC LIMIT :limit OFFSET :offset"
_LISTED = {
    "modified": (_LISTED_BY_MODIFIED, _NEWEST_MODIFIED),
    "created": (
        _LISTED_BY_MODIFIED.replace("modified", "created"),
        _NEWEST_MODIFIED.replace("modified", "created"),
    ),
}
_BY_ID = "SELECT body FROM trade WHERE tid > :after AND (:status IS NULL OR status = :status) ORDER BY tid LIMIT :limit"


@dataclass(frozen=True)
class Window:
    """Which trades of a seller a list wants; `column` is what the bounds mean and what the rows are sorted by."""

    nick: str
    column: Literal["modified", "created"]
    start: int
    end: int
    now: int
    types: tuple[str, ...]
    status: str | None

    @property
    def parameters(self) -> dict[str, object]:
        """What the list's condition compares with."""
        return {
            "nick": self.nick,
            "start": self.start,
            "end": self.end,
            "now": self.now,
            "types": json.dumps(self.types),
            "status": self.status,
        }


def _row(trade: Trade, lag: int) -> tuple[object, ...]:
    visible, body = trade.modified + lag, orjson.dumps(trade)
    return (trade.tid, trade.nick, trade.status, trade.type, trade.created, trade.modified, visible, body)


class Trades:
    """Every trade of every seller. A change is seen in lists `visibility_lag` seconds after it was made."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, trades: Iterable[Trade]) -> None:
        """Write trades as they now are."""
        lag = self._db.setting("visibility_lag")
        self._db.run_many(
            "INSERT OR REPLACE INTO trade VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (_row(trade, lag) for trade in trades)
        )

    def get(self, tid: int) -> Trade | None:
        """One trade, visible in lists or not."""
        row = self._db.row("SELECT body FROM trade WHERE tid = ?", tid)
        return load(orjson.loads(row[0])) if row else None

    def of_seller(self, nick: str, tid: int) -> Trade | None:
        """One trade if it is this seller's."""
        trade = self.get(tid)
        return trade if trade and trade.nick == nick else None

    def count(self, window: Window) -> int:
        """How many trades the list has."""
        condition, _ = _LISTED[window.column]
        [(total,)] = self._db.rows("SELECT count(*) " + condition, **window.parameters)
        return int(total)

    def page(self, window: Window, offset: int, limit: int) -> list[Trade]:
        """Some trades of the list, the newest first."""
        condition, order = _LISTED[window.column]
        return self._trades("SELECT body " + condition + order, **window.parameters, limit=limit, offset=offset)

    def oldest(self, nick: str, count: int) -> list[Trade]:
        """The trades of a seller that were modified longest ago."""
        query = "SELECT body FROM trade WHERE nick = :nick ORDER BY modified, tid LIMIT :limit"
        return self._trades(query, nick=nick, limit=count)

    def after(self, tid: int, status: str | None, limit: int) -> list[Trade]:
        """Trades by id, for inspection."""
        return self._trades(_BY_ID, after=tid, status=status, limit=limit)

    def _trades(self, sql: str, **named: object) -> list[Trade]:
        return [load(orjson.loads(body)) for (body,) in self._db.rows(sql, **named)]

    def counts(self) -> dict[str, int]:
        """How many trades are in each status."""
        return dict(self._db.rows("SELECT status, count(*) FROM trade GROUP BY status ORDER BY status"))

    def use_waybills(self, trade: Trade) -> None:
        """Remember which waybills the trade uses."""
        self._db.run_many(
            "INSERT OR IGNORE INTO waybill VALUES (?, ?, ?, ?)",
            ((parcel.company_code, parcel.out_sid, trade.tid, trade.receiver_digest) for parcel in trade.parcels),
        )

    def waybill_is_elsewhere(self, company_code: str, out_sid: str, trade: Trade) -> bool:
        """Whether the waybill was used for another receiver; one parcel may carry a buyer's several trades."""
        found = self._db.row(
            "SELECT 1 FROM waybill WHERE company_code = ? AND out_sid = ? AND tid <> ? AND receiver_digest <> ?",
            *(company_code, out_sid, trade.tid, trade.receiver_digest),
        )
        return found is not None

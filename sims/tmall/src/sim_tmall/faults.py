"""Faults to inject: each fires for a limited number of calls of its method and is then gone."""

from dataclasses import dataclass
from typing import Literal

from sim_tmall.database import Database
from sim_tmall.errors import TopError, invalid_session, remote, throttled

Kind = Literal["drop_reply", "throttle", "session_expired", "isp_error", "malformed", "row_moves"]
ANY_METHOD = "*"
TRANSIENT = "isp.top-remote-connection-timeout"


@dataclass(frozen=True)
class Fault:
    """One planned fault.

    - `drop_reply`: the call is applied, `seconds` pass, the connection ends without a whole reply;
    - `throttle`: code 7 with a ban of `seconds` (at least one), also for calls that come before the ban is over;
    - `session_expired`: code 27; `isp_error`: code 15 with `sub_code`; neither applies the call;
    - `malformed`: the call is applied, half of the reply's body is sent;
    - `row_moves`: after the reply the seller's `rows` least recently modified trades are modified.
    """

    method: str
    kind: Kind
    count: int = 1
    seconds: int = 0
    sub_code: str = TRANSIENT
    rows: int = 1

    @property
    def ban_s(self) -> int:
        """How long a throttle bans."""
        return max(self.seconds, 1)

    def refusal(self) -> TopError | None:
        """The error that stands for the call's result, if the fault keeps it from being applied."""
        if self.kind == "throttle":
            return throttled(self.ban_s)
        if self.kind == "session_expired":
            return invalid_session("session-expired")
        if self.kind == "isp_error":
            return remote(self.sub_code, "服务异常，请稍后重试")
        return None


class Faults:
    """The plan, kept in the database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, fault: Fault) -> None:
        """Plan a fault behind those already planned."""
        self._db.run(
            "INSERT INTO fault (method, kind, remaining, seconds, sub_code, rows_moved) VALUES (?, ?, ?, ?, ?, ?)",
            *(fault.method, fault.kind, fault.count, fault.seconds, fault.sub_code, fault.rows),
        )

    def planned(self) -> list[Fault]:
        """What is still to fire, `count` being what remains."""
        query = "SELECT method, kind, remaining, seconds, sub_code, rows_moved FROM fault ORDER BY id"
        return [Fault(*row) for row in self._db.rows(query)]

    def clear(self) -> None:
        """Forget the plan."""
        self._db.run("DELETE FROM fault")

    def take(self, method: str) -> Fault | None:
        """The fault that fires for this call; its remaining count goes down."""
        row = self._db.row(
            "SELECT method, kind, remaining, seconds, sub_code, rows_moved, id FROM fault"
            " WHERE method IN (?, ?) ORDER BY id LIMIT 1",
            *(method, ANY_METHOD),
        )
        if row is None:
            return None
        fault = Fault(*row[:6])
        if fault.count > 1:
            self._db.run("UPDATE fault SET remaining = remaining - 1 WHERE id = ?", row[6])
        else:
            self._db.run("DELETE FROM fault WHERE id = ?", row[6])
        return fault

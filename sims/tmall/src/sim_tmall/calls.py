"""The audit of received calls: what was asked and how it ended, without secrets."""

from dataclasses import dataclass

import orjson

from sim_tmall.database import Database

_BY_ID = """SELECT id, at, method, nick, params, outcome, fault, micros, request_id FROM call
    WHERE id > :after AND (:method IS NULL OR method = :method) ORDER BY id LIMIT :limit"""
SECRET_PARAMETERS = frozenset({"sign", "session"})


@dataclass(frozen=True)
class ReceivedCall:
    """A received call. `outcome` is `ok` or the sub code (else the code) of the refusal."""

    at: int
    method: str
    nick: str
    params: dict[str, str]
    outcome: str
    fault: str
    micros: int
    request_id: str


class Calls:
    """Every call in the order of arrival."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, call: ReceivedCall) -> None:
        """Note a call; secrets never reach the file."""
        shown = {name: value for name, value in call.params.items() if name not in SECRET_PARAMETERS}
        self._db.run(
            "INSERT INTO call (at, method, nick, params, outcome, fault, micros, request_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(call.at, call.method, call.nick, orjson.dumps(shown)),
            *(call.outcome, call.fault, call.micros, call.request_id),
        )

    def after(self, call_id: int, method: str | None, limit: int) -> list[tuple[int, ReceivedCall]]:
        """Calls with their ids, oldest first."""
        rows = self._db.rows(_BY_ID, after=call_id, method=method, limit=limit)
        return [
            (call_id, ReceivedCall(at, name, nick, orjson.loads(params), outcome, fault, micros, request_id))
            for call_id, at, name, nick, params, outcome, fault, micros, request_id in rows
        ]

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each method ended how."""
        counted: dict[str, dict[str, int]] = {}
        query = "SELECT method, outcome, count(*) FROM call GROUP BY method, outcome ORDER BY method, outcome"
        for method, outcome, number in self._db.rows(query):
            counted.setdefault(method, {})[outcome] = number
        return counted

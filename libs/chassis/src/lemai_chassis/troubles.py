"""What keeps failing (a schedule, a pull, a loop, a channel): told within minutes, once, and when it works again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lemai_chassis.delivery.engine import Engine, Transaction, explain
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.trace import Cause
from lemai_contracts.ops import Severity
from lemai_contracts.text import cleaned

TELL_AFTER = timedelta(minutes=1)
"""What works again sooner than this is a hiccup, and calls nobody."""
TELL_AGAIN = timedelta(hours=1)
PAUSE_MIN = timedelta(seconds=5)
PAUSE_MAX = timedelta(minutes=5)
REASON_MAX = 500


class Troubles:
    """A service's rows of what is failing; the first failure begins a streak, the first success ends it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def failed(self, code: str, about: str, error: Exception) -> timedelta:
        """`about` failed (again): the alert `code` is raised if it is due. How long to pause before the next try."""
        reason = cleaned(explain(error), REASON_MAX).text

        async def record(transaction: Transaction) -> int:
            now = transaction.uow.now
            row = (
                await transaction.connection.exec_driver_sql(
                    _FAILED, (code, about, reason, now, TELL_AFTER, TELL_AGAIN)
                )
            ).one()
            if row.told:
                await _alert(
                    transaction,
                    code,
                    about,
                    f"{about} 自 {_minute(row.since)} 起一直失败（{row.failures} 次），自动重试中 / "
                    f"failing since then ({row.failures} times), tried again by itself: {reason}",
                    Severity.CRITICAL,
                )
            return int(row.failures)

        return pause_after(await self._engine.transact(record))

    async def worked(self, code: str, about: str) -> None:
        """`about` works: ends its streak, and says so if the streak was told. Costs a statement."""

        async def end(transaction: Transaction) -> None:
            rows = await transaction.connection.exec_driver_sql(_WORKED, (code, about))
            for row in rows:
                if row.told_at:
                    message = (
                        f"{about} 恢复正常，此前自 {_minute(row.since)} 起失败 / works again, it had failed since then"
                    )
                    await _alert(transaction, "recovered", f"{code}/{about}", message, Severity.WARNING)

        await self._engine.transact(end)


def pause_after(failures: int, first: timedelta = PAUSE_MIN) -> timedelta:
    """`first`, doubled with each failure to minutes at most; never shorter than `first`."""
    return min(first * float(2 ** min(failures - 1, 20)), max(first, PAUSE_MAX))


def tell_of_call(uow: UnitOfWork, about: str, attempts: int, detail: Mapping[str, Any], *, waits: bool) -> None:
    """A call to a system outside does not get through: what it answered, if anything, stands at the call."""
    rest, english = ("已停止重试，等待处理", "waits for a person") if waits else ("继续重试", "tried again by itself")
    reason = cleaned(str(detail.get("error") or detail.get("message") or "-"), REASON_MAX).text
    uow.alert(
        "call_unreadable" if detail.get("answer") else "call_failing",
        about,
        f"调用 {about} {attempts} 次未成功，{rest}，见 /v1/calls / {attempts} attempts failed, {english}: {reason}",
    )


async def _alert(transaction: Transaction, code: str, about: str, message: str, severity: Severity) -> None:
    def alert(_: None, uow: UnitOfWork) -> None:
        uow.alert(code, about, message, severity)

    await transaction.run(alert, None, Cause(f"trouble:{about}"))


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


_FAILED = """
INSERT INTO trouble AS t (code, about, reason, since, failed_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (code, about) DO UPDATE
SET reason = excluded.reason, failed_at = excluded.failed_at, failures = t.failures + 1,
    told_at = CASE WHEN excluded.failed_at - t.since >= $5
                        AND coalesce(excluded.failed_at - t.told_at >= $6, true)
                   THEN excluded.failed_at ELSE t.told_at END
RETURNING failures, since, coalesce(told_at = failed_at, false) AS told
"""
_WORKED = "DELETE FROM trouble WHERE code = $1 AND about = $2 RETURNING since, told_at"

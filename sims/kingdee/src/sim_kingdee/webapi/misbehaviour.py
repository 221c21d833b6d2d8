"""What the server does wrong when a tester tells it to."""

from dataclasses import dataclass
from enum import StrEnum

from sim_kingdee.webapi.answers import MsgCode, Refused
from sim_kingdee.webapi.calls import WRITES


class Kind(StrEnum):
    """Kinds of misbehaviour. The two `_after_save` keep what the call did and withhold its answer."""

    SESSION_LOST = "session_lost"
    EDIT_LOCK = "edit_lock"
    CALL_LIMIT = "call_limit"
    AUDIT_REFUSED = "audit_refused"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    ERROR_500_AFTER_SAVE = "error_500_after_save"
    TIMEOUT_AFTER_SAVE = "timeout_after_save"


_OPERATIONS = {
    Kind.EDIT_LOCK: WRITES,
    Kind.AUDIT_REFUSED: frozenset({"Audit"}),
    Kind.ERROR_500_AFTER_SAVE: frozenset({"Save"}),
    Kind.TIMEOUT_AFTER_SAVE: frozenset({"Save"}),
}
_REFUSALS = {
    Kind.SESSION_LOST: (MsgCode.CONTEXT_LOST, "会话信息已丢失，请重新登录"),
    Kind.EDIT_LOCK: (MsgCode.EDIT_LOCK, "网络控制冲突：单据正被其他用户操作，请稍候再使用"),
    Kind.CALL_LIMIT: (MsgCode.CALL_LIMIT, "接口调用次数超过限制"),
    Kind.AUDIT_REFUSED: (MsgCode.INVALID, "审核不通过"),
}


@dataclass(slots=True)
class Misbehaviour:
    """One script line: the next `times` calls of an operation, or of those its kind is about, go wrong."""

    kind: Kind
    times: int
    operation: str
    seconds: float
    message: str

    def concerns(self, operation: str) -> bool:
        """Whether a call of an operation goes wrong."""
        return operation == self.operation if self.operation else operation in _OPERATIONS.get(self.kind, {operation})

    @property
    def refusal(self) -> Refused | None:
        """The refusal that comes instead of the answer, if that is its kind."""
        if self.kind not in _REFUSALS:
            return None
        code, message = _REFUSALS[self.kind]
        return Refused(code, self.message or message)


class Script:
    """Misbehaviours still to come, first told first."""

    def __init__(self) -> None:
        self._lines: list[Misbehaviour] = []

    def add(self, line: Misbehaviour) -> None:
        """Let something go wrong from now on."""
        self._lines.append(line)

    def clear(self) -> None:
        """Behave."""
        self._lines.clear()

    def take(self, operation: str) -> Misbehaviour | None:
        """What goes wrong with the call that is being made."""
        line = next((line for line in self._lines if line.concerns(operation)), None)
        if line:
            line.times -= 1
            self._lines = [line for line in self._lines if line.times > 0]
        return line

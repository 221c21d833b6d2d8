"""MsgCodes and the shapes of answers (docking reference `kingdee.md` §3.4, §3.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum


class MsgCode(IntEnum):
    """Class of a failure, as the server numbers them."""

    DEFAULT = 0
    CONTEXT_LOST = 1
    OPERATION_EMPTY = 3
    EXCEPTION = 4
    FORM_ID_EMPTY = 5
    PARAMETER = 8
    FIELD_MISSING = 9
    NOTHING_FOUND = 10
    INVALID = 11
    NOT_OPERABLE = 12
    EDIT_LOCK = 13
    CALL_LIMIT = 14


class Refused(Exception):
    """A call, or one bill of it, that the server answers with an error."""

    def __init__(self, code: MsgCode, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field_name


@dataclass(slots=True)
class Answer:
    """What became of a call on bills: (id, number) of those done, refusals with the place of the bill in the call."""

    done: list[tuple[int, str]] = field(default_factory=list)
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    returned: Sequence[Mapping[str, object]] = ({},)

    @property
    def code(self) -> MsgCode:
        """The code of the first refusal."""
        return self.refused[0][1].code if self.refused else MsgCode.DEFAULT

    def body(self) -> dict[str, object]:
        """The answer of a call that writes."""
        first = self.done[0] if self.done and not self.refused else ("", "")
        return {
            "Result": {
                "ResponseStatus": self.status(),
                "Id": first[0],
                "Number": first[1],
                "NeedReturnData": list(self.returned),
            }
        }

    def status(self) -> dict[str, object]:
        """The part every answer has."""
        failed = {"ErrorCode": 500} if self.refused else {}
        return {
            **failed,
            "IsSuccess": not self.refused,
            "Errors": [
                {"FieldName": refused.field, "Message": refused.message, "DIndex": index}
                for index, refused in self.refused
            ],
            "SuccessEntitys": [
                {"Id": bill_id, "Number": number, "DIndex": index} for index, (bill_id, number) in enumerate(self.done)
            ],
            "SuccessMessages": [],
            "MsgCode": int(self.code),
        }


def failure(operation: str, refused: Refused) -> object:
    """The answer of a call that failed as a whole: a query wraps it in rows, so that it looks like data."""
    answer = Answer(refused=[(0, refused)])
    if operation == "ExecuteBillQuery":
        return [[{"Result": {"ResponseStatus": answer.status()}}]]
    if operation == "View":
        return {"Result": {"ResponseStatus": answer.status(), "Result": None}}
    return answer.body()

"""What a tester plans to go wrong: each plan has a kind, a face it is for, and a number of times."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sim_kingdee.domain import Behaviour

Face = str
"""`sftp`, `http`, `soap`, `webapi`, or the name of a folder: `folder` where there is one."""
Code = Annotated[str, Field(min_length=1, max_length=50)]


class Body(BaseModel):
    """A request body; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Misdeed(Body):
    """Happens the next `count` times it can, on `face` or on any."""

    face: Face | None = None
    count: int = Field(default=1, gt=0, le=100_000)


class OrderMisdeed(Misdeed):
    """How the next instructions that arrive are answered; with `order_no`, that order only. `late` needs a delay."""

    kind: Literal["partial", "short", "damaged", "reject", "late", "silent", "ack_only", "status_only", "exception"]
    order_no: Code | None = None
    delay_ms: int = Field(default=0, ge=0)

    @property
    def behaviour(self) -> Behaviour:
        """The script it stands for."""
        named = {"partial": Behaviour.TWO_PARCELS, "late": Behaviour.FULL}
        return named.get(self.kind) or Behaviour(self.kind)


class TakesBeforeMarked(Misdeed):
    """Take the next files the moment they have their final name, before their writer can note that they are out."""

    kind: Literal["takes_before_marked"]


class CutUpload(Misdeed):
    """Cut the SFTP connection once an upload has brought so many bytes."""

    kind: Literal["cut_upload"]
    after_bytes: int = Field(default=0, ge=0)


class SftpRefusal(Misdeed):
    """Refuse an SFTP step: a rename of either sort, the posix-rename extension alone, or writing."""

    kind: Literal["refuse_rename", "refuse_posix_rename", "disk_full", "permission_denied"]


class LongListing(Misdeed):
    """Show so many hidden names in the next SFTP listings of the inbox, before the real ones."""

    kind: Literal["long_listing"]
    names: int = Field(default=10_000, gt=0)


class ErrorAfterStoring(Misdeed):
    """Answer a SOAP or HTTP call with 500 although it was stored."""

    kind: Literal["error_after_storing"]


class TimeoutAfterStoring(Misdeed):
    """Store a SOAP or HTTP call and leave it unanswered for so long."""

    kind: Literal["timeout_after_storing"]
    seconds: float = Field(default=60, gt=0)


class Fault(Misdeed):
    """Answer a SOAP call with a Fault, an HTTP call with 503, and store nothing."""

    kind: Literal["fault"]


Planned = (
    OrderMisdeed
    | TakesBeforeMarked
    | CutUpload
    | SftpRefusal
    | LongListing
    | ErrorAfterStoring
    | TimeoutAfterStoring
    | Fault
)

M = TypeVar("M", bound=Misdeed)


class Misdeeds:
    """Plans in the order they were made; each is used up by happening."""

    def __init__(self) -> None:
        self._plans: list[tuple[Planned, int]] = []

    def plan(self, misdeed: Planned) -> None:
        """Add a plan."""
        self._plans.append((misdeed, misdeed.count))

    def next(self, sort: type[M], face: str, *, kind: str = "", order_no: str = "") -> M | None:
        """What is to happen here, without using it up."""
        for misdeed, _ in self._plans:
            if (
                isinstance(misdeed, sort)
                and misdeed.face in (None, face)
                and (not kind or getattr(misdeed, "kind", "") == kind)
                and getattr(misdeed, "order_no", None) in (None, order_no)
            ):
                return misdeed
        return None

    def take(self, sort: type[M], face: str, *, kind: str = "", order_no: str = "") -> M | None:
        """What happens here now: it is used up by one."""
        misdeed = self.next(sort, face, kind=kind, order_no=order_no)
        for place, (planned, left) in enumerate(self._plans):
            if planned is misdeed:
                self._plans[place : place + 1] = [(planned, left - 1)] if left > 1 else []
                break
        return misdeed

"""A toy service: tallies the versions of trades by family, in the order it sees them, and says so.

`python -m lemai_toy` runs it. A trade's seller message may tell it what to do instead (see `on_trade_changed`).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.database import connect
from lemai_chassis.delivery.calls import Answer, Call, CallKind, Ended, Outcome
from lemai_chassis.delivery.engine import Engine, On, Storage
from lemai_chassis.service import Service, main
from lemai_chassis.settings import Settings
from lemai_chassis.state.aggregates import Aggregates
from lemai_chassis.state.unit_of_work import ParkAwaiting, Ref, UnitOfWork, ref
from lemai_contracts.catalog import ListingChangedV1
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.order import OrderState, OrderStateChangedV1

METADATA = MetaData()
tables.tables(METADATA)
OWNER_CODE = "TOY"


@dataclass(frozen=True)
class Tally:
    """How often something happened, and the notes about it."""

    owner_code: str
    name: str
    count: int = 0
    notes: tuple[str, ...] = ()
    seen_at: datetime | None = field(default=None)

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.name

    def plus(self, note: str) -> "Tally":
        return replace(self, count=self.count + 1, notes=(*self.notes, note))


class ToyRow(SQLModel):
    metadata = METADATA


class TallyRow(ToyRow, table=True):
    __tablename__ = "tally"
    owner_code: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    count: int
    notes: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    seen_at: datetime | None = Field(sa_type=DateTime(timezone=True))


STORAGE = Storage.of(Aggregates(Tally, TallyRow))


class ToySettings(Settings):
    """A toy has a name of its own, so that several do not share a group."""

    toy_name: str


def tally_refs(event: TradeChangedV1) -> Iterable[Ref]:
    return [ref(Tally, OWNER_CODE, event.family)]


def on_trade_changed(event: TradeChangedV1, uow: UnitOfWork) -> None:
    """Note the version, or do what the seller's message says: `fail`, `await LISTING`, or `call`."""
    match event.seller_message.split():
        case ["fail"]:
            raise RuntimeError("told to fail")
        case ["await", listing] if uow.get(Tally, OWNER_CODE, listing) is None:
            raise ParkAwaiting("no such listing yet", listing)
        case ["call"]:
            uow.call("echo", event.family, {"version": event.version})
    tally = (uow.get(Tally, OWNER_CODE, event.family) or Tally(OWNER_CODE, event.family)).plus(event.version)
    uow.put(tally)
    uow.emit(state_changed(event), of=tally)


def state_changed(event: TradeChangedV1) -> OrderStateChangedV1:
    """Says that a version of a trade was noted."""
    return OrderStateChangedV1(
        family=event.family,
        owner_code=OWNER_CODE,
        order_no=event.trade_no,
        state=OrderState.OPEN,
        reason=event.version,
    )


def listing_refs(event: ListingChangedV1) -> Iterable[Ref]:
    return [ref(Tally, OWNER_CODE, event.platform_sku_id)]


def on_listing_changed(event: ListingChangedV1, uow: UnitOfWork) -> None:
    """Know the listing, and wake who waits for it."""
    uow.put(Tally(OWNER_CODE, event.platform_sku_id, count=1))
    uow.arrived(event.platform_sku_id)


async def echo(call: Call) -> Answer:
    """A partner that takes everything."""
    await asyncio.sleep(0)
    return Answer(Outcome.DONE, {"echo": call.payload["version"]})


def on_echoed(ended: Ended, uow: UnitOfWork) -> None:
    """Note that the call was made, under a name of its own."""
    name = f"echo {ended.call.key}"
    tally = uow.get(Tally, OWNER_CODE, name) or Tally(OWNER_CODE, name)
    uow.put(tally.plus(ended.answer.detail["echo"]))


ROUTES: list[On[Any]] = [
    On(TradeChangedV1, on_trade_changed, tally_refs),
    On(ListingChangedV1, on_listing_changed, listing_refs),
]


def build(settings: ToySettings) -> Service:
    """The toy as a service. Its tables must be there."""
    engine = Engine(connect(settings.database_url.get_secret_value()), settings.toy_name, STORAGE, ROUTES)
    return Service(settings.toy_name, engine, calls=[CallKind("echo", echo, on_echoed)])


if __name__ == "__main__":
    main(ToySettings, build, Path("no migrations"))

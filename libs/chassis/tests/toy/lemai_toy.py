"""A toy service: counts what trades of a store it has seen, and says so."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import BigInteger, Column, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.state.aggregates import Aggregates

METADATA = MetaData()
tables.tables(METADATA)


@dataclass(frozen=True)
class Tally:
    """How often something happened, and the last notes about it."""

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
    seen_at: datetime | None = None


TALLIES = Aggregates(Tally, TallyRow)

"""An aggregate comes back from PostgreSQL as it went there."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lemai_toy import OWNER_CODE, STORAGE, Tally
from sqlalchemy import BigInteger, Column, Computed, DateTime, MetaData, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel

from lemai_chassis.database import connect
from lemai_chassis.state.aggregates import Aggregates
from lemai_chassis.state.unit_of_work import Versioned

TALLIES: Aggregates[Tally] = STORAGE.aggregates[Tally]
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
tallies = st.builds(
    Tally,
    owner_code=st.just(OWNER_CODE),
    name=texts,
    count=st.integers(min_value=-(2**31), max_value=2**31 - 1),
    notes=st.lists(texts, max_size=4).map(tuple),
    seen_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(tallies, max_size=8, unique_by=lambda tally: tally.key), data=st.data())
async def test_what_is_saved_is_what_is_loaded(database: AsyncEngine, before: list[Tally], data: Any) -> None:
    after = [replace(data.draw(tallies), name=tally.name) for tally in before]
    keys = [tally.key for tally in before]

    async with database.connect() as connection:
        for loaded, state in ((0, before), (1, after)):
            await TALLIES.save(connection, [(loaded, Versioned(tally, loaded + 1)) for tally in state])
            found = await TALLIES.load(connection, [*keys, (OWNER_CODE, "not there" * 9)]) if keys else {}
            assert found == {tally.key: Versioned(tally, loaded + 1) for tally in state}


@dataclass(frozen=True)
class Part:
    code: str
    weight: Decimal


@dataclass(frozen=True)
class Parcel:
    owner_code: str
    number: int
    weight: Decimal
    sent_at: datetime
    parts: tuple[Part, ...]
    phone: str

    @property
    def key(self) -> tuple[str, int]:
        return self.owner_code, self.number


class ParcelRow(SQLModel, table=True):
    metadata = MetaData()
    __tablename__ = "parcel"
    owner_code: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    weight: Decimal = Field(sa_column=Column(Numeric(12, 3), nullable=False))
    sent_at: datetime = Field(sa_type=DateTime(timezone=True))
    parts: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    phone: str = Field(unique=True)
    heavy: bool = Field(sa_column_args=[Computed("weight > 10")])


PARCELS = Aggregates(Parcel, ParcelRow)
SENT_AT = datetime(2026, 11, 22, 2, 0, 0, 123456, tzinfo=UTC)


def a_parcel(number: int, phone: str = "") -> Parcel:
    parts = (Part("A", Decimal("0.100")), Part("乐麦", Decimal(2)))
    return Parcel("JFY", number, Decimal("12.100"), SENT_AT, parts, phone or str(number))


async def test_nested_parts_decimals_and_times_survive_and_generated_columns_are_the_databases(
    database_url: str,
) -> None:
    engine = connect(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(ParcelRow.metadata.create_all)
        await PARCELS.save(connection, [(0, Versioned(a_parcel(number), 1)) for number in (2, 1)])
        found = await PARCELS.load(connection, [("JFY", 2), ("JFY", 1), ("JFY", 3)])
        rows = await connection.exec_driver_sql("SELECT * FROM parcel ORDER BY number")
        first = rows.mappings().first()

    assert found == {("JFY", 1): Versioned(a_parcel(1), 1), ("JFY", 2): Versioned(a_parcel(2), 1)}
    assert first
    assert first["heavy"] is True
    assert PARCELS.parse(first) == a_parcel(1)
    await engine.dispose()


async def test_another_constraint_of_the_table_is_an_error_and_no_conflict(database_url: str) -> None:
    engine = connect(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(ParcelRow.metadata.create_all)
        with pytest.raises(DBAPIError, match="parcel_phone"):
            await PARCELS.save(connection, [(0, Versioned(a_parcel(number, "138"), 1)) for number in (1, 2)])
        await connection.rollback()
    await engine.dispose()

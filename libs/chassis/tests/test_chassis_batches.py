"""A batch: handlers run record by record, each in its own overlay, over aggregates locked in bulk."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from lemai_toy import METADATA, OWNER_CODE, STORAGE, Tally, on_trade_changed, state_changed, tally_refs
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import TRACE_ID, count_of, fetch, message, notes, trade

from lemai_chassis.delivery.engine import Engine, On, RevokedError, Transaction
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.trace import Cause
from lemai_contracts.marketplace import TradeChangedV1


def an_engine(database: AsyncEngine, handler: Any = on_trade_changed, touches: Any = tally_refs) -> Engine:
    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, handler, touches)])


async def test_a_handler_sees_what_earlier_messages_of_its_batch_left(database: AsyncEngine) -> None:
    await an_engine(database).run([message(trade("F1", version)) for version in "12345"])

    assert await notes(database) == {"F1": ["1", "2", "3", "4", "5"]}
    assert await fetch(database, "SELECT count, version FROM tally") == [(5, 5)]


async def test_versions_rise_by_one_with_each_change_of_an_aggregate(database: AsyncEngine) -> None:
    engine = an_engine(database)

    for batch in ("123", "4", "56"):
        await engine.run([message(trade(family, version)) for version in batch for family in ("F1", "F2")])

    for family in ("F1", "F2"):
        rows = await fetch(
            database,
            "SELECT data->>'reason', aggregateversion FROM event WHERE partitionkey = $1 ORDER BY seq",
            family,
        )
        assert rows == [(str(version), version) for version in range(1, 7)]


async def test_an_event_names_its_cause_and_goes_on_with_its_trace(database: AsyncEngine) -> None:
    came = message(trade("F1"))

    await an_engine(database).run([came])

    [(causationid, traceparent)] = await fetch(database, "SELECT causationid, traceparent FROM event")
    assert causationid == str(came.attributes().id)
    assert traceparent.split("-")[1] == TRACE_ID
    assert traceparent != came.attributes().traceparent


async def test_aggregates_are_locked_with_one_query_in_primary_key_order(database: AsyncEngine) -> None:
    batch = [message(trade(f"F{number}")) for number in (3, 1, 2, 3)]
    await an_engine(database).run([message(trade(f"F{number}")) for number in range(5)])
    seen: list[tuple[str, Any]] = []

    @sqlalchemy_event.listens_for(database.sync_engine, "before_cursor_execute")
    def heard(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        seen.append((sql, parameters))

    await an_engine(database).run(batch)

    [(sql, parameters)] = [(sql, parameters) for sql, parameters in seen if "tally" in sql and "FOR UPDATE" in sql]
    assert sql.endswith('ORDER BY t."owner_code", t."name" FOR UPDATE')
    assert parameters == ([OWNER_CODE] * 3, ["F1", "F2", "F3"])
    assert len([sql for sql, _ in seen if 'UPDATE "tally"' in sql]) == 1


async def test_a_handler_that_asks_for_more_than_it_named_runs_again_with_it(database: AsyncEngine) -> None:
    runs = []

    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        runs.append(event.family)
        uow.emit(state_changed(event))
        uow.get(Tally, OWNER_CODE, "unnamed")
        on_trade_changed(event, uow)

    await an_engine(database, handler, lambda _event: ()).run([message(trade("F1")), message(trade("F2"))])

    assert runs == ["F1", "F1", "F1", "F2", "F2"]
    assert await notes(database) == {"F1": ["1"], "F2": ["1"]}
    assert await count_of(database, "event") == 4


async def test_an_aggregate_put_as_it_was_is_not_written(database: AsyncEngine) -> None:
    def puts_it_back(event: TradeChangedV1, uow: UnitOfWork) -> None:
        tally = uow.get(Tally, OWNER_CODE, event.family)
        assert tally
        uow.put(replace(tally))
        uow.emit(state_changed(event), of=tally)

    await an_engine(database).run([message(trade("F1"))])
    before = await fetch(database, "SELECT xmin::text, version FROM tally")
    await an_engine(database, puts_it_back).run([message(trade("F1", "2"))])

    assert await fetch(database, "SELECT xmin::text, version FROM tally") == before
    assert await fetch(database, "SELECT aggregateversion FROM event ORDER BY seq") == [(1,), (1,)]


async def test_a_batch_whose_partitions_were_revoked_is_dropped(database: AsyncEngine) -> None:
    batch = [message(trade("F1")), message(trade("F2", told="fail"))]
    engine = an_engine(database)

    with pytest.raises(RevokedError):
        await engine.run(batch, still_ours=lambda: False)

    for table in METADATA.tables:
        assert await count_of(database, table) == 0
    await engine.run(batch, still_ours=lambda: True)
    assert await notes(database) == {"F1": ["1"]}


async def test_what_is_loaded_already_is_not_read_again(database: AsyncEngine) -> None:
    def double(name: str, uow: UnitOfWork) -> None:
        uow.put(Tally(OWNER_CODE, name, count=2 * ((uow.get(Tally, OWNER_CODE, name) or Tally("", "", 1)).count)))

    async def work(transaction: Transaction) -> None:
        for names in (["F1"], ["F1", "F2"]):
            await transaction.load(ref(Tally, OWNER_CODE, name) for name in names)
            for name in names:
                await transaction.run(double, name, Cause("", ""))

    await an_engine(database).transact(work)

    assert await fetch(database, "SELECT name, count, version FROM tally ORDER BY name") == [("F1", 4, 2), ("F2", 2, 1)]


@pytest.mark.parametrize("committed", [True, False])
async def test_a_transaction_that_somebody_else_commits_takes_effect_with_it(
    database: AsyncEngine, committed: bool
) -> None:
    engine = an_engine(database)

    async with database.connect() as connection:
        async with engine.joined(connection) as transaction:
            await transaction.run(on_trade_changed, trade("F1"), Cause("", ""))
        await (connection.commit() if committed else connection.rollback())

    assert await notes(database) == ({"F1": ["1"]} if committed else {})
    assert await count_of(database, "outbox") == int(committed)


async def test_an_empty_batch_is_nothing(database: AsyncEngine) -> None:
    await an_engine(database).run([])

    assert await count_of(database, "inbox") == 0


@dataclass(frozen=True)
class Remark:
    text: str


async def test_appended_records_reach_their_sink_in_bulk_and_in_order(database: AsyncEngine) -> None:
    stored = []

    async def sink(transaction: Transaction, remarks: Any) -> None:
        stored.append([remark.text for remark in remarks])
        await transaction.connection.exec_driver_sql("SELECT 1")

    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        uow.append(Remark(event.version))
        on_trade_changed(event, uow)

    storage = replace(STORAGE, sinks={Remark: sink})
    engine = Engine(database, "toy", storage, [On(TradeChangedV1, handler, tally_refs)])
    await engine.run([message(trade("F1", version, told="fail" if version == "2" else "")) for version in "12"])
    await engine.run([message(trade("F2", version)) for version in "345"])

    assert stored == [["1"], ["3", "4", "5"]]

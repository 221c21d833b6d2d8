"""Calls out: never inside a transaction, one in flight per key, and never forgotten what is not known."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from lemai_toy import OWNER_CODE, STORAGE, Tally, state_changed
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import TRACEPARENT, eventually, fetch, is_waiting_for_a_lock, notes, trade

from lemai_chassis import waiting_calls
from lemai_chassis.delivery.calls import Answer, Call, CallKind, CallWorker, Ended, Outcome
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_chassis.strict import application
from lemai_chassis.testing import access, token
from lemai_chassis.trace import CURRENT, Cause
from lemai_chassis.wakeup import Wakeup, listening

DONE = Answer(Outcome.DONE, {"note": "ok"})
LATER = Answer(Outcome.RETRY_LATER, retry_after=timedelta(hours=1))
NOW_DUE = "UPDATE outbound_call SET due_at = now()"
EXPIRED = "UPDATE outbound_call SET leased_until = now() - interval '1 second'"
CAUSE = Cause("the event that asked", TRACEPARENT)


class Partner:
    """A system outside: remembers what came, and answers as it is told; an exception is raised, None waits."""

    def __init__(self, *answers: Answer | Exception | None, known: Sequence[Answer | Exception | None] = ()) -> None:
        self.came: list[Call] = []
        self.asked: list[Call] = []
        self.busy: Counter[str] = Counter()
        self.busiest: Counter[str] = Counter()
        self.release = asyncio.Event()
        self._answers = list(answers)
        self._known = list(known)

    async def perform(self, call: Call) -> Answer:
        self.came.append(call)
        self.busy[call.key] += 1
        self.busiest[call.key] = max(self.busiest[call.key], self.busy[call.key])
        self.busiest["all"] = max(self.busiest["all"], self.busy.total())
        try:
            answer = self._answers.pop(0) if self._answers else DONE
            if answer is None:
                await self.release.wait()
                return DONE
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.busy[call.key] -= 1

    async def resolve(self, call: Call) -> Answer | None:
        self.asked.append(call)
        known = self._known.pop(0)
        if isinstance(known, Exception):
            raise known
        return known


def on_end(ended: Ended, uow: UnitOfWork) -> None:
    """Note how calls of a key ended, and say so."""
    tally = uow.get(Tally, OWNER_CODE, ended.call.key) or Tally(OWNER_CODE, ended.call.key)
    uow.put(tally.plus(f"{ended.call.payload['n']} {ended.answer.outcome}"))
    uow.emit(state_changed(trade(ended.call.key)))


def end_refs(ended: Ended) -> Sequence[Ref]:
    return [ref(Tally, OWNER_CODE, ended.call.key)]


def a_kind(partner: Partner, *, resolving: bool = False, **changes: Any) -> CallKind:
    settings = {"on_end": on_end, "touches": end_refs, "resolve": partner.resolve if resolving else None} | changes
    return CallKind("publish", partner.perform, **settings)


@pytest.fixture
def engine(database: AsyncEngine) -> Engine:
    return Engine(database, "toy", STORAGE)


async def request(engine: Engine, *keys: str, supersede: bool = False, payload: Any = None) -> None:
    """Request a call of each key, numbered from 1."""

    def handler(_command: None, uow: UnitOfWork) -> None:
        for number, key in enumerate(keys, 1):
            uow.call("publish", key, payload or {"n": number}, supersede=supersede)

    await engine.execute(handler, None, cause=CAUSE)


@asynccontextmanager
async def working(engine: Engine, *kinds: CallKind) -> AsyncIterator[list[asyncio.Task[None]]]:
    """A worker of each kind at work; each is a process of its own."""
    wakeup = Wakeup()
    async with listening(engine.database, {"outbound_call": wakeup}):
        workers = [asyncio.create_task(CallWorker(engine, kind, wakeup).run()) for kind in kinds]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)


async def change(engine: Engine, sql: str) -> None:
    """Change calls by hand, and tell the workers."""
    await fetch(engine.database, sql)
    await fetch(engine.database, "SELECT pg_notify('outbound_call', '')")


async def states(engine: Engine) -> list[str]:
    return [state for (state,) in await fetch(engine.database, "SELECT state FROM outbound_call ORDER BY id")]


async def until_states(engine: Engine, *expected: str) -> None:
    async def reached() -> bool:
        return await states(engine) == list(expected)

    await eventually(reached)


async def until(condition: Callable[[], object]) -> None:
    await eventually(lambda: bool(condition()))


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.REJECTED])
async def test_a_call_is_made_once_and_its_end_is_handled(engine: Engine, outcome: Outcome) -> None:
    partner = Partner(Answer(outcome, {"note": "乐麦"}))

    await request(engine, "K1")
    assert await states(engine) == ["pending"]
    async with working(engine, a_kind(partner)):
        await until_states(engine, outcome)

    [call] = partner.came
    assert (call.kind, call.key, call.payload, call.attempts, call.was_unknown) == ("publish", "K1", {"n": 1}, 1, False)
    assert await notes(engine.database) == {"K1": [f"1 {outcome}"]}
    rows = await fetch(
        engine.database, "SELECT answer, lease, leased_until, ended_at IS NOT NULL, attempts FROM outbound_call"
    )
    assert rows == [({"note": "乐麦"}, None, None, True, 1)]


async def test_what_comes_of_a_call_names_what_asked_for_it(engine: Engine) -> None:
    partner = Partner()

    await request(engine, "K1")
    async with working(engine, a_kind(partner)):
        await until_states(engine, "done")

    [(causationid, traceparent)] = await fetch(engine.database, "SELECT causationid, traceparent FROM event")
    assert causationid == CAUSE.causationid
    assert traceparent[:36] == TRACEPARENT[:36]
    assert partner.came[0].cause.traceparent[:36] == TRACEPARENT[:36]


async def test_a_call_is_made_outside_any_transaction(engine: Engine) -> None:
    partner = Partner(None)

    await request(engine, "K1")
    async with working(engine, a_kind(partner)):
        await until(lambda: partner.came)
        open_transactions = await fetch(
            engine.database,
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL "
            "AND pid <> pg_backend_pid()",
        )
        assert open_transactions == []
        assert await states(engine) == ["sending"]
        partner.release.set()
        await until_states(engine, "done")


async def test_the_log_of_a_call_knows_its_trace(engine: Engine) -> None:
    seen = []

    async def perform(call: Call) -> Answer:
        seen.append(CURRENT.get() == call.cause)
        return DONE

    await request(engine, "K1")
    async with working(engine, CallKind("publish", perform, on_end)):
        await until_states(engine, "done")
    assert seen == [True]


async def test_retry_later_goes_back_to_pending_until_its_time(engine: Engine) -> None:
    partner = Partner(LATER)

    await request(engine, "K1", "K1", "K2")
    async with working(engine, a_kind(partner)):
        await until_states(engine, "pending", "pending", "done")
        assert await fetch(
            engine.database, "SELECT due_at > now() + interval '59 min' FROM outbound_call WHERE id=1"
        ) == [(True,)]
        await change(engine, NOW_DUE)
        await until_states(engine, "done", "done", "done")

    assert [(call.key, call.payload["n"], call.attempts) for call in partner.came if call.key == "K1"] == [
        ("K1", 1, 1),
        ("K1", 1, 2),
        ("K1", 2, 1),
    ]
    assert await notes(engine.database) == {"K1": ["1 done", "2 done"], "K2": ["3 done"]}


@pytest.mark.parametrize("failure", [ConnectionError("reset"), None], ids=["an error", "no answer in time"])
async def test_a_call_without_an_answer_is_unknown_and_blocks_its_key(
    engine: Engine, failure: Exception | None
) -> None:
    partner = Partner(failure)

    await request(engine, "K1", "K1", "K2")
    async with working(engine, a_kind(partner, timeout=timedelta(milliseconds=50))):
        await until_states(engine, "unknown", "pending", "done")
        await request(engine, "K3")
        await until_states(engine, "unknown", "pending", "done", "done")

    assert [call.key for call in partner.came if call.key == "K1"] == ["K1"]
    assert set(await notes(engine.database)) == {"K2", "K3"}
    [(error,)] = await fetch(engine.database, "SELECT answer->>'error' FROM outbound_call WHERE id = 1")
    assert error == ("ConnectionError: reset" if failure else "TimeoutError: ")


@pytest.mark.parametrize(
    ("known", "came", "ended"),
    [
        (DONE, 1, "done"),
        (Answer(Outcome.REJECTED), 1, "rejected"),
        (None, 2, "done"),
    ],
    ids=["it had arrived", "it had been refused", "it never arrived"],
)
async def test_an_unknown_call_is_resolved_by_reading_before_it_is_sent_again(
    engine: Engine, known: Answer | None, came: int, ended: str
) -> None:
    partner = Partner(ConnectionError("reset"), known=[known])

    await request(engine, "K1", "K1")
    async with working(engine, a_kind(partner, resolving=True)):
        await until_states(engine, "unknown", "pending")
        await change(engine, NOW_DUE)
        await until_states(engine, ended, "done")

    assert [call.was_unknown for call in partner.asked] == [True]
    assert len([call for call in partner.came if call.payload["n"] == 1]) == came
    assert await notes(engine.database) == {"K1": [f"1 {ended}", "2 done"]}


@pytest.mark.parametrize("known", [ConnectionError("still away"), Answer(Outcome.UNKNOWN)])
async def test_a_call_that_cannot_be_resolved_stays_unknown(engine: Engine, known: Answer | Exception) -> None:
    partner = Partner(ConnectionError("reset"), known=[known])

    await request(engine, "K1", "K1")
    async with working(engine, a_kind(partner, resolving=True)):
        await until_states(engine, "unknown", "pending")
        await change(engine, NOW_DUE)
        await until(lambda: partner.asked)

    assert await states(engine) == ["unknown", "pending"]
    assert len(partner.came) == 1


async def test_an_unknown_call_that_is_safe_to_send_again_is_sent_again(engine: Engine) -> None:
    partner = Partner(ConnectionError("reset"))

    await request(engine, "K1")
    async with working(engine, a_kind(partner)):
        await until_states(engine, "unknown")
        await change(engine, NOW_DUE)
        await until_states(engine, "done")

    assert [(call.attempts, call.was_unknown) for call in partner.came] == [(1, False), (2, True)]


async def test_a_call_whose_worker_died_becomes_unknown_and_never_pending(engine: Engine) -> None:
    partner = Partner(None, known=[None, DONE])

    await request(engine, "K1")
    async with working(engine, a_kind(partner)):
        await until(lambda: partner.came)
    assert await states(engine) == ["sending"]

    async with working(engine, a_kind(partner, resolving=True)):
        await request(engine, "K2")
        await until_states(engine, "sending", "done")
        assert partner.asked == []
        await change(engine, f"{EXPIRED} WHERE id = 1")
        await until_states(engine, "done", "done")

    assert [call.was_unknown for call in partner.asked] == [True]
    assert [call.key for call in partner.came] == ["K1", "K2", "K1"]


async def test_a_result_is_discarded_when_the_lease_was_lost(engine: Engine) -> None:
    slow, other = Partner(None), Partner(known=[Answer(Outcome.REJECTED)])

    await request(engine, "K1")
    async with working(engine, a_kind(slow)):
        await until(lambda: slow.came)
        await fetch(engine.database, EXPIRED)
        async with working(engine, a_kind(other, resolving=True)):
            await until_states(engine, "rejected")
        slow.release.set()
        await request(engine, "K2")
        await until_states(engine, "rejected", "done")

    assert await notes(engine.database) == {"K1": ["1 rejected"], "K2": ["1 done"]}


async def test_one_call_of_a_key_is_in_flight_at_a_time_in_their_order(engine: Engine) -> None:
    partner = Partner()

    await request(engine, *(f"K{number % 3}" for number in range(30)))
    async with working(engine, a_kind(partner), a_kind(partner), a_kind(partner)):
        await until_states(engine, *["done"] * 30)

    assert {partner.busiest[f"K{number}"] for number in range(3)} == {1}
    expected = {f"K{key}": [f"{number + 1} done" for number in range(key, 30, 3)] for key in range(3)}
    assert await notes(engine.database) == expected
    assert len(partner.came) == 30


async def test_no_more_calls_are_in_flight_than_the_kind_allows(engine: Engine) -> None:
    partner = Partner(*[None] * 20)

    await request(engine, *(f"K{number}" for number in range(20)))
    async with working(engine, a_kind(partner, concurrency=3)):
        await until(lambda: partner.busy.total() == 3)
        partner.release.set()
        await until_states(engine, *["done"] * 20)

    assert partner.busiest["all"] == 3


async def test_kinds_do_not_share_keys(engine: Engine) -> None:
    publish, ask = Partner(ConnectionError("reset")), Partner()

    def handler(_command: None, uow: UnitOfWork) -> None:
        for kind in ("publish", "ask"):
            uow.call(kind, "K1", {"n": 1})

    await engine.execute(handler, None)
    async with working(engine, a_kind(publish), CallKind("ask", ask.perform, on_end)):
        await until_states(engine, "unknown", "done")


async def test_a_superseding_call_drops_those_of_its_key_that_wait_unsent(engine: Engine) -> None:
    partner = Partner(None)

    await request(engine, "K1", "K1", "K2", supersede=True)
    assert await states(engine) == ["pending", "pending"]
    async with working(engine, a_kind(partner, concurrency=1)):
        await until(lambda: partner.came)
        await request(engine, "K1", "K2", supersede=True)
        await request(engine, "K1", supersede=True)
        assert await states(engine) == ["sending", "superseded", "superseded", "pending", "pending"]
        partner.release.set()
        await until_states(engine, "done", "superseded", "superseded", "done", "done")

    assert [(call.key, call.payload["n"]) for call in partner.came] == [("K1", 2), ("K2", 2), ("K1", 1)]


async def test_a_call_after_a_superseding_one_is_kept(engine: Engine) -> None:
    def handler(_command: None, uow: UnitOfWork) -> None:
        for number, supersede in enumerate((False, True, False, False), 1):
            uow.call("publish", "K1", {"n": number}, supersede=supersede)

    await request(engine, "K1")
    await engine.execute(handler, None)

    rows = await fetch(engine.database, "SELECT state, (payload->>'n')::int FROM outbound_call ORDER BY id")
    assert rows == [("superseded", 1), ("pending", 2), ("pending", 3), ("pending", 4)]


async def test_an_end_whose_handler_raises_is_told_to_it_again_later(engine: Engine) -> None:
    partner = Partner(known=[DONE])
    ends = []

    def raises_once(ended: Ended, uow: UnitOfWork) -> None:
        on_end(ended, uow)
        ends.append(ended.answer.outcome)
        if len(ends) == 1:
            raise RuntimeError("a bug")

    await request(engine, "K1", "K1", "K2")
    async with working(engine, a_kind(partner, resolving=True, on_end=raises_once)):
        await until_states(engine, "unknown", "pending", "done")
        assert await notes(engine.database) == {"K2": ["3 done"]}
        [(answer, later)] = await fetch(
            engine.database, "SELECT answer, due_at > now() + interval '50 s' FROM outbound_call WHERE id = 1"
        )
        assert (answer, later) == ({"error": "RuntimeError: a bug"}, True)
        await change(engine, NOW_DUE)
        await until_states(engine, "done", "done", "done")

    assert (await notes(engine.database))["K1"] == ["1 done", "2 done"]
    assert len([call for call in partner.came if call.payload["n"] == 1]) == 1


def puts_what_cannot_be_stored(ended: Ended, uow: UnitOfWork) -> None:
    on_end(ended, uow)
    if ended.call.key == "bad":
        uow.put(Tally(OWNER_CODE, "bad", notes=("\0",)))


def names_nothing_of_the_bad(ended: Ended) -> Sequence[Ref]:
    return [ref(Tally, OWNER_CODE, {"K1": "K1", "K2": "K2"}[ended.call.key])]


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (DONE, {"on_end": puts_what_cannot_be_stored}),
        (DONE, {"touches": names_nothing_of_the_bad}),
        (Answer(Outcome.DONE, {"amount": Decimal(1)}), {}),
        (ValueError("\0\ud800"), {}),
    ],
    ids=["state", "touches", "not JSON", "not storable error"],
)
async def test_an_end_that_cannot_be_recorded_is_unknown_and_the_others_of_its_batch_are_not(
    engine: Engine, answer: Answer | Exception, changes: Any
) -> None:
    partner = Partner(answer)

    await request(engine, "bad", "K1", "K2")
    async with working(engine, a_kind(partner, **changes)) as workers:
        await until_states(engine, "unknown", "done", "done")
        assert not workers[0].done()

    assert await notes(engine.database) == {"K1": ["2 done"], "K2": ["3 done"]}


async def test_a_deadlock_while_an_end_is_handled_records_it_again(engine: Engine) -> None:
    partner = Partner()

    def reads_another(ended: Ended, uow: UnitOfWork) -> None:
        uow.get(Tally, OWNER_CODE, "K0")
        on_end(ended, uow)

    def create(_command: None, uow: UnitOfWork) -> None:
        for name in ("K0", "K1"):
            uow.get(Tally, OWNER_CODE, name)
            uow.put(Tally(OWNER_CODE, name))

    lock = "SELECT FROM tally WHERE name = $1 FOR UPDATE"
    await engine.execute(create, None)
    async with working(engine, a_kind(partner, on_end=reads_another)), engine.database.connect() as other:
        async with other.begin():
            await other.exec_driver_sql("SET LOCAL deadlock_timeout = '1min'")
            await other.exec_driver_sql(lock, ("K0",))
            await request(engine, "K1")
            await eventually(lambda: is_waiting_for_a_lock(engine.database))
            await other.exec_driver_sql(lock, ("K1",))
        await until_states(engine, "done")

    assert (await notes(engine.database))["K1"] == ["1 done"]
    assert len(partner.came) == 1


async def test_a_database_that_fails_ends_the_worker_for_another_to_go_on(engine: Engine) -> None:
    partner = Partner(None, known=[DONE])

    await request(engine, "K1")
    async with working(engine, a_kind(partner)) as [worker]:
        await until(lambda: partner.came)
        await fetch(engine.database, "ALTER TABLE outbound_call RENAME TO hidden")
        try:
            partner.release.set()
            await asyncio.wait([worker], timeout=10)
            assert isinstance(worker.exception(), ExceptionGroup)
        finally:
            await fetch(engine.database, "ALTER TABLE hidden RENAME TO outbound_call")

    await fetch(engine.database, EXPIRED)
    async with working(engine, a_kind(partner, resolving=True)):
        await until_states(engine, "done")
    assert len(partner.came) == 1


TRIED = "UPDATE outbound_call SET due_at = now(), attempts = {}"
UNREADABLE = Answer(Outcome.UNKNOWN, {"message": "no JSON\0", "answer": "<html>\ud83d"})


async def alerts(engine: Engine) -> list[tuple[str, str]]:
    return [
        (code, about)
        for code, about in await fetch(
            engine.database,
            "SELECT data->>'code', data->>'about' FROM event WHERE type = 'lemai.ops.alert_raised.v1' ORDER BY seq",
        )
    ]


async def test_what_the_other_side_said_is_kept_as_far_as_it_can_be(engine: Engine) -> None:
    await request(engine, "K1")
    async with working(engine, a_kind(Partner(UNREADABLE))):
        await until_states(engine, "unknown")

    assert await fetch(engine.database, "SELECT answer FROM outbound_call") == [
        ({"message": "no JSON", "answer": "<html>"},)
    ]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(UNREADABLE, "call_unreadable"), (ConnectionError("reset"), "call_failing"), (LATER, "call_failing")],
    ids=["unreadable", "no answer", "later"],
)
async def test_somebody_is_told_after_six_attempts(engine: Engine, answer: Answer | Exception, code: str) -> None:
    await request(engine, "K1")
    async with working(engine, a_kind(Partner(*[answer] * 3))):
        await eventually(lambda: has_tried(engine, 1))
        await change(engine, TRIED.format(4))
        await eventually(lambda: has_tried(engine, 5))
        assert await alerts(engine) == []
        await change(engine, TRIED.format(5))
        await eventually(lambda: has_tried(engine, 6))

    assert await alerts(engine) == [(code, "publish K1")]


async def test_what_cannot_be_read_is_not_sent_for_ever_and_keeps_its_key(engine: Engine) -> None:
    partner = Partner(*[UNREADABLE] * 2)

    await request(engine, "K1", "K1")
    async with working(engine, a_kind(partner)):
        await until_states(engine, "unknown", "pending")
        await change(engine, TRIED.format(19) + " WHERE id = 1")
        await until_states(engine, "waiting", "pending")
        await change(engine, NOW_DUE)
        await request(engine, "K2")
        await until_states(engine, "waiting", "pending", "done")

    assert [call.key for call in partner.came] == ["K1", "K1", "K2"]
    assert await alerts(engine) == [("call_unreadable", "publish K1")]


async def test_later_is_said_as_often_as_it_takes(engine: Engine) -> None:
    await request(engine, "K1")
    async with working(engine, a_kind(Partner(*[LATER] * 2))):
        await eventually(lambda: has_tried(engine, 1))
        await change(engine, TRIED.format(50))
        await eventually(lambda: has_tried(engine, 51))

    assert await states(engine) == ["pending"]


async def test_a_newer_call_takes_the_place_of_one_that_waits(engine: Engine) -> None:
    await request(engine, "K1")
    await fetch(engine.database, "UPDATE outbound_call SET state = 'waiting'")
    await request(engine, "K1", supersede=True)
    async with working(engine, a_kind(Partner())):
        await until_states(engine, "superseded", "done")


async def has_tried(engine: Engine, attempts: int) -> bool:
    return await fetch(engine.database, "SELECT attempts, lease FROM outbound_call") == [(attempts, None)]


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    app = application("toy", [waiting_calls.router(engine, [a_kind(Partner())])], access())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://toy/v1", headers=token()) as client:
        yield client


async def waiting(engine: Engine, *keys: str) -> None:
    await request(engine, *keys)
    await fetch(
        engine.database,
        "UPDATE outbound_call SET state = 'waiting', attempts = 20, answer = $1",
        '{"message": "no JSON", "answer": "<html>"}',
    )


async def test_calls_that_wait_are_listed_with_what_was_answered(engine: Engine, client: httpx.AsyncClient) -> None:
    await waiting(engine, "S1/1", "S1/2", "S2/1")

    first = (await client.get("/calls", params={"state": "waiting", "limit": 2})).json()
    rest = (await client.get("/calls", params={"state": "waiting", "limit": 2, "cursor": first["next"]})).json()

    found = [*first["items"], *rest["items"]]
    assert [call["key"] for call in found] == ["S1/1", "S1/2", "S2/1"]
    assert found[0]["answer"]["answer"] == "<html>"
    assert "payload" not in found[0]


async def test_a_call_that_waits_is_tried_again_on_a_persons_word(engine: Engine, client: httpx.AsyncClient) -> None:
    partner = Partner(known=[None])
    await waiting(engine, "K1")
    [call] = (await client.get("/calls")).json()["items"]

    async with working(engine, a_kind(partner, resolving=True)):
        assert (await client.post(f"/calls/{call['id']}/retry")).json() == {"calls": 1}
        await until_states(engine, "done")

    assert len(partner.asked) == 1, "it was not looked up before it was sent again"
    assert (await client.post(f"/calls/{call['id']}/retry")).status_code == 404


async def test_all_calls_of_a_store_that_wait_are_tried_again_at_once(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    await waiting(engine, "S1/1", "S1/2", "S2/1")

    assert (await client.post("/calls/retry", params={"key": "S1/"})).json() == {"calls": 2}
    assert await states(engine) == ["unknown", "unknown", "waiting"]


async def test_a_call_given_up_ends_as_rejected_and_its_key_goes_on(engine: Engine, client: httpx.AsyncClient) -> None:
    await waiting(engine, "K1")
    await request(engine, "K1")
    [first, _] = (await client.get("/calls")).json()["items"]

    assert (await client.post(f"/calls/{first['id']}/give-up", json={"reason": ""})).status_code == 422
    [left] = (await client.post(f"/calls/{first['id']}/give-up", json={"reason": "店铺已关"})).json()["items"]
    async with working(engine, a_kind(Partner())):
        await until_states(engine, "rejected", "done")

    assert left["id"] != first["id"]
    assert await notes(engine.database) == {"K1": ["1 rejected", "1 done"]}
    [(answer,)] = await fetch(engine.database, "SELECT answer->>'message' FROM outbound_call ORDER BY id LIMIT 1")
    assert answer == "tester 已放弃 / gave it up: 店铺已关"
    assert (await client.post(f"/calls/{first['id']}/give-up", json={"reason": "x"})).status_code == 404

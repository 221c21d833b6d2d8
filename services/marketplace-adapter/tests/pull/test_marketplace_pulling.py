"""Trades out of a real simulator into a real database: each content once, none lost, whatever happens meanwhile."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import DBAPIError

from lemai_chassis.keyring import Keyring, SealedValue
from lemai_contracts.marketplace import TradeChangedV1, TradesPulledV1, TradeStatus
from lemai_marketplace.errors import AuthExpired, Transient

if TYPE_CHECKING:
    from conftest import Adapter, Tmall

LIST = "taobao.trades.sold.increment.get"
STATUSES = {
    "WAIT_BUYER_PAY": TradeStatus.UNPAID,
    "WAIT_SELLER_SEND_GOODS": TradeStatus.TO_SHIP,
    "PAID_FORBID_CONSIGN": TradeStatus.PAID_HELD,
    "TRADE_CLOSED": TradeStatus.CANCELLED,
}

POWER_CUT = (
    "CREATE FUNCTION power_cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF (SELECT count(*) FROM seen_trade) >= 50 THEN RAISE EXCEPTION 'power cut'; END IF; RETURN NULL; END $$",
    "CREATE TRIGGER power_cut BEFORE INSERT ON seen_trade FOR EACH STATEMENT EXECUTE FUNCTION power_cut()",
)


async def published(adapter: "Adapter") -> Counter[str]:
    """How many contents of each trade were published."""
    return Counter(event.trade_no for event in await adapter.events(TradeChangedV1))


async def watermark(adapter: "Adapter") -> Any:
    return (await adapter.events(TradesPulledV1))[-1].until


async def test_a_trade_is_published_once_over_many_pulls(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_no = await tmall.order(
        2, 1, discount="10.00", freight="12.00", gifts=[{"item_id": "7", "name": "x", "num": 1}]
    )
    await tmall.forward(2)

    read = [await adapter.pull() for _ in range(2)]
    await adapter.sweep()

    [event] = await adapter.events(TradeChangedV1)
    assert read == [1, 1], "the second pull did not read back"
    assert (event.trade_no, event.status, event.family) == (trade_no, TradeStatus.TO_SHIP, f"tmall/{trade_no}")
    assert [(line.quantity, line.gift) for line in event.lines] == [(2, False), (1, False), (1, True)]
    assert (event.freight.minor, event.discount.minor, event.paid.minor) == (1200, 0, 3 * 3333 - 1000 + 1200)


async def test_every_change_of_a_trade_is_published_with_a_greater_version(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_no = await tmall.order(1, pay="none")
    for action in ("pay", "hold", "release"):
        await tmall.forward(4)
        await adapter.pull()
        await tmall.post(f"/trades/{trade_no}/{action}")
    await tmall.forward(4)
    await adapter.pull()

    events = await adapter.events(TradeChangedV1)
    assert [event.status for event in events] == ["unpaid", "to_ship", "paid_held", "to_ship"]
    assert sorted(event.version for event in events) == [event.version for event in events]
    assert len({event.version for event in events}) == 4


@pytest.mark.parametrize("at_once", [["pull"], ["pull", "pull"], ["pull", "sweep"]], ids=" and ".join)
async def test_trades_that_change_while_they_are_pulled_are_published_once_for_each_content(
    adapter: "Adapter", tmall: "Tmall", at_once: list[str]
) -> None:
    trade_nos = await tmall.orders(130)
    await tmall.forward(2)
    chance = random.Random(7)

    async def change() -> None:
        for number in range(120):
            trade_no = chance.choice(trade_nos)
            await tmall.post(f"/trades/{trade_no}/memo", seller_memo=f"第{number}次", seller_flag=1)
            if number % 10 == 0:
                trade_nos.extend(await tmall.orders(1))

    async def pull() -> None:
        await asyncio.gather(*(getattr(adapter, name)() for name in at_once))

    changing = asyncio.create_task(change())
    while not changing.done():
        await tmall.fault("row_moves", LIST, rows=20, count=3)
        await pull()
        await tmall.forward(chance.choice((0, 1, 5)))
    await changing
    await tmall.clear_faults()
    await tmall.forward(3)
    await pull()

    events = await adapter.events(TradeChangedV1)
    contents = [event.model_dump_json(exclude={"version", "consignee"}) for event in events]
    assert len(set(contents)) == len(contents)
    last = {event.trade_no: event for event in events}
    assert last.keys() == set(trade_nos)
    for trade_no, event in last.items():
        truth = await tmall.trade(trade_no)
        assert (event.seller_message, event.status) == (truth["seller_memo"], STATUSES[truth["status"]])
        assert event.version == max(other.version for other in events if other.trade_no == trade_no)


async def test_a_crash_between_pages_loses_nothing_and_repeats_nothing(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_nos = await tmall.orders(120)
    await tmall.forward(2)
    before = await watermark(adapter)
    await adapter.run(*POWER_CUT)

    with pytest.raises(DBAPIError, match="power cut"):
        await adapter.pull()

    some = await published(adapter)
    assert 0 < len(some) < len(trade_nos)
    assert await watermark(adapter) == before, "the watermark went ahead of trades that were not received"

    await adapter.run("DROP TRIGGER power_cut ON seen_trade")
    await adapter.pull()

    assert await published(adapter) == Counter(trade_nos)
    assert await watermark(adapter) > before


async def test_the_watermark_never_goes_ahead_of_trades_that_were_not_received(
    adapter: "Adapter", tmall: "Tmall"
) -> None:
    for _ in range(3):
        await tmall.orders(3)
        await tmall.forward(2)
        await adapter.pull()

    rows = await adapter.rows("SELECT type, data FROM event ORDER BY seq")
    assert await watermark(adapter) <= tmall.now() - timedelta(seconds=1)
    until = ""
    for row in rows:
        data: Any = row["data"]
        if row["type"] == TradesPulledV1.type:
            until = data["until"]
        else:
            assert data["modified_at"] >= until[:19], "a trade came behind the watermark that vouches for it"
    assert len(await adapter.events(TradeChangedV1)) == 9


async def test_every_partition_gets_every_watermark(adapter: "Adapter", tmall: "Tmall") -> None:
    await tmall.forward(2)
    await adapter.pull()

    rows = await adapter.rows(
        "SELECT array_agg(partition ORDER BY seq) AS partitions FROM event WHERE type = :type "
        "GROUP BY data->>'until' ORDER BY data->>'until'",
        type=TradesPulledV1.type,
    )
    assert [row["partitions"] for row in rows] == [list(range(12))] * 2


async def test_a_store_never_pulled_begins_a_day_ago(adapter: "Adapter", tmall: "Tmall") -> None:
    await adapter.run("DELETE FROM cursor")
    trade_no = await tmall.order(1)
    await tmall.forward(2)
    assert await adapter.sweep() == 0

    await adapter.pull()

    assert await published(adapter) == {trade_no: 1}
    begin = min(event.until for event in await adapter.events(TradesPulledV1))
    assert timedelta(hours=23) < tmall.now() - begin < timedelta(hours=25)


async def test_what_becomes_visible_late_is_swept_in(adapter: "Adapter", tmall: "Tmall") -> None:
    await tmall.post("/clock", visibility_lag=60)
    trade_no = await tmall.order(1)
    await tmall.forward(30)
    assert await adapter.pull() == 0
    await tmall.forward(40)
    assert await adapter.pull() == 0

    await adapter.sweep()

    assert await published(adapter) == {trade_no: 1}


async def test_a_malformed_trade_is_kept_and_the_others_flow(adapter: "Adapter", tmall: "Tmall") -> None:
    good, bad = await tmall.orders(2)
    lines = tmall.replace_lines(bad, [])
    await tmall.forward(2)
    await adapter.pull()
    await adapter.pull()

    assert await published(adapter) == {good: 1}
    assert await adapter.alerts() == [("malformed_trade", f"TM-01/{bad}")]
    [kept] = await adapter.rows("SELECT * FROM malformed_trade")
    assert (kept["trade_no"], kept["reason"], kept["resolved_at"]) == (bad, "orders = None", None)

    tmall.replace_lines(bad, lines)
    await tmall.post(f"/trades/{bad}/memo", seller_memo="x")
    await tmall.forward(2)
    await adapter.pull()

    assert await published(adapter) == {good: 1, bad: 1}
    [kept] = await adapter.rows("SELECT * FROM malformed_trade")
    assert kept["resolved_at"] is not None


NOTHING_KEEPS = ("\0", "\ue000", "\b")
"""NUL, half an emoji (the simulator's stand-in), a control."""


@pytest.mark.parametrize("unfit", NOTHING_KEEPS, ids=["NUL", "half surrogate", "backspace"])
async def test_what_nothing_can_keep_is_cleaned_out_of_texts_for_people_and_told(
    adapter: "Adapter", tmall: "Tmall", unfit: str
) -> None:
    await tmall.retitle(f"连体{unfit}衣")
    trade_no = await tmall.order(
        1, buyer_message=f"请{unfit}包好", seller_memo=f"加急{unfit}", buyer_nick=f"买{unfit}家"
    )
    after = await tmall.orders(2)
    await tmall.forward(2)
    before = await watermark(adapter)

    await adapter.pull()

    stands = " " if unfit == "\b" else ""
    events = {event.trade_no: event for event in await adapter.events(TradeChangedV1)}
    event = events[trade_no]
    assert events.keys() == {trade_no, *after}, "trades behind it were not taken"
    assert (event.buyer_message, event.seller_message) == (f"请{stands}包好", f"加急{stands}")
    assert event.lines[0].title == f"连体{stands}衣"
    assert [note.partition(":")[0] for note in event.cleaned] == [
        f"lines.{event.lines[0].platform_line_no}.title",
        "buyer_message",
        "seller_message",
    ]
    assert await watermark(adapter) > before
    assert await adapter.alerts() == []


@pytest.mark.parametrize("unfit", NOTHING_KEEPS, ids=["NUL", "half surrogate", "backspace"])
async def test_a_key_that_nothing_can_keep_makes_its_trade_malformed_and_the_others_flow(
    adapter: "Adapter", tmall: "Tmall", unfit: str
) -> None:
    before = await watermark(adapter)
    await tmall.recode(f"JFY{unfit}01")
    bad = await tmall.order(1)
    await tmall.recode("JFY-01")
    after = await tmall.orders(2)
    await tmall.forward(2)

    await adapter.pull()
    await adapter.sweep()

    point = "U+D83D" if unfit == "\ue000" else f"U+{ord(unfit):04X}"
    assert await published(adapter) == Counter(after)
    assert await watermark(adapter) > before
    assert await adapter.alerts() == [("malformed_trade", f"TM-01/{bad}")]
    [kept] = await adapter.rows("SELECT reason, sealed_raw FROM malformed_trade")
    assert "lines.merchant_sku" in kept["reason"]
    assert point in kept["reason"]
    assert kept["sealed_raw"]


async def test_a_trade_the_database_refuses_is_malformed_and_the_others_flow(
    adapter: "Adapter", tmall: "Tmall"
) -> None:
    trade_nos = await tmall.orders(7)
    await tmall.forward(2)
    await adapter.run(f"ALTER TABLE seen_trade ADD CHECK (trade_no <> '{trade_nos[3]}')")

    await adapter.pull()
    await adapter.pull()

    assert await published(adapter) == Counter(trade_nos) - Counter([trade_nos[3]])
    assert await adapter.alerts() == [("malformed_trade", f"TM-01/{trade_nos[3]}")]


async def test_a_store_that_cannot_be_pulled_calls_somebody_once_and_goes_on_where_it_stopped(
    adapter: "Adapter", tmall: "Tmall"
) -> None:
    trade_no = await tmall.order(1)
    await tmall.forward(2)
    before = await watermark(adapter)
    await tmall.end_session()

    pauses = [await adapter.scheduled_pull() for _ in range(2)]
    assert await adapter.alerts() == [], "a hiccup calls nobody"
    await tmall.forward(60)
    pauses += [await adapter.scheduled_pull() for _ in range(2)]

    assert await adapter.alerts() == [("pull_failed", "pull:TM-01")]
    assert pauses == [timedelta(seconds=5)] * 4, "later than the usual turn"
    assert await watermark(adapter) == before

    await tmall.renew_session()
    await adapter.scheduled_pull()

    assert (await adapter.alerts())[1:] == [("recovered", "pull_failed/pull:TM-01")]
    assert await published(adapter) == {trade_no: 1}
    assert await adapter.rows("SELECT * FROM trouble") == []


async def test_a_store_the_platform_never_let_in_begins_where_it_was_first_asked(
    adapter: "Adapter", tmall: "Tmall"
) -> None:
    await adapter.run("DELETE FROM cursor")
    first = tmall.now()
    await tmall.end_session()

    for _ in range(2):
        with pytest.raises(AuthExpired):
            await adapter.pull()
        await tmall.forward(200)

    [until] = await adapter.column("SELECT until FROM cursor")
    assert timedelta(days=1) - timedelta(seconds=2) < first - until <= timedelta(days=1)


async def test_a_passing_fault_calls_nobody(adapter: "Adapter", tmall: "Tmall") -> None:
    await tmall.forward(2)
    await tmall.fault("isp_error", LIST, count=4)

    with pytest.raises(Transient):
        await adapter.pull()
    await adapter.pull()

    assert await adapter.alerts() == []


async def test_a_consignee_stands_nowhere_in_plain(
    adapter: "Adapter",
    tmall: "Tmall",
    keyring: Keyring,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    receiver = {
        "name": "鸲小姐",
        "mobile": "13912345678",
        "address": "鸲鸟路18号",
        "town": "鸲鸟街道",
        "zip": "987654",
    }
    good = await tmall.order(1, receiver=receiver)
    bad = await tmall.order(1, receiver=receiver)
    tmall.replace_lines(bad, [])
    await tmall.forward(2)
    await adapter.pull()

    [event] = await adapter.events(TradeChangedV1)
    token = (await tmall.trade(good))["oaid"]
    canaries = [*receiver.values(), token, (await tmall.trade(bad))["oaid"], "鸲***"]
    [plain] = await keyring.reveal(
        [SealedValue(event.consignee.key_id, event.consignee.sealed)], purpose="test", actor="test"
    )
    assert (plain["town"], plain["postcode"], plain["token"]) == ("鸲鸟街道", "987654", token)
    assert (event.consignee.name_masked, event.consignee.phone_masked) == ("鸲**", "*******5678")
    logged = caplog.text + "".join(capfd.readouterr())
    stored = "".join([row async for row in every_row(adapter)])
    assert good in stored
    assert [canary for canary in canaries if canary in stored + logged] == []


async def every_row(adapter: "Adapter") -> AsyncIterator[str]:
    tables = await adapter.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        rows: Sequence[Any] = await adapter.rows(f'SELECT t::text AS row FROM "{table["tablename"]}" t')
        for row in rows:
            yield row["row"]

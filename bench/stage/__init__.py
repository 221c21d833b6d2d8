"""One consuming stage on real Kafka and PostgreSQL: the chassis against a bare loop doing the same writes.

Both read the same trades and write, for each, an inbox row, an order, its two lines, an event and an outbox row,
and publish the event. They take turns in one run, so that both meet the same machine.
"""

from statistics import median

from bench.results import Result
from bench.servers import running
from bench.stage import bare, ours
from bench.stage.input import produce_trades

from lemai_chassis.service import collect_garbage_rarely

TRADES = 20_000
ROUNDS = 5


async def run() -> Result:
    """Messages a second, the median of five rounds each, in a process whose collector is set like our services'."""
    collect_garbage_rarely()
    async with running() as servers:
        await produce_trades(servers.bootstrap_servers, TRADES)
        seconds: dict[str, list[float]] = {"ours": [], "bare": []}
        for round_no in range(ROUNDS):
            for name, stage in (("ours", ours.run), ("bare", bare.run)):
                url = await servers.postgres.create_database(f"{name}_{round_no}")
                seconds[name].append(await stage(url, servers.bootstrap_servers, f"{name}-{round_no}", TRADES))
    value, reference = TRADES / median(seconds["ours"]), TRADES / median(seconds["bare"])
    note = f"{TRADES} trades, two lines each, in batches of at most 500; median of {ROUNDS} rounds each"
    return Result(round(value, 1), "messages/s", round(reference, 1), round(value / reference, 3), note)

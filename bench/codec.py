"""The codecs alone: typed lines per second each way, beside a loop that only splits the same bytes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

from bench.results import Result

from lemai_docking.codec import encode
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.definitions.samples import sample_for
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of

LINES = 100_000
ORDERS = 5_000
ROUNDS = 5
STAMP = datetime(2026, 11, 22, 2, 5, tzinfo=UTC)

T = TypeVar("T")


async def run() -> Result:
    """A full page of stock in the agreed text; the slower way counts. The note has orders, and XML and JSON."""
    text = built_in("kingdee-default")
    stock, orders = [a_page(text)], some_orders(text)
    data = written(text, "inventory_balance", stock)
    split_s, _ = fastest(lambda: split(data))
    write, read = (LINES / seconds for seconds in both_ways(text, "inventory_balance", stock))
    notes = [f"stock: write {write:,.0f}, read {read:,.0f}"]
    for profile in (text, built_in("kingdee-xml"), built_in("kingdee-json")):
        ways = [3 * ORDERS / seconds for seconds in both_ways(profile, "deliver_order", orders)]
        notes.append(f"orders in {profile.encoding}: write {ways[0]:,.0f}, read {ways[1]:,.0f}")
    slower, bare = min(write, read), LINES / split_s
    return Result(slower, "lines/s", bare, slower / bare, "; ".join(notes))


def a_page(profile: Profile) -> Document:
    """An owner's page of stock with as many lines as one may have, every item another."""
    page = sample_for(profile, "inventory_balance", Random(1), lines=LINES)
    rows = [
        {**row, "owner_code": "JFY", "item_code": f"GB-{number:06d}", "unit": "Pcs"}
        for number, row in enumerate(page.records["B"])
    ]
    return replace(page, records={"B": rows})


def some_orders(profile: Profile) -> Sequence[Document]:
    """A full file of orders of two lines, every number and consignee another."""
    order = sample_for(profile, "deliver_order", Random(1))
    number, _, suffix = order.order_no.partition("-")
    return [
        replace(
            order,
            head={
                **order.head,
                "order_no": f"{int(number) + index}-{suffix}".rstrip("-"),
                "receiver_name": f"收件人{index}",
                "receiver_mobile": str(13_800_000_000 + index),
            },
        )
        for index in range(ORDERS)
    ]


def written(profile: Profile, interface: str, documents: Sequence[Document]) -> bytes:
    header = profile.header(interface, stamp=STAMP, created_at=STAMP, owner_code="JFY")
    return encode(codec_of(profile), header, documents).data


def both_ways(profile: Profile, interface: str, documents: Sequence[Document]) -> tuple[float, float]:
    """Seconds to write documents as a file, and to read it."""
    codec = codec_of(profile)
    write_s, data = fastest(lambda: written(profile, interface, documents))
    read_s, decoded = fastest(lambda: codec.decode(profile.file_name(interface, STAMP), data))
    assert not decoded.rejected
    return write_s, read_s


def split(data: bytes) -> int:
    """What any reader must do at least."""
    return sum(len(line.split("\t")) for line in data.decode().split("\n"))


def fastest(work: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of the fastest of some rounds, and what it gave; other processes do not count."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        result = work()
        best = min(best, time.process_time() - began)
    return best, result

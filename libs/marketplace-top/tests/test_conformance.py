"""The kit's conformance suite, on a real process of the Tmall simulator."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from lemai_marketplace.conformance import (
    CheckConformance,
    PullConformance,
    ShipmentConformance,
    SkuConformance,
    Stage,
    StockConformance,
    Store,
)
from lemai_marketplace.conformance.stage import Doing, Pay
from lemai_marketplace.http import http_client
from lemai_marketplace.plugins import Credentials
from lemai_marketplace.types import Parcel, ParcelLine, PlatformSku, Window
from lemai_marketplace_top import create
from lemai_marketplace_top.plugin import TRADES_PER_PAGE

SECRET, PATIENCE_S = "secret0123456789abcdef0123456789ab", 20
METHODS = {
    "pull": "taobao.trades.sold.increment.get",
    "shipment": "taobao.logistics.offline.send",
    "stock": "taobao.skus.quantity.update",
}
BACK_S = 540  # the platform takes timestamps up to 600 s off
ITEM, ITEM_WITHOUT_SKUS = 620_000_000_000, 630_000_000_000
_numbers = count(1)


@dataclass
class TmallStage:
    """One seller of his own on the shared simulator."""

    sim: httpx.AsyncClient
    http: httpx.AsyncClient
    credentials: Credentials
    store: Store
    number: int
    page_size = TRADES_PER_PAGE
    carrier = "SF"

    def __post_init__(self) -> None:
        self.waybills: Sequence[str] = [f"SF{self.number:04d}{index:09d}" for index in range(6)]
        item = ITEM + self.number
        self.shelf: Sequence[PlatformSku] = [
            PlatformSku(str(item), str(item * 100 + index), f"CODE-{index}", "连体衣", f"尺码:{index}")
            for index in range(25)
        ] + [PlatformSku(str(ITEM_WITHOUT_SKUS + self.number), None, "BOX", "礼盒", "")]
        self._behind_s = BACK_S

    @property
    def _nick(self) -> str:
        return f"旗舰店{self.number}"

    async def _post(self, path: str, **body: Any) -> Any:
        reply = await self.sim.post(path, json=body)
        assert reply.status_code < 300, reply.text
        return reply.json()

    async def _get(self, path: str, **query: Any) -> Any:
        return (await self.sim.get(path, params=query)).raise_for_status().json()

    async def open(self) -> None:
        """Register the seller, fill the shelf, and set the clock back."""
        await self.sim.delete("/faults")
        await self._post("/clock", skew_seconds=-BACK_S, visibility_lag=0)
        await self._authorise(self.credentials.session)
        skus = [
            {"sku_id": sku.platform_sku_id, "outer_id": sku.merchant_sku, "properties_name": sku.properties}
            | {"price": "33.33", "quantity": 1000}
            for sku in self.shelf[:-1]
        ]
        item, box = self.shelf[0].platform_item_id, self.shelf[-1].platform_item_id
        await self._post("/items", num_iid=item, title="连体衣", skus=skus, seller=self._nick)
        await self._post(
            "/items", num_iid=box, title="礼盒", outer_id="BOX", price="99.00", quantity=50, seller=self._nick
        )

    async def _authorise(self, session: str) -> None:
        app = {"app_key": self.credentials.app_key, "app_secret": self.credentials.app_secret}
        await self._post("/sellers", **app, session=session, nick=self._nick)

    def stranger(self) -> Store:
        wrong = Credentials(
            endpoint=self.credentials.endpoint,
            app_key=self.credentials.app_key,
            app_secret="another",
            session=self.credentials.session,
        )
        return create(wrong, self.http)

    async def order(
        self,
        *quantities: int,
        pay: Pay = "full",
        freight_minor: int = 0,
        discount_minor: int = 0,
        gift: bool = False,
    ) -> str:
        lines = [
            {"sku_id": sku.platform_sku_id, "quantity": quantity}
            for sku, quantity in zip(self.shelf, quantities, strict=False)
        ]
        body = {"lines": lines, "pay": pay, "freight": _yuan(freight_minor), "discount": _yuan(discount_minor)}
        if gift:
            body["gifts"] = [{"item_id": "77", "name": "口水巾", "num": 1}]
        if pay == "deposit":
            body["deposit"] = "10.00"
        return str((await self._post("/trades", **body, seller=self._nick))["tid"])

    async def orders(self, count: int) -> set[str]:
        return set((await self._post("/trades/bulk", count=count, seed=self.number, seller=self._nick))["tids"])

    async def pay(self, trade_no: str) -> None:
        await self._later(f"/trades/{trade_no}/pay")

    async def hold(self, trade_no: str) -> None:
        await self._later(f"/trades/{trade_no}/hold")

    async def ask_refund(self, trade_no: str) -> None:
        await self._later(f"/trades/{trade_no}/refund")

    async def close(self, trade_no: str) -> None:
        await self._later(f"/trades/{trade_no}/close")

    async def finish(self, trade_no: str) -> None:
        await self._later(f"/trades/{trade_no}/finish")

    async def _later(self, path: str) -> None:
        await self._forward(2)
        await self._post(path)

    async def _forward(self, seconds: int) -> datetime:
        """Move the platform's clock; its time before."""
        before = datetime.fromisoformat((await self._get("/clock"))["now"]).astimezone(UTC)
        self._behind_s -= seconds
        await self._post("/clock", skew_seconds=-self._behind_s)
        return before

    async def window(self) -> Window:
        end = await self._forward(75) + timedelta(seconds=1)
        return Window(end - timedelta(minutes=20), end)

    async def move_rows(self, count: int) -> None:
        await self._fault("pull", "row_moves", rows=count)

    async def show_after(self, seconds: int) -> None:
        await self._post("/clock", visibility_lag=seconds)

    async def lose_answer(self, doing: Doing) -> None:
        await self._fault(doing, "drop_reply")

    async def throttle(self, doing: Doing, seconds: int) -> None:
        await self._fault(doing, "throttle", seconds=seconds)

    async def _fault(self, doing: Doing, kind: str, **details: int) -> None:
        await self._post("/faults", method=METHODS[doing], kind=kind, **details)

    async def expire_session(self) -> None:
        await self._authorise(f"renewed {self.number}")

    async def skew_clock(self, by: timedelta) -> None:
        await self._post("/clock", skew_seconds=by // timedelta(seconds=1))

    async def calls(self) -> int:
        counts = await self._get("/calls/counts")
        return sum(number for outcomes in counts.values() for number in outcomes.values())

    async def plain_consignee(self, trade_no: str) -> list[str]:
        receiver = (await self._get(f"/trades/{trade_no}"))["receiver"]
        return [receiver["name"], receiver["mobile"], receiver["address"]]

    async def parcels(self, trade_no: str) -> list[Parcel]:
        return [
            Parcel(
                parcel["company_code"],
                parcel["out_sid"],
                tuple(ParcelLine(content["oid"], content["quantity"]) for content in parcel["contents"]),
            )
            for parcel in (await self._get(f"/trades/{trade_no}"))["parcels"]
        ]

    async def quantity(self, sku: PlatformSku) -> int:
        for row in (await self._get("/stock", seller=self._nick))["stock"]:
            if (row["num_iid"], row["sku_id"]) == (sku.platform_item_id, sku.platform_sku_id):
                return int(row["quantity"])
        raise LookupError(sku)


def _yuan(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running simulator."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directory: Path = tmp_path_factory.mktemp("tmall")
    environment = {**os.environ, "HTTP_PORT": str(port), "SIM_TMALL_DIR": str(directory)}
    process = subprocess.Popen([sys.executable, "-m", "sim_tmall"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the simulator did not start")


@pytest.fixture
async def stage(simulator: str) -> AsyncIterator[Stage]:
    number = next(_numbers)
    credentials = Credentials(
        endpoint=f"{simulator}/router/rest",
        app_key=f"{number:08d}",
        app_secret=SECRET,
        session=f"6100{number}session",
    )
    async with http_client() as http, httpx.AsyncClient(base_url=f"{simulator}/sim") as sim:
        played = TmallStage(sim, http, credentials, create(credentials, http), number)
        await played.open()
        yield played


class TestPull(PullConformance):
    pass


class TestShipment(ShipmentConformance):
    pass


class TestStock(StockConformance):
    pass


class TestSkus(SkuConformance):
    pass


class TestCheck(CheckConformance):
    pass

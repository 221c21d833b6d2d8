"""A simulator in this process, and a caller that signs as the protocol page says."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager

from sim_tmall.app import create_app
from sim_tmall.settings import Seller, Settings

SECRET = "sandbox0123456789abcdef0123456789"
SELLER = Seller("旗舰店", "12345678", SECRET, "6100test0000session")


class Tmall:
    """What a test does to the simulator: call TOP, and look behind it."""

    seller = SELLER

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    @staticmethod
    def wall(moment: float) -> str:
        """`yyyy-MM-dd HH:mm:ss` in UTC+8, computed without the simulator's code."""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment + 8 * 3600))

    @staticmethod
    def sign(parameters: dict[str, str]) -> dict[str, str]:
        """The parameters with their HMAC-MD5, computed without the simulator's code."""
        text = "".join(name + parameters[name] for name in sorted(parameters))
        return {**parameters, "sign": hmac.new(SECRET.encode(), text.encode(), hashlib.md5).hexdigest().upper()}

    def system(self, method: str, **business: str) -> dict[str, str]:
        """Unsigned parameters of a call."""
        return {
            "method": method,
            "app_key": SELLER.app_key,
            "session": SELLER.session,
            "timestamp": self.wall(time.time()),
            "v": "2.0",
            "format": "json",
            "sign_method": "hmac",
            **business,
        }

    async def send(self, parameters: dict[str, str]) -> httpx.Response:
        """Sign and post."""
        return await self.http.post("/router/rest", data=self.sign(parameters))

    async def call(self, method: str, **business: str) -> dict[str, Any]:
        """The success body of a call; fails the test on an error."""
        reply = (await self.send(self.system(method, **business))).json()
        assert "error_response" not in reply, reply
        [body] = reply.values()
        return {name: value for name, value in body.items() if name != "request_id"}

    async def refusal(self, method: str, **business: str) -> tuple[int, str]:
        """Code and sub code of a refused call."""
        reply = (await self.send(self.system(method, **business))).json()
        error = reply["error_response"]
        return error["code"], error.get("sub_code", "")

    async def pull(self, fields: str = "tid", **business: str) -> dict[str, Any]:
        """The trades modified in the last half hour."""
        window = {"start_modified": self.wall(time.time() - 1800), "end_modified": self.wall(time.time() + 60)}
        return await self.call("taobao.trades.sold.increment.get", **{"fields": fields, **window, **business})

    async def full(self, tid: str, fields: str = "tid,status,orders") -> dict[str, Any]:
        """One trade in full."""
        body = await self.call("taobao.trade.fullinfo.get", tid=tid, fields=fields)
        trade: dict[str, Any] = body["trade"]
        return trade

    async def post(self, path: str, body: object = None, status: int | None = None) -> Any:
        """Post to the inspection API."""
        reply = await self.http.post(f"/sim{path}", json=body)
        assert reply.status_code == status if status else reply.is_success, reply.text
        return reply.json()

    async def get(self, path: str) -> Any:
        """Read from the inspection API."""
        reply = await self.http.get(f"/sim{path}")
        assert reply.is_success, reply.text
        return reply.json()

    async def item(self, num_iid: int = 1000, quantities: tuple[int, ...] = (10, 10, 10)) -> None:
        """An item whose SKUs are num_iid*10+1, +2, …, for 100.00, 200.00, … yuan."""
        skus = [
            {
                "sku_id": num_iid * 10 + number,
                "outer_id": f"SKU-{num_iid}-{number}",
                "properties_name": f"尺码:{number}",
                "price": f"{number}00.00",
                "quantity": quantity,
            }
            for number, quantity in enumerate(quantities, 1)
        ]
        await self.post(
            "/items", {"num_iid": num_iid, "title": f"商品{num_iid}", "outer_id": f"I{num_iid}", "skus": skus}
        )

    async def trade(self, *lines: tuple[int, int], **more: object) -> Any:
        """A paid trade of (sku_id, quantity) lines."""
        ordered = [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in lines]
        return await self.post("/trades", {"lines": ordered, **more})

    async def quantities(self) -> dict[str, int]:
        """What is for sale, by SKU."""
        return {row["sku_id"]: row["quantity"] for row in (await self.get("/stock"))["stock"]}


@pytest.fixture
async def tmall(tmp_path: Path) -> AsyncIterator[Tmall]:
    app = create_app(Settings(tmp_path, SELLER))
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tmall") as http:
            yield Tmall(http)

"""The template works as it stands, so that a copy starts from something that works."""

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from lemai_marketplace.errors import AuthExpired
from lemai_marketplace.plugins import Credentials
from lemai_marketplace.protocols import Check, PublishStock, PullTrades
from lemai_marketplace.types import Outcome, OutcomeState, StockLevel

SOURCE = Path(__file__).parents[1] / "template" / "plugin.py"
CREDENTIALS = Credentials(endpoint="http://acme", app_key="1", app_secret="2", session="3")


@pytest.fixture
def template() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lemai_marketplace_acme", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def acme(replies: dict[str, Any]) -> httpx.AsyncClient:
    """Acme, answering by SKU, else by method."""

    def answer(request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        return httpx.Response(200, content=json.dumps(replies[form.get("sku", form["method"])]))

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_a_plugin_says_what_it_can_do_by_what_it_implements(template: ModuleType) -> None:
    async with acme({}) as http:
        store = template.create(CREDENTIALS, http)

    assert isinstance(store, PublishStock)
    assert isinstance(store, Check)
    assert not isinstance(store, PullTrades)


async def test_each_sku_has_its_outcome(template: ModuleType) -> None:
    async with acme({"a": {}, "b": {"error": "no_such_sku"}, "c": {"wait_s": 3}}) as http:
        store = template.create(CREDENTIALS, http)
        applied, rejected, later = await store.publish_stock([StockLevel("1", sku, 5) for sku in "abc"])

    assert applied == Outcome(key="a", state=OutcomeState.APPLIED)
    assert (rejected.state, rejected.code) == (OutcomeState.REJECTED, "no_such_sku")
    assert (later.state, later.retry_after_s) == (OutcomeState.RETRY, 3)


async def test_an_expired_session_stops_them_all(template: ModuleType) -> None:
    async with acme({"a": {"error": "session_over"}}) as http:
        with pytest.raises(AuthExpired):
            await template.create(CREDENTIALS, http).publish_stock([StockLevel("1", "a", 5)])


async def test_the_check_tells_whose_store_it_is(template: ModuleType) -> None:
    now = datetime.now(UTC).isoformat()
    async with acme({"acme.seller.get": {"name": "Gymboree", "now": now}}) as http:
        assert (await template.create(CREDENTIALS, http).check()).seller == "Gymboree"

"""A whole plugin for Acme, a platform that does not exist: set stock, and check the credentials.

Copy it, put your platform's protocol in its place, and add the protocols your platform has.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from lemai_marketplace.errors import (
    AuthExpired,
    InvalidRequest,
    NotFound,
    PlatformError,
    ProtocolDrift,
    Throttled,
    Unanswered,
    outcome_of,
)
from lemai_marketplace.http import post_form, reads, throttle
from lemai_marketplace.plugins import Credentials
from lemai_marketplace.types import Limits, Outcome, OutcomeState, StockLevel, StoreCheck

REFUSALS: Mapping[str, type[PlatformError]] = {
    "session_over": AuthExpired,
    "no_such_sku": NotFound,
    "bad_argument": InvalidRequest,
    "try_again": Unanswered,
}


def create(credentials: Credentials, http: httpx.AsyncClient) -> "Acme":
    """The store that `credentials` open."""
    return Acme(credentials, http)


class Acme:
    """Implements PublishStock and Check."""

    limits = Limits(
        window_max=timedelta(days=1),
        lookback_max=timedelta(days=30),
        lag=timedelta(seconds=5),
        overlap=timedelta(minutes=10),
        stock_quantity_max=10_000,
    )

    def __init__(self, credentials: Credentials, http: httpx.AsyncClient) -> None:
        self._credentials = credentials
        self._http = http
        self._throttle = throttle(http, credentials.app_key, credentials.calls_per_s)

    async def check(self) -> StoreCheck:
        """acme.seller.get"""
        seller: dict[str, Any] = await reads()(self._call, "acme.seller.get")
        return StoreCheck(seller["name"], datetime.fromisoformat(seller["now"]) - datetime.now(UTC))

    async def publish_stock(self, levels: Sequence[StockLevel]) -> list[Outcome]:
        """acme.stock.set, one call each."""
        return [await self._set(level) for level in levels]

    async def _set(self, level: StockLevel) -> Outcome:
        key = level.platform_sku_id or level.platform_item_id
        try:
            await self._call("acme.stock.set", sku=key, quantity=str(level.quantity))
        except PlatformError as error:
            return outcome_of(key, error)
        return Outcome(key=key, state=OutcomeState.APPLIED)

    async def _call(self, method: str, **params: str) -> dict[str, Any]:
        await self._throttle.admit(method)
        form = {**params, "method": method, "session": self._credentials.session}
        reply = await post_form(self._http, self._credentials.endpoint, form, what=method)
        try:
            body = json.loads(reply.body, parse_float=str)
        except ValueError as error:
            raise Unanswered(f"{method}: the reply is no JSON") from error
        if not isinstance(body, dict):
            raise ProtocolDrift(f"{method}: the reply is no object")
        if "wait_s" in body:
            self._throttle.ban(method, body["wait_s"])
            raise Throttled(f"{method}: too fast", retry_after_s=body["wait_s"])
        if code := body.get("error"):
            raise REFUSALS.get(code, ProtocolDrift)(f"{method}: {code}", code=code)
        return body

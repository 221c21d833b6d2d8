"""Calling a platform over HTTP: one shared client, honest failures, retries of reads, a rate per app and method."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from aiolimiter import AsyncLimiter
from httpx_aiohttp import HttpxAiohttpClient
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
    wait_random,
)

from lemai_marketplace.errors import Throttled, Transient, Unanswered

ATTEMPTS_MAX = 4
PATIENCE_S = 10.0
BODY_BYTES_MAX = 32 * 2**20


def http_client(timeout_s: float = 20.0) -> httpx.AsyncClient:
    """A client for all plugins of a process; close it at the end."""
    return HttpxAiohttpClient(
        timeout=httpx.Timeout(timeout_s, connect=5.0),
        # Below the 5 s after which common servers drop an idle connection, so that no write goes into a dying one.
        limits=httpx.Limits(max_connections=100, keepalive_expiry=3.0),
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply with a status below 500, its body decompressed."""

    status_code: int
    headers: httpx.Headers
    body: bytes


async def post_form(http: httpx.AsyncClient, url: str, form: dict[str, str], *, what: str) -> Reply:
    """POST `form`. Raises Transient if the request never left, Unanswered if it may have arrived.

    `what` names the call in errors, which never show the form: it holds the session.
    """
    body = bytearray()
    try:
        async with http.stream("POST", url, data=form) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise Unanswered(f"{what}: the reply is longer than {BODY_BYTES_MAX} bytes")
    except (httpx.RequestError, aiohttp.ClientError) as error:
        kind = Transient if _never_left(error) else Unanswered
        raise kind(f"{what}: {type(error).__name__}") from error
    if response.status_code >= 500:
        raise Unanswered(f"{what}: HTTP {response.status_code}", code=str(response.status_code), answer=bytes(body))
    return Reply(response.status_code, response.headers, bytes(body))


def _never_left(error: Exception) -> bool:
    # httpx-aiohttp 0.2 calls every lost connection ConnectTimeout, also one lost after sending: the cause tells.
    if isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, aiohttp.ClientConnectorError)
    return isinstance(error, httpx.ConnectError)


def reads() -> AsyncRetrying:
    """How a read is retried: `await reads()(call, ...)`. Long bans are the caller's to wait out."""
    return AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS_MAX), retry=retry_if_exception(_worth_it), wait=_pause, reraise=True
    )


def _worth_it(error: BaseException) -> bool:
    return isinstance(error, Transient) or (isinstance(error, Throttled) and error.retry_after_s <= PATIENCE_S)


_jitter = wait_random(0, 0.2)
_back_off = wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2)


def _pause(state: RetryCallState) -> float:
    assert state.outcome is not None
    error = state.outcome.exception()
    if isinstance(error, Throttled):
        return error.retry_after_s + _jitter(state)
    return _back_off(state)


class Throttle:
    """The pace of one app: a bucket for each method, and the pauses the platform imposed."""

    def __init__(self, calls_per_s: int) -> None:
        self._buckets: dict[str, AsyncLimiter] = defaultdict(lambda: AsyncLimiter(calls_per_s, 1))
        self._banned_until: dict[str, float] = {}

    async def admit(self, method: str) -> None:
        """Wait for a place in the bucket of `method`. Raises Throttled while the platform's ban on it lasts."""
        remaining_s = self._banned_until.get(method, 0) - _monotonic_s()
        if remaining_s > 0:
            raise Throttled(f"{method}: the platform asked for a pause", retry_after_s=remaining_s)
        await self._buckets[method].acquire()

    def ban(self, method: str, seconds: float) -> None:
        """Call `method` no more for `seconds`."""
        self._banned_until[method] = max(self._banned_until.get(method, 0), _monotonic_s() + seconds)


def _monotonic_s() -> float:
    return asyncio.get_running_loop().time()


_throttles: WeakKeyDictionary[httpx.AsyncClient, dict[str, Throttle]] = WeakKeyDictionary()


def throttle(http: httpx.AsyncClient, app_key: str, calls_per_s: int) -> Throttle:
    """The throttle that all stores of an app share on one client: platforms count by app, not by store."""
    return _throttles.setdefault(http, {}).setdefault(app_key, Throttle(calls_per_s))

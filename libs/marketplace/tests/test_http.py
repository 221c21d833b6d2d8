import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from lemai_marketplace import http as kit
from lemai_marketplace.errors import InvalidRequest, Throttled, Transient, Unanswered

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(behave: Behaviour) -> AsyncIterator[str]:
    done = asyncio.Event()

    async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"secret=1")
        await behave(reader, writer)
        writer.close()
        await writer.wait_closed()
        done.set()

    listening = await asyncio.start_server(on_connect, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        await done.wait()


async def post(url: str, timeout_s: float = 5.0) -> kit.Reply:
    async with kit.http_client(timeout_s) as http:
        return await kit.post_form(http, url, {"secret": "1"}, what="some.method")


def answering(reply: bytes) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    return behave


async def test_a_reply_comes_whole() -> None:
    async with server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as url:
        reply = await post(url)

    assert (reply.status_code, reply.body) == (200, b"{}")


async def test_a_refused_connection_never_left() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"

        with pytest.raises(Transient) as caught:
            await post(url)

    assert not caught.value.maybe_applied


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(answering(b""), id="hangs up after reading the request"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="hangs up within the body"),
        pytest.param(answering(b"nonsense\r\n\r\n"), id="speaks no HTTP"),
        pytest.param(answering(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"), id="answers 502"),
        pytest.param(silent, id="says nothing"),
    ],
)
async def test_a_request_that_may_have_arrived_is_unanswered(behave: Behaviour) -> None:
    async with server(behave) as url:
        with pytest.raises(Unanswered) as caught:
            await post(url, timeout_s=0.3)

    assert caught.value.maybe_applied
    assert "secret" not in str(caught.value)


async def test_an_endless_reply_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "BODY_BYTES_MAX", 10)

    async with server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)) as url:
        with pytest.raises(Unanswered, match="longer than 10"):
            await post(url)


class Platform:
    """Fails with each of `errors` in turn, then answers; notes when it was called."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.called_at: list[float] = []

    async def call(self) -> str:
        self.called_at.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


async def test_a_read_is_repeated_after_passing_faults() -> None:
    platform = Platform(Transient("once"), Unanswered("twice"))

    assert await kit.reads()(platform.call) == "answer"
    assert len(platform.called_at) == 3


async def test_a_read_waits_out_a_short_ban() -> None:
    platform = Platform(Throttled("slower", retry_after_s=0.3))

    assert await kit.reads()(platform.call) == "answer"
    assert platform.called_at[1] - platform.called_at[0] >= 0.3


async def test_a_read_leaves_a_long_ban_to_the_caller() -> None:
    platform = Platform(Throttled("come back tomorrow", retry_after_s=40_000))

    with pytest.raises(Throttled) as caught:
        await kit.reads()(platform.call)

    assert caught.value.retry_after_s == 40_000
    assert len(platform.called_at) == 1


async def test_a_read_gives_up_in_the_end_with_the_last_error() -> None:
    platform = Platform(*(Transient(f"attempt {number}") for number in range(1, 9)))

    with pytest.raises(Transient, match="attempt 4"):
        await kit.reads()(platform.call)


async def test_a_refusal_is_not_repeated() -> None:
    platform = Platform(InvalidRequest("never"))

    with pytest.raises(InvalidRequest):
        await kit.reads()(platform.call)
    assert len(platform.called_at) == 1


async def test_a_ban_stops_its_method_and_no_other() -> None:
    throttle = kit.Throttle(calls_per_s=100)
    throttle.ban("trades", 30)
    throttle.ban("trades", 1)

    with pytest.raises(Throttled) as caught:
        await throttle.admit("trades")
    await throttle.admit("stock")

    assert 29 < caught.value.retry_after_s <= 30


async def test_a_ban_ends() -> None:
    throttle = kit.Throttle(calls_per_s=100)
    throttle.ban("trades", 0.05)
    await asyncio.sleep(0.06)

    await throttle.admit("trades")


async def test_calls_beyond_the_rate_wait() -> None:
    throttle = kit.Throttle(calls_per_s=10)
    loop = asyncio.get_running_loop()
    started = loop.time()

    for _ in range(13):
        await throttle.admit("trades")

    assert loop.time() - started >= 0.25


async def test_stores_of_one_app_share_the_pace_and_other_apps_do_not() -> None:
    async with httpx.AsyncClient() as http, httpx.AsyncClient() as elsewhere:
        assert kit.throttle(http, "app", 10) is kit.throttle(http, "app", 10)
        assert kit.throttle(http, "app", 10) is not kit.throttle(http, "other", 10)
        assert kit.throttle(http, "app", 10) is not kit.throttle(elsewhere, "app", 10)

"""One store's calls to TOP: signed, paced, and its envelope opened."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from lemai_marketplace.errors import ClockSkew, ProtocolDrift, Throttled, Unanswered
from lemai_marketplace.http import Reply, post_form, reads, throttle
from lemai_marketplace.plugins import Credentials
from lemai_marketplace_top.errors import refusal
from lemai_marketplace_top.signing import sign
from lemai_marketplace_top.wire import Row, wall_clock

SIGN_METHOD = "hmac"


class TopClient:
    """Calls TOP with one store's session. `server_ahead` is the platform's clock less ours at the last reply."""

    def __init__(self, credentials: Credentials, http: httpx.AsyncClient) -> None:
        self._credentials = credentials
        self._http = http
        self._throttle = throttle(http, credentials.app_key, credentials.calls_per_s)
        self._correction = timedelta(0)
        self.server_ahead = timedelta(0)

    def now(self) -> datetime:
        """The time, by the platform's clock if it refused ours before."""
        return datetime.now(UTC) + self._correction

    async def read(self, method: str, **params: str) -> Row:
        """Call a method that changes nothing; passing faults and short bans are waited out."""
        row: Row = await reads()(self.write, method, **params)
        return row

    async def write(self, method: str, **params: str) -> Row:
        """Call `method` once and return what stands under its response root. Raises PlatformError."""
        await self._throttle.admit(method)
        try:
            return await self._call(method, params)
        except Throttled as error:
            self._throttle.ban(method, error.retry_after_s)
            raise
        except ClockSkew as error:
            # The gateway refuses a timestamp before it looks at the rest, so a write may be sent again too.
            self._correction = error.offset
            return await self._call(method, params)

    async def _call(self, method: str, params: dict[str, str]) -> Row:
        form = {name: value for name, value in params.items() if value} | {
            "method": method,
            "app_key": self._credentials.app_key,
            "session": self._credentials.session,
            "timestamp": wall_clock(self.now()),
            "v": "2.0",
            "format": "json",
            "sign_method": SIGN_METHOD,
        }
        form["sign"] = sign(form, self._credentials.app_secret)
        reply = await post_form(self._http, self._credentials.endpoint, form, what=method)
        if "Date" in reply.headers:
            self.server_ahead = parsedate_to_datetime(reply.headers["Date"]) - datetime.now(UTC)
        return self._open(method, reply)

    def _open(self, method: str, reply: Reply) -> Row:
        try:
            envelope = json.loads(reply.body, parse_float=str)
        except ValueError as error:
            what = f"{method}: HTTP {reply.status_code}, the reply is no JSON"
            raise Unanswered(what, answer=reply.body) from error
        if isinstance(envelope, dict):
            if isinstance(refused := envelope.get("error_response"), dict):
                raise refusal(method, refused, self.server_ahead)
            root = method.removeprefix("taobao.").replace(".", "_") + "_response"
            if isinstance(row := envelope.get(root), dict):
                return row
        raise ProtocolDrift(f"{method}: the reply has neither its response root nor an error", answer=reply.body)

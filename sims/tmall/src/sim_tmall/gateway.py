"""`/router/rest`: from a raw request to a reply, in TOP's order of checks.

What is missing is reported before what is invalid, the signature is checked before the method is looked up,
and the session comes last. A call and its audit entry are one transaction.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qsl

from fastapi import Request, Response

from sim_tmall import envelope, signing
from sim_tmall.calls import ReceivedCall
from sim_tmall.dropping import DroppedReply
from sim_tmall.errors import TopError, invalid, invalid_session, missing, throttled
from sim_tmall.faults import Fault
from sim_tmall.market import Market
from sim_tmall.methods import METHODS
from sim_tmall.methods.base import Arguments, Call, Method
from sim_tmall.wire import moment_of

CLOCK_TOLERANCE_S = 600
SYSTEM_PARAMETERS = frozenset(
    {"method", "app_key", "session", "timestamp", "v", "format", "sign_method", "sign", "simplify", "partner_id"}
)
REQUIRED = (
    ("method", 21, "Missing Method"),
    ("app_key", 28, "Missing App Key"),
    ("timestamp", 30, "Missing Timestamp"),
    ("v", 32, "Missing Version"),
    ("sign", 24, "Missing Signature"),
)


@dataclass(frozen=True)
class Reply:
    """What goes back, and the fault that spoils it."""

    body: bytes
    content_type: str
    fault: Fault | None


class Gateway:
    """Admits calls, runs their methods, audits them, and injects the planned faults."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._bans: dict[tuple[str, str], float] = {}

    async def handle(self, request: Request) -> Response:
        """One request to `/router/rest`."""
        try:
            parameters = await _parameters(request)
            problem = None
        except TopError as error:
            parameters, problem = {}, error
        reply = self.answer(parameters, problem)
        # The platform's own clock: from this header callers learn how far theirs is off.
        headers = {"Content-Type": reply.content_type, "Date": formatdate(self._market.now(), usegmt=True)}
        if reply.fault and reply.fault.kind == "drop_reply":
            await asyncio.sleep(reply.fault.seconds)
            return DroppedReply(reply.body, headers=headers)
        return Response(reply.body, headers=headers)

    def answer(self, parameters: dict[str, str], problem: TopError | None = None) -> Reply:
        """The reply to merged parameters; `problem` is what was wrong with the request itself."""
        started = time.perf_counter_ns()
        form: envelope.Format = "json" if parameters.get("format") == "json" else "xml"
        request_id = secrets.token_hex(6)
        run = _Run(self._market, self._bans, parameters, request_id, started)
        try:
            if problem:
                raise problem
            root, body = run.carry_out()
        except TopError as error:
            run.audit(error.sub_code or str(error.code))
            root, body = "error_response", error.body
        body["request_id"] = request_id
        simplify = parameters.get("simplify") == "true"
        written = envelope.render(root, body, form=form, simplify=simplify)
        if run.fault and run.fault.kind == "malformed":
            written = written[: len(written) // 2]
        return Reply(written, envelope.CONTENT_TYPES[form], run.fault)


class _Run:
    """One call on its way through the checks; knows enough to be audited however it ends."""

    def __init__(
        self, market: Market, bans: dict[tuple[str, str], float], given: dict[str, str], request_id: str, started: int
    ) -> None:
        self._market = market
        self._bans = bans
        self._given = given
        self._request_id = request_id
        self._started = started
        self._now = market.now()
        self._nick = ""
        self.fault: Fault | None = None

    def carry_out(self) -> tuple[str, dict[str, object]]:
        """The reply's root and body after everything was applied and noted; raises TopError if refused."""
        method = self._admit()
        self._inject(method)
        business = {name: value for name, value in self._given.items() if name not in SYSTEM_PARAMETERS}
        method.check(business)
        with self._market.database.transaction():
            body = method.run(Call(self._market, self._nick, self._now, Arguments(business)))
            if self.fault and self.fault.kind == "row_moves":
                self._move_rows(self.fault.rows)
            self.audit("ok")
        return envelope.root_name(method.name), body

    def audit(self, outcome: str) -> None:
        """Note the call."""
        self._market.calls.add(
            ReceivedCall(
                at=self._now,
                method=self._given.get("method", ""),
                nick=self._nick,
                params=self._given,
                outcome=outcome,
                fault=self.fault.kind if self.fault else "",
                micros=(time.perf_counter_ns() - self._started) // 1000,
                request_id=self._request_id,
            )
        )

    def _admit(self) -> Method:
        given = self._given
        for name, code, message in REQUIRED:
            if not given.get(name):
                raise TopError(code, message)
        if not given.get("sign_method"):
            raise missing("sign_method")
        self._check_system(given)
        method = METHODS.get(given["method"])
        if method is None:
            raise TopError(22, "Invalid Method", "isv.method-not-exist", f"没有方法 {given['method']}")
        if method.needs_session:
            self._nick = self._seller(given)
        return method

    def _check_system(self, given: Mapping[str, str]) -> None:
        if given.get("format", "xml") not in envelope.CONTENT_TYPES:
            raise TopError(23, "Invalid Format")
        if given["v"] != "2.0":
            raise TopError(33, "Invalid Version")
        secret = self._market.sellers.app_secret(given["app_key"])
        if secret is None:
            raise TopError(29, "Invalid App Key")
        if not _is_in_time(given["timestamp"], self._now):
            raise TopError(31, "Invalid Timestamp")
        if given["sign_method"] not in signing.SIGN_METHODS:
            raise invalid("sign_method", "应为 md5、hmac 或 hmac-sha256 / must be md5, hmac or hmac-sha256")
        if not signing.is_signed(given, secret, given["sign_method"]):
            raise TopError(25, "Invalid Signature")
        for name, value in given.items():
            if not value:
                raise invalid(name, "不要发送空参数，各 SDK 对其签名不一致 / never send empty parameters")

    def _seller(self, given: Mapping[str, str]) -> str:
        if "session" not in given:
            raise TopError(26, "Missing Session")
        nick = self._market.sellers.nick_of_session(given["session"], given["app_key"])
        if nick is None:
            raise invalid_session("invalid-sessionkey")
        return nick

    def _inject(self, method: Method) -> None:
        """Refuse if a ban still runs or a planned fault says so; other faults act after the call."""
        key = (self._given["app_key"], method.name)
        remaining = self._bans.get(key, 0.0) - time.monotonic()
        if remaining > 0:
            raise throttled(int(remaining) + 1)
        self.fault = self._market.faults.take(method.name)
        refusal = self.fault and self.fault.refusal()
        if self.fault and self.fault.kind == "throttle":
            self._bans[key] = time.monotonic() + self.fault.ban_s
        if refusal:
            raise refusal

    def _move_rows(self, rows: int) -> None:
        moved = self._market.trades.oldest(self._nick, rows)
        for trade in moved:
            trade.seller_memo += "改"
            trade.modified = max(self._now, trade.modified)
        self._market.trades.put(moved)


def _is_in_time(text: str, now: int) -> bool:
    """Whether a timestamp, Beijing wall clock or epoch milliseconds, is within ten minutes."""
    try:
        moment = int(text) // 1000 if text.isascii() and text.isdigit() else moment_of(text)
    except ValueError:
        return False
    return abs(moment - now) <= CLOCK_TOLERANCE_S


async def _parameters(request: Request) -> dict[str, str]:
    """Query and body merged; file parts are left out, as they are not signed."""
    if request.method not in ("GET", "POST"):
        raise TopError(9, "Http Action Not Allowed")
    pairs = _decoded(request.scope["query_string"])
    if request.method == "POST":
        content_type = request.headers.get("content-type", "")
        if content_type.startswith("multipart/form-data"):
            async with request.form() as form:
                pairs += [(name, part) for name, part in form.multi_items() if isinstance(part, str)]
        else:
            pairs += _decoded(await request.body())
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise invalid(name, "参数重复 / sent twice")
        parameters[name] = value
    return parameters


def _decoded(encoded: bytes) -> list[tuple[str, str]]:
    try:
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), encoding="utf-8", errors="strict")
    except ValueError:
        raise TopError(47, "Invalid Encoding") from None

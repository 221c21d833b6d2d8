"""A small client of the K/3 Cloud WebAPI: one signed POST per operation, its answer parsed, never searched."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from kingdee_adapter.k3cloud.signing import Account, signature_headers
from kingdee_adapter.k3cloud.status import Remedy, Status, status_of
from kingdee_adapter.k3cloud.wire import Cell, Query

FORMS = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."
LOGIN = "Kingdee.BOS.WebApi.ServicesStub.AuthService.LoginByAppSecret"
SESSION_HEADER = "kdservice-sessionid"
TIMEOUT_S = 30.0
LOCKED_OUT = timedelta(minutes=5)
CHECK_CREDENTIALS = (
    "请核对用户、应用 ID、应用密钥、语言和第三方系统登录授权 / "
    "check user, app id, app secret, lcid and the authorisation of third-party logins"
)
_GOOD = (200, 206)

Login = Literal["signature", "app_secret"]


class Unanswered(Exception):
    """The call may have arrived and done its work; nobody can tell but K/3 Cloud itself."""


class NotSent(Exception):
    """The call surely never left."""


class LoggedOut(Exception):
    """K/3 Cloud refuses our credentials also when they are fresh; it is not asked again for a while."""


class QueryRefused(Exception):
    """A query was answered by an error."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"MsgCode {status.msg_code}: " + "; ".join(problem.message for problem in status.problems))
        self.status = status


NOT_NOW = (Unanswered, NotSent, LoggedOut, QueryRefused)
"""How reading fails."""


def http_client() -> httpx.AsyncClient:
    """A client for one counterpart, which keeps the cookies of its session; close it at the end."""
    return HttpxAiohttpClient(timeout=httpx.Timeout(TIMEOUT_S, connect=5.0), limits=httpx.Limits(keepalive_expiry=3.0))


class K3Client:
    """Calls one K/3 Cloud as one user."""

    def __init__(
        self, account: Account, http: httpx.AsyncClient, clock: Callable[[], datetime], login: Login = "signature"
    ) -> None:
        self._account = account
        self._http = http
        self._clock = clock
        self._login = login
        self._session = ""
        self._refreshing = asyncio.Lock()
        self._locked_out_until: datetime | None = None

    async def write(self, operation: str, body: bytes) -> Status:
        """Call Save, Submit, Audit, … with exactly this body. Raises Unanswered, NotSent or LoggedOut."""
        status = status_of(await self._call(FORMS + operation, body))
        if status is None:
            raise Unanswered(f"{operation}: the answer has no ResponseStatus")
        return status

    async def query(self, query: Query) -> list[list[Cell]]:
        """ExecuteBillQuery. Raises QueryRefused, Unanswered, NotSent or LoggedOut."""
        data = {
            "FormId": query.form_id,
            "FieldKeys": ",".join(query.keys),
            "FilterString": query.where,
            "OrderString": query.order,
            "TopRowCount": 0,
            "StartRow": query.start,
            "Limit": query.limit,
            "SubSystemId": "",
        }
        answer = await self._call(FORMS + "ExecuteBillQuery", json.dumps({"data": data}, ensure_ascii=False).encode())
        if status := status_of(answer):
            raise QueryRefused(status)
        if not isinstance(answer, list) or any(not isinstance(row, list) for row in answer):
            raise Unanswered("ExecuteBillQuery: the answer has no rows")
        return answer

    async def _call(self, service: str, body: bytes) -> Any:
        """Call once more with fresh credentials where ours are refused, and then leave it for a while."""
        if self._locked_out_until and self._clock() < self._locked_out_until:
            raise LoggedOut(f"not asked again before {self._locked_out_until:%H:%M:%S} UTC")
        if self._login == "app_secret" and not self._session:
            await self._refresh("")
        session = self._session
        answer = await self._post(service, body)
        if _is_logged_out(answer):
            await self._refresh(session)
            answer = await self._post(service, body)
        if _is_logged_out(answer):
            raise self._locked_out("MsgCode 1 会话信息已丢失")
        self._locked_out_until = None
        return answer

    async def _refresh(self, stale: str) -> None:
        """Begin a new session, unless somebody else has just done so."""
        async with self._refreshing:
            if self._session != stale:
                return
            self._http.cookies.clear()
            if self._login == "app_secret":
                self._session = await self._log_in()

    async def _log_in(self) -> str:
        account = self._account
        named = {
            "acctID": account.acct_id,
            "username": account.user,
            "appId": account.app_id,
            "appSecret": account.app_secret,
            "lcid": account.lcid,
        }
        answer = await self._post(LOGIN, json.dumps(named).encode())
        if not isinstance(answer, dict) or answer.get("LoginResultType") != 1:
            reason = answer.get("Message") if isinstance(answer, dict) else ""
            raise self._locked_out(f"LoginByAppSecret: {reason}")
        return str(answer.get("KDSVCSessionId") or "")

    def _locked_out(self, reason: str) -> LoggedOut:
        self._locked_out_until = self._clock() + LOCKED_OUT
        return LoggedOut(f"{reason}; {CHECK_CREDENTIALS}")

    async def _post(self, service: str, body: bytes) -> Any:
        url = httpx.URL(f"{self._account.url.rstrip('/')}/{service}.common.kdsvc")
        headers = {"Content-Type": "application/json", "Accept-Charset": "utf-8"}
        if self._login == "signature":
            headers |= signature_headers(self._account, url.path, int(self._clock().timestamp()))
        elif self._session:
            headers[SESSION_HEADER] = self._session
        operation = service.rpartition(".")[2]
        try:
            response = await self._http.post(url, content=body, headers=headers)
        except (httpx.RequestError, aiohttp.ClientError) as error:
            kind = NotSent if _never_left(error) else Unanswered
            raise kind(f"{operation}: {type(error).__name__}") from error
        if response.status_code not in _GOOD:
            raise Unanswered(f"{operation}: HTTP {response.status_code}")
        return _parsed(operation, response.content)


def _parsed(operation: str, content: bytes) -> Any:
    if content.startswith(b"response_error:"):
        raise Unanswered(f"{operation}: response_error")
    try:
        return json.loads(content, parse_float=Decimal)
    except ValueError as error:
        raise Unanswered(f"{operation}: the answer is no JSON") from error


def _is_logged_out(answer: Any) -> bool:
    status = status_of(answer)
    return status is not None and not status.ok and status.remedy is Remedy.REFRESH


def _never_left(error: Exception) -> bool:
    # httpx-aiohttp 0.2 calls every lost connection ConnectTimeout, also one lost after sending: the cause tells.
    if isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, aiohttp.ClientConnectorError)
    return isinstance(error, httpx.ConnectError)

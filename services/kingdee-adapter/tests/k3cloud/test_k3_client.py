"""How calls are made: signed or logged in, refreshed once, honest about what may have arrived."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from kingdee_adapter.k3cloud.client import K3Client, LoggedOut, Login, NotSent, QueryRefused, Unanswered
from kingdee_adapter.k3cloud.signing import Account
from kingdee_adapter.k3cloud.wire import Query, operation_body, quoted

SECRET = "0123456789abcdef0123456789abcdef"
ACCOUNT = Account(
    url="http://erp.example.com/k3cloud",
    acct_id="5f0000000000ab",
    user="lemai_api",
    app_id="204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    app_secret=SECRET,
    org="100",
)
BODY = operation_body("SAL_SaleOrder", {"Numbers": ["2611220001"]})
DONE = {"Result": {"ResponseStatus": {"IsSuccess": True, "MsgCode": 0}, "Id": "1", "Number": "2611220001"}}
LOST = {"Result": {"ResponseStatus": {"IsSuccess": False, "MsgCode": 1, "Errors": [{"Message": "会话信息已丢失"}]}}}


class Server:
    """Answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer)

    @property
    def called(self) -> list[str]:
        return [request.url.path.removesuffix(".common.kdsvc").rpartition(".")[2] for request in self.requests]


class Clock:
    now = datetime.fromtimestamp(1700000000, UTC)

    def __call__(self) -> datetime:
        return self.now


def a_client(server: Callable[[httpx.Request], httpx.Response], login: Login = "signature") -> K3Client:
    return K3Client(ACCOUNT, httpx.AsyncClient(transport=httpx.MockTransport(server)), Clock(), login)


async def test_a_call_is_signed_and_its_body_sent_as_it_is() -> None:
    server = Server(DONE)
    status = await a_client(server).write("Submit", BODY)
    (request,) = server.requests
    assert status.ok
    assert request.content == b'{"formid":"SAL_SaleOrder","data":{"Numbers":["2611220001"]}}'
    assert request.headers["X-Kd-Signature"] == (
        "NDNjNTgwZGJlM2I2ZjlmNzk0YzE2NmU3YjE0OWEzNWNmYWMxYTAzODQxY2U4NjY3MWU0MGNjZGE4ZWQ5NDFiMQ=="
    )
    assert request.url.path == "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Submit.common.kdsvc"


async def test_a_login_is_made_once_and_its_session_sent_along() -> None:
    server = Server({"LoginResultType": 1, "KDSVCSessionId": "s1"}, DONE, DONE)
    client = a_client(server, "app_secret")
    await client.write("Save", BODY)
    await client.write("Submit", BODY)
    assert server.called == ["LoginByAppSecret", "Save", "Submit"]
    assert json.loads(server.requests[0].content) == {
        "acctID": "5f0000000000ab",
        "username": "lemai_api",
        "appId": "204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "appSecret": SECRET,
        "lcid": 2052,
    }
    assert [request.headers.get("kdservice-sessionid") for request in server.requests] == [None, "s1", "s1"]


async def test_a_lost_session_is_renewed_once() -> None:
    server = Server(
        {"LoginResultType": 1, "KDSVCSessionId": "s1"}, LOST, {"LoginResultType": 1, "KDSVCSessionId": "s2"}, DONE
    )
    assert (await a_client(server, "app_secret").write("Save", BODY)).ok
    assert server.called == ["LoginByAppSecret", "Save", "LoginByAppSecret", "Save"]


async def test_refused_credentials_are_not_tried_again_for_five_minutes() -> None:
    server = Server(LOST, LOST, DONE)
    clock = Clock()
    client = K3Client(ACCOUNT, httpx.AsyncClient(transport=httpx.MockTransport(server)), clock)
    for _ in range(3):
        with pytest.raises(LoggedOut):
            await client.write("Save", BODY)
    assert server.called == ["Save", "Save"]
    clock.now += timedelta(minutes=5)
    assert (await client.write("Save", BODY)).ok


async def test_a_refused_login_tells_the_reason_without_the_secret() -> None:
    server = Server({"LoginResultType": 0, "Message": "用户名或密码错误"})
    with pytest.raises(LoggedOut, match="用户名或密码错误") as caught:
        await a_client(server, "app_secret").write("Save", BODY)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500, text="saved, then fell over"),
        httpx.Response(404),
        httpx.Response(200, text="response_error:{}"),
        httpx.Response(200, text="<html>"),
        {"no": "status"},
    ],
)
async def test_what_may_have_arrived_is_not_called_failed(answer: Any) -> None:
    with pytest.raises(Unanswered):
        await a_client(Server(answer)).write("Save", BODY)


async def test_what_never_left_is_told_apart() -> None:
    with pytest.raises(NotSent):
        await a_client(Server(httpx.ConnectError("refused"))).write("Save", BODY)


async def test_a_query_is_paged_by_its_caller_and_keeps_decimals() -> None:
    server = Server(httpx.Response(206, text='[["2611220001", 2.5000000000, null]]'))
    rows = await a_client(server).query(Query("SAL_OUTSTOCK", ("FBillNo", "FRealQty", "FLot.FNumber"), "", "FID", 9))
    assert rows == [["2611220001", Decimal("2.5000000000"), None]]
    assert json.loads(server.requests[0].content)["data"] == {
        "FormId": "SAL_OUTSTOCK",
        "FieldKeys": "FBillNo,FRealQty,FLot.FNumber",
        "FilterString": "",
        "OrderString": "FID",
        "TopRowCount": 0,
        "StartRow": 0,
        "Limit": 9,
        "SubSystemId": "",
    }


async def test_an_error_in_place_of_rows_is_an_error() -> None:
    failed = {"ResponseStatus": {"IsSuccess": False, "MsgCode": 4, "Errors": [{"Message": "字段不存在"}]}}
    with pytest.raises(QueryRefused, match="MsgCode 4: 字段不存在"):
        await a_client(Server([[{"Result": failed}]])).query(Query("X", ("FID",), "", "FID", 9))


async def test_rows_that_talk_of_sessions_are_rows() -> None:
    server = Server([["会话信息已丢失", "response_error:"]])
    assert await a_client(server).query(Query("X", ("FNote", "FNote2"), "", "FID", 9)) == [
        ["会话信息已丢失", "response_error:"]
    ]


async def test_secrets_are_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Server({"LoginResultType": 1, "KDSVCSessionId": "s1"}, httpx.ReadTimeout("slow"))
    with pytest.raises(Unanswered) as caught:
        await a_client(server, "app_secret").write("Save", BODY)
    assert SECRET not in str(caught.value) + caplog.text


def test_quotes_in_filters_are_doubled() -> None:
    assert quoted("O'Brien' or '1'='1") == "'O''Brien'' or ''1''=''1'"

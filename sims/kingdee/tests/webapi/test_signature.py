"""Who may call: the vector of the reference, header by header, and sessions."""

from datetime import UTC, datetime

import httpx
import pytest
from k3_client import ACCOUNT, K3, Clock, refused_rows

from sim_kingdee.webapi.signature import Account, api_signature, app_signature, client_secret, is_signed

QUERY = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.ExecuteBillQuery.common.kdsvc"
SAVE = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Save.common.kdsvc"
SIGNED_AT_S = 1_700_000_000
VECTOR = {
    "x-api-clientid": "204399",
    "x-api-auth-version": "2.0",
    "x-api-timestamp": "1700000000",
    "x-api-nonce": "1700000000",
    "x-api-signheaders": "x-api-timestamp,x-api-nonce",
    "x-api-signature": ("NzI2MjZlOGJiNjBiYTJkYzM3NTU3NTI0ZGE3YWY4MDhmMDNhMmZmOTc0ZGI4ZWJiYjg0NWFiYWFiNzIwZTczNg=="),
    "x-kd-appkey": ACCOUNT.app_id,
    "x-kd-appdata": "NWYwMDAwMDAwMDAwYWIsbGVtYWlfYXBpLDIwNTIsMTAw",
    "x-kd-signature": ("NDNjNTgwZGJlM2I2ZjlmNzk0YzE2NmU3YjE0OWEzNWNmYWMxYTAzODQxY2U4NjY3MWU0MGNjZGE4ZWQ5NDFiMQ=="),
}
STOCK = {"data": {"FormId": "STK_Inventory", "FieldKeys": "FQty"}}


def signed(path: str, at_s: int = SIGNED_AT_S) -> dict[str, str]:
    """The vector's headers for another path and time."""
    signature = api_signature(ACCOUNT.app_id, path, str(at_s), str(at_s))
    return VECTOR | {"x-api-timestamp": str(at_s), "x-api-nonce": str(at_s), "x-api-signature": signature}


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.fromtimestamp(SIGNED_AT_S, UTC))


def test_the_vector_of_the_reference_is_reproduced() -> None:
    assert client_secret(ACCOUNT.app_id) == "MDE3N2I2PzBrPzg4OD45N3IhK3B1InIk"
    assert api_signature(ACCOUNT.app_id, SAVE, "1700000000", "1700000000") == VECTOR["x-api-signature"]
    app_data = "5f0000000000ab,lemai_api,2052,100"
    assert app_signature(ACCOUNT.app_id, ACCOUNT.app_secret, app_data) == VECTOR["x-kd-signature"]
    assert is_signed(VECTOR, SAVE, ACCOUNT, SIGNED_AT_S)


def test_an_application_id_of_another_form_hides_no_secret() -> None:
    assert client_secret("204399_short") == ""


@pytest.mark.parametrize("name", sorted(VECTOR))
def test_every_header_counts(name: str) -> None:
    assert not is_signed(VECTOR | {name: VECTOR[name] + "9"}, SAVE, ACCOUNT, SIGNED_AT_S)
    assert not is_signed({key: value for key, value in VECTOR.items() if key != name}, SAVE, ACCOUNT, SIGNED_AT_S)


def test_the_path_is_signed() -> None:
    assert not is_signed(VECTOR, QUERY, ACCOUNT, SIGNED_AT_S)


def test_another_secret_refuses_what_was_signed() -> None:
    other = Account(ACCOUNT.acct_id, ACCOUNT.user, ACCOUNT.app_id, "f" * 32)

    assert not is_signed(VECTOR, SAVE, other, SIGNED_AT_S)


@pytest.mark.parametrize(("off_s", "is_taken"), [(86_400, True), (-86_400, True), (86_401, False), (-86_401, False)])
def test_clocks_may_differ_by_a_day(off_s: int, is_taken: bool) -> None:
    assert is_signed(VECTOR, SAVE, ACCOUNT, SIGNED_AT_S + off_s) is is_taken


async def test_a_signed_call_is_served_and_given_a_session(http: httpx.AsyncClient) -> None:
    answer = await http.post(QUERY, json=STOCK, headers=signed(QUERY))

    session = answer.headers["kdservice-sessionid"]
    assert answer.json() == [[100], [100]]
    assert answer.cookies["kdservice-sessionid"] == session
    http.cookies.clear()
    again = await http.post(QUERY, json=STOCK, headers={"kdservice-sessionid": session})
    assert again.json() == [[100], [100]]


async def test_without_session_or_signature_the_context_is_lost(http: httpx.AsyncClient) -> None:
    assert refused_rows((await http.post(QUERY, json=STOCK)).json()) == (1, "")
    assert refused_rows((await http.post(QUERY, json=STOCK, headers={"kdservice-sessionid": "stale"})).json()) == (
        1,
        "",
    )


async def test_a_stale_session_is_replaced_when_the_signature_is_good(http: httpx.AsyncClient) -> None:
    answer = await http.post(QUERY, json=STOCK, headers=signed(QUERY) | {"kdservice-sessionid": "stale"})

    assert answer.json() == [[100], [100]]
    assert answer.headers["kdservice-sessionid"] != "stale"


async def test_another_data_centre_breaks_the_call(http: httpx.AsyncClient) -> None:
    # 5f0000000000ac,lemai_api,2052,100
    app_data = "NWYwMDAwMDAwMDAwYWMsbGVtYWlfYXBpLDIwNTIsMTAw"

    answer = await http.post(QUERY, json=STOCK, headers=signed(QUERY) | {"x-kd-appdata": app_data})

    assert (answer.status_code, answer.text[:15]) == (500, "response_error:")


LOGIN = [ACCOUNT.acct_id, ACCOUNT.user, ACCOUNT.app_id, ACCOUNT.app_secret, 2052]
NAMES = ("acctID", "username", "appId", "appSecret", "lcid")


@pytest.mark.parametrize(
    "body",
    [
        LOGIN,
        dict(zip(NAMES, LOGIN, strict=True)),
        {"parameters": LOGIN},
        {
            "format": 1,
            "parameters": (
                '["5f0000000000ab","lemai_api","204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",'
                '"0123456789abcdef0123456789abcdef",2052]'
            ),
        },
    ],
)
async def test_a_login_by_secret_opens_a_session(http: httpx.AsyncClient, body: object) -> None:
    k3 = K3(http)

    answer = (await k3.post("LoginByAppSecret", body)).json()

    assert (answer["LoginResultType"], answer["IsSuccessByAPI"]) == (1, True)
    assert http.cookies["kdservice-sessionid"] == answer["KDSVCSessionId"] == answer["Context"]["SessionId"]
    assert await k3.query("STK_Inventory", "FQty") == [[100], [100]]


@pytest.mark.parametrize("place", [1, 2, 3, 4])
async def test_a_wrong_login_is_told_and_opens_nothing(http: httpx.AsyncClient, place: int) -> None:
    body = [*LOGIN[:place], "9", *LOGIN[place + 1 :]]

    answer = (await K3(http).post("LoginByAppSecret", body)).json()

    assert (answer["LoginResultType"], answer["KDSVCSessionId"], answer["Context"]) == (0, "", None)
    assert not http.cookies


async def test_a_login_to_another_data_centre_breaks(http: httpx.AsyncClient) -> None:
    assert (await K3(http).post("LoginByAppSecret", ["5f", *LOGIN[1:]])).status_code == 500

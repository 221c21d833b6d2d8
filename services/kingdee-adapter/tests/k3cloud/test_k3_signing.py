"""The vector of the reference §3.3, made by running Kingdee's SDK with its clock held at 1700000000."""

from kingdee_adapter.k3cloud.signing import Account, client_secret, signature_headers

ACCOUNT = Account(
    url="http://erp.example.com/k3cloud/",
    acct_id="5f0000000000ab",
    user="lemai_api",
    app_id="204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    app_secret="0123456789abcdef0123456789abcdef",
    org="100",
)
SAVE = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Save.common.kdsvc"


def test_the_app_id_hides_the_client_secret() -> None:
    assert client_secret(ACCOUNT.app_id) == "MDE3N2I2PzBrPzg4OD45N3IhK3B1InIk"


def test_an_app_id_of_another_length_hides_none() -> None:
    assert client_secret("204399_short") == ""


def test_headers_are_those_of_the_sdk() -> None:
    assert signature_headers(ACCOUNT, SAVE, 1700000000) == {
        "X-Api-ClientID": "204399",
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": "1700000000",
        "x-api-nonce": "1700000000",
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": ("NzI2MjZlOGJiNjBiYTJkYzM3NTU3NTI0ZGE3YWY4MDhmMDNhMmZmOTc0ZGI4ZWJiYjg0NWFiYWFiNzIwZTczNg=="),
        "X-Kd-Appkey": "204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "X-Kd-Appdata": "NWYwMDAwMDAwMDAwYWIsbGVtYWlfYXBpLDIwNTIsMTAw",
        "X-Kd-Signature": ("NDNjNTgwZGJlM2I2ZjlmNzk0YzE2NmU3YjE0OWEzNWNmYWMxYTAzODQxY2U4NjY3MWU0MGNjZGE4ZWQ5NDFiMQ=="),
    }


def test_an_account_shows_no_secret() -> None:
    assert ACCOUNT.app_secret not in repr(ACCOUNT)

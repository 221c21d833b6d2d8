"""The vectors of the marketplace reference §1.3, made by running three SDKs."""

import pytest

from lemai_marketplace_top.signing import sign

TOP_A = {
    "app_key": "12345678",
    "fields": "num_iid,title,nick,price,num",
    "format": "json",
    "method": "taobao.item.seller.get",
    "num_iid": "11223344",
    "session": "test",
    "timestamp": "2016-01-01 12:00:00",
    "v": "2.0",
}
TOP_B = {
    "app_key": "12345678",
    "end_modified": "2026-01-15 09:30:00",
    "fields": "tid,status,modified,oaid,orders",
    "format": "json",
    "method": "taobao.trades.sold.increment.get",
    "page_no": "1",
    "page_size": "50",
    "session": "6100test0000session",
    "start_modified": "2026-01-15 09:00:00",
    "timestamp": "2026-01-15 09:30:00",
    "use_has_next": "true",
    "v": "2.0",
}
TOP_C = {
    "app_key": "12345678",
    "format": "json",
    "method": "taobao.refund.refuse",
    "refund_id": "10086001",
    "refund_phase": "onsale",
    "refund_version": "1768440665000",
    "refuse_message": "商品已发出，请拒收",
    "session": "6100test0000session",
    "timestamp": "2026-01-15 09:31:05",
    "v": "2.0",
}
SECRET_A, SECRET_BC = "helloworld", "sandbox0123456789abcdef0123456789"


@pytest.mark.parametrize(
    ("params", "secret", "sign_method", "expected"),
    [
        (TOP_A, SECRET_A, "md5", "66987CB115214E59E6EC978214934FB8"),
        (TOP_A, SECRET_A, "hmac", "D56D7858309C31B6251083A874D48273"),
        (TOP_A, SECRET_A, "hmac-sha256", "04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8"),
        (TOP_B, SECRET_BC, "md5", "E52C208122EDA22778CA78ED8E06FB7A"),
        (TOP_C, SECRET_BC, "md5", "B3FE85DD957E01285D64CA189A1D5038"),
        (TOP_C, SECRET_BC, "hmac", "C9F28751FFA3992E8F81DBFC94906792"),
    ],
)
def test_published_inputs_give_the_published_signature(
    params: dict[str, str], secret: str, sign_method: str, expected: str
) -> None:
    assert sign(params | {"sign_method": sign_method}, secret) == expected


def test_an_unknown_sign_method_is_an_error() -> None:
    with pytest.raises(ValueError, match="sha1"):
        sign({"sign_method": "sha1"}, "secret")

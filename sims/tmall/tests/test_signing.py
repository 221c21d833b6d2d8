"""TOP signatures, against values that the public SDKs computed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_tmall.signing import SIGN_METHODS, is_signed, signature

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
SECRET_A, SECRET_B = "helloworld", "sandbox0123456789abcdef0123456789"


@pytest.mark.parametrize(
    ("parameters", "secret", "sign_method", "expected"),
    [
        (TOP_A, SECRET_A, "md5", "66987CB115214E59E6EC978214934FB8"),
        (TOP_A, SECRET_A, "hmac", "D56D7858309C31B6251083A874D48273"),
        (TOP_A, SECRET_A, "hmac-sha256", "04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8"),
        (TOP_B, SECRET_B, "md5", "E52C208122EDA22778CA78ED8E06FB7A"),
        (TOP_C, SECRET_B, "md5", "B3FE85DD957E01285D64CA189A1D5038"),
        (TOP_C, SECRET_B, "hmac", "C9F28751FFA3992E8F81DBFC94906792"),
    ],
)
def test_signature_equals_the_sdks(parameters: dict[str, str], secret: str, sign_method: str, expected: str) -> None:
    # The vectors fix `sign_method=md5` among the signed parameters; the other forms sign their own name.
    signed = {**parameters, "sign_method": sign_method}
    assert signature(signed, secret, sign_method) == expected


@given(st.sampled_from(sorted(SIGN_METHODS)), st.sampled_from(sorted(TOP_B)), st.text(min_size=1))
def test_any_changed_value_breaks_the_signature(sign_method: str, name: str, value: str) -> None:
    signed = {**TOP_B, "sign": signature(TOP_B, SECRET_B, sign_method)}
    assert is_signed(signed, SECRET_B, sign_method)
    assert is_signed({**signed, name: value}, SECRET_B, sign_method) == (value == TOP_B[name])


def test_lower_case_signature_is_refused() -> None:
    assert not is_signed({**TOP_B, "sign": signature(TOP_B, SECRET_B, "md5").lower()}, SECRET_B, "md5")

"""The gateway's checks and their order."""

import time
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest

ASK = {"method": "taobao.user.seller.get", "fields": "nick"}


async def error(tmall: "Tmall", parameters: dict[str, str]) -> tuple[int, str]:
    reply = await tmall.http.post("/router/rest", data={"format": "json", **parameters})
    body = reply.json()["error_response"]
    assert reply.status_code == 200
    assert body["request_id"]
    return body["code"], body.get("sub_code", "")


async def test_missing_system_parameters_come_in_the_platforms_order(tmall: "Tmall") -> None:
    complete = tmall.sign(tmall.system("no.such.method"))
    given: dict[str, str] = {}
    for name, code in [("method", 21), ("app_key", 28), ("timestamp", 30), ("v", 32), ("sign", 24)]:
        assert (await error(tmall, given))[0] == code
        given[name] = "wrong" if name != "v" else complete["v"]
    assert await error(tmall, given) == (40, "isv.missing-parameter:sign_method")


async def test_missing_comes_before_invalid_and_signature_before_method(tmall: "Tmall") -> None:
    call = tmall.system("no.such.method") | {"session": "wrong"}
    assert (await error(tmall, tmall.sign({**call, "v": "1.0"})))[0] == 33
    assert (await error(tmall, tmall.sign({**call, "app_key": "1"})))[0] == 29
    assert (await error(tmall, {**tmall.sign(call), "sign": "0" * 32}))[0] == 25
    assert (await error(tmall, tmall.sign(call)))[0] == 22
    call["method"] = "taobao.trade.fullinfo.get"
    assert (await error(tmall, tmall.sign(call)))[0] == 27
    call.pop("session")
    assert (await error(tmall, tmall.sign(call)))[0] == 26
    call["session"] = tmall.seller.session
    assert await error(tmall, tmall.sign({**call, "tid": "x"})) == (40, "isv.missing-parameter:fields")
    assert await error(tmall, tmall.sign({**call, "tid": "x", "fields": "tid"})) == (41, "isv.invalid-parameter:tid")


@pytest.mark.parametrize(("offset", "code"), [(-595, 0), (595, 0), (-605, 31), (605, 31), (-8 * 3600, 31)])
@pytest.mark.parametrize("as_millis", [False, True])
async def test_both_timestamp_forms_may_be_ten_minutes_off(
    tmall: "Tmall", offset: int, code: int, as_millis: bool
) -> None:
    moment = time.time() + offset
    timestamp = str(int(moment * 1000)) if as_millis else tmall.wall(moment)
    reply = (await tmall.send(tmall.system(**ASK) | {"timestamp": timestamp})).json()
    assert reply.get("error_response", {"code": 0})["code"] == code


async def test_query_and_body_are_merged_before_the_signature(tmall: "Tmall") -> None:
    signed = tmall.sign(tmall.system(**ASK))
    query = {name: signed.pop(name) for name in ("app_key", "method", "sign", "timestamp")}
    posted = await tmall.http.post("/router/rest", params=query, data=signed)
    assert posted.json()["user_seller_get_response"]["user"] == {"nick": "旗舰店"}
    got = await tmall.http.get("/router/rest", params={**query, **signed})
    assert got.json()["user_seller_get_response"]["user"] == {"nick": "旗舰店"}


async def test_file_parts_are_not_signed(tmall: "Tmall") -> None:
    signed = tmall.sign(tmall.system(**ASK))
    reply = await tmall.http.post("/router/rest", data=signed, files={"refuse_proof": b"\x89PNG"})
    assert "user_seller_get_response" in reply.json()


async def test_a_parameter_sent_twice_is_refused(tmall: "Tmall") -> None:
    signed = tmall.sign(tmall.system(**ASK))
    reply = await tmall.http.post("/router/rest", params={"fields": "nick", "format": "json"}, data=signed)
    assert "isv.invalid-parameter:" in reply.text


async def test_empty_and_unknown_parameters_are_refused(tmall: "Tmall") -> None:
    assert await tmall.refusal(**ASK, partner_id="") == (41, "isv.invalid-parameter:partner_id")
    assert await tmall.refusal(**ASK, page_num="1") == (41, "isv.invalid-parameter:page_num")


async def test_signed_text_is_utf8(tmall: "Tmall") -> None:
    assert await tmall.refusal("taobao.user.seller.get", fields="昵称") == (41, "isv.invalid-parameter:fields")
    reply = await tmall.http.post(
        "/router/rest", content=b"fields=%B1%B1", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert "<code>47</code>" in reply.text


async def test_xml_is_the_default(tmall: "Tmall") -> None:
    parameters = tmall.system(**ASK)
    del parameters["format"]
    reply = await tmall.send(parameters)
    assert reply.headers["content-type"] == "text/xml;charset=UTF-8"
    root = ET.fromstring(reply.text)
    assert (root.tag, root.findtext("user/nick")) == ("user_seller_get_response", "旗舰店")


async def test_simplify_drops_the_root(tmall: "Tmall") -> None:
    reply = (await tmall.send(tmall.system(**ASK, simplify="true"))).json()
    assert reply["user"] == {"nick": "旗舰店"}


async def test_other_verbs_and_formats_are_refused(tmall: "Tmall") -> None:
    assert "<code>9</code>" in (await tmall.http.put("/router/rest")).text
    assert "<code>23</code>" in (await tmall.send(tmall.system(**ASK) | {"format": "yaml"})).text


async def test_a_session_works_with_its_own_app_only(tmall: "Tmall") -> None:
    other = {"app_key": "other", "app_secret": tmall.seller.app_secret, "session": "s2", "nick": "另一店"}
    await tmall.post("/sellers", other)
    mixed = await tmall.send(tmall.system(**ASK) | {"app_key": "other"})
    assert mixed.json()["error_response"]["code"] == 27
    own = await tmall.send(tmall.system(**ASK) | {"app_key": "other", "session": "s2"})
    assert own.json()["user_seller_get_response"]["user"] == {"nick": "另一店"}


async def test_the_date_header_is_the_platforms_clock(tmall: "Tmall") -> None:
    await tmall.post("/clock", {"skew_seconds": 660})
    refused = await tmall.send(tmall.system(**ASK))
    assert refused.json()["error_response"]["code"] == 31
    platform = time.mktime(time.strptime(refused.headers["date"], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert 655 <= platform - time.time() <= 665
    corrected = await tmall.send(tmall.system(**ASK) | {"timestamp": tmall.wall(platform)})
    assert "user_seller_get_response" in corrected.json()

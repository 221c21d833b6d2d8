"""The three spellings of one reply."""

import pytest

from sim_tmall.envelope import render, root_name

BODY: dict[str, object] = {
    "total_results": 1,
    "trades": {"trade": [{"tid": 2600000000000000001, "title": 'A&B <"旗舰店">', "orders": {"order": [{"ok": True}]}}]},
    "request_id": "r1",
}


@pytest.mark.parametrize(
    ("method", "root"),
    [
        ("taobao.trades.sold.increment.get", "trades_sold_increment_get_response"),
        ("tmall.item.quantity.update", "tmall_item_quantity_update_response"),
        ("alibaba.ascp.logistics.offline.send", "alibaba_ascp_logistics_offline_send_response"),
    ],
)
def test_root_drops_the_taobao_prefix_only(method: str, root: str) -> None:
    assert root_name(method) == root


def test_json_wraps_lists_twice_and_keeps_ids_exact() -> None:
    assert render("r", BODY, form="json", simplify=False).decode() == (
        '{"r":{"total_results":1,"trades":{"trade":[{"tid":2600000000000000001,'
        '"title":"A&B <\\"旗舰店\\">","orders":{"order":[{"ok":true}]}}]},"request_id":"r1"}}'
    )


def test_simplified_json_has_neither_root_nor_list_wrappers() -> None:
    assert render("r", BODY, form="json", simplify=True).decode() == (
        '{"total_results":1,"trades":[{"tid":2600000000000000001,'
        '"title":"A&B <\\"旗舰店\\">","orders":[{"ok":true}]}],"request_id":"r1"}'
    )


def test_simplified_errors_keep_their_root() -> None:
    assert render("error_response", {"code": 27}, form="json", simplify=True) == b'{"error_response":{"code":27}}'


def test_xml_escapes_text_and_ignores_simplify() -> None:
    assert render("r", BODY, form="xml", simplify=True).decode() == (
        '<?xml version="1.0" encoding="utf-8" ?><r><total_results>1</total_results><trades list="true"><trade>'
        '<tid>2600000000000000001</tid><title>A&amp;B &lt;"旗舰店"&gt;</title>'
        '<orders list="true"><order><ok>true</ok></order></orders></trade></trades><request_id>r1</request_id></r>'
    )

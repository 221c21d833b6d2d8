from collections.abc import Callable

import pytest

from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.encodings.routing import has_upper_suffix, route, split_order_no
from lemai_docking.faults import BadValue
from lemai_docking.testing.docking import reseal

SHIP = ("ship_result", "supplier_return_result")
RECV = ("receipt_result", "sales_return_result")


@pytest.mark.parametrize(
    ("order_no", "base", "suffix"),
    [
        ("2611220001", "2611220001", ""),
        ("2611220001-gt", "2611220001", "gt"),
        ("114-1234567-1234567", "114-1234567-1234567", ""),
        ("114-1234567-1234567-t", "114-1234567-1234567", "t"),
        ("2611220001_2-t", "2611220001_2", "t"),
        ("X-C", "X-C", ""),
        ("7", "7", ""),
    ],
)
def test_the_suffix_is_the_last_part_in_lower_case(order_no: str, base: str, suffix: str) -> None:
    assert split_order_no(order_no) == (base, suffix)
    assert has_upper_suffix(order_no) == (order_no == "X-C")


@pytest.mark.parametrize("order_no", ["-c", "X-", "", "26 11", "单号", "2611220001-t\n"])
def test_what_is_no_order_number_is_refused(order_no: str) -> None:
    with pytest.raises(BadValue) as bad:
        split_order_no(order_no)

    assert bad.value.code == "E_FIELD"


@pytest.mark.parametrize(
    ("candidates", "order_type", "order_no", "interfaces"),
    [
        (SHIP, "SALE", "1", ["ship_result"]),
        (SHIP, "EXCHANGE", "1-h", ["ship_result"]),
        (SHIP, "RESEND", "1-b", ["ship_result"]),
        (SHIP, "ADJUST", "1-v", ["ship_result"]),
        (SHIP, "SUPPLIER_RETURN", "1-gt", ["supplier_return_result"]),
        (RECV, "PURCHASE", "1-c", ["receipt_result"]),
        (RECV, "ADJUST", "1-v", ["receipt_result"]),
        (RECV, "RETURN", "1-t", ["sales_return_result"]),
        (RECV, "EXCHANGE", "1-h", ["sales_return_result"]),
        (RECV, "RETURN", "UNANNOUNCED7", ["sales_return_result"]),
        (SHIP, "JYCK", "1-gt", ["supplier_return_result"]),
        (RECV, "", "1-c", ["receipt_result"]),
        (RECV, "", "1", ["receipt_result", "sales_return_result"]),
    ],
)
def test_kind_and_suffix_decide(
    candidates: tuple[str, ...], order_type: str, order_no: str, interfaces: list[str]
) -> None:
    allowed = route([layouts()[interface] for interface in candidates], order_type, order_no)

    assert [layout.interface for layout in allowed] == interfaces


@pytest.mark.parametrize(
    ("candidates", "order_type", "order_no"),
    [
        (SHIP, "SALE", "1-gt"),
        (SHIP, "SALE", "1-h"),
        (SHIP, "SUPPLIER_RETURN", "1"),
        (SHIP, "SALE", "1-t"),
        (RECV, "PURCHASE", "1-t"),
        (RECV, "RETURN", "1-c"),
        (RECV, "RETURN", "1-gt"),
    ],
)
def test_kind_and_suffix_that_disagree_are_held(candidates: tuple[str, ...], order_type: str, order_no: str) -> None:
    with pytest.raises(BadValue) as bad:
        route([layouts()[interface] for interface in candidates], order_type, order_no)

    assert bad.value.code == "E_ROUTE"


def test_one_file_may_mix_interfaces_and_the_document_outranks_the_header(
    profile: Profile,
    sample: Callable[[str], bytes],
) -> None:
    name = "SHIP-20261125110300.shupl"
    data = sample(name)
    sale = data[data.index(b"\nO\t") + 1 : data.rindex(b"TRL")].replace(b"2611220005-gt", b"2611220008")
    sale = sale.replace(b"SUPPLIER_RETURN", b"SALE").replace(b"VEN0007", b"")
    mixed = reseal(data.replace(b"\nTRL", b"\n" + sale + b"TRL"), (2, 4, 8, 44))

    decoded = codec_of(profile).decode(name, mixed)

    assert decoded.rejected == []
    assert [(document.interface, document.order_no) for document in decoded.documents] == [
        ("supplier_return_result", "2611220005-gt"),
        ("ship_result", "2611220008"),
    ]
    assert [(warning.code, warning.line) for warning in decoded.warnings] == [("W_ROUTE", 7)]

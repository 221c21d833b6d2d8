import pytest

from lemai_marketplace.errors import InvalidRequest
from lemai_marketplace_top.carriers import CARRIERS, code_of, company_code, normal


@pytest.mark.parametrize(
    ("carrier", "waybill", "expected"),
    [
        ("SF", "SF1400123456789", "SF"),
        ("SF", "444012345678", "SF"),
        ("YTO", "YT8812345678901", "YTO"),
        ("ZTO", "75123456789012", "ZTO"),
        ("STO", "773012345678901", "STO"),
        ("YUNDA", "432012345678901", "YUNDA"),
        ("EMS", "EA123456789CN", "EMS"),
        ("POSTB", "9812345678901", "POSTB"),
        ("BEST", "55123456789012", "HTKY"),
        ("TTK", "667012345678", "TTKDEX"),
        ("JD", "JDVA12345678901-1-1-", "JD"),
        ("DBL", "DPK3600012345", "DBL"),
    ],
)
def test_our_carrier_is_the_platforms_and_takes_its_waybills(carrier: str, waybill: str, expected: str) -> None:
    assert company_code(carrier, waybill) == expected


@pytest.mark.parametrize("waybill", ["", "SF14001", "SF1400123456789 ", "SF1400123456789\n", "sf1400123456789"])
def test_a_mistyped_waybill_is_refused(waybill: str) -> None:
    with pytest.raises(InvalidRequest, match="顺丰速运 没有") as caught:
        company_code("SF", waybill)
    assert caught.value.code == "waybill"


def test_an_unknown_carrier_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match=r"DHL.*SF, YTO") as caught:
        company_code("DHL", "1")
    assert caught.value.code == "carrier"


def test_the_platforms_names_lead_back_to_our_codes() -> None:
    assert {code_of(name) for carrier in CARRIERS.values() for name in carrier.names} == set(CARRIERS)
    assert code_of("某同城快送") == "某同城快送"


def test_a_carrier_that_the_site_names_goes_on_by_that_name_and_the_platform_judges_its_waybills() -> None:
    assert company_code("JT", "JT0001112223334", company="JTSD") == "JTSD"
    assert company_code("BEST", "anything", company="BESTQJT") == "BESTQJT"


def test_a_waybill_is_written_as_the_platform_writes_it() -> None:
    assert normal(" sf1400123456789\n") == "SF1400123456789"


@pytest.mark.parametrize("two", ["SF1400123456789 SF1400123456790", "SF1,SF2", "SF1、SF2", "SF1/SF2", "SF1；SF2"])
def test_two_waybills_in_one_field_are_refused_with_what_to_do(two: str) -> None:
    with pytest.raises(InvalidRequest, match=r"一栏只能填一个.*a field takes one, correct it") as caught:
        normal(two)
    assert caught.value.code == "waybill"

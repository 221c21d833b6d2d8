"""Our carrier codes and TOP's, from `carriers.toml`."""

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files

from lemai_marketplace.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Carrier:
    """One carrier: our code, TOP's, the names TOP shows, the form of its waybills."""

    code: str
    company_code: str
    names: tuple[str, ...]
    waybill: re.Pattern[str]


def _table() -> dict[str, Carrier]:
    text = files("lemai_marketplace_top").joinpath("carriers.toml").read_text(encoding="utf-8")
    return {
        code: Carrier(code, row["company_code"], tuple(row["names"]), re.compile(row["waybill"]))
        for code, row in tomllib.loads(text).items()
    }


CARRIERS = _table()
_SEPARATOR = re.compile(r"[\s,;/|、，；+]")
_CODES = {name: carrier.code for carrier in CARRIERS.values() for name in carrier.names}


def normal(waybill: str) -> str:
    """The waybill as TOP writes it. Raises InvalidRequest for two in one field."""
    written = waybill.strip().upper()
    if _SEPARATOR.search(written):
        raise InvalidRequest(
            f"{waybill!r} 不是一个运单号，一栏只能填一个，请更正后重发 / "
            f"{waybill!r} is not one waybill: a field takes one, correct it and send it again",
            code="waybill",
        )
    return written


def company_code(carrier: str, waybill: str, company: str = "") -> str:
    """TOP's code for our `carrier`, or `company` where the site names it.

    Raises InvalidRequest if TOP has none or `waybill` cannot be the carrier's; those of a carrier that only the site
    knows are TOP's to judge.
    """
    known = CARRIERS.get(carrier)
    if company and (known is None or company != known.company_code):
        return company
    if known is None:
        codes = ", ".join(CARRIERS)
        raise InvalidRequest(
            f"平台没有承运商 {carrier!r}，可用：{codes} / the platform has no carrier {carrier!r}, it has: {codes}",
            code="carrier",
        )
    if not known.waybill.fullmatch(waybill):
        raise InvalidRequest(
            f"{known.names[0]} 没有 {waybill!r} 这样的运单号 / {carrier} has no waybills like {waybill!r}",
            code="waybill",
        )
    return known.company_code


def code_of(name: str) -> str:
    """Our code for the carrier TOP shows as `name`; the name itself if we do not know it."""
    return _CODES.get(name, name)

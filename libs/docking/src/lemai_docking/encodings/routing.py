"""Order numbers, and which interface a document belongs to when two share a file name."""

import re
from collections.abc import Sequence

from lemai_docking.definitions.layout import Layout
from lemai_docking.faults import BadValue

SUFFIXES = {
    "SALE": "",
    "PURCHASE": "c",
    "RETURN": "t",
    "EXCHANGE": "h",
    "RESEND": "b",
    "SUPPLIER_RETURN": "gt",
    "ADJUST": "v",
}
_ORDER_NO = re.compile(r"([0-9A-Za-z](?:[0-9A-Za-z_-]*?[0-9A-Za-z])??)(?:-(gt|[cthbv]))?")
_UPPER_SUFFIX = re.compile(r".*-(?:GT|Gt|gT|[CTHBV])")


def split_order_no(order_no: str) -> tuple[str, str]:
    """Base and suffix ("" for none). Raises BadValue E_FIELD for what is no order number."""
    found = _ORDER_NO.fullmatch(order_no)
    if not found:
        raise BadValue("E_FIELD", "单号[-c|-t|-h|-b|-gt|-v]")
    return found[1], found[2] or ""


def has_upper_suffix(order_no: str) -> bool:
    """Whether the number ends in what would be a suffix in lower case."""
    return _UPPER_SUFFIX.fullmatch(order_no) is not None


def route(candidates: Sequence[Layout], order_type: str, order_no: str) -> Sequence[Layout]:
    """The candidates that order kind and number suffix both allow, never none.

    An unknown kind has no say here (its field is refused anyway), nor has a missing suffix where no
    candidate carries unsuffixed orders: a warehouse numbers an unannounced parcel as it likes.
    Raises BadValue E_ROUTE when kind and suffix disagree, E_FIELD for a malformed number.
    """
    _, suffix = split_order_no(order_no)
    kinds = [(layout, kind) for layout in candidates for kind in layout.kinds]
    by_kind = [pair for pair in kinds if pair[1] == order_type] or kinds
    suffix_speaks = suffix or any(not SUFFIXES[kind] for _, kind in kinds)
    allowed = [layout for layout, kind in by_kind if SUFFIXES[kind] == suffix or not suffix_speaks]
    if not allowed:
        raise BadValue("E_ROUTE", " | ".join(f"{kind}: -{SUFFIXES[kind]}".rstrip("-") for _, kind in by_kind))
    return list({layout.interface: layout for layout in allowed}.values())

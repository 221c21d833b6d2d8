"""Carriers: display name and a waybill number their own check accepts."""

import hashlib

# code → (name, fixed start, number of digits after it)
_CARRIERS = {
    "SF": ("顺丰速运", "SF", 13),
    "YTO": ("圆通速递", "YT", 13),
    "ZTO": ("中通快递", "73", 12),
    "STO": ("申通快递", "77", 13),
    "YUNDA": ("韵达快递", "43", 13),
    "EMS": ("EMS", "11", 11),
    "POSTB": ("邮政快递包裹", "98", 11),
    "JD": ("京东快递", "JDV", 12),
    "JT": ("极兔速递", "JT", 13),
    "DBL": ("德邦快递", "DPK", 10),
}


def carrier_name(carrier: str) -> str:
    """Display name of a carrier; an unknown one is shown by its code."""
    return _CARRIERS[carrier][0] if carrier in _CARRIERS else carrier


def waybill(carrier: str, seed: str) -> str:
    """A waybill number of the carrier, always the same for the same seed."""
    _, start, digits = _CARRIERS.get(carrier, (carrier, carrier, 12))
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % 10**digits
    return f"{start}{number:0{digits}}"

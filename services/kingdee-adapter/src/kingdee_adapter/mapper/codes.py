"""Kingdee's words for order kinds and grades (kingdee.md §1.3 and §1.6)."""

from lemai_contracts.values import Grade, OrderKind

KINDS = {
    "SALE": OrderKind.SALES,
    "PURCHASE": OrderKind.PURCHASE,
    "RETURN": OrderKind.RETURN,
    "EXCHANGE": OrderKind.EXCHANGE,
    "RESEND": OrderKind.RESEND,
    "SUPPLIER_RETURN": OrderKind.SUPPLIER_RETURN,
    "ADJUST": OrderKind.ADJUSTMENT,
}
ORDER_TYPES = {kind: order_type for order_type, kind in KINDS.items()}
GRADES = {"ZP": Grade.GOOD, "CC": Grade.DEFECTIVE, "JS": Grade.DEFECTIVE, "XS": Grade.DEFECTIVE, "DJ": Grade.DEFECTIVE}
"""Inventory types on a shelf; only ZP can be sold. ZT is in transit, on no shelf yet."""
INVENTORY_TYPES = {Grade.GOOD: "ZP", Grade.DEFECTIVE: "CC"}

"""What an owner instructs: one case for each order kind and leg, from the contracts' examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import (
    AdjustmentInstructedV1,
    CustomerReturnInstructedV1,
    InboundInstructedV1,
    OutboundInstructedV1,
    SupplierReturnInstructedV1,
)
from lemai_contracts.values import Leg, OrderKind

Instruction: TypeAlias = (
    OutboundInstructedV1
    | SupplierReturnInstructedV1
    | InboundInstructedV1
    | CustomerReturnInstructedV1
    | AdjustmentInstructedV1
)
KINDS = tuple(OrderKind)
ITEMS = ("GB-TS-001-R-90", "GB-SH-014-B-22")


@dataclass(frozen=True)
class Owner:
    """An owner whose warehouse is run by a Kingdee of its own, reached through one channel."""

    code: str
    channel: str

    @property
    def warehouse(self) -> str:
        return f"WH-{self.code}"

    @property
    def counterpart(self) -> str:
        return f"KD-{self.code}"

    @property
    def store(self) -> str:
        return f"TM-{self.code}"

    @property
    def supplier(self) -> str:
        return f"VEN-{self.code}"


@dataclass(frozen=True)
class Case:
    """One leg of one order kind: what instructs it, and through which interfaces it goes and comes back."""

    name: str
    event: type[Instruction]
    kind: OrderKind
    leg: Leg
    suffix: str
    order_type: str
    interface: str

    def instruction(self, owner: Owner, base: str, consignee: Mapping[str, Any], **fields: Any) -> Instruction:
        """The contracts' example as an order of this owner, with other fields if told so."""
        known = example(self.event).model_dump()
        common = {
            "family": f"{owner.code}/{base}",
            "owner_code": owner.code,
            "order_no": base + self.suffix,
            "counterpart_code": owner.counterpart,
            "warehouse_code": owner.warehouse,
            "kind": self.kind,
            "leg": self.leg,
            "store_code": owner.store,
            "supplier_code": owner.supplier,
            "trade_no": f"3021456789{base}",
            "original_order_no": base if self.suffix else "",
            "consignee": consignee,
            "sender": consignee,
        }
        return self.event.model_validate(known | {k: v for k, v in common.items() if k in known} | fields)


SALES = Case("sales", OutboundInstructedV1, OrderKind.SALES, Leg.OUT, "", "SALE", "deliver_order")
CASES = (
    SALES,
    Case("resend", OutboundInstructedV1, OrderKind.RESEND, Leg.OUT, "-b", "RESEND", "deliver_order"),
    Case("exchange-in", CustomerReturnInstructedV1, OrderKind.EXCHANGE, Leg.IN, "-h", "EXCHANGE", "sales_return_order"),
    Case("exchange-out", OutboundInstructedV1, OrderKind.EXCHANGE, Leg.OUT, "-h", "EXCHANGE", "deliver_order"),
    Case("return", CustomerReturnInstructedV1, OrderKind.RETURN, Leg.IN, "-t", "RETURN", "sales_return_order"),
    Case("purchase", InboundInstructedV1, OrderKind.PURCHASE, Leg.IN, "-c", "PURCHASE", "receipt_order"),
    Case(
        "supplier-return",
        SupplierReturnInstructedV1,
        OrderKind.SUPPLIER_RETURN,
        Leg.OUT,
        "-gt",
        "SUPPLIER_RETURN",
        "supplier_return_order",
    ),
    Case("loss", AdjustmentInstructedV1, OrderKind.ADJUSTMENT, Leg.OUT, "-v", "ADJUST", "deliver_order"),
    Case("gain", AdjustmentInstructedV1, OrderKind.ADJUSTMENT, Leg.IN, "-v", "ADJUST", "receipt_order"),
)


def items(owner: Owner) -> list[ItemChangedV1]:
    """The items that the instructions name."""
    known = example(ItemChangedV1)
    return [known.model_copy(update={"owner_code": owner.code, "item_code": code}) for code in ITEMS]

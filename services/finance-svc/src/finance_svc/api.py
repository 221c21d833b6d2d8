"""Money over HTTP: what an order is owed, and the search over all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from finance_svc import storage
from finance_svc.domain import Entry, Receivable, State
from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Page, Paged
from lemai_chassis.web import FieldProblem, Problem, not_found
from lemai_contracts.values import Money

OrderNo = Annotated[str, Path(description="订单号 / order number", examples=["TM3021456789012345678"])]
OwnerCode = Annotated[
    str | None, Query(description="货主编码；订单号在货主间不唯一时必填 / owner, where a number is not unique")
]

ByFinance = Annotated[Person, needs(Role.FINANCE, by_owner=True)]


class ReceivableView(BaseModel):
    """What is owed for an order."""

    owner_code: str = Field(examples=["JFY"])
    order_no: str = Field(examples=["TM3021456789012345678"])
    kind: str = Field(examples=["sales"])
    store_code: str
    platform: str
    trade_no: str
    state: State = Field(
        description="open 未发货 nothing shipped, receivable 部分发货 partly, complete 已发完 all, cancelled 已取消"
    )
    currency: str = Field(examples=["CNY"])
    ordered: Money | None = Field(description="订单金额，用于比对 / the order's total, for comparison")
    receivable: Money = Field(description="应收：各次发货金额之和 / the sum of the shipments")


class EntryView(BaseModel):
    """One shipment's amount."""

    actual_no: str = Field(description="出库实绩 / the outbound actual")
    amount: Money = Field(description="goods + freight - discount")
    goods: Money = Field(description="本次发出的货 / the pieces that left")
    freight: Money = Field(description="整单运费，随首次发货 / of the whole order, with its first shipment")
    discount: Money = Field(description="整单优惠，随首次发货 / of the whole order, with its first shipment")
    shipped_at: datetime
    waybill_nos: list[str]
    booked_at: datetime


class OrderMoney(ReceivableView):
    entries: list[EntryView]


def router(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["receivables"])

    @routes.get("/orders/{order_no}/money")
    async def get_order_money(person: ByFinance, order_no: OrderNo, owner_code: OwnerCode = None) -> OrderMoney:
        """What an order is owed: in all, and shipment by shipment."""
        async with engine.database.connect() as connection:
            found = await storage.find_receivables(connection, order_no, owner_code)
            receivable = _only(order_no, [each for each in found if person.sees(each.owner_code)])
            entries = await storage.entries(connection, *receivable.key)
        return OrderMoney(**_fields(receivable), entries=[_entry(entry) for entry in entries])

    @routes.get("/receivables")
    async def search_receivables(
        person: ByFinance,
        paging: Paged,
        owner_code: Annotated[str | None, Query(description="货主 / owner", examples=["JFY"])] = None,
        store_code: Annotated[str | None, Query(description="店铺 / store", examples=["TM-JFY-01"])] = None,
        state: Annotated[State | None, Query(description="状态 / state")] = None,
        number: Annotated[str | None, Query(description="订单号或平台交易号 / order number or trade number")] = None,
    ) -> Page[ReceivableView]:
        """Receivables in order of owner and order number."""
        wanted = {"owner_code": person.narrowed(owner_code), "store_code": store_code, "state": state, "number": number}
        return await storage.RECEIVABLES_BY_ORDER.page(
            engine.database, lambda row: ReceivableView(**_fields(storage.RECEIVABLES.parse(row))), paging, **wanted
        )

    return routes


def _only(order_no: str, found: Sequence[Receivable]) -> Receivable:
    if not found:
        raise not_found("order_no", order_no)
    if len(found) > 1:
        owners = ", ".join(receivable.owner_code for receivable in found)
        problem = FieldProblem(field="owner_code", message=f"请指定货主 / name one of the owners: {owners}")
        raise Problem(409, "多个货主有此订单号 / several owners use this number", errors=[problem])
    return found[0]


def _fields(receivable: Receivable) -> Mapping[str, Any]:
    ordered = receivable.ordered_minor
    return {
        **vars(receivable),
        "ordered": None if ordered is None else Money.of(ordered, receivable.currency),
        "receivable": Money.of(receivable.receivable_minor, receivable.currency),
    }


def _entry(entry: Entry) -> EntryView:
    parts = "amount", "goods", "freight", "discount"
    money = {part: Money.of(getattr(entry, f"{part}_minor"), entry.currency) for part in parts}
    return EntryView.model_validate(vars(entry) | money)

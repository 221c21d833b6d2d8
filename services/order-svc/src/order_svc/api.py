"""Orders over HTTP: search, one, its journey; what customer service does by hand; actuals that wait for a decision."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lemai_chassis.delivery.engine import Engine
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.web import (
    PAGE_MAX,
    Commands,
    FieldProblem,
    IdempotencyKey,
    Page,
    Problem,
    decode_cursor,
    encode_cursor,
    not_found,
)
from lemai_contracts.order import OrderState
from lemai_contracts.values import Consignee, Money
from order_svc import storage
from order_svc.domain import CannotCancel, HeldActual, Order
from order_svc.handlers import commands
from order_svc.handlers.commands import HeldActualNotFound, OrderCommand, OrderNotFound, Resolution
from order_svc.storage import ORDERS, Search

OwnerCode = Annotated[str | None, Query(description="订单号不唯一时必填 / needed where a number is not unique")]
Handler = Callable[[Reference, OrderCommand, UnitOfWork], Order]


class LineView(BaseModel):
    line_no: int
    item_code: str
    item_name: str
    quantity: int
    shipped: int
    amount: Money
    platform_line_no: str
    gift: bool


class OrderSummary(BaseModel):
    """An order in a list."""

    owner_code: str
    order_no: str
    kind: str
    store_code: str
    trade_no: str
    state: OrderState
    waiting_for: list[str] = Field(description="未下发的原因 / what keeps it from going out")
    placed_at: datetime
    total: Money


class OrderView(OrderSummary):
    """An order. The consignee is masked."""

    platform: str
    warehouse_code: str
    paid_at: datetime | None
    created_at: datetime
    ship_by: datetime | None
    approved_at: datetime | None
    approved_by: str
    commitment: str
    revision: int
    goods: Money
    freight: Money
    discount: Money
    lines: list[LineView]
    consignee_name: str
    consignee_phone: str
    region: str
    buyer_message: str
    seller_message: str


class StepView(BaseModel):
    """One step of an order's way: what, when, and what it left behind (file and line, waybill, …)."""

    kind: str
    reference: str
    at: datetime
    detail: dict[str, Any]


class Journey(BaseModel):
    order: OrderSummary
    steps: list[StepView]


class HeldActualView(BaseModel):
    """An actual that contradicts its order."""

    owner_code: str
    order_no: str
    leg: str
    actual_no: str
    code: str
    reason: str
    held_at: datetime
    resolved_at: datetime | None
    resolution: str
    actual: dict[str, Any]


class ByHand(BaseModel):
    """Who does something with an order by hand, and why."""

    model_config = ConfigDict(extra="forbid")

    actor: Annotated[str, Field(min_length=1, max_length=50, examples=["cs01"])]
    reason: Annotated[str, Field(max_length=200, examples=["顾客要求改期 / the customer asked for another day"])] = ""


class Decision(BaseModel):
    """What a person decided on a held actual."""

    model_config = ConfigDict(extra="forbid")

    actor: Annotated[str, Field(min_length=1, max_length=50)]
    resolution: Annotated[str, Field(min_length=1, max_length=500)]


def router(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/v1")
    routes.include_router(_reading(engine))
    routes.include_router(_commanding(engine, reference))
    routes.include_router(_held_actuals(engine))
    return routes


def _reading(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["orders"])

    @routes.get("/orders")
    async def search_orders(
        owner_code: str | None = None,
        store_code: str | None = None,
        state: OrderState | None = None,
        number: Annotated[str | None, Query(description="订单号或平台交易号 / order number or trade number")] = None,
        placed_from: AwareDatetime | None = None,
        placed_until: AwareDatetime | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Page[OrderSummary]:
        """Orders, newest first."""
        after = _after(cursor) if cursor else None
        search = Search(owner_code, store_code, state, number, placed_from, placed_until, after, limit)
        async with engine.database.connect() as connection:
            orders = [ORDERS.parse(row) for row in await storage.search_orders(connection, search)]
        following = (
            encode_cursor(orders[-1].placed_at.isoformat(), orders[-1].order_no) if len(orders) == limit else None
        )
        return Page(items=[_summary(order) for order in orders], next=following)

    @routes.get("/orders/{order_no}")
    async def one_order(order_no: str, owner_code: OwnerCode = None) -> OrderView:
        """One order."""
        return _view(await _find(engine, order_no, owner_code))

    @routes.get("/orders/{order_no}/journey")
    async def journey(order_no: str, owner_code: OwnerCode = None) -> Journey:
        """An order's way: trade → instruction file and line → actual file and line → parcel → publication."""
        order = await _find(engine, order_no, owner_code)
        async with engine.database.connect() as connection:
            steps = await storage.journey(connection, order.owner_code, order.order_no)
        return Journey(order=_summary(order), steps=[StepView.model_validate(step) for step in steps])

    return routes


def _commanding(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(tags=["orders"])
    http = Commands(engine)

    async def run(
        handler: Handler, request: Request, key: str | None, order_no: str, owner_code: str | None, by: ByHand
    ) -> Response:
        order = await _find(engine, order_no, owner_code)
        command = OrderCommand(order.owner_code, order.order_no, by.actor, by.reason)

        def viewed(command: OrderCommand, uow: UnitOfWork) -> OrderView:
            return _view(handler(reference, command, uow))

        try:
            return await http.run(request, key, viewed, command, [ref(Order, order.owner_code, order.order_no)])
        except OrderNotFound:
            raise not_found("order_no", order_no) from None
        except CannotCancel as error:
            raise Problem(409, "订单已下发仓库，不能取消 / the warehouse has been told", str(error)) from None

    def offer(name: str, handler: Handler, summary: str) -> None:
        async def command(
            request: Request, order_no: str, by: ByHand, owner_code: OwnerCode = None, key: IdempotencyKey = None
        ) -> Response:
            return await run(handler, request, key, order_no, owner_code, by)

        routes.add_api_route(
            f"/orders/{{order_no}}/{name}",
            command,
            methods=["POST"],
            summary=summary,
            operation_id=f"{name}_order",
            response_model=OrderView,
        )

    offer("approve", commands.approve, "客服审核 / approve by hand")
    offer("hold", commands.hold, "人工拦截 / keep from going out")
    offer("release", commands.release, "取消人工拦截 / let go what was held by hand")
    offer("cancel", commands.cancel, "取消未下发的订单 / cancel before the warehouse is told")
    return routes


def _held_actuals(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/held-actuals", tags=["held actuals"])
    http = Commands(engine)

    @routes.get("")
    async def held_actuals(limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50) -> Page[HeldActualView]:
        """Actuals that contradict their order and wait for a person, longest waiting first."""
        async with engine.database.connect() as connection:
            rows = await storage.held_actuals(connection, limit)
        return Page(items=[HeldActualView.model_validate(row) for row in rows])

    @routes.post("/{owner_code}/{order_no}/{leg}/{actual_no}/resolve")
    async def resolve(
        request: Request,
        owner_code: str,
        order_no: str,
        leg: str,
        actual_no: str,
        decision: Decision,
        key: IdempotencyKey = None,
    ) -> Response:
        """Close a held actual with what was decided."""
        command = Resolution(owner_code, order_no, leg, actual_no, decision.actor, decision.resolution)

        def viewed(command: Resolution, uow: UnitOfWork) -> HeldActualView:
            held = commands.resolve_held_actual(command, uow)
            return HeldActualView.model_validate(held, from_attributes=True)

        try:
            return await http.run(
                request, key, viewed, command, [ref(HeldActual, owner_code, order_no, leg, actual_no)]
            )
        except HeldActualNotFound:
            raise not_found("actual_no", actual_no) from None

    return routes


async def _find(engine: Engine, order_no: str, owner_code: str | None) -> Order:
    async with engine.database.connect() as connection:
        found = [ORDERS.parse(row) for row in await storage.find_orders(connection, order_no, owner_code)]
    if not found:
        raise not_found("order_no", order_no)
    if len(found) > 1:
        owners = ", ".join(sorted(order.owner_code for order in found))
        problem = FieldProblem(field="owner_code", message=f"请指定货主 / name one of the owners: {owners}")
        raise Problem(409, "多个货主有此订单号 / several owners use this number", errors=[problem])
    return found[0]


def _after(cursor: str) -> tuple[datetime, str]:
    placed_at, order_no = decode_cursor(cursor, 2)
    return datetime.fromisoformat(placed_at), order_no


def _summary(order: Order) -> OrderSummary:
    return OrderSummary.model_validate(_fields(order))


def _view(order: Order) -> OrderView:
    return OrderView.model_validate(_fields(order))


def _fields(order: Order) -> Mapping[str, Any]:
    consignee = Consignee.model_validate(order.consignee)
    region = consignee.region
    return {
        **vars(order),
        "waiting_for": list(order.waiting_for),
        "total": Money.of(order.total_minor, order.currency),
        "goods": Money.of(order.goods_minor, order.currency),
        "freight": Money.of(order.freight_minor, order.currency),
        "discount": Money.of(order.discount_minor, order.currency),
        "lines": [vars(line) | {"amount": Money.of(line.amount_minor, order.currency)} for line in order.lines],
        "consignee_name": consignee.name_masked,
        "consignee_phone": consignee.phone_masked,
        "region": f"{region.province}{region.city}{region.district}",
    }

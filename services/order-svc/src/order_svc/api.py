"""Orders over HTTP: search, one, its journey; what customer service does by hand; actuals that wait for a decision."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Page, Paged
from lemai_chassis.reference import Code, Reference
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.web import Commands, FieldProblem, IdempotencyKey, Problem, not_found
from lemai_contracts.order import OrderState
from lemai_contracts.values import Consignee, Leg, Money, OrderKind
from order_svc import storage
from order_svc.domain.actuals import AlreadyResolved, HeldActual
from order_svc.domain.orders import Corrections, NotOpen, NotRefused, Order, Refusal, StepKind
from order_svc.handlers import commands
from order_svc.handlers.commands import HeldActualNotFound, OrderCommand, OrderNotFound, Resolution
from order_svc.storage import ParkedTrade

OrderNo = Annotated[Code, Path(description="订单号 / order number", examples=["TM3021456789012345678"])]
OwnerCode = Annotated[Code | None, Query(description="订单号不唯一时必填 / needed where a number is not unique")]
Viewer = Annotated[Person, needs(Role.VIEW, by_owner=True)]
ByOrders = Annotated[Person, needs(Role.ORDERS, by_owner=True)]
ByAftersales = Annotated[Person, needs(Role.AFTERSALES, by_owner=True)]
Handler = Callable[[Reference, OrderCommand, UnitOfWork], Order]


class LineView(BaseModel):
    """One line of an order, in our items."""

    line_no: int
    item_code: str
    item_name: str
    quantity: int
    shipped: int = Field(description="已发件数 / pieces that have left")
    amount: Money = Field(description="整行金额 / of the whole line")
    platform_line_no: str
    gift: bool


class OrderSummary(BaseModel):
    """An order in a list, or a trade that waits to become one."""

    owner_code: str
    order_no: str = Field(description="尚未成单时为空 / empty while a trade is no order yet")
    kind: str
    store_code: str
    trade_no: str
    state: OrderState | Literal["parked"]
    waiting_for: list[str] = Field(
        description="未下发的原因 / what keeps it from going out: hold:<reason>, refused:<code>, approval, "
        "stock, commitment, parked: <why>",
        examples=[["approval", "stock"]],
    )
    placed_at: datetime
    total: Money | None


class OrderView(OrderSummary):
    """An order. The consignee is masked."""

    platform: str
    warehouse_code: str
    paid_at: datetime | None
    created_at: datetime
    ship_by: datetime | None
    approved_at: datetime | None
    approved_by: str = Field(description="人员编号，或 rule / a person, or `rule`")
    commitment: str = Field(description="requested committed short released")
    revision: int = Field(description="已下发次数 / how often the warehouse has been told")
    goods: Money
    freight: Money
    discount: Money
    lines: list[LineView]
    consignee_name: str
    consignee_phone: str
    region: str
    buyer_message: str
    seller_message: str
    refusal: Refusal | None = Field(description="最近一次指示为何被拒 / why the last instruction was refused")
    corrections: Corrections = Field(description="人工更正，代替平台的值下发 / told in place of what the platform says")


class StepView(BaseModel):
    """One step of an order's way: what, when, and what it left behind (file and line, waybill, …)."""

    kind: StepKind
    reference: str = Field(description="区分同类步骤 / tells steps of one kind apart: an actual's number, …")
    at: datetime
    detail: dict[str, Any]


class Journey(BaseModel):
    """Where an order has been, first step first."""

    order: OrderSummary
    steps: list[StepView]


class HeldActualView(BaseModel):
    """An actual that contradicts its order."""

    owner_code: str
    order_no: str
    leg: Leg
    actual_no: str
    code: str = Field(examples=["E_OVER_SHIP"])
    reason: str
    held_at: datetime
    resolved_at: datetime | None
    resolution: str
    actual: dict[str, Any] = Field(description="实绩原文 / the actual as reported")


class ByHand(BaseModel):
    """Why somebody does something with an order by hand."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=200, examples=["顾客要求改期 / the customer asked for another day"])] = ""


class Correction(ByHand):
    """What the warehouse is to be told in place of what the platform says; what is left out stays."""

    buyer_nick: Annotated[str, Field(max_length=100)] | None = None
    buyer_message: Annotated[str, Field(max_length=500)] | None = None
    seller_message: Annotated[str, Field(max_length=500)] | None = None
    ship_by: AwareDatetime | None = None
    carrier_code: Annotated[Code, Field(examples=["SF"])] | None = None


class Decision(BaseModel):
    """What a person decided on a held actual."""

    model_config = ConfigDict(extra="forbid")

    owner_code: Code
    order_no: Annotated[str, Field(min_length=1, max_length=50)]
    leg: Leg
    actual_no: Annotated[str, Field(min_length=1, max_length=64)]
    resolution: Annotated[str, Field(min_length=1, max_length=500, examples=["已核实，补单 / checked, ordered again"])]


def router(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/v1")
    routes.include_router(_reading(engine, reference))
    routes.include_router(_commanding(engine, reference))
    routes.include_router(_held_actuals(engine))
    return routes


def _reading(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(tags=["orders"])

    @routes.get("/orders")
    async def search_orders(
        person: Viewer,
        paging: Paged,
        owner_code: Annotated[Code | None, Query(description="货主 / owner", examples=["JFY"])] = None,
        store_code: Annotated[Code | None, Query(description="店铺 / store", examples=["TM-JFY-01"])] = None,
        state: Annotated[OrderState | None, Query(description="状态 / state")] = None,
        number: Annotated[Code | None, Query(description="订单号或平台交易号 / order number or trade number")] = None,
        placed_from: Annotated[AwareDatetime | None, Query(description="下单时间起，含 / placed at or after")] = None,
        placed_until: Annotated[AwareDatetime | None, Query(description="下单时间止，不含 / placed before")] = None,
    ) -> Page[OrderSummary]:
        """Orders, newest first; before them, by `number`, a trade that waits to become one."""
        owner_code = person.narrowed(owner_code)
        page = await storage.ORDERS_BY_PLACING.page(
            engine.database,
            lambda row: _summary(storage.ORDERS.parse(row)),
            paging,
            owner_code=owner_code,
            store_code=store_code,
            state=state,
            number=number,
            placed_from=placed_from,
            placed_until=placed_until,
        )
        if not number or state or paging.cursor:
            return page
        async with engine.database.connect() as connection:
            parked = await storage.parked_trades(connection, _families(reference, number))
        waiting = [summary for trade in parked if (summary := _parked(reference, trade, owner_code, store_code))]
        return Page(items=[*waiting, *page.items], next=page.next)

    @routes.get("/orders/{order_no}")
    async def get_order(person: Viewer, order_no: OrderNo, owner_code: OwnerCode = None) -> OrderView:
        """One order."""
        return _view(await _find(engine, person, order_no, owner_code))

    @routes.get("/orders/{order_no}/journey")
    async def get_order_journey(person: Viewer, order_no: OrderNo, owner_code: OwnerCode = None) -> Journey:
        """An order's way: trade → instruction file and line → actual file and line → parcel → publication."""
        order = await _find(engine, person, order_no, owner_code)
        async with engine.database.connect() as connection:
            steps = await storage.journey(connection, order)
        return Journey(order=_summary(order), steps=[StepView.model_validate(vars(step)) for step in steps])

    return routes


def _commanding(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(tags=["orders"])
    http = Commands(engine)

    async def run(
        handler: Handler,
        request: Request,
        person: Person,
        key: str | None,
        order_no: str,
        owner_code: str | None,
        by: ByHand,
    ) -> Response:
        order = await _find(engine, person, order_no, owner_code)
        corrections = Corrections(**by.model_dump(exclude=set(ByHand.model_fields)))
        command = OrderCommand(order.owner_code, order.order_no, person.name, by.reason, corrections)

        def viewed(command: OrderCommand, uow: UnitOfWork) -> OrderView:
            return _view(handler(reference, command, uow))

        try:
            return await http.run(request, key, viewed, command, [ref(Order, *order.key)])
        except OrderNotFound:
            raise not_found("order_no", order_no) from None
        except NotOpen as error:
            title = "订单已下发仓库或已结束 / the warehouse has been told, or the order has ended"
            raise Problem(409, title, str(error)) from None
        except NotRefused as error:
            raise Problem(409, "指示没有被拒 / the instruction was not refused", str(error)) from None

    @routes.post("/orders/{order_no}/correct", response_model=OrderView)
    async def correct_order(
        request: Request,
        person: ByOrders,
        order_no: OrderNo,
        by: Correction,
        owner_code: OwnerCode = None,
        key: IdempotencyKey = None,
    ) -> Response:
        """Change what the warehouse is told next; the address is the buyer's to change, on the platform."""
        known = [carrier.code for carrier in reference.carriers]
        if by.carrier_code and by.carrier_code not in known:
            message = f"应为 expected: {' | '.join(known)}"
            wrong = FieldProblem(field="body.carrier_code", value=by.carrier_code, message=message)
            raise Problem(422, "未知承运商 / unknown carrier", errors=[wrong])
        return await run(commands.correct, request, person, key, order_no, owner_code, by)

    def offer(name: str, handler: Handler, description: str) -> None:
        async def command(
            request: Request,
            person: ByOrders,
            order_no: OrderNo,
            by: ByHand,
            owner_code: OwnerCode = None,
            key: IdempotencyKey = None,
        ) -> Response:
            return await run(handler, request, person, key, order_no, owner_code, by)

        routes.add_api_route(
            f"/orders/{{order_no}}/{name}",
            command,
            methods=["POST"],
            description=description,
            name=f"{name}_order",
            response_model=OrderView,
        )

    offer("approve", commands.approve, "客服审核 / approve by hand")
    offer("hold", commands.hold, "人工拦截 / keep from going out")
    offer("release", commands.release, "取消人工拦截 / let go what was held by hand")
    offer("resend", commands.resend, "重发被拒的指示 / send a refused instruction again")
    offer("cancel", commands.cancel, "取消未下发或被拒的订单 / cancel what the warehouse was not told, or refused")
    return routes


def _held_actuals(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/held-actuals", tags=["held actuals"])
    http = Commands(engine)

    @routes.get("")
    async def search_held_actuals(person: Viewer, paging: Paged, owner_code: OwnerCode = None) -> Page[HeldActualView]:
        """Actuals that contradict their order and wait for a person, longest waiting first."""
        return await storage.WAITING_ACTUALS.page(
            engine.database,
            lambda row: _held_view(storage.HELD_ACTUALS.parse(row)),
            paging,
            owner_code=person.narrowed(owner_code),
        )

    @routes.post("/resolve", response_model=HeldActualView)
    async def resolve_held_actual(
        request: Request, person: ByAftersales, decision: Decision, key: IdempotencyKey = None
    ) -> Response:
        """Close a held actual with what was decided. Its pieces are not booked by that."""
        person.check(decision.owner_code)
        command = Resolution(**decision.model_dump(), actor=person.name)

        def viewed(command: Resolution, uow: UnitOfWork) -> HeldActualView:
            return _held_view(commands.resolve_held_actual(command, uow))

        try:
            return await http.run(request, key, viewed, command, [ref(HeldActual, *command.key)])
        except HeldActualNotFound:
            raise not_found("actual_no", decision.actual_no) from None
        except AlreadyResolved as error:
            raise Problem(409, "已有决定 / somebody has decided already", str(error)) from None

    return routes


async def _find(engine: Engine, person: Person, order_no: str, owner_code: str | None) -> Order:
    async with engine.database.connect() as connection:
        found = await storage.find_orders(connection, order_no, owner_code)
    found = [order for order in found if person.sees(order.owner_code)]
    if not found:
        raise not_found("order_no", order_no)
    if len(found) > 1:
        owners = ", ".join(sorted(order.owner_code for order in found))
        problem = FieldProblem(field="owner_code", message=f"请指定货主 / name one of the owners: {owners}")
        raise Problem(409, "多个货主有此订单号 / several owners use this number", errors=[problem])
    return found[0]


def _summary(order: Order) -> OrderSummary:
    return OrderSummary.model_validate(_fields(order))


def _families(reference: Reference, number: str) -> list[str]:
    """The families a number may be of: a trade's number on any platform, or that of its order."""
    prefixes = reference.order_no_prefixes.items()
    return [f"{platform}/{no}" for platform, prefix in prefixes for no in {number, number.removeprefix(prefix)}]


def _parked(
    reference: Reference, parked: ParkedTrade, owner_code: str | None, store: str | None
) -> OrderSummary | None:
    """A trade that waits, as what it may become; None where it is not what is looked for."""
    trade = parked.trade
    store_code = trade.store_code if trade else ""
    owners = reference.store(store_code).owners if trade else ()
    if (owner_code and owner_code not in owners) or store not in (None, store_code):
        return None
    return OrderSummary(
        owner_code=owners[0] if len(owners) == 1 else "",
        order_no="",
        kind=OrderKind.SALES,
        store_code=store_code,
        trade_no=parked.family.partition("/")[2],
        state="parked",
        waiting_for=[f"parked: {parked.reason}"],
        placed_at=trade.created_at if trade else parked.parked_at,
        total=trade.paid if trade else None,
    )


def _view(order: Order) -> OrderView:
    return OrderView.model_validate(_fields(order))


def _held_view(held: HeldActual) -> HeldActualView:
    return HeldActualView.model_validate(held, from_attributes=True)


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

"""Reading results and stock: approved bills by an overlapping cursor, balances by warehouse, each as a file."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from kingdee_adapter.k3cloud import handlers, storage
from kingdee_adapter.k3cloud.client import NOT_NOW, K3Client
from kingdee_adapter.k3cloud.files import bill_file, stock_file
from kingdee_adapter.k3cloud.forms import Forms, Result
from kingdee_adapter.k3cloud.handlers import Reported
from kingdee_adapter.k3cloud.results import Order, Texts, order_number, pieces, texts
from kingdee_adapter.k3cloud.site import Site
from kingdee_adapter.k3cloud.tables import K3Tables
from kingdee_adapter.k3cloud.trouble import Trouble
from kingdee_adapter.k3cloud.wire import Cell, Query, quoted
from lemai_chassis.delivery.engine import Engine
from lemai_docking.ack import Ack
from lemai_docking.encodings.routing import SUFFIXES
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import kept

log = structlog.get_logger()
ADJUSTMENT = "-" + SUFFIXES["ADJUST"]


class Receiving(Protocol):
    """Who takes what was read, such as `lemai_docking.receiver.Receiver`."""

    async def receive(self, name: str, data: bytes) -> Ack:
        """Take a whole file; when this returns it is stored."""


async def rows_of(client: K3Client, query: Query) -> AsyncIterator[list[list[Cell]]]:
    """The rows of a query in pages of whole bills, by ranges of its first key, by which it is ordered first.

    Offsets would slip while bills come and go, so they serve only inside one bill that is larger than a page.
    A page that is exactly full is never taken for the last one.
    """
    key, page = query.keys[0], query
    while True:
        rows = await client.query(page)
        if len(rows) < page.limit:
            yield rows
            return
        last = rows[-1][0]
        whole = [row for row in rows if row[0] != last]
        if whole:
            yield whole
            page = _narrowed(query, f"{key}>={_literal(last)}")
        else:
            yield await _bill_rows(client, _narrowed(query, f"{key}={_literal(last)}"))
            page = _narrowed(query, f"{key}>{_literal(last)}")


async def _bill_rows(client: K3Client, query: Query) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    while True:
        part = await client.query(replace(query, start=len(rows)))
        rows += part
        if len(part) < query.limit:
            return rows


def _narrowed(query: Query, condition: str) -> Query:
    return replace(query, where=f"{query.where} and {condition}")


class Results:
    """Reads approved bills of one counterpart and gives each to the receiver."""

    def __init__(
        self,
        engine: Engine,
        code: str,
        owner_code: str,
        forms: Forms,
        site: Site,
        client: K3Client,
        tables: K3Tables,
        receiver: Receiving,
        trouble: Trouble,
    ) -> None:
        self._engine = engine
        self._code = code
        self._owner_code = owner_code
        self._forms = forms
        self._site = site
        self._client = client
        self._cursor = tables.cursor
        self._receiver = receiver
        self._trouble = trouble
        self._seen: dict[str, bytes] = {}

    async def poll(self) -> None:
        """Read what was approved since the last time, and somewhat before.

        A form that cannot be read keeps none of the others from it, and is read from the same place the next time.
        """
        failures = []
        for form_id, result in self._forms.results.items():
            try:
                await self._poll(form_id, result)
            except NOT_NOW as error:
                failures.append(error)
                await self._trouble.met(error)
        if failures:
            raise failures[0]
        self._trouble.over()

    async def _poll(self, form_id: str, result: Result) -> None:
        async with self._engine.database.connect() as connection:
            until = await storage.approved_until(connection, self._cursor, self._code, form_id)
        now = self._engine.clock()
        until = until or now
        bills = await self._approved(form_id, result, until - self._site.overlap)
        names = set()
        for bill_no, rows in sorted(bills.items(), key=lambda bill: (bill[1][0]["FApproveDate"], bill[0])):
            # A date from the future must not make us skip what is approved until then.
            until = max(until, min(_instant(rows[0]["FApproveDate"]), now))
            if orders := await self._orders(result, bill_no, rows):
                answering = [row for row in rows if order_number(result, row) in orders]
                name = f"{form_id}-{kept(bill_no)}.json"
                names.add(name)
                await self._receive(name, bill_file(form_id, answering, orders))
        self._seen = {name: data for name, data in self._seen.items() if name in names or not name.startswith(form_id)}
        async with self._engine.database.begin() as connection:
            await storage.read_until(connection, self._cursor, self._code, form_id, until)

    async def _approved(self, form_id: str, result: Result, since: datetime) -> Mapping[str, list[Texts]]:
        """The rows of approved bills by their numbers."""
        keys = result.keys(self._site)
        time = f"{since.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        where = f"FDocumentStatus='C' and FApproveDate>={quoted(time)}"
        query = Query(form_id, keys, where, f"FID,{result.entry}_FSeq", self._site.page_rows)
        bills: dict[str, list[Texts]] = {}
        async for page in rows_of(self._client, query):
            for row in page:
                read = texts(keys, row)
                bills.setdefault(read["FBillNo"], []).append(read)
        return bills

    async def _orders(self, result: Result, bill_no: str, rows: Sequence[Texts]) -> Mapping[str, Order]:
        """What is known of the orders a bill answers. A bill that answers none of ours is left alone."""
        orders: dict[str, Order] = {}
        for order_no in dict.fromkeys(order_number(result, row) for row in rows):
            if order_no and (not result.is_own or order_no.endswith(ADJUSTMENT)):
                answering = [row for row in rows if order_number(result, row) == order_no]
                orders[order_no] = await self._order(result, bill_no, order_no, answering)
        return orders

    async def _order(self, result: Result, bill_no: str, order_no: str, rows: Sequence[Texts]) -> Order:
        said = rows[0].get(self._site.confirm_type_key, "")
        report = Reported(
            bill=(self._code, result.source, kept(order_no)),
            bill_no=kept(bill_no),
            pieces=Counter(pieces(result, rows)),
            said={"0": True, "1": False}.get(said),
        )
        return await self._engine.execute(handlers.on_reported, report) or Order(self._owner_code)

    async def _receive(self, name: str, data: bytes) -> None:
        """Bills inside the overlap come again and again; only changes are worth the receiver's time."""
        if self._seen.get(name) != data:
            ack = await self._receiver.receive(name, data)
            log.info("result read", counterpart=self._code, file=name, status=ack.status)
            self._seen[name] = data


class Stock:
    """Reads the balances of one counterpart's warehouses."""

    def __init__(
        self,
        engine: Engine,
        owner_code: str,
        forms: Forms,
        site: Site,
        client: K3Client,
        receiver: Receiving,
        warehouse_codes: Sequence[str],
    ) -> None:
        self._engine = engine
        self._owner_code = owner_code
        self._stock = forms.stock
        self._site = site
        self._client = client
        self._receiver = receiver
        self._warehouse_codes = warehouse_codes

    async def read_all(self) -> None:
        """A full snapshot of every warehouse."""
        for warehouse_code in self._warehouse_codes:
            await self.read(warehouse_code)

    async def read(self, warehouse_code: str) -> Ack:
        """A full snapshot of one warehouse; nothing is given on before its last page is there.

        One without rows is more likely a wrong code than an empty warehouse: stock-svc asks a person before it is
        applied, as of every snapshot that empties shelves, whichever way it came.
        """
        stock, at = self._stock, self._engine.clock()
        their_code = self._site.warehouses.get(warehouse_code, warehouse_code)
        where = f"{stock.warehouse}={quoted(their_code)}"
        query = Query(stock.form, stock.keys, where, stock.id, self._site.page_rows)
        rows = [texts(stock.keys, row) async for page in rows_of(self._client, query) for row in page]
        name = f"{stock.form}-{warehouse_code}-{at.astimezone(SHANGHAI):%Y%m%d%H%M%S}.json"
        data = stock_file(stock.form, rows, warehouse_code=warehouse_code, owner_code=self._owner_code, at=at)
        return await self._receiver.receive(name, data)


def _literal(cell: Cell) -> str:
    """Ids are numbers on most forms, and texts on some."""
    return str(cell) if isinstance(cell, int) else quoted(str(cell))


def _instant(text: str) -> datetime:
    """Whole seconds of the wall clock of China."""
    return datetime.fromisoformat(text).replace(microsecond=0, tzinfo=SHANGHAI).astimezone(UTC)

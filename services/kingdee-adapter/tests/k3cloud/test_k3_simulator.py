"""The docking against the simulated Kingdee, a program of its own that shares no code with it."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from k3_docking import ACCOUNT, RealClock, World, a_world, until
from k3_world import DRESS, SHOES, SITE, a_gain, a_loss, a_purchase, a_return, a_sale, a_supplier_return, an_item

from kingdee_adapter.k3cloud.client import http_client
from kingdee_adapter.k3cloud.domain import State
from kingdee_adapter.k3cloud.forms import load
from lemai_docking.documents import Document

CUSTOM = {"F_LM_CarrierID.FNumber": "logistics_code", "F_LM_PlatformNo": "platform_order_no"}
SITE_THERE = SITE.model_copy(
    update={
        "item_org": "1",
        "confirm_type_key": "F_LM_ConfirmType",
        "forms": {"forms": {"SAL_SaleOrder": {"head": CUSTOM}}},
    }
)
FORMS_THERE = load(SITE_THERE)
NUMBERS = count(1)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Kingdee:
    """The program, and what it says itself."""

    url: str
    http: httpx.AsyncClient

    async def misbehave(self, kind: str, **more: Any) -> None:
        (await self.http.post("/sim/webapi/misbehave", json={"kind": kind} | more)).raise_for_status()

    async def bills(self, form: str, bill_no: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/sim/webapi/bills", params={"form": form, "bill_no": bill_no})
        return list(answer.raise_for_status().json()["bills"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kingdee(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kingdee]:
    """`python -m sim_kingdee` with its WebAPI; pieces of both items are on the shelf."""
    folder: Path = tmp_path_factory.mktemp("kingdee")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "SIM_KINGDEE_ROOT": str(folder / "exchange"),
        "SIM_KINGDEE_DIR": str(folder / "store"),
        "SIM_KINGDEE_FLUSH_MS": "20",
        "SIM_KINGDEE_K3_ACCT_ID": ACCOUNT.acct_id,
        "SIM_KINGDEE_K3_USER": ACCOUNT.user,
        "SIM_KINGDEE_K3_APP_ID": ACCOUNT.app_id,
        "SIM_KINGDEE_K3_APP_SECRET": ACCOUNT.app_secret,
        "SIM_KINGDEE_K3_ORG": "100",
        "SIM_KINGDEE_K3_ITEM_ORG": "1",
        "SIM_KINGDEE_K3_OWNER": "JFY",
        "HTTP_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sim_kingdee", env={**os.environ, **settings})
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url) as http:

        async def answers() -> bool:
            try:
                return (await http.get("/healthz")).is_success
            except httpx.TransportError:
                return False

        try:
            await until(answers, "simulator")
            place = {"warehouse_code": "WH01", "owner_code": "JFY"}
            shelf = [place | {"item_code": item, "on_hand": 500} for item in (DRESS, SHOES)]
            shelf += [place | {"item_code": SHOES, "on_hand": 20, "inventory_type": "CC"}]
            shelf += [place | {"item_code": DRESS, "on_hand": 20, "inventory_type": "CC"}]
            (await http.post("/sim/stock", json={"stock": shelf})).raise_for_status()
            yield Kingdee(url, http)
        finally:
            process.terminate()
            await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres: Any, kingdee: Kingdee) -> AsyncIterator[World]:
    """A docking that has sent the items."""
    url = await postgres.fresh_database("k3")
    account = replace(ACCOUNT, url=f"{kingdee.url}/k3cloud/")
    async with a_world(url, http_client(), SITE_THERE, FORMS_THERE, account, clock=RealClock()) as world:
        await world.enqueue(an_item(), an_item(item_code=SHOES))
        await world.work()
        yield world


@pytest.fixture
def world(shared: World) -> World:
    """The docking, nothing told yet; tests have orders of their own."""
    shared.owner.told.clear()
    return shared


def number(suffix: str = "") -> str:
    return f"26112{next(NUMBERS):05}{suffix}"


async def answered(world: World, order_no: str) -> Sequence[Document]:
    """The actuals of an order, once its last one is there."""

    async def final() -> list[Document] | None:
        await world.docking.results.poll()
        found = [one for one in world.owner.received if one.order_no == order_no]
        return found if any(one.head["confirm_type"] == 0 for one in found) else None

    found: Sequence[Document] = await until(final, f"final actual of {order_no}")
    return found


def line_pieces(documents: Sequence[Document]) -> dict[tuple[Any, Any], int]:
    """Pieces by line and inventory type."""
    total: dict[tuple[Any, Any], int] = {}
    for row in (row for document in documents for row in document.records["L"]):
        key = row["line_no"], row["inventory_type"]
        total[key] = total.get(key, 0) + int(str(row["actual_qty"]))
    return total


async def test_items_are_approved_and_given_to_the_organisation(world: World, kingdee: Kingdee) -> None:
    (item,) = await kingdee.bills("BD_MATERIAL", DRESS)
    assert item["status"] == "C"
    assert (await world.bill("BD_MATERIAL", DRESS)).state is State.POSTED


@pytest.mark.parametrize(
    ("document", "suffix", "interface", "pieces"),
    [
        (a_sale(), "", "ship_result", {(1, "ZP"): 1, (2, "ZP"): 2}),
        (a_sale(order_type="EXCHANGE"), "-h", "ship_result", {(1, "ZP"): 1, (2, "ZP"): 2}),
        (a_sale(order_type="RESEND"), "-b", "ship_result", {(1, "ZP"): 1, (2, "ZP"): 2}),
        (a_purchase(), "-c", "receipt_result", {(1, "ZP"): 200}),
        (a_return(), "-t", "sales_return_result", {(1, "ZP"): 1}),
        (a_return(order_type="EXCHANGE"), "-h", "sales_return_result", {(1, "ZP"): 1}),
        (a_supplier_return(), "-gt", "supplier_return_result", {(1, "ZP"): 20, (2, "CC"): 4}),
        (a_loss(), "-v", "ship_result", {(1, "CC"): 2}),
        (a_gain(), "-v", "receipt_result", {(1, "CC"): 2}),
    ],
)
async def test_every_order_is_posted_and_answered(
    world: World, document: Document, suffix: str, interface: str, pieces: dict[tuple[int, str], int]
) -> None:
    order_no = number(suffix)
    await world.enqueue(replace(document, head={**document.head, "order_no": order_no}))
    await world.work()
    documents = await answered(world, order_no)
    assert {one.interface for one in documents} == {interface}
    assert line_pieces(documents) == pieces
    assert await world.states(order_no) == ("acknowledged", "acknowledged")


async def test_a_shipment_names_carrier_and_waybill(world: World) -> None:
    order_no = number()
    await world.enqueue(a_sale(order_no=order_no, logistics_code="YTO"))
    await world.work()
    (document,) = await answered(world, order_no)
    assert document.head["logistics_code"] == "YTO"
    assert document.head["express_no"]


async def test_parcels_of_several_confirmations_are_told_apart(world: World, kingdee: Kingdee) -> None:
    order_no = number()
    (await kingdee.http.post("/sim/scripts", json={"order_no": {order_no: "two_parcels"}})).raise_for_status()
    await world.enqueue(a_sale(order_no=order_no))
    await world.work()
    documents = await answered(world, order_no)
    assert line_pieces(documents) == {(1, "ZP"): 1, (2, "ZP"): 2}
    waybills = {one.head["express_no"] for one in documents}
    assert len(waybills) + sum(len(one.records.get("P", ())) for one in documents) >= 2


@pytest.mark.parametrize("kind", ["error_500_after_save", "timeout_after_save"])
async def test_a_bill_saved_without_an_answer_is_saved_once(world: World, kingdee: Kingdee, kind: str) -> None:
    order_no = number()
    await kingdee.misbehave(kind)
    await world.enqueue(a_sale(order_no=order_no))
    await world.work()
    assert await world.states(order_no) == ("unknown", "unknown")
    await world.wait_out()
    await world.work()
    assert len(await kingdee.bills("SAL_SaleOrder", order_no)) == 1
    assert line_pieces(await answered(world, order_no)) == {(1, "ZP"): 1, (2, "ZP"): 2}


@pytest.mark.parametrize("operation", ["Save", "Submit", "Audit"])
async def test_an_edit_lock_is_waited_out(world: World, kingdee: Kingdee, operation: str) -> None:
    order_no = number()
    await kingdee.misbehave("edit_lock", operation=operation)
    await world.enqueue(a_sale(order_no=order_no))
    await world.work()
    assert (await world.bill("SAL_SaleOrder", order_no)).state is State.POSTING
    await world.wait_out()
    await world.work()
    assert (await world.bill("SAL_SaleOrder", order_no)).state is State.POSTED


@pytest.mark.parametrize("operation", ["ExecuteBillQuery", "Save", "Submit", "Audit"])
async def test_a_lost_session_is_renewed_without_anybody_noticing(
    world: World, kingdee: Kingdee, operation: str
) -> None:
    order_no = number()
    await kingdee.misbehave("session_lost", operation=operation)
    await world.enqueue(a_sale(order_no=order_no))
    await world.work()
    assert (await world.bill("SAL_SaleOrder", order_no)).state is State.POSTED


async def test_a_refused_audit_is_told_and_taken_up_again(world: World, kingdee: Kingdee) -> None:
    order_no = number()
    await kingdee.misbehave("audit_refused")
    await world.enqueue(a_sale(order_no=order_no))
    await world.work()
    assert world.owner.told[-1].endswith("E_PARTNER MsgCode 11 审核不通过")
    assert await world.docking.poster.repost("SAL_SaleOrder", order_no)
    await world.work()
    assert (await world.bill("SAL_SaleOrder", order_no)).state is State.POSTED


async def test_a_changed_item_is_changed_there(world: World, kingdee: Kingdee) -> None:
    name = number("号连体衣")
    await world.enqueue(an_item(item_name=name), revision=int(number()))
    await world.work()
    (item,) = await kingdee.bills("BD_MATERIAL", DRESS)
    assert (item["status"], item["head"]["FName"]) == ("C", name)


async def test_stock_is_the_snapshot_of_the_shelf(world: World) -> None:
    await world.docking.stock.read_all()
    (snapshot,) = world.owner.snapshots
    rows = {(row["item_code"], row["inventory_type"]): row for row in snapshot.records["B"]}
    assert {DRESS, SHOES} <= {item for item, _ in rows}
    assert all(row["owner_code"] == "JFY" and row["total_qty"] for row in rows.values())


async def test_a_login_with_the_app_secret_does_as_well(database_url: str, kingdee: Kingdee) -> None:
    account = replace(ACCOUNT, url=f"{kingdee.url}/k3cloud")
    there = a_world(
        database_url, http_client(), SITE_THERE, FORMS_THERE, account, login="app_secret", clock=RealClock()
    )
    async with there as world:
        order_no = number()
        await world.enqueue(an_item(), an_item(item_code=SHOES), a_sale(order_no=order_no))
        await world.work()
        assert (await world.bill("SAL_SaleOrder", order_no)).state is State.POSTED


async def test_wrong_credentials_alarm_and_lose_nothing(database_url: str, kingdee: Kingdee) -> None:
    account = replace(ACCOUNT, url=f"{kingdee.url}/k3cloud/", app_secret="f" * 32)
    async with a_world(database_url, http_client(), SITE_THERE, FORMS_THERE, account, clock=RealClock()) as world:
        order_no = number()
        await world.enqueue(a_sale(order_no=order_no))
        await world.work()
        assert [told.split()[:3] for told in world.owner.told] == [["alert", "E_CHANNEL", "k3cloud"]]
        assert await world.states(order_no) == ("rendered", "rendered")

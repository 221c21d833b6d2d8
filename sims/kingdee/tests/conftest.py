"""One simulator with the sample items known and on the shelf, and files as Lemai would write them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import TypeAdapter

from sim_kingdee import frame
from sim_kingdee.erp import Erp
from sim_kingdee.faces.folder import Folder
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, Record, Values
from sim_kingdee.misdeeds import Planned
from sim_kingdee.storage import Store

DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"


@pytest.fixture(scope="session")
def samples() -> Path:
    return Path(__file__).parent / "samples"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "exchange"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store")
    store.add_warehouses(["WH01"])
    yield store
    store.close()


@pytest.fixture
def folder(root: Path, store: Store, samples: Path) -> Folder:
    items = frame.read((samples / "Item_20261122090000.im").read_bytes(), INTERFACES["item_master"])
    for item in items.documents:
        store.save_item(item.head.values, is_valid="Y")
    store.set_stock({("WH01", "JFY", DRESS, "ZP"): 100, ("WH01", "JFY", SHOES, "ZP"): 100})
    erp = Erp(store, seed=1, ship_delay=timedelta(0), parcel_gap=timedelta(seconds=1))
    return Folder(root, erp, trailer_patience_s=600)


@pytest.fixture(scope="session")
def sample_order(samples: Path) -> Document:
    """The sample sales order 2611220001: one dress (line 1) and two pairs of shoes (line 2)."""
    data = (samples / "Deliver_20261122100000.sh").read_bytes()
    return frame.read(data, INTERFACES["deliver_order"]).documents[0]


@pytest.fixture(scope="session")
def order(sample_order: Document) -> Callable[..., Document]:
    """The sample order with other head values and, by line number, other line values."""

    def build(lines: dict[str, Values] | None = None, **head: str) -> Document:
        changed = lines or {}
        return Document(
            Record("O", {**sample_order.head.values, **head}),
            [Record("L", {**line.values, **changed.get(line.values["line_no"], {})}) for line in sample_order.children],
        )

    return build


@pytest.fixture(scope="session")
def deliver(samples: Path) -> Callable[..., bytes]:
    """A Deliver file of documents under the sample header."""
    data = (samples / "Deliver_20261122100000.sh").read_bytes()
    header = frame.read(data, INTERFACES["deliver_order"]).header

    def build(*documents: Document, **changed: str) -> bytes:
        return frame.write({**header, **changed}, documents).data

    return build


@pytest.fixture
def plan(folder: Folder) -> Callable[..., None]:
    """Plan a misdeed, as POST /sim/misbehave does."""

    def add(**body: object) -> None:
        misdeed: Planned = TypeAdapter[Planned](Planned).validate_python(body)
        folder.erp.misdeeds.plan(misdeed)

    return add


@pytest.fixture
def serving() -> Callable[[FastAPI], AbstractAsyncContextManager[str]]:
    """Serve an application on the loopback interface; yields its URL."""

    @asynccontextmanager
    async def serve(app: FastAPI) -> AsyncIterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve([listener]))
            while not server.started:
                await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
            await task

    return serve

"""Items, SKUs and the quantity the platform sells from."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sim_tmall.database import Database
from sim_tmall.placing import Sku
from sim_tmall.refusals import Contradiction
from sim_tmall.trade import Line

_ITEMS_BY_ID = """SELECT num_iid, nick, approve_status, title, outer_id, created, modified FROM item
    WHERE nick = ? AND num_iid IN (SELECT value FROM json_each(?)) ORDER BY num_iid"""
_ITEMS_BY_MODIFIED = """SELECT num_iid, nick, approve_status, title, outer_id, created, modified FROM item
    WHERE nick = ? AND approve_status = ? AND modified BETWEEN ? AND ?
    ORDER BY modified DESC, num_iid DESC LIMIT ? OFFSET ?"""
_SKUS = """SELECT sku.num_iid, sku.sku_id, sku.outer_id, item.outer_id, item.title, sku.properties_name,
    sku.price, sku.quantity, sku.created, sku.modified FROM sku JOIN item USING (num_iid)
    WHERE num_iid IN (SELECT value FROM json_each(?)) ORDER BY num_iid, sku_id"""


@dataclass(frozen=True)
class Item:
    """An item and its SKUs; an item sold without SKUs holds one with `sku_id` 0."""

    num_iid: int
    nick: str
    approve_status: str
    title: str
    outer_id: str
    created: int
    modified: int
    skus: tuple[Sku, ...]


@dataclass(frozen=True)
class Listing:
    """Which items of a seller a list wants: on sale or in the store room, modified between two moments."""

    nick: str
    approve_status: str
    start: int
    end: int


def _row(sku: Sku) -> tuple[object, ...]:
    shown = (sku.num_iid, sku.sku_id, sku.outer_id, sku.properties_name)
    return (*shown, sku.price, sku.quantity, sku.created, sku.modified)


class Items:
    """The shelf of every seller."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, item: Item) -> None:
        """Create an item or replace it with all its SKUs; Contradiction if an id belongs to something else."""
        owner = self._db.row("SELECT nick FROM item WHERE num_iid = ?", item.num_iid)
        if owner and owner[0] != item.nick:
            raise Contradiction(f"num_iid {item.num_iid} 属于 {owner[0]} / belongs to {owner[0]}")
        taken = self._db.row(
            "SELECT sku_id FROM sku WHERE num_iid <> ? AND sku_id > 0 AND sku_id IN (SELECT value FROM json_each(?))",
            *(item.num_iid, json.dumps([sku.sku_id for sku in item.skus])),
        )
        if taken:
            raise Contradiction(f"sku_id {taken[0]} 属于另一商品 / belongs to another item")
        self._db.run(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(item.num_iid, item.nick, item.approve_status, item.title, item.outer_id, item.created, item.modified),
        )
        self._db.run("DELETE FROM sku WHERE num_iid = ?", item.num_iid)
        self._db.run_many("INSERT INTO sku VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (_row(sku) for sku in item.skus))

    def get(self, nick: str, num_iids: Collection[int]) -> list[Item]:
        """The seller's items with these ids, in the order of their ids."""
        return self._items(_ITEMS_BY_ID, nick, json.dumps(list(num_iids)))

    def count(self, listing: Listing) -> int:
        """How many items the list has."""
        [(total,)] = self._db.rows(
            "SELECT count(*) FROM item WHERE nick = ? AND approve_status = ? AND modified BETWEEN ? AND ?",
            *(listing.nick, listing.approve_status, listing.start, listing.end),
        )
        return int(total)

    def page(self, listing: Listing, offset: int, limit: int) -> list[Item]:
        """Some items of the list, the last modified first."""
        bounds = (listing.nick, listing.approve_status, listing.start, listing.end)
        return self._items(_ITEMS_BY_MODIFIED, *bounds, limit, offset)

    def _items(self, sql: str, *values: object) -> list[Item]:
        found = self._db.rows(sql, *values)
        skus: dict[int, list[Sku]] = {row[0]: [] for row in found}
        for row in self._db.rows(_SKUS, json.dumps(list(skus))):
            skus[row[0]].append(Sku(*row))
        return [
            Item(num_iid, nick, approve_status, title, outer_id, created, modified, tuple(skus[num_iid]))
            for num_iid, nick, approve_status, title, outer_id, created, modified in found
        ]

    def shelf(self, nick: str) -> dict[tuple[int, int], Sku]:
        """All SKUs of the seller by (num_iid, sku_id)."""
        return self.shelf_of(nick, [row[0] for row in self._db.rows("SELECT num_iid FROM item WHERE nick = ?", nick)])

    def shelf_of(self, nick: str, num_iids: Collection[int]) -> dict[tuple[int, int], Sku]:
        """The SKUs of some of the seller's items by (num_iid, sku_id)."""
        return {(sku.num_iid, sku.sku_id): sku for item in self.get(nick, num_iids) for sku in item.skus}

    def item_of_sku(self, sku_id: int) -> int | None:
        """The item a SKU belongs to."""
        row = self._db.row("SELECT num_iid FROM sku WHERE sku_id = ?", sku_id)
        return int(row[0]) if row else None

    def take(self, skus: Iterable[Sku]) -> None:
        """Write the quantities that orders left."""
        self._db.run_many(
            "UPDATE sku SET quantity = ? WHERE num_iid = ? AND sku_id = ?",
            ((sku.quantity, sku.num_iid, sku.sku_id) for sku in skus),
        )

    def give_back(self, returned: Iterable[tuple[Line, int]]) -> None:
        """Pieces of closed lines are for sale again."""
        self._db.run_many(
            "UPDATE sku SET quantity = quantity + ? WHERE num_iid = ? AND sku_id = ?",
            ((pieces, line.num_iid, line.sku_id) for line, pieces in returned),
        )

    def set_quantities(self, num_iid: int, quantities: Iterable[tuple[int, int]], now: int) -> None:
        """The seller sets (sku_id, quantity) pairs of one item."""
        self._db.run_many(
            "UPDATE sku SET quantity = ?, modified = ? WHERE num_iid = ? AND sku_id = ?",
            ((quantity, now, num_iid, sku_id) for sku_id, quantity in quantities),
        )
        self._db.run("UPDATE item SET modified = ? WHERE num_iid = ?", now, num_iid)

    def is_new_delta(self, num_iid: int, biz_key: str) -> bool:
        """Whether this idempotency key was not used for the item before; remembers it."""
        if self._db.row("SELECT 1 FROM delta_done WHERE num_iid = ? AND biz_key = ?", num_iid, biz_key):
            return False
        self._db.run("INSERT INTO delta_done VALUES (?, ?)", num_iid, biz_key)
        return True

"""What query keys read, as SQL. Only text of this module and of the tables of keys becomes SQL."""

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sim_kingdee import reports
from sim_kingdee.webapi.forms import BASE_DATA, FORMS, STOCK_STATUS, Form


@dataclass(frozen=True, slots=True)
class Column:
    """The stored value of a query key; `type` is a key's type, "id" or "datetime"."""

    sql: str
    type: str
    is_of_entry: bool = False

    @property
    def json(self) -> str:
        """The value as answers show it. The database writes it, so that decimals keep their digits."""
        if self.type in ("decimal", "quantity"):
            return f"json(coalesce({self.sql}, '0'))"
        if self.type == "bool":
            return f"json(CASE {self.sql} WHEN 1 THEN 'true' ELSE 'false' END)"
        return self.sql

    @property
    def number(self) -> "Column":
        """The number of base data."""
        return replace(self, type="text")

    @property
    def name(self) -> "Column":
        """The name of base data; only items have one that differs from their number."""
        return replace(self, sql=self._of_item("json_extract(m.head, '$.FName')"), type="text")

    @property
    def id(self) -> "Column":
        """The internal id of base data."""
        return replace(self, sql=self._of_item("m.id"), type="id")

    def _of_item(self, sql: str) -> str:
        if self.type == "material":
            return f"(SELECT {sql} FROM bill m WHERE m.form = 'BD_MATERIAL' AND m.bill_no = {self.sql})"  # noqa: S608
        return f"internal_id('{self.type}', {self.sql})" if sql == "m.id" else self.sql


@dataclass(frozen=True, slots=True)
class Source:
    """What queries of a form read: SQL after FROM, what adds a row per entry, SQL after WHERE, columns by key."""

    tables: str
    entry_join: str
    where: str
    columns: Mapping[str, Column]

    def column(self, key: str) -> Column | None:
        """What a key reads, None when there is none: base data takes .FNumber or .FName, alone it is an id."""
        name, _, of_base_data = key.partition(".")
        column = self.columns.get(name)
        if column is None or column.type not in BASE_DATA:
            return None if of_base_data else column
        return {"": column.id, "FNumber": column.number, "FName": column.name}.get(of_base_data)


def internal_id(kind: str, number: str | None) -> int:
    """The id the server gives to base data of a kind, 0 when there is none."""
    return 100_000 + int.from_bytes(hashlib.sha256(f"{kind}:{number}".encode()).digest()[:4]) if number else 0


def bill_source(form: Form) -> Source:
    """What queries of bills of a form read."""
    columns = {
        form.id_key: Column("b.id", "id"),
        "FDocumentStatus": Column("b.status", "text"),
        "FCreateDate": Column("b.created_at", "datetime"),
        "FModifyDate": Column("b.modified_at", "datetime"),
        "FApproveDate": Column("b.approved_at", "datetime"),
        "FCancelStatus": Column("'A'", "text"),
        "FForbidStatus": Column("CASE b.is_forbidden WHEN 1 THEN 'B' ELSE 'A' END", "text"),
        f"{form.entry}_FEntryID": Column("e.id", "id", is_of_entry=True),
        f"{form.entry}_FSeq": Column("e.seq", "id", is_of_entry=True),
    }
    for key in form.keys.values():
        is_of_entry = key.place == "entry"
        place = "e.fields" if is_of_entry else "b.head"
        columns[key.name] = Column(f"json_extract({place}, '$.{key.name}')", key.type, is_of_entry)
    columns[form.number_key] = Column("b.bill_no", "text")
    return Source("bill b", "LEFT JOIN bill_entry e ON e.bill_id = b.id", f"b.form = '{form.id}'", columns)


def _inventory_source() -> Source:
    status = " ".join(f"WHEN '{code}' THEN '{number}'" for code, number in STOCK_STATUS.items())
    key = "b.warehouse_code || ' ' || b.item_code || ' ' || b.inventory_type"
    columns = {
        "FID": Column(f"printf('%020d', internal_id('inventory', {key}))", "text"),
        "FMaterialId": Column("b.item_code", "material"),
        "FStockId": Column("b.warehouse_code", "stock"),
        "FStockOrgId": Column("webapi_org()", "org"),
        "FStockStatusId": Column(f"CASE b.inventory_type {status} END", "status"),
        "FOwnerTypeId": Column("'BD_OwnerOrg'", "text"),
        "FOwnerId": Column("webapi_org()", "org"),
        "FKeeperTypeId": Column("'BD_KeeperOrg'", "text"),
        "FKeeperId": Column("webapi_org()", "org"),
        "FLot": Column("NULL", "ref"),
        "FBaseUnitId": Column("b.unit", "ref"),
        "FQty": Column("b.on_hand", "quantity"),
        "FBaseQty": Column("b.on_hand", "quantity"),
        "FLockQty": Column("b.locked", "quantity"),
        "FBaseLockQty": Column("b.locked", "quantity"),
        # Servers were reported to answer 0 here.
        "FAVBQty": Column("'0'", "quantity"),
        "FProduceDate": Column("NULL", "date"),
        "FExpiryDate": Column("NULL", "date"),
    }
    return Source(f"({reports.STOCK}) b", "", "b.owner_code = webapi_owner()", columns)


def _organisations_source() -> Source:
    columns = {
        "FOrgID": Column("internal_id('org', b.number)", "id"),
        "FNumber": Column("b.number", "text"),
        "FName": Column("b.number", "text"),
    }
    tables = "(SELECT webapi_org() AS number UNION SELECT webapi_item_org()) b"
    return Source(tables, "", "1", columns)


SOURCES: Mapping[str, Source] = {
    **{form.id: bill_source(form) for form in FORMS.values()},
    "STK_Inventory": _inventory_source(),
    "ORG_Organizations": _organisations_source(),
}


def add_functions(db: sqlite3.Connection, *, org: str, item_org: str, owner_code: str) -> None:
    """Make the functions that columns use known to a connection."""
    db.create_function("internal_id", 2, internal_id, deterministic=True)
    db.create_function("webapi_org", 0, lambda: org, deterministic=True)
    db.create_function("webapi_item_org", 0, lambda: item_org, deterministic=True)
    db.create_function("webapi_owner", 0, lambda: owner_code, deterministic=True)

"""The tables of K/3 Cloud dockings. Whoever owns the database owns their migrations."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from kingdee_adapter.k3cloud.domain import Bill
from lemai_chassis.state.aggregates import Aggregates


@dataclass(frozen=True)
class K3Tables:
    """Our bills, which handlers change, and how far results were read."""

    bills: Aggregates[Bill]
    cursor: Table


def tables(metadata: MetaData) -> K3Tables:
    """Declare `k3_bill` and `k3_cursor` on `metadata`."""

    class BillRow(SQLModel):
        """Columns are the fields of `Bill`."""

        __table__ = _bill(metadata)

    cursor = Table(
        "k3_cursor",
        metadata,
        _text("counterpart_code", primary_key=True),
        _text("form_id", primary_key=True),
        Column("approved_at", DateTime(timezone=True), nullable=False),
        comment="the approval up to which results were received, by form",
    )
    return K3Tables(Aggregates(Bill, BillRow), cursor)


def _bill(metadata: MetaData) -> Table:
    return Table(
        "k3_bill",
        metadata,
        _text("counterpart_code", primary_key=True),
        _text("form_id", primary_key=True),
        _text("number", primary_key=True),
        Column("version", BigInteger, nullable=False),
        _text("owner_code"),
        _text("interface"),
        _text("file_name", comment="of the Save request of its newest document"),
        Column("document_id", BigInteger, nullable=False, comment="of that document; older ones go first"),
        Column("lines", JSONB, nullable=False),
        Column("needs", JSONB, nullable=False, comment="item codes that must be posted before"),
        _text("state", comment="waiting, posting, posted, refused"),
        Column("step", Text, comment="under way: unaudit, save, submit, audit, allocate"),
        Column("posted_once", Boolean, nullable=False),
        Column("reports", JSONB, nullable=False, comment="results read of it, and which was the last"),
        Index("k3_bill_waiting", "counterpart_code", "document_id", postgresql_where=text("state = 'waiting'")),
        Index(
            "k3_bill_open", "counterpart_code", "interface", postgresql_where=text("state IN ('waiting', 'posting')")
        ),
        comment="our bills in K/3 Cloud, step by step",
    )


def _text(name: str, *, primary_key: bool = False, comment: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, primary_key=primary_key, comment=comment)

"""What a service's migrations call: Alembic on a connection that is already open, and the delivery core's tables."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection, MetaData
from sqlmodel.sql.sqltypes import AutoString

from lemai_chassis.tables import tables


def run(metadata: MetaData) -> None:
    """Run the revisions in the transaction of the caller; month partitions are not drift."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        include_name=lambda name, kind, _parents: kind != "table" or not (name or "").startswith("event_"),
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()


def create_delivery_tables(connection: Connection) -> None:
    """For a service's first revision: the delivery core is the same everywhere, and said once."""
    _delivery_tables().create_all(connection)


def drop_delivery_tables(connection: Connection) -> None:
    _delivery_tables().drop_all(connection)


def _delivery_tables() -> MetaData:
    metadata = MetaData()
    tables(metadata)
    return metadata


def _render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """SQLModel's own string type is a plain string to a revision."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False

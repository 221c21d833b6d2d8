"""What a service's `migrations/env.py` calls: Alembic on a connection that is already open."""

from typing import Literal

from alembic import context
from sqlalchemy import MetaData
from sqlmodel.sql.sqltypes import AutoString


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


def _render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """SQLModel's own string type is a plain string to a revision."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False

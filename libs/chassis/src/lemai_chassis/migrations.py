"""What a service's `migrations/env.py` calls: Alembic on a connection that is already open."""

from alembic import context
from sqlalchemy import MetaData


def run(metadata: MetaData) -> None:
    """Run the revisions in the transaction of the caller; month partitions are not drift."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        include_name=lambda name, kind, _parents: kind != "table" or not (name or "").startswith("event_"),
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()

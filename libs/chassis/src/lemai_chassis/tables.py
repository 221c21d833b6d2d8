"""Every table of the delivery core. Each service has its own copy; its Alembic owns the migrations."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def tables(metadata: MetaData) -> None:
    """Declare the delivery tables on `metadata`."""
    Table(
        "event",
        metadata,
        Column("seq", BigInteger, Identity(), primary_key=True),
        Column("recorded_at", DateTime(timezone=True), primary_key=True, server_default=func.now()),
        Column("id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, comment="only where an event names its partition itself"),
        Column("partitionkey", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("aggregateversion", BigInteger, nullable=False),
        Column("time", DateTime(timezone=True), nullable=False),
        Column("traceparent", Text, nullable=False),
        Column("causationid", Text, nullable=False),
        Column("data", JSONB, nullable=False),
        Index("event_subject", "subject", "seq"),
        Index("event_partitionkey", "partitionkey", "seq"),
        Index("event_recorded_at", "recorded_at", postgresql_using="brin"),
        postgresql_partition_by="RANGE (recorded_at)",
        comment="append-only: history, time travel, journey source, and content of the outbox",
    )
    Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, primary_key=True),
        Column("recorded_at", DateTime(timezone=True), nullable=False),
        comment="events the broker has not acknowledged yet",
    )
    Table(
        "inbox",
        metadata,
        Column("event_id", Uuid, primary_key=True),
        _now("claimed_at"),
        Index("inbox_claimed_at", "claimed_at"),
        comment="events taken, once each",
    )
    Table(
        "parked_key",
        metadata,
        Column("key", Text, primary_key=True),
        Column("reason", Text, nullable=False),
        Column("awaits", Text, comment="redriven when this arrives"),
        Column("due_at", DateTime(timezone=True), comment="redriven at this time; null waits for a person"),
        Column("attempts", Integer, nullable=False, server_default=text("1")),
        _now("parked_at"),
        Index("parked_key_due_at", "due_at"),
        Index("parked_key_awaits", "awaits"),
        comment="keys whose first message could not be handled; later ones queue behind it",
    )
    Table(
        "parked_message",
        metadata,
        Column("seq", BigInteger, Identity(), primary_key=True),
        Column("key", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("value", LargeBinary),
        _now("parked_at"),
        Index("parked_message_key", "key", "seq"),
    )
    Table(
        "discarded_message",
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("key", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("value", LargeBinary),
        Column("reason", Text, nullable=False),
        _now("discarded_at"),
        comment="parked messages a person gave up, and why",
    )
    Table(
        "outbound_call",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("kind", Text, nullable=False),
        Column("key", Text, nullable=False, comment="one call of a key is in flight at a time"),
        Column("payload", JSONB, nullable=False),
        Column("state", Text, nullable=False, server_default="pending"),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("lease", Uuid),
        Column("leased_until", DateTime(timezone=True)),
        Column("traceparent", Text, nullable=False),
        Column("causationid", Text, nullable=False),
        Column("answer", JSONB),
        _now("created_at"),
        Column("ended_at", DateTime(timezone=True)),
        Index(
            "outbound_call_open",
            "kind",
            "key",
            "id",
            postgresql_where=text("state IN ('pending', 'sending', 'unknown', 'waiting')"),
        ),
        Index(
            "outbound_call_waiting",
            "kind",
            "id",
            postgresql_where=text("state IN ('pending', 'sending', 'unknown')"),
        ),
        comment="calls to systems outside, requested by handlers and made by a leased worker",
    )
    Table(
        "idempotency",
        metadata,
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("answer", JSONB),
        _now("created_at"),
        comment="answers to commands that carried an Idempotency-Key",
    )
    Table(
        "schedule",
        metadata,
        Column("name", Text, primary_key=True),
        Column("due_at", DateTime(timezone=True), nullable=False),
        Column("last_run_at", DateTime(timezone=True)),
    )
    Table(
        "trouble",
        metadata,
        Column("code", Text, primary_key=True),
        Column("about", Text, primary_key=True),
        Column("reason", Text, nullable=False),
        Column("since", DateTime(timezone=True), nullable=False),
        Column("failed_at", DateTime(timezone=True), nullable=False),
        Column("failures", Integer, nullable=False, server_default=text("1")),
        Column("told_at", DateTime(timezone=True)),
        comment="what keeps failing; a success deletes its row",
    )

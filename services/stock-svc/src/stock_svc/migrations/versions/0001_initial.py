"""The first tables; the ledger refuses to be changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applied_actual",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("order_no", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("leg", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("actual_no", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "order_no", "leg", "actual_no"),
    )
    op.create_table(
        "applied_count",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("warehouse_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("snapshot_id", sa.Text(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "warehouse_code"),
    )
    op.create_table(
        "balance",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("warehouse_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("item_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("grade", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.Column("frozen", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("owner_code", "warehouse_code", "item_code", "grade"),
    )
    op.create_index(
        "balance_due", "balance", ["due_since"], unique=False, postgresql_where=sa.text("due_since IS NOT NULL")
    )
    op.create_index("balance_item", "balance", ["owner_code", "item_code"], unique=False)
    op.create_table(
        "combo",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("item_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("components", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("owner_code", "item_code"),
    )
    op.create_index(
        "combo_components",
        "combo",
        ["components"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"components": "jsonb_path_ops"},
    )
    op.create_index(
        "combo_due", "combo", ["due_since"], unique=False, postgresql_where=sa.text("due_since IS NOT NULL")
    )
    op.create_table(
        "commitment",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("order_no", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("store_code", sa.Text(), nullable=False),
        sa.Column("warehouse_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("missing", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "order_no"),
    )
    op.create_index("commitment_state", "commitment", ["state", "asked_at", "order_no"], unique=False)
    op.create_index(
        "commitment_waiting",
        "commitment",
        ["lines"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"lines": "jsonb_path_ops"},
        postgresql_where=sa.text("state = 'short'"),
    )
    op.create_table(
        "counted_line",
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("warehouse_code", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("locked", sa.BigInteger(), nullable=False),
        comment="lines of snapshots that wait for their other chunks; without an index, because it is only read whole",
    )
    op.create_table(
        "difference",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("warehouse_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("snapshot_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("frozen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "warehouse_code", "snapshot_id", "position"),
    )
    op.create_table(
        "discarded_message",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("discarded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        comment="parked messages a person gave up, and why",
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=True, comment="only where an event names its partition itself"),
        sa.Column("partitionkey", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("aggregateversion", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("causationid", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", "recorded_at"),
        comment="append-only: history, time travel, journey source, and content of the outbox",
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_index("event_partitionkey", "event", ["partitionkey", "seq"], unique=False)
    op.create_index("event_subject", "event", ["subject", "seq"], unique=False)
    op.create_table(
        "figure",
        sa.Column("store_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("platform_item_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("platform_sku_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("figure_no", sa.BigInteger(), nullable=False),
        sa.Column("watermark", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_quantity", sa.BigInteger(), nullable=True),
        sa.Column("published_no", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("store_code", "platform_item_id", "platform_sku_id"),
    )
    op.create_index(
        "figure_due",
        "figure",
        ["store_code", "due_since"],
        unique=False,
        postgresql_where=sa.text("due_since IS NOT NULL"),
    )
    op.create_index("figure_item", "figure", ["owner_code", "item_code"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        comment="answers to commands that carried an Idempotency-Key",
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        comment="events taken, once each",
    )
    op.create_index("inbox_claimed_at", "inbox", ["claimed_at"], unique=False)
    op.create_table(
        "movement",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("warehouse_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("item_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("grade", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("entry_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "warehouse_code", "item_code", "grade", "entry_no"),
        comment="the stock ledger, append-only",
    )
    op.create_index(
        "movement_actual",
        "movement",
        ["owner_code", "warehouse_code", "occurred_at"],
        unique=False,
        postgresql_where=sa.text("cause = 'actual'"),
    )
    op.create_index("movement_item", "movement", ["owner_code", "item_code", "recorded_at"], unique=False)
    op.create_table(
        "outbound_call",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="one call of a key is in flight at a time"),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("causationid", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="calls to systems outside, requested by handlers and made by a leased worker",
    )
    op.create_index(
        "outbound_call_open",
        "outbound_call",
        ["kind", "key", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
    )
    op.create_index(
        "outbound_call_waiting",
        "outbound_call",
        ["kind", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'unknown')"),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        comment="events the broker has not acknowledged yet",
    )
    op.create_table(
        "parked_key",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("awaits", sa.Text(), nullable=True, comment="redriven when this arrives"),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="redriven at this time; null waits for a person",
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        comment="keys whose first message could not be handled; later ones queue behind it",
    )
    op.create_index("parked_key_awaits", "parked_key", ["awaits"], unique=False)
    op.create_index("parked_key_due_at", "parked_key", ["due_at"], unique=False)
    op.create_table(
        "parked_message",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("parked_message_key", "parked_message", ["key", "seq"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "snapshot",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("warehouse_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("snapshot_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("counterpart_code", sa.Text(), nullable=False),
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("locked_is_frozen", sa.Boolean(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("differences", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("owner_code", "warehouse_code", "snapshot_id"),
    )
    op.create_index("snapshot_id", "snapshot", ["snapshot_id"], unique=False)
    op.create_index(
        "snapshot_open",
        "snapshot",
        ["snapshot_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('receiving', 'correcting')"),
    )
    op.create_table(
        "watermark",
        sa.Column("store_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_code", "partition"),
    )
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("watermark")
    op.drop_index(
        "snapshot_open", table_name="snapshot", postgresql_where=sa.text("state IN ('receiving', 'correcting')")
    )
    op.drop_index("snapshot_id", table_name="snapshot")
    op.drop_table("snapshot")
    op.drop_table("schedule")
    op.drop_index("parked_message_key", table_name="parked_message")
    op.drop_table("parked_message")
    op.drop_index("parked_key_due_at", table_name="parked_key")
    op.drop_index("parked_key_awaits", table_name="parked_key")
    op.drop_table("parked_key")
    op.drop_table("outbox")
    op.drop_index(
        "outbound_call_waiting",
        table_name="outbound_call",
        postgresql_where=sa.text("state IN ('pending', 'unknown')"),
    )
    op.drop_index(
        "outbound_call_open",
        table_name="outbound_call",
        postgresql_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
    )
    op.drop_table("outbound_call")
    op.drop_index("movement_item", table_name="movement")
    op.drop_index("movement_actual", table_name="movement", postgresql_where=sa.text("cause = 'actual'"))
    op.drop_table("movement")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_index("inbox_claimed_at", table_name="inbox")
    op.drop_table("inbox")
    op.drop_table("idempotency")
    op.drop_index("figure_item", table_name="figure")
    op.drop_index("figure_due", table_name="figure", postgresql_where=sa.text("due_since IS NOT NULL"))
    op.drop_table("figure")
    op.drop_index("event_subject", table_name="event")
    op.drop_index("event_partitionkey", table_name="event")
    op.drop_table("event")
    op.drop_table("discarded_message")
    op.drop_table("difference")
    op.drop_table("counted_line")
    op.drop_index(
        "commitment_waiting",
        table_name="commitment",
        postgresql_using="gin",
        postgresql_ops={"lines": "jsonb_path_ops"},
        postgresql_where=sa.text("state = 'short'"),
    )
    op.drop_index("commitment_state", table_name="commitment")
    op.drop_table("commitment")
    op.drop_index("combo_due", table_name="combo", postgresql_where=sa.text("due_since IS NOT NULL"))
    op.drop_index(
        "combo_components", table_name="combo", postgresql_using="gin", postgresql_ops={"components": "jsonb_path_ops"}
    )
    op.drop_table("combo")
    op.drop_index("balance_item", table_name="balance")
    op.drop_index("balance_due", table_name="balance", postgresql_where=sa.text("due_since IS NOT NULL"))
    op.drop_table("balance")
    op.drop_table("applied_count")
    op.drop_table("applied_actual")

"""The first tables; the ledger refuses to be changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from lemai_chassis.migrations import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_delivery_tables(op.get_bind())
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
        sa.Column("traceparent", sa.Text(), nullable=False),
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
        "snapshot",
        sa.Column("owner_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("warehouse_code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("snapshot_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("counterpart_code", sa.Text(), nullable=False),
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("locked_is_frozen", sa.Boolean(), nullable=False),
        sa.Column("loss_max_percent", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("differences", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.BigInteger(), nullable=False),
        sa.Column("sellable", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_why", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("owner_code", "warehouse_code", "snapshot_id"),
    )
    op.create_index("snapshot_id", "snapshot", ["snapshot_id"], unique=False)
    op.create_index(
        "snapshot_open",
        "snapshot",
        ["snapshot_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('receiving', 'waiting', 'correcting')"),
    )
    op.create_table(
        "store_rule",
        sa.Column("store_code", sa.Text(), nullable=False),
        sa.Column("warehouse_code", sa.Text(), nullable=False),
        sa.Column("safety_stock", sa.BigInteger(), nullable=False),
        sa.Column("stock_share_percent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_code"),
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
    op.drop_table("store_rule")
    op.drop_index(
        "snapshot_open",
        table_name="snapshot",
        postgresql_where=sa.text("state IN ('receiving', 'waiting', 'correcting')"),
    )
    op.drop_index("snapshot_id", table_name="snapshot")
    op.drop_table("snapshot")
    op.drop_index("movement_item", table_name="movement")
    op.drop_index("movement_actual", table_name="movement", postgresql_where=sa.text("cause = 'actual'"))
    op.drop_table("movement")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_index("figure_item", table_name="figure")
    op.drop_index("figure_due", table_name="figure", postgresql_where=sa.text("due_since IS NOT NULL"))
    op.drop_table("figure")
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
    drop_delivery_tables(op.get_bind())

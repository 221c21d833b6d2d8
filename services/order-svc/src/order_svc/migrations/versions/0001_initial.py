"""The first tables."""

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
        "held_actual",
        sa.Column("owner_code", sa.String(), nullable=False),
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("actual_no", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actual", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "order_no", "leg", "actual_no"),
    )
    op.create_index(
        "held_actual_waiting",
        "held_actual",
        ["held_at"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "item",
        sa.Column("owner_code", sa.String(), nullable=False),
        sa.Column("item_code", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("item_name", sa.String(), nullable=False),
        sa.Column("retail_minor", sa.BigInteger(), nullable=False),
        sa.Column("components", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "item_code"),
    )
    op.create_table(
        "journey_step",
        sa.Column("owner_code", sa.String(), nullable=False),
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("owner_code", "order_no", "kind", "reference"),
    )
    op.create_table(
        "listing",
        sa.Column("store_code", sa.String(), nullable=False),
        sa.Column("platform_item_id", sa.String(), nullable=False),
        sa.Column("platform_sku_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("owner_code", sa.String(), nullable=False),
        sa.Column("item_code", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("store_code", "platform_item_id", "platform_sku_id"),
    )
    op.create_table(
        "orders",
        sa.Column("owner_code", sa.String(), nullable=False),
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("store_code", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("trade_no", sa.String(), nullable=False),
        sa.Column("warehouse_code", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("freight_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("pay_no", sa.String(), nullable=False),
        sa.Column("buyer_nick", sa.String(), nullable=False),
        sa.Column("buyer_message", sa.String(), nullable=False),
        sa.Column("seller_message", sa.String(), nullable=False),
        sa.Column("consignee", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("commitment", sa.String(), nullable=False),
        sa.Column("holds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("actual_nos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("corrections", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refusal", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("traceparent", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "order_no"),
    )
    op.create_index("orders_order_no", "orders", ["order_no"], unique=False)
    op.create_index("orders_placed_at", "orders", ["placed_at", "order_no", "owner_code"], unique=False)
    op.create_index("orders_state", "orders", ["state", "placed_at"], unique=False)
    op.create_index("orders_store_code", "orders", ["store_code", "placed_at"], unique=False)
    op.create_index("orders_trade_no", "orders", ["trade_no"], unique=False)
    op.create_table(
        "trade",
        sa.Column("store_code", sa.String(), nullable=False),
        sa.Column("trade_no", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("trade_version", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("order_nos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("store_code", "trade_no"),
    )


def downgrade() -> None:
    op.drop_table("trade")
    op.drop_index("orders_trade_no", table_name="orders")
    op.drop_index("orders_store_code", table_name="orders")
    op.drop_index("orders_state", table_name="orders")
    op.drop_index("orders_placed_at", table_name="orders")
    op.drop_index("orders_order_no", table_name="orders")
    op.drop_table("orders")
    op.drop_table("listing")
    op.drop_table("journey_step")
    op.drop_table("item")
    op.drop_index("held_actual_waiting", table_name="held_actual", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_table("held_actual")
    drop_delivery_tables(op.get_bind())

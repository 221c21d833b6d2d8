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
        "receivable",
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("store_code", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("trade_no", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ordered_minor", sa.BigInteger(), nullable=True),
        sa.Column("receivable_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "order_no"),
    )
    op.create_index("receivable_order_no", "receivable", ["order_no"], unique=False)
    op.create_index("receivable_state", "receivable", ["state"], unique=False)
    op.create_index("receivable_store", "receivable", ["store_code", "state"], unique=False)
    op.create_index("receivable_trade_no", "receivable", ["trade_no"], unique=False)
    op.create_table(
        "receivable_entry",
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("actual_no", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waybill_nos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "order_no", "actual_no"),
    )
    op.create_index("receivable_entry_shipped_at", "receivable_entry", ["shipped_at"], unique=False)


def downgrade() -> None:
    op.drop_index("receivable_entry_shipped_at", table_name="receivable_entry")
    op.drop_table("receivable_entry")
    op.drop_index("receivable_trade_no", table_name="receivable")
    op.drop_index("receivable_store", table_name="receivable")
    op.drop_index("receivable_state", table_name="receivable")
    op.drop_index("receivable_order_no", table_name="receivable")
    op.drop_table("receivable")
    drop_delivery_tables(op.get_bind())

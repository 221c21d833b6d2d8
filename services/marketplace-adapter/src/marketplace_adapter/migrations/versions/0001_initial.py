"""The first tables."""

import sqlalchemy as sa
from alembic import op

from lemai_chassis.migrations import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_delivery_tables(op.get_bind())
    op.create_index("outbound_call_key", "outbound_call", ["key", "id"], unique=False)
    op.create_table(
        "cursor",
        sa.Column("store_code", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_code"),
    )
    op.create_table(
        "malformed_trade",
        sa.Column("store_code", sa.String(), nullable=False),
        sa.Column("trade_no", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("sealed_raw", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("store_code", "trade_no"),
    )
    op.create_table(
        "seen_trade",
        sa.Column("store_code", sa.String(), nullable=False),
        sa.Column("trade_no", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("platform_version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("traceparent", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("store_code", "trade_no"),
    )


def downgrade() -> None:
    op.drop_table("seen_trade")
    op.drop_table("malformed_trade")
    op.drop_table("cursor")
    drop_delivery_tables(op.get_bind())

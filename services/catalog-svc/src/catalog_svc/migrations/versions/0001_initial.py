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
        "catalog",
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_code"),
    )
    op.create_table(
        "item",
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("item_name", sa.Text(), nullable=False),
        sa.Column("barcodes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("goods_code", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column("specification", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("category_code", sa.Text(), nullable=False),
        sa.Column("category_name", sa.Text(), nullable=False),
        sa.Column("brand_code", sa.Text(), nullable=False),
        sa.Column("brand_name", sa.Text(), nullable=False),
        sa.Column("item_type", sa.Text(), nullable=False),
        sa.Column("tag_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("retail_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("purchase_price", sa.Text(), nullable=True),
        sa.Column("gross_weight", sa.Text(), nullable=True),
        sa.Column("components", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner_code", "item_code"),
    )
    op.create_index("item_barcodes", "item", ["barcodes"], unique=False, postgresql_using="gin")
    op.create_index("item_code_in_any_case", "item", ["owner_code", sa.text("lower(item_code)")], unique=False)
    op.create_table(
        "item_sheet",
        sa.Column("sheet_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("preview", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sheet_id"),
    )
    op.create_table(
        "listing",
        sa.Column("store_code", sa.Text(), nullable=False),
        sa.Column("platform_item_id", sa.Text(), nullable=False),
        sa.Column("platform_sku_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_code", "platform_item_id", "platform_sku_id"),
    )
    op.create_index("listing_item", "listing", ["owner_code", "item_code"], unique=False)


def downgrade() -> None:
    op.drop_index("listing_item", table_name="listing")
    op.drop_table("listing")
    op.drop_table("item_sheet")
    op.drop_index("item_barcodes", table_name="item", postgresql_using="gin")
    op.drop_table("item")
    op.drop_table("catalog")
    drop_delivery_tables(op.get_bind())

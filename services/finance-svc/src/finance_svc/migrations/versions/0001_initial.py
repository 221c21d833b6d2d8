"""The first tables: until a release freezes them, they are those the code declares (ADR 026)."""

from alembic import op

from finance_svc.storage import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())

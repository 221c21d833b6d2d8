"""Bytes may be forgotten, quarantine is decided upon, what is not answered is told once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNSETTLED = "state IN ('rendered', 'unknown', 'rewrite')"


def upgrade() -> None:
    op.alter_column(
        "docking_file",
        "state",
        existing_type=sa.Text(),
        existing_nullable=False,
        existing_comment="out: rendered, published, acknowledged, unknown, rewrite; in: received, rejected",
        comment="out: rendered, published, acknowledged, unknown, rewrite, resend; in: received, rejected",
    )
    op.alter_column(
        "docking_file",
        "content",
        existing_type=sa.LargeBinary(),
        nullable=True,
        existing_comment="the sealed bytes",
        comment="the sealed bytes, until they are forgotten",
    )
    op.add_column(
        "docking_file",
        sa.Column(
            "read_as",
            sa.Text(),
            nullable=True,
            comment="mended by a person: the name it is read under, and its bytes are vouched for",
        ),
    )
    op.drop_index("docking_file_unsettled", "docking_file")
    op.create_index(
        "docking_file_unsettled",
        "docking_file",
        ["counterpart", "id"],
        postgresql_where=sa.text("state IN ('rendered', 'unknown', 'rewrite', 'resend')"),
    )
    op.create_index("docking_file_created_at", "docking_file", ["counterpart", "created_at"])
    op.create_index(
        "docking_file_message_id",
        "docking_file",
        ["counterpart", "message_id"],
        unique=True,
        postgresql_where=sa.text("direction = 'in' AND state = 'received' AND message_id <> ''"),
    )
    _outgoing()
    _quarantine()


def _outgoing() -> None:
    op.add_column("docking_outgoing", sa.Column("ack_missed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("docking_outgoing", sa.Column("actual_missed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "docking_outgoing_items_open",
        "docking_outgoing",
        ["counterpart"],
        postgresql_where=sa.text("leg = '' AND state IN ('pending', 'rendered', 'unknown')"),
    )
    op.create_index(
        "docking_outgoing_ack_missed",
        "docking_outgoing",
        ["counterpart", "changed_at"],
        postgresql_where=sa.text("state = 'published' AND ack_missed_at IS NULL"),
    )
    op.create_index(
        "docking_outgoing_actual_missed",
        "docking_outgoing",
        ["counterpart", "changed_at"],
        postgresql_where=sa.text("state IN ('published', 'acknowledged') AND actual_missed_at IS NULL AND leg <> ''"),
    )


def _quarantine() -> None:
    for column in (
        sa.Column("file_id", sa.BigInteger(), sa.ForeignKey("docking_file.id"), nullable=True),
        sa.Column("leg", sa.Text(), nullable=False, server_default=""),
        sa.Column("state", sa.Text(), nullable=False, server_default="open", comment="open, replayed, discarded"),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before_sha256", sa.Text(), nullable=True, comment="of the content that was mended"),
        sa.Column("after_sha256", sa.Text(), nullable=True, comment="of what a person made of it"),
    ):
        op.add_column("docking_quarantine", column)
    op.alter_column("docking_quarantine", "leg", server_default=None)
    op.alter_column("docking_quarantine", "state", server_default=None)
    op.alter_column(
        "docking_quarantine",
        "content",
        existing_type=sa.LargeBinary(),
        nullable=True,
        existing_comment="the sealed bytes of the file or document",
        comment="the sealed bytes of the file or document, until they are forgotten",
    )
    op.create_index(
        "docking_quarantine_open",
        "docking_quarantine",
        ["counterpart", "code", "id"],
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_index("docking_quarantine_open", "docking_quarantine")
    for column in (
        "after_sha256",
        "before_sha256",
        "decided_at",
        "decided_why",
        "decided_by",
        "state",
        "leg",
        "file_id",
    ):
        op.drop_column("docking_quarantine", column)
    for index in ("actual_missed", "ack_missed", "items_open"):
        op.drop_index(f"docking_outgoing_{index}", "docking_outgoing")
    op.drop_column("docking_outgoing", "actual_missed_at")
    op.drop_column("docking_outgoing", "ack_missed_at")
    op.drop_index("docking_file_message_id", "docking_file")
    op.drop_index("docking_file_created_at", "docking_file")
    op.drop_index("docking_file_unsettled", "docking_file")
    op.create_index(
        "docking_file_unsettled", "docking_file", ["counterpart", "id"], postgresql_where=sa.text(_UNSETTLED)
    )
    op.drop_column("docking_file", "read_as")

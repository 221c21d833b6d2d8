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
        "deed",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False, comment="download, replay, resend, mend, discard"),
        sa.Column("kind", sa.Text(), nullable=False, comment="of what it was done to: file, quarantine, counterpart"),
        sa.Column("subject", sa.BigInteger(), nullable=False, comment="its id; 0 for a counterpart"),
        sa.Column("about", sa.Text(), nullable=False, comment="counterpart and name of the file, for people"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="who saw raw bytes or decided something, and why",
    )
    op.create_table(
        "docking_cursor",
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("counterpart"),
        comment="how far a counterpart's list of files has been dealt with",
    )
    op.create_table(
        "docking_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False, comment="out: we write it, in: we read it"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="out: rendered, published, acknowledged, unknown, rewrite, resend; in: received, rejected",
        ),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True, comment="the sealed bytes, until they are forgotten"),
        sa.Column(
            "read_as",
            sa.Text(),
            nullable=True,
            comment="mended by a person: the name it is read under, and its bytes are vouched for",
        ),
        sa.Column(
            "ack",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the acknowledgement given or received",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("counterpart", "direction", "name"),
    )
    op.create_index("docking_file_created_at", "docking_file", ["counterpart", "created_at"], unique=False)
    op.create_index(
        "docking_file_message_id",
        "docking_file",
        ["counterpart", "message_id"],
        unique=True,
        postgresql_where=sa.text("direction = 'in' AND state = 'received' AND message_id <> ''"),
    )
    op.create_index("docking_file_name", "docking_file", ["name", "id"], unique=False)
    op.create_index("docking_file_sha256", "docking_file", ["counterpart", "sha256"], unique=False)
    op.create_index(
        "docking_file_unsettled",
        "docking_file",
        ["counterpart", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('rendered', 'unknown', 'rewrite', 'resend')"),
    )
    op.create_table(
        "docking_nonce",
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counterpart", "nonce"),
        comment="nonces of signed calls that could be repeated",
    )
    op.create_table(
        "docking_publisher",
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("counterpart"),
        comment="the fencing token of the publisher that may write to a counterpart's outbox",
    )
    op.create_table(
        "docking_stamp",
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("last_stamp", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counterpart", "pattern"),
        comment="the last second used in a file name, by counterpart and name pattern",
    )
    op.create_table(
        "k3_bill",
        sa.Column("counterpart_code", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False, comment="of the Save request of its newest document"),
        sa.Column("document_id", sa.BigInteger(), nullable=False, comment="of that document; older ones go first"),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "needs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="item codes that must be posted before",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, posting, posted, refused"),
        sa.Column("step", sa.Text(), nullable=True, comment="under way: unaudit, save, submit, audit, allocate"),
        sa.Column("posted_once", sa.Boolean(), nullable=False),
        sa.Column(
            "reports",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="results read of it, and which was the last",
        ),
        sa.PrimaryKeyConstraint("counterpart_code", "form_id", "number"),
        comment="our bills in K/3 Cloud, step by step",
    )
    op.create_index(
        "k3_bill_open",
        "k3_bill",
        ["counterpart_code", "interface"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'posting')"),
    )
    op.create_index(
        "k3_bill_waiting",
        "k3_bill",
        ["counterpart_code", "document_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "k3_cursor",
        sa.Column("counterpart_code", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counterpart_code", "form_id"),
        comment="the approval up to which results were received, by form",
    )
    op.create_table(
        "docking_incoming",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("out_biz_code", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["docking_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner_code", "counterpart", "order_no", "leg", "out_biz_code"),
    )
    op.create_index("docking_incoming_day", "docking_incoming", ["received_at"], unique=False, postgresql_using="brin")
    op.create_index("docking_incoming_file", "docking_incoming", ["file_id", "line"], unique=False)
    op.create_index("docking_incoming_order_no", "docking_incoming", ["order_no", "id"], unique=False)
    op.create_table(
        "docking_outgoing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False, comment="order number or item code"),
        sa.Column("leg", sa.Text(), nullable=False, comment="OUT, IN, or empty for items"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="sealed; what the document is made from"),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("causationid", sa.Text(), nullable=False, comment="id of the event it was made of"),
        sa.Column(
            "traceparent",
            sa.Text(),
            nullable=False,
            comment="of that event: what answers the document goes on in its trace",
        ),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="pending, rendered, published, acknowledged, rejected, unknown"
        ),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True, comment="of its head in the file"),
        sa.Column("faults", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="why it was rejected"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ack_missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["docking_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner_code", "counterpart", "interface", "order_no", "leg", "revision"),
    )
    op.create_index(
        "docking_outgoing_ack_missed",
        "docking_outgoing",
        ["counterpart", "changed_at"],
        unique=False,
        postgresql_where=sa.text("state = 'published' AND ack_missed_at IS NULL"),
    )
    op.create_index(
        "docking_outgoing_actual_missed",
        "docking_outgoing",
        ["counterpart", "changed_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('published', 'acknowledged') AND actual_missed_at IS NULL AND leg <> ''"),
    )
    op.create_index("docking_outgoing_day", "docking_outgoing", ["created_at"], unique=False, postgresql_using="brin")
    op.create_index("docking_outgoing_file", "docking_outgoing", ["file_id", "line"], unique=False)
    op.create_index(
        "docking_outgoing_items_open",
        "docking_outgoing",
        ["counterpart"],
        unique=False,
        postgresql_where=sa.text("leg = '' AND state IN ('pending', 'rendered', 'unknown')"),
    )
    op.create_index("docking_outgoing_order_no", "docking_outgoing", ["order_no", "id"], unique=False)
    op.create_index(
        "docking_outgoing_pending",
        "docking_outgoing",
        ["counterpart", "interface", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "docking_page",
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column(
            "head",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what all pages of a snapshot share",
        ),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["docking_file.id"],
        ),
        sa.PrimaryKeyConstraint("counterpart", "snapshot_id", "page"),
        comment="pages of stock snapshots; a snapshot is handed over when all are here",
    )
    op.create_table(
        "docking_quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="file or document"),
        sa.Column("name", sa.Text(), nullable=False, comment="of the file"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False, comment="of the first fault; 0 is the whole file"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("faults", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=True,
            comment="the sealed bytes of the file or document, until they are forgotten",
        ),
        sa.Column("document_line", sa.Integer(), nullable=False, comment="where the document begins; 0 for a file"),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="open, replayed, discarded"),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before_sha256", sa.Text(), nullable=True, comment="of the content that was mended"),
        sa.Column("after_sha256", sa.Text(), nullable=True, comment="of what a person made of it"),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["docking_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("counterpart", "name", "sha256", "document_line"),
    )
    op.create_index(
        "docking_quarantine_open",
        "docking_quarantine",
        ["counterpart", "code", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_index(
        "docking_quarantine_open", table_name="docking_quarantine", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_table("docking_quarantine")
    op.drop_table("docking_page")
    op.drop_index(
        "docking_outgoing_pending", table_name="docking_outgoing", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index("docking_outgoing_order_no", table_name="docking_outgoing")
    op.drop_index(
        "docking_outgoing_items_open",
        table_name="docking_outgoing",
        postgresql_where=sa.text("leg = '' AND state IN ('pending', 'rendered', 'unknown')"),
    )
    op.drop_index("docking_outgoing_file", table_name="docking_outgoing")
    op.drop_index("docking_outgoing_day", table_name="docking_outgoing", postgresql_using="brin")
    op.drop_index(
        "docking_outgoing_actual_missed",
        table_name="docking_outgoing",
        postgresql_where=sa.text("state IN ('published', 'acknowledged') AND actual_missed_at IS NULL AND leg <> ''"),
    )
    op.drop_index(
        "docking_outgoing_ack_missed",
        table_name="docking_outgoing",
        postgresql_where=sa.text("state = 'published' AND ack_missed_at IS NULL"),
    )
    op.drop_table("docking_outgoing")
    op.drop_index("docking_incoming_order_no", table_name="docking_incoming")
    op.drop_index("docking_incoming_file", table_name="docking_incoming")
    op.drop_index("docking_incoming_day", table_name="docking_incoming", postgresql_using="brin")
    op.drop_table("docking_incoming")
    op.drop_table("k3_cursor")
    op.drop_index("k3_bill_waiting", table_name="k3_bill", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index("k3_bill_open", table_name="k3_bill", postgresql_where=sa.text("state IN ('waiting', 'posting')"))
    op.drop_table("k3_bill")
    op.drop_table("docking_stamp")
    op.drop_table("docking_publisher")
    op.drop_table("docking_nonce")
    op.drop_index(
        "docking_file_unsettled",
        table_name="docking_file",
        postgresql_where=sa.text("state IN ('rendered', 'unknown', 'rewrite', 'resend')"),
    )
    op.drop_index("docking_file_sha256", table_name="docking_file")
    op.drop_index("docking_file_name", table_name="docking_file")
    op.drop_index(
        "docking_file_message_id",
        table_name="docking_file",
        postgresql_where=sa.text("direction = 'in' AND state = 'received' AND message_id <> ''"),
    )
    op.drop_index("docking_file_created_at", table_name="docking_file")
    op.drop_table("docking_file")
    op.drop_table("docking_cursor")
    op.drop_table("deed")
    drop_delivery_tables(op.get_bind())

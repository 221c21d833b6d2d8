"""The journal's tables. Whoever owns the database owns their migrations."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


class Vault(Protocol):
    """Seals bytes before they are stored."""

    def seal(self, plain: bytes) -> bytes: ...

    def unseal(self, sealed: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables by their parts in the journal."""

    file: Table
    outgoing: Table
    incoming: Table
    page: Table
    quarantine: Table
    publisher: Table
    stamp: Table
    cursor: Table
    nonce: Table


def tables(metadata: MetaData) -> Tables:
    """Declare the journal's tables on `metadata`, names beginning with `docking_`."""
    return Tables(
        _file(metadata),
        _outgoing(metadata),
        _incoming(metadata),
        _page(metadata),
        _quarantine(metadata),
        Table(
            "docking_publisher",
            metadata,
            _text("counterpart", primary_key=True),
            Column("token", BigInteger, nullable=False),
            comment="the fencing token of the publisher that may write to a counterpart's outbox",
        ),
        Table(
            "docking_stamp",
            metadata,
            _text("counterpart", primary_key=True),
            _text("pattern", primary_key=True),
            _time("last_stamp"),
            comment="the last second used in a file name, by counterpart and name pattern",
        ),
        Table(
            "docking_cursor",
            metadata,
            _text("counterpart", primary_key=True),
            _text("cursor"),
            comment="how far a counterpart's list of files has been dealt with",
        ),
        Table(
            "docking_nonce",
            metadata,
            _text("counterpart", primary_key=True),
            _text("nonce", primary_key=True),
            _time("claimed_at"),
            comment="nonces of signed calls that could be repeated",
        ),
    )


def _file(metadata: MetaData) -> Table:
    return Table(
        "docking_file",
        metadata,
        _identity(),
        _text("counterpart"),
        _text("direction", comment="out: we write it, in: we read it"),
        _text("name"),
        _text("sha256"),
        _text("interface"),
        _text("message_id"),
        _text(
            "state", comment="out: rendered, published, acknowledged, unknown, rewrite, resend; in: received, rejected"
        ),
        Column("documents", Integer, nullable=False),
        Column("content", LargeBinary, comment="the sealed bytes, until they are forgotten"),
        Column("read_as", Text, comment="mended by a person: the name it is read under, and its bytes are vouched for"),
        Column("ack", JSONB, comment="the acknowledgement given or received"),
        Column("failures", Integer, nullable=False, server_default=text("0"), comment="tries in a row that failed"),
        Column("trouble", Text, comment="what the counterpart or its channel said to the last of them"),
        _time("created_at"),
        _time("published_at", nullable=True),
        _time("acknowledged_at", nullable=True),
        UniqueConstraint("counterpart", "direction", "name"),
        Index("docking_file_sha256", "counterpart", "sha256"),
        Index("docking_file_created_at", "counterpart", "created_at"),
        Index(
            "docking_file_message_id",
            "counterpart",
            "message_id",
            unique=True,
            postgresql_where=text("direction = 'in' AND state = 'received' AND message_id <> ''"),
        ),
        Index(
            "docking_file_unsettled",
            "counterpart",
            "id",
            postgresql_where=text("state IN ('rendered', 'unknown', 'rewrite', 'resend')"),
        ),
    )


def _outgoing(metadata: MetaData) -> Table:
    return Table(
        "docking_outgoing",
        metadata,
        _identity(),
        _text("owner_code"),
        _text("counterpart"),
        _text("interface"),
        _text("order_no", comment="order number or item code"),
        _text("leg", comment="OUT, IN, or empty for items"),
        Column("revision", BigInteger, nullable=False),
        _text("family"),
        _text("content_hash"),
        Column("payload", LargeBinary, nullable=False, comment="sealed; what the document is made from"),
        Column("urgent", Boolean, nullable=False),
        _text("causationid", comment="id of the event it was made of"),
        _text("traceparent", comment="of that event: what answers the document goes on in its trace"),
        _text("state", comment="pending, rendered, published, acknowledged, rejected, unknown"),
        _file_id(nullable=True),
        Column("line", Integer, comment="of its head in the file"),
        Column("faults", JSONB, comment="why it was rejected"),
        Column("notes", JSONB, comment="what its texts for people lost when it was rendered"),
        _time("created_at"),
        _time("changed_at"),
        _time("ack_missed_at", nullable=True),
        _time("actual_missed_at", nullable=True),
        UniqueConstraint("owner_code", "counterpart", "interface", "order_no", "leg", "revision"),
        Index("docking_outgoing_pending", "counterpart", "interface", "id", postgresql_where=text("state = 'pending'")),
        Index("docking_outgoing_file", "file_id", "line"),
        Index(
            "docking_outgoing_items_open",
            "counterpart",
            postgresql_where=text("leg = '' AND state IN ('pending', 'rendered', 'unknown')"),
        ),
        Index(
            "docking_outgoing_ack_missed",
            "counterpart",
            "changed_at",
            postgresql_where=text("state = 'published' AND ack_missed_at IS NULL"),
        ),
        Index(
            "docking_outgoing_actual_missed",
            "counterpart",
            "changed_at",
            postgresql_where=text("state IN ('published', 'acknowledged') AND actual_missed_at IS NULL AND leg <> ''"),
        ),
    )


def _incoming(metadata: MetaData) -> Table:
    return Table(
        "docking_incoming",
        metadata,
        _identity(),
        _text("owner_code"),
        _text("counterpart"),
        _text("interface"),
        _text("order_no"),
        _text("leg"),
        _text("out_biz_code"),
        _text("content_hash"),
        _file_id(),
        Column("line", Integer, nullable=False),
        _time("received_at"),
        UniqueConstraint("owner_code", "counterpart", "order_no", "leg", "out_biz_code"),
        Index("docking_incoming_file", "file_id", "line"),
    )


def _page(metadata: MetaData) -> Table:
    return Table(
        "docking_page",
        metadata,
        _text("counterpart", primary_key=True),
        _text("snapshot_id", primary_key=True),
        Column("page", Integer, primary_key=True),
        Column("head", JSONB, nullable=False, comment="what all pages of a snapshot share"),
        _file_id(),
        comment="pages of stock snapshots; a snapshot is handed over when all are here",
    )


def _quarantine(metadata: MetaData) -> Table:
    return Table(
        "docking_quarantine",
        metadata,
        _identity(),
        _text("counterpart"),
        _text("kind", comment="file or document"),
        _text("name", comment="of the file"),
        _text("sha256"),
        _file_id(nullable=True),
        _text("interface"),
        _text("owner_code"),
        _text("order_no"),
        _text("leg"),
        _text("out_biz_code"),
        Column("line", Integer, nullable=False, comment="of the first fault; 0 is the whole file"),
        _text("code"),
        _text("field"),
        _text("value"),
        _text("message"),
        Column("faults", JSONB, nullable=False),
        Column("content", LargeBinary, comment="the sealed bytes of the file or document, until they are forgotten"),
        Column("document_line", Integer, nullable=False, comment="where the document begins; 0 for a file"),
        _time("quarantined_at"),
        _text("state", comment="open, replayed, discarded, superseded"),
        Column("decided_by", Text),
        Column("decided_why", Text),
        _time("decided_at", nullable=True),
        Column("before_sha256", Text, comment="of the content that was mended"),
        Column("after_sha256", Text, comment="of what a person made of it"),
        UniqueConstraint("counterpart", "name", "sha256", "document_line"),
        Index("docking_quarantine_open", "counterpart", "code", "id", postgresql_where=text("state = 'open'")),
        Index("docking_quarantine_order_no", "order_no", postgresql_where=text("state = 'open'")),
    )


def _identity() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


def _text(name: str, *, primary_key: bool = False, comment: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, primary_key=primary_key, comment=comment)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _file_id(*, nullable: bool = False) -> Column[int]:
    return Column("file_id", BigInteger, ForeignKey("docking_file.id"), nullable=nullable)

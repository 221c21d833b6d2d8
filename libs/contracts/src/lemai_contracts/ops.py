"""What a person must know."""

from enum import StrEnum

from lemai_contracts import topics
from lemai_contracts.event import Event
from lemai_contracts.values import Instant


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


class AlertRaisedV1(
    Event,
    type="lemai.ops.alert_raised.v1",
    topic=topics.OPS_ALERT,
    subject="{code}/{about}",
    key="{code}/{about}",
):
    """Somebody has to look: what happened, to what, and what to do. Chinese first, then English."""

    code: str
    """Stable, for rules: `file_changed`, `document_quarantined`, `parked`, …"""
    about: str
    """What it is about: a file, a store, an order."""
    severity: Severity
    message: str
    raised_at: Instant

import pytest

from lemai_contracts import event


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets the event types a test declares."""
    monkeypatch.setattr(event, "_types", dict(event._types))

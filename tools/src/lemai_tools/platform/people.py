"""Who works with a local platform: one person, who may do everything, under a token made for its state folder."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from lemai_chassis.access import EVERY_OWNER, Role
from lemai_tools.platform.home import Home

OPERATOR = "operator"


def access_file(home: Home) -> Path:
    """What every service is told of people."""
    digest = hashlib.sha256(_token(home).encode()).hexdigest()
    entry = {"name": OPERATOR, "roles": list(Role), "owners": [EVERY_OWNER], "token_sha256": digest}
    return home.private("access.json", json.dumps([entry], indent=1))


def authorization(home: Home) -> Mapping[str, str]:
    """The header by which this person calls."""
    return bearer(_token(home))


def bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _token(home: Home) -> str:
    return home.secret(f"{OPERATOR}.token").read_text()

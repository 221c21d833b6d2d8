"""Five owners, each with a warehouse, a store and a Kingdee of its own that is reached through another channel."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.docking.orders import Owner

from lemai_tools.platform.home import Home

FOLDER, SFTP, HTTP, SOAP, K3CLOUD = OWNERS = (
    Owner("FLD", "folder"),
    Owner("SFT", "sftp"),
    Owner("HTP", "http"),
    Owner("SOP", "soap"),
    Owner("KTC", "k3cloud"),
)
FILES = (FOLDER, SFTP)
PROFILES = {
    FOLDER: "kingdee-masked",
    SFTP: "kingdee-xml",
    HTTP: "kingdee-json",
    SOAP: "kingdee-soap",
    K3CLOUD: "kingdee-json",
}
SHOP = "聚芳永旗舰店"


def through(owners: Sequence[Owner]) -> pytest.MarkDecorator:
    """Run a test once through the channel of each of these owners."""
    return pytest.mark.parametrize("owner", owners, ids=[owner.channel for owner in owners])


def channels(home: Home) -> dict[Owner, dict[str, Any]]:
    """How the simulator of this state folder is reached."""
    simulator = f"http://127.0.0.1:{home.port('sim-kingdee')}"
    host_key = Ed25519PrivateKey.generate()
    path = home.folder("sim-kingdee") / "sftp_host_key"
    path.write_bytes(host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public_key = host_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    sftp = {"host": "127.0.0.1", "port": home.port("sftp"), "user": "lemai", "host_key": public_key}
    k3cloud = {"acct_id": "5f0c", "user": "lemai_api", "app_id": "lemai", "org": "100", "poll_every_s": 0.3}
    k3cloud |= {"confirm_type_key": "F_LM_ConfirmType", "stores": {SHOP: K3CLOUD.store}}
    return {
        FOLDER: {"kind": "folder", "folder": "kingdee"},
        SFTP: {"kind": "sftp", **sftp},
        HTTP: {"kind": "http", "url": simulator, "app_key": "lemai", "pull": True},
        SOAP: {"kind": "soap", "url": f"{simulator}/soap", "user": "lemai", "partner_user": "kingdee"},
        K3CLOUD: {"kind": "k3cloud", "url": f"{simulator}/k3cloud/", **k3cloud},
    }


def reference(channels: Mapping[Owner, Mapping[str, Any]]) -> dict[str, Any]:
    """The reference data of them all."""
    return {
        "version": "docking",
        "owners": [{"code": owner.code} for owner in OWNERS],
        "counterparts": [
            {
                "code": owner.counterpart,
                "kind": "kingdee",
                "profile": PROFILES[owner],
                "channel": channels[owner],
                "adjustments": "interfaces",
                "acknowledge_within_minutes": 60,
                "answer_within_hours": 12,
            }
            for owner in OWNERS
        ],
        "warehouses": [{"code": owner.warehouse, "counterpart": owner.counterpart} for owner in OWNERS],
        "stores": [
            {
                "code": owner.store,
                "name": SHOP,
                "platform": "tmall",
                "owners": [owner.code],
                "warehouse": owner.warehouse,
                "carrier": "SF",
            }
            for owner in OWNERS
        ],
        "suppliers": [
            {"code": owner.supplier, "name": "杭州某某服饰有限公司", "owner": owner.code} for owner in OWNERS
        ],
        "carriers": [{"code": code} for code in ("SF", "DBL", "YTO")],
        "order_no_prefixes": {"tmall": "TM"},
        "document_codes": {"tmall": "TM"},
    }

"""Each kind of channel is put together from configuration and secrets; what is missing or wrong is named."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from kingdee_world import KINGDEE, REFERENCE
from pydantic import SecretStr

from kingdee_adapter.bootstrap import AdapterSettings, build
from lemai_chassis.misconfigured import Misconfigured
from lemai_chassis.service import Service

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1rXsZ4lA3Y0CqAaJ9y1b0pX8cW1nq3m2v4b5n6m7q8"
K3 = {
    "kind": "k3cloud",
    "url": "https://kingdee.example/k3cloud/",
    "acct_id": "5f",
    "user": "lemai",
    "app_id": "1_a",
    "org": "100",
}
CHANNELS: dict[str, dict[str, Any]] = {
    "folder": {"kind": "folder", "folder": "jfy"},
    "sftp": {"kind": "sftp", "host": "kingdee.example", "user": "lemai", "host_key": HOST_KEY},
    "soap": {"kind": "soap", "url": "https://kingdee.example/soap", "user": "lemai", "partner_user": "jfy"},
    "http": {"kind": "http", "url": "https://kingdee.example", "app_key": "lemai", "pull": True},
    "k3cloud": K3,
}
SECRETS = {
    "folder": (),
    "sftp": ("password",),
    "soap": ("password", "partner_password"),
    "http": ("app_secret",),
    "k3cloud": ("app_secret",),
}


def built(folder: Path, channel: dict[str, Any], secrets: tuple[str, ...], profile: str = "kingdee-json") -> Service:
    """The service with one counterpart on this channel."""
    counterpart = REFERENCE.counterparts[0].model_dump() | {"channel": channel, "profile": profile}
    data = REFERENCE.model_dump(mode="json") | {
        "counterparts": [counterpart],
        "warehouses": [{"code": code, "counterpart": KINGDEE} for code in ("WH01", "WH02")],
    }
    (folder / "lemai.yaml").write_text(yaml.safe_dump(data))
    (folder / "master.key").write_bytes(base64.b64encode(b"k" * 32))
    for name in secrets:
        (folder / f"{KINGDEE}.{name}").write_text("secret\n")
    return build(
        AdapterSettings(
            lemai_config=folder / "lemai.yaml",
            database_url=SecretStr("postgresql+asyncpg://nowhere/kingdee"),
            keyring_database_url=SecretStr("postgresql+asyncpg://nowhere/keyring"),
            kafka_bootstrap_servers="unused:9092",
            master_key_file=folder / "master.key",
            docking_root=folder,
            docking_secrets=folder,
        )
    )


@pytest.mark.parametrize(
    ("kind", "loops", "calls"), [("folder", 2, 0), ("sftp", 2, 0), ("soap", 1, 0), ("http", 2, 0), ("k3cloud", 1, 1)]
)
async def test_a_channel_runs_what_its_kind_needs(tmp_path: Path, kind: str, loops: int, calls: int) -> None:
    service = built(tmp_path, CHANNELS[kind], SECRETS[kind])

    assert (len(service.loops), len(service.calls)) == (loops, calls)
    schedules = {schedule.name.removesuffix(f" {KINGDEE}") for schedule in service.schedules}
    assert schedules == {"remind", "forget"} | ({"k3cloud results", "k3cloud stock"} if kind == "k3cloud" else set())
    await service.resources.aclose()


@pytest.mark.parametrize(("kind", "missing"), [(kind, name) for kind, names in SECRETS.items() for name in names])
async def test_a_missing_secret_is_named(tmp_path: Path, kind: str, missing: str) -> None:
    others = tuple(name for name in SECRETS[kind] if name != missing)

    with pytest.raises(Misconfigured, match=f"{KINGDEE}.: DOCKING_SECRETS: {KINGDEE}.{missing} 缺少此文件"):
        built(tmp_path, CHANNELS[kind], others)


async def test_a_private_key_needs_no_password(tmp_path: Path) -> None:
    service = built(tmp_path, CHANNELS["sftp"], ("private_key",))

    assert len(service.loops) == 2


async def test_a_pull_is_a_loop_of_its_own(tmp_path: Path) -> None:
    service = built(tmp_path, CHANNELS["http"] | {"pull": False}, SECRETS["http"])

    assert len(service.loops) == 1


async def test_a_password_never_goes_over_an_open_network(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="须用 https"):
        built(tmp_path, CHANNELS["soap"] | {"url": "http://kingdee.example/soap"}, SECRETS["soap"])


async def test_an_unknown_option_of_a_site_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        built(tmp_path, K3 | {"orgs": "100"}, SECRETS["k3cloud"])

    assert f"counterparts[{KINGDEE}].channel: orgs" in str(refused.value)


async def test_a_profile_of_ones_own_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/acme.yaml").write_text("extends: kingdee-default\nprofile: acme\nthem: ACME\n")

    service = built(tmp_path, CHANNELS["folder"], (), "profiles/acme.yaml")
    (tmp_path / "profiles/acme.yaml").write_text("extends: kingdee-default\nprofile: acme\ntham: ACME\n")

    assert len(service.loops) == 2
    with pytest.raises(Misconfigured, match=r"acme\.yaml: tham"):
        built(tmp_path, CHANNELS["folder"], (), "profiles/acme.yaml")

"""What the adapter is started with is checked before anything is opened."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from lemai_chassis.misconfigured import Misconfigured
from marketplace_adapter.bootstrap import AdapterSettings, build


def test_a_store_without_credentials_is_named(tmp_path: Path) -> None:
    secrets = tmp_path / "store-secrets.json"
    secrets.write_text("{}")
    settings = AdapterSettings(
        lemai_config=Path(__file__).parents[1] / "lemai.yaml",
        database_url=SecretStr("postgresql+asyncpg://nowhere/x"),
        keyring_database_url=SecretStr("postgresql+asyncpg://nowhere/y"),
        kafka_bootstrap_servers="nowhere:9092",
        master_key_file=tmp_path / "master-key",
        store_secrets_file=secrets,
    )
    settings.master_key_file.write_bytes(base64.b64encode(bytes(32)))

    with pytest.raises(Misconfigured) as caught:
        build(settings)

    assert caught.value.problems == (
        f"{secrets}: 缺少店铺 TM-01 的凭据，请添加 / no credentials for store TM-01, add them",
    )

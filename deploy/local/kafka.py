"""A real Apache Kafka on this machine: nodes that are broker and controller (KRaft), one or several, without ZooKeeper or Docker."""

import asyncio
import logging
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError

from deploy.errors import DeployError
from deploy.local import jars, java
from deploy.local.child import ChildSpec, leashed
from deploy.local.java import Java
from deploy.local.ports import free_port
from deploy.local.settings import HOST, LocalSettings
from deploy.topics import admin
from services.chassis.settings import Kafka

_PROBE_TIMEOUT_S: Final = 3.0
_FORMAT_TIMEOUT_S: Final = 60.0
_LOG4J: Final = Path(__file__).with_name("log4j2.properties")
_JAVA_OPTIONS: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # up in 3.7 s instead of 4.7 s on two cores, and fast enough for one machine
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={_LOG4J}",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Several nodes: the port where each is a controller, by its number. Every record is kept by up to three of them."""

    controllers: Mapping[int, int]
    id: str = field(default_factory=lambda: urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode())

    @property
    def replicas(self) -> int:
        """Return how many nodes keep a record."""
        return min(3, len(self.controllers))

    @property
    def min_isr(self) -> int:
        """Return how many must have it before it is acknowledged."""
        return max(1, self.replicas - 1)


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """Where the broker keeps its data, and how to run it."""

    folder: Path
    port: int
    java: Java
    class_path: str
    heap_mib: int
    java_options: tuple[str, ...] = ()
    ways: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """More listeners by name: the port, and the port that clients are told, as somebody stands in between."""
    node: int = 1
    cluster: Cluster | None = None
    """None: this node is alone."""

    @property
    def bootstrap(self) -> str:
        """Return the address for clients."""
        return f"{HOST}:{self.port}"

    def spec(self, log_file: Path) -> ChildSpec:
        """Return the child to run, after `prepare`."""
        return ChildSpec(
            name="kafka",
            argv=self._argv("kafka.Kafka", str(self._properties), heap_mib=self.heap_mib, options=self.java_options),
            log_file=log_file,
            ready=lambda: answers(Kafka(bootstrap=self.bootstrap)),
            stop_timeout_s=20.0,
        )

    async def prepare(self) -> None:
        """Write the properties, and format the folder when it is new. Raises DeployError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        cluster = self.cluster or Cluster({self.node: free_port()})
        self._properties.write_text(
            _properties(self.folder / "log", self.port, self.ways, self.node, cluster), encoding="utf-8"
        )
        if not self._formatted:
            await self._format(cluster.id)

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _formatted(self) -> bool:
        return (self.folder / "log" / "meta.properties").exists()

    def _argv(self, main_class: str, *arguments: str, heap_mib: int, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        return (
            str(self.java.program),
            f"-Xmx{heap_mib}m",
            *_JAVA_OPTIONS,
            *options,
            "-cp",
            self.class_path,
            main_class,
            *arguments,
        )

    async def _format(self, cluster_id: str) -> None:
        argv = self._argv(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(self._properties), heap_mib=128
        )
        process = await asyncio.create_subprocess_exec(
            *leashed(*argv), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _FORMAT_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            raise DeployError("Kafka's folder was not formatted in time") from None
        if process.returncode != 0:
            lines = output.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise DeployError(f"Kafka's folder {self.folder} could not be formatted: {lines[-1]}")


async def server(settings: LocalSettings, folder: Path, port: int) -> KafkaServer:
    """Find Java, fetch the jars and return the server; the folder is absolute. Raises DeployError."""
    found = await asyncio.to_thread(java.find, settings)
    class_path = await asyncio.to_thread(jars.class_path, settings)
    return KafkaServer(folder, port, found, class_path, settings.kafka_heap_mib)


async def answers(kafka: Kafka) -> str | None:
    """Probe: None when the cluster has a broker that takes topics."""
    for name in ("aiokafka", "aiokafka.conn", "aiokafka.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    host, _, port = kafka.bootstrap.partition(",")[0].rpartition(":")
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            async with admin(kafka) as client:
                brokers = (await client.describe_cluster())["brokers"]
    except (KafkaError, OSError, TimeoutError) as exc:
        return str(exc) or type(exc).__name__
    return None if brokers else "no broker is registered yet"


def _properties(log_folder: Path, port: int, ways: Mapping[str, tuple[int, int]], node: int, cluster: Cluster) -> str:
    replicas, min_isr = str(cluster.replicas), str(cluster.min_isr)
    controller_port = cluster.controllers[node]
    own = {"PLAINTEXT": (port, port), **{name.upper(): ports for name, ports in ways.items()}}
    values = {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{one}@{HOST}:{at}" for one, at in cluster.controllers.items()),
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(
            (*(f"{name}://{HOST}:{at}" for name, (at, _) in own.items()), f"CONTROLLER://{HOST}:{controller_port}")
        ),
        "advertised.listeners": ",".join(f"{name}://{HOST}:{told}" for name, (_, told) in own.items()),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in (*own, "CONTROLLER")),
        "log.dirs": str(log_folder),
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(2 * 1024 * 1024),
        "default.replication.factor": replicas,
        "min.insync.replicas": min_isr,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": "8",
        "offsets.topic.segment.bytes": str(1024 * 1024),  # read whole after a restart: docs/runbooks/broker-trouble.md
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": min_isr,
        "transaction.state.log.num.partitions": "8",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": min_isr,
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "broker.session.timeout.ms": "3000",  # how long a killed broker's successor waits before it may register
        "broker.heartbeat.interval.ms": "500",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "log.segment.bytes": str(128 * 1024 * 1024),
        "log.index.size.max.bytes": str(1024 * 1024),
        "log.retention.check.interval.ms": "60000",
        "log.segment.delete.delay.ms": "1000",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "2000",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())

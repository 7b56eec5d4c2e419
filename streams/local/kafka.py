"""The broker of the embedded stack: Apache Kafka in KRaft mode, one node, on the loopback interface."""

import contextlib
import os
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from streams.errors import StackError
from streams.local import artifacts, kafka_session
from streams.local.service import HOST, JVM_SHORT, Command, Say, Service, offset_port

__all__ = ["Kafka", "broker_answers"]

VERSION = "4.3.0"
ENDPOINT = f"org.apache.kafka:kafka_2.13:{VERSION}@kafka.Kafka+org.slf4j:slf4j-simple:1.7.36"
MESSAGE_MAX_BYTES = 2_097_152  # snapshot parts are 900 kB before framing
OFFSETS_RETENTION_MINUTES = 10 * 365 * 24 * 60  # positions outlive a long pause: a group without members would lose them after 7 days
FORMAT_BOUND_S = 60
# A single broker that was silent for longer than its session loses the lead of its partitions for a moment, and Kafka 4.3 then ends
# transactions without writing their markers (its KAFKA-20734): the next commit of the same producer shows what was aborted. Nobody else
# could lead, so a session never ends; that of a broker that was killed is ended before it starts again (`streams.local.kafka_session`).
SESSION_MS, UNSURE_SESSION_MS = 7 * 24 * 3_600_000, 9_000  # Kafka's own, if that has not been seen: else it would wait for itself
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "offsets.retention.minutes": OFFSETS_RETENTION_MINUTES,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,  # 10 s by default: readers wait for a dead writer so much longer
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    "broker.heartbeat.interval.ms": 500,
    "num.network.threads": 1,  # these four: two shared cores, measured
    "num.io.threads": 2,
    "log.cleaner.threads": 1,
    "log.cleaner.dedupe.buffer.size": 4_194_304,
    "message.max.bytes": MESSAGE_MAX_BYTES,
    "replica.fetch.max.bytes": MESSAGE_MAX_BYTES,
    "auto.create.topics.enable": "false",
}


class Kafka(Service):
    """A broker whose data lives in the state folder."""

    name = "kafka"
    title = f"kafka {VERSION}"

    @property
    def ports(self) -> tuple[int, ...]:
        return offset_port(self.base, "kafka"), offset_port(self.base, "controller")

    @property
    def address(self) -> str:
        return f"{HOST}:{self.ports[0]}"

    def fetch(self, say: Say) -> None:
        artifacts.java()
        self._jars(say)

    def prepare(self, say: Say) -> Command:
        self.data.mkdir(parents=True, exist_ok=True)
        config, logs = self.data / "server.properties", self.data / "log"
        classes = os.pathsep.join(self._jars(say))
        crashed = _crashed(logs)  # what is formatted now has no such note either
        if not (logs / "meta.properties").exists():
            config.write_text(_text(self._properties(logs)))
            say("formatting its storage")
            self._format(classes, config)
        session_ms = SESSION_MS
        if crashed and not self._end_old_session(classes, logs, say):
            session_ms = UNSURE_SESSION_MS
        config.write_text(_text(self._properties(logs) | {"broker.session.timeout.ms": session_ms}))
        return Command(self._argv(classes, config), self.data)

    def _properties(self, logs: Path) -> dict[str, object]:
        kafka, controller = self.ports
        listeners = f"PLAINTEXT://{HOST}:{kafka},CONTROLLER://{HOST}:{controller}"
        own: dict[str, object] = {"listeners": listeners, "advertised.listeners": listeners, "log.dirs": logs}
        return PROPERTIES | own | {"controller.quorum.bootstrap.servers": f"{HOST}:{controller}"}

    def _argv(self, classes: str, config: Path, *options: str) -> tuple[str, ...]:
        logger = ("defaultLogLevel=warn", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS", *options)
        quiet = tuple(f"-Dorg.slf4j.simpleLogger.{option}" for option in logger)
        return (artifacts.java(), *self.jvm, "-XX:+ExitOnOutOfMemoryError", *quiet, "-cp", classes, "kafka.Kafka", str(config))

    def _end_old_session(self, classes: str, logs: Path, say: Say) -> bool:
        say("was killed: ending its old session")
        config, controller = self.data / "controller.properties", f"CONTROLLER://{HOST}:{self.ports[1]}"
        alone = {"process.roles": "controller", "listeners": controller, "advertised.listeners": controller}
        config.write_text(_text(self._properties(logs) | alone | {"broker.session.timeout.ms": kafka_session.SESSION_MS}))
        argv = self._argv(classes, config, kafka_session.LOG_LEVEL)
        return kafka_session.end_old_session(argv, self.environment(self.data.parents[1], self.name), self.data)

    def answers(self) -> bool:
        return broker_answers(self.address, self._cluster_id())

    def _jars(self, say: Say) -> list[str]:
        return artifacts.class_path(f"kafka-{VERSION}", ENDPOINT, say)

    def _format(self, classes: str, config: Path) -> None:
        tool = (artifacts.java(), *JVM_SHORT, "-cp", classes, "kafka.tools.StorageTool", "format", "--standalone")
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")  # an id must not start with a dash
        done = subprocess.run(
            [*tool, "-t", cluster, "-c", str(config)], capture_output=True, text=True, timeout=FORMAT_BOUND_S, check=False
        )
        if done.returncode != 0:
            reason = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise StackError(f"kafka: {self.data} cannot be formatted: {''.join(reason)}")

    def _cluster_id(self) -> str | None:
        with contextlib.suppress(OSError):
            for line in (self.data / "log" / "meta.properties").read_text().splitlines():
                if line.startswith("cluster.id="):
                    return line.removeprefix("cluster.id=")
        return None


def _text(properties: dict[str, object]) -> str:
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _crashed(logs: Path) -> bool:
    """Whether a broker ran in this folder and did not end in order: it has left no note of that."""
    return (logs / "meta.properties").exists() and not (logs / ".kafka_cleanshutdown").exists()


def broker_answers(bootstrap: str, cluster_id: str | None = None, timeout_s: float = 2.0) -> bool:
    """Whether a broker gives its metadata (and is of that cluster, if one is named)."""
    if not any(_connects(server) for server in bootstrap.split(",")):
        return False  # librdkafka would log every refused connection
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": int(timeout_s * 1000)})
        found = client.list_topics(timeout=timeout_s)
    except KafkaException:
        return False
    return bool(found.brokers) and (cluster_id is None or found.cluster_id == cluster_id)


def _connects(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), 1).close()
    except (OSError, ValueError):
        return False
    return True

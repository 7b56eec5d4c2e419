"""What the benchmarks of the Kafka lane share: a broker and a registry of their own, topics, and the record that every client carries."""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent / "peers_scripts"))

from kafka_records import record

from streams.config import Endpoints
from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.bus import TopicSpec, create_topics
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.local import services
from streams.records import Side, Trade
from streams.schema import codec
from tests.conftest import ADDRESSES, free_base

__all__ = ["SCHEMA_FILE", "TOPIC", "Values", "fresh_topic", "header_of", "running", "values"]

TOPIC = "trades.v1"
HERE = Path(__file__).resolve().parent
SCHEMA_FILE = HERE.parent / "schemas" / "trade.avsc"


@dataclass(frozen=True)
class Values:
    """Records of a topic as they are sent: value i is buffer[starts[i] : starts[i] + sizes[i]]."""

    buffer: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, part: slice) -> "Values":
        return Values(self.buffer, self.starts[part], self.sizes[part])

    def listed(self) -> list[bytes]:
        """One bytes object a value."""
        content = self.buffer.tobytes()
        return [content[start : start + size] for start, size in zip(self.starts.tolist(), self.sizes.tolist(), strict=True)]


@contextmanager
def running() -> Iterator[Endpoints]:
    """The embedded stack in a folder of its own, with the broker's settings for steady work; children find it in the environment."""
    before = {name: os.environ.pop(name, None) for name in ADDRESSES}
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["MILLRACE_PORT"], os.environ["MILLRACE_HOME"] = str(free_base()), folder
        os.environ["PYTHONPATH"] = os.pathsep.join((*map(str, (HERE.parent, HERE)), os.environ.get("PYTHONPATH", "")))  # strategies of ours
        try:
            found = services.up(lambda _: None, home=Path(folder))
            for name in ("kafka", "registry", "clickhouse", "database"):
                os.environ[f"MILLRACE_{name.upper()}"] = getattr(found, name)
            _make_internal_topics(found.kafka)
            yield found
        finally:
            services.down(purge=True, progress=lambda _: None, home=Path(folder))
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _make_internal_topics(kafka: str) -> None:
    """A new broker makes the topics of offsets and transactions at the first question, and says meanwhile that it has none."""
    create_topics(kafka, [TopicSpec("bench", 1)])
    producer = BulkTransactions(kafka, "bench")
    producer.initialise()
    producer.close()
    with BulkConsumer(kafka, "bench") as consumer:
        until_s = time.monotonic() + 30
        while True:
            try:
                consumer.committed([("bench", 0)])
                return
            except LaneError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.1)


def fresh_topic(stack: Endpoints, name: str) -> str:
    """A new topic of one partition; its name begins with `name`."""
    topic = f"{name}-{secrets.token_hex(4)}"
    create_topics(stack.kafka, [TopicSpec(topic, 1)])
    return topic


def header_of(stack: Endpoints) -> bytes:
    """The five bytes before each body of TOPIC in this registry."""
    wire = Wire(SchemaIds(stack.registry))
    wire.ids.register(TOPIC)
    return wire.header(TOPIC)


def values(count: int, header: bytes) -> Values:
    """The first `count` of the peers' records, as our codec writes them."""
    found = [header + codec.encode(Trade(**{**r, "side": Side[r["side"]]})) for r in map(record, range(count))]
    sizes = np.array([len(value) for value in found], np.int64)
    return Values(np.frombuffer(b"".join(found), np.uint8), np.cumsum(sizes) - sizes, sizes)

"""Records written to a topic and read from one, decoded: ours beside confluent-kafka, aiokafka, Quix Streams and Faust, same values."""

import sys
import time
from pathlib import Path

import numpy as np
from kafka_stack import SCHEMA_FILE, TOPIC, Values, fresh_topic, values

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peers
from claims import Claim

from streams.config import Endpoints
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.schema import bulk, bulk_encode, model

__all__ = ["io_claims"]

OURS = 1_000_000
PEERS = {"confluent": 200_000, "aiokafka": 200_000, "quix": 60_000, "faust": 10_000}
GOALS = {"confluent": (3, 6), "aiokafka": (3, 6), "quix": (20, 20), "faust": (100, 100)}
"""Times the peer's rate: writing, reading."""
NAMES = {"confluent": "confluent-kafka and fastavro", "aiokafka": "aiokafka and fastavro", "quix": "Quix Streams", "faust": "Faust"}
SCHEMA = model.for_topic(TOPIC)
CHUNK = 50_000
ROUNDS = 3


def io_claims(stack: Endpoints, header: bytes) -> list[Claim]:
    """A claim for each peer and direction. Every client's records are read back and their sums compared."""
    few = values(200_000, header)
    read = fresh_topic(stack, "bench-read")
    with BulkProducer(stack.kafka) as producer:
        for _ in range(OURS // len(few)):
            producer.send_rows(read, 0, few.buffer, few.starts, few.sizes)
        producer.flush()
    wrote = max(_produce(stack, few, header) for _ in range(ROUNDS))
    took = max(_consume(stack, read, header, OURS) for _ in range(ROUNDS))
    claims = []
    for peer, count in PEERS.items():
        theirs = fresh_topic(stack, f"bench-{peer}")
        found = peers.run(f"kafka_{peer}.py", stack.kafka, theirs, read, SCHEMA_FILE, header.hex(), count, count)
        expected = _sum(few, header, count)
        assert found["consume"]["sum"] == expected, f"{peer} read other records"
        assert _read_sum(stack, theirs, header, count) == expected, f"{peer} wrote other records"
        ways = ((wrote, "produce", "encode and write"), (took, "consume", "read and decode"))
        for (ours, way, doing), goal in zip(ways, GOALS[peer], strict=True):
            rate = found[way]["count"] / found[way]["seconds"]
            claims.append(Claim(f"{doing} (peer: {NAMES[peer]})", ours, rate, ours / rate, "records/s", f"{goal}x", ours >= goal * rate))
    return claims


def _produce(stack: Endpoints, few: Values, header: bytes) -> float:
    """Records a second from columns to acknowledged; what arrived is compared."""
    columns = bulk.decode(SCHEMA, few.listed(), header)
    topic, times = fresh_topic(stack, "bench-write"), OURS // len(few)
    with BulkProducer(stack.kafka) as producer:
        producer.send_rows(topic, 0, few.buffer, few.starts[:1], few.sizes[:1])  # topic and leader are known
        producer.flush()
        began_s = time.perf_counter()
        for _ in range(times):
            buffer, starts = bulk_encode.encode(columns, header)
            producer.send_rows(topic, 0, buffer, starts[:-1], np.diff(starts))
        producer.flush()
        seconds = time.perf_counter() - began_s
    expected = times * _sum(few, header, len(few)) + _sum(few, header, 1)
    assert _read_sum(stack, topic, header, times * len(few) + 1) == expected, "other records arrived than were written"
    return times * len(few) / seconds


def _consume(stack: Endpoints, topic: str, header: bytes, count: int) -> float:
    """Records a second, from the first to the last, decoded to columns."""
    seen = first_s = 0
    with BulkConsumer(stack.kafka) as consumer:
        consumer.assign({(topic, 0): 0})
        while seen < count:
            messages = consumer.take(CHUNK, 5.0)
            first_s = first_s or time.perf_counter()
            seen += _decoded(messages, header).rows
            messages.release()
        seconds = time.perf_counter() - first_s
    return count / seconds


def _decoded(messages: object, header: bytes) -> bulk.Columns:
    found = bulk.decode_at(SCHEMA, messages.address, messages.size, header)  # type: ignore[attr-defined]
    assert found.rows == messages.count, "a record cannot be read"  # type: ignore[attr-defined]
    return found


def _read_sum(stack: Endpoints, topic: str, header: bytes, count: int) -> int:
    """Sum of the quantities of a topic that must hold `count` records."""
    seen = total = 0
    with BulkConsumer(stack.kafka) as consumer:
        consumer.assign({(topic, 0): 0})
        while consumer.places[0] not in (messages := consumer.take(CHUNK, 5.0)).ends or messages.count:
            columns = _decoded(messages, header)
            seen += columns.rows
            total += int(columns.columns["qty_e9"].values.sum())
            messages.release()
    assert seen == count, f"{topic} holds {seen} records, {count} were written"
    return total


def _sum(few: Values, header: bytes, count: int) -> int:
    columns = bulk.decode(SCHEMA, few[:count].listed(), header)
    return int(columns.columns["qty_e9"].values.sum())

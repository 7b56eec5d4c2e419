"""Topics and tables as a stranger reads them: confluent-kafka, fastavro, the registry over HTTP, clickhouse-connect. Nothing of ours."""

import io
import json
import struct
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import fastavro
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

__all__ = ["DLQ", "Record", "differences", "first_row", "open_client", "read_topics", "send_raw", "table_of", "topic_ends", "topic_names"]

Record = dict[str, Any]
DLQ = ".dlq.v1"
_BOUND_S = 60.0
_HEADER = struct.Struct(">bI")
_DURATIONS = ("horizon_ns", "interval_ns", "p50_ns", "p99_ns", "p999_ns", "max_ns")


def _consumer(kafka: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "foreign",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 2,
            "fetch.wait.max.ms": 10,  # half a second by default, until it is told that a partition ends
        }
    )


def topic_names(kafka: str) -> list[str]:
    """Every topic but the broker's own and those with the changes of the control plane's tables."""
    consumer = _consumer(kafka)
    found = sorted(name for name in consumer.list_topics(timeout=10).topics if not name.startswith("_") and not name.endswith("-changelog"))
    consumer.close()
    return found


def topic_ends(kafka: str, topics: Iterable[str]) -> dict[str, int]:
    """Where the first partition of each topic ends now; the marks of transactions count too."""
    consumer = _consumer(kafka)
    found = {topic: consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)[1] for topic in topics}
    consumer.close()
    return found


def read_topics(kafka: str, registry: str, topics: Iterable[str], run: int | None = None) -> dict[str, list[Record]]:
    """Every committed record of these topics (of one run if it is named), decoded, with `_partition` and `_offset`."""
    consumer, found = _consumer(kafka), {topic: [] for topic in topics}
    known = consumer.list_topics(timeout=10).topics
    places = [TopicPartition(topic, partition, 0) for topic in found for partition in known[topic].partitions]
    consumer.assign(places)
    ended, until_s = set(), time.monotonic() + _BOUND_S
    while len(ended) < len(places):
        assert time.monotonic() < until_s, f"topics cannot be read to their ends within {_BOUND_S:.0f} s"
        for message in consumer.consume(10_000, 0.2):
            topic, error = message.topic() or "", message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add((topic, message.partition()))
                continue
            record = decode(registry, message.value() or b"")
            if record is not None and (run is None or record["run_id"] == run):
                found[topic].append({**record, "_partition": message.partition(), "_offset": message.offset()})
    consumer.close()
    return found


def decode(registry: str, value: bytes) -> Record | None:
    """The record of a value, None where the registry has no schema of its id."""
    magic, schema_id = _HEADER.unpack(value[:5])
    schema = _schema(registry, schema_id)
    assert magic == 0
    if schema is None:
        return None
    record = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
    assert isinstance(record, dict)
    return record


@cache
def _schema(registry: str, schema_id: int) -> Any:
    try:
        with urllib.request.urlopen(f"{registry}/schemas/ids/{schema_id}", timeout=10) as answer:
            return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


def send_raw(kafka: str, topic: str, values: Iterable[bytes]) -> None:
    """Write values to the topic's first partition, as some other program would."""
    producer = Producer({"bootstrap.servers": kafka, "message.max.bytes": 1_048_588})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def open_client(url: str, database: str) -> Client:
    """A client of the ClickHouse at an address."""
    parts = urlsplit(url)
    return clickhouse_connect.get_client(host=parts.hostname, port=parts.port or 8123, database=database, autogenerate_session_id=False)


def first_row(client: Client, sql: str) -> tuple[Any, ...]:
    """The first row of an answer."""
    return tuple(client.query(sql).first_row or ())


def table_of(topic: str) -> str:
    """The table of a topic: its name without the version, one table for all dead letters."""
    return "dead_letters" if topic.endswith(DLQ) else topic.partition(".")[0]


def differences(client: Client, topic: str, run: int, records: list[Record]) -> list[str]:
    """Where a run's table and topic differ: a row that is no record or there twice, a record that is no row. All fields but arrays."""
    if not records:
        return []
    fields = [name for name in records[0] if not isinstance(records[0][name], list)]
    columns = ", ".join(_column(name, any(isinstance(record[name], bytes) for record in records)) for name in fields)
    rows = client.query(f"SELECT {columns} FROM `{table_of(topic)}` WHERE run_id = {run}").result_rows
    wanted = {tuple(_plain(record[name]) for name in fields) for record in records}
    had = [tuple(_plain(value) for value in row) for row in rows]
    found = [f"{topic}: {count} times in the table: {row}" for row, count in Counter(had).items() if count > 1 or row not in wanted]
    return found + [f"{topic}: not in the table: {row}" for row in wanted.difference(had)]


def _column(name: str, is_bytes: bool) -> str:
    if is_bytes:
        return f"hex(`{name}`)"
    if name.endswith("_ns") and name not in _DURATIONS:
        return f"toUnixTimestamp64Nano(`{name[:-3]}`)"
    return f"`{name}`"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value.normalize() + 0
    return value.hex().upper() if isinstance(value, bytes) else value

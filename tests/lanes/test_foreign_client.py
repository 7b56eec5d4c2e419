"""A foreign client reads our topics: plain confluent-kafka, fastavro and the registry's REST interface, with nothing of ours."""

import io
import json
import struct
import urllib.request
from typing import Any

import fastavro
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from streams.lanes.writers import dlq_topic
from tests.lanes.lane_kit import World

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def read_foreign(kafka: str, registry: str, topic: str, partition: int) -> list[dict[str, Any]]:
    settings = {"group.id": "foreign", "enable.partition.eof": True, "enable.auto.commit": False, "fetch.wait.max.ms": 10}
    consumer = Consumer({"bootstrap.servers": kafka, **settings})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    found, schemas = [], {}
    while (message := consumer.poll(20.0)) is not None:
        error = message.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            break
        assert error is None
        value = message.value()
        assert value is not None
        magic, schema_id = struct.unpack(">bI", value[:5])
        assert magic == 0
        if schema_id not in schemas:
            with urllib.request.urlopen(f"{registry}/schemas/ids/{schema_id}", timeout=10) as answer:
                schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        record = fastavro.schemaless_reader(io.BytesIO(value[5:]), schemas[schema_id], None)
        assert isinstance(record, dict)
        found.append(record)
    consumer.close()
    return found


def test_foreign_client_every_topic_of_the_lane_decodes(world: World) -> None:
    world.write([b"1", b"bad", b"2"])
    world.run_until(trades=2, alerts=1)
    for topic in ("frames.v1", "trades.v1", "alerts.v1", "journal.v1", "latency.v1", "snapshots.v1", dlq_topic("frames.v1")):
        foreign = read_foreign(world.kafka, world.registry, topic, world.shard)
        ours = [record._asdict() for record in world.read(topic)]
        assert [record["id"] for record in foreign] == [record["id"] for record in ours], topic
        assert foreign, topic
    trade = read_foreign(world.kafka, world.registry, "trades.v1", world.shard)[0]
    assert trade == {**world.read("trades.v1")[0]._asdict(), "side": "BUY"}
    for topic in ("names.v1", "commands.v1"):
        assert [r["id"] for r in read_foreign(world.kafka, world.registry, topic, 0)] == [r.id for r in world.read(topic, 0)]

"""How far a run is: status files of its processes, what is not read yet, what is still open."""

import json
import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from streams.config import Endpoints
from streams.lanes.bus import list_topics, open_consumer
from streams.schema import model
from streams.topology.instances import Instance
from streams.topology.model import Topology
from streams.topology.processes import status_path

__all__ = ["caught_up", "latency_text", "open_orders", "sink_behind", "status_of"]

_FRESH_NS = 5_000_000_000


def status_of(instance: Instance) -> dict[str, Any]:
    """The counters that an instance last wrote; empty before the first."""
    try:
        return json.loads(status_path(instance).read_text())
    except (OSError, ValueError):
        return {}


def latency_text(ms: float) -> str:
    """A latency in the unit that shows it: the fast lane decides in microseconds.

    >>> latency_text(12.34), latency_text(0.00215), latency_text(0.0)
    ('12.3 ms', '2.1 us', '0.0 ms')
    """
    return f"{ms:,.1f} ms" if ms >= 0.1 or not ms else f"{ms * 1e3:,.1f} us"


def caught_up(instances: Iterable[Instance]) -> bool:
    """Whether each of these processes runs and has read its inputs to their ends."""
    now_ns = time.time_ns()
    for instance in instances:
        status = status_of(instance)
        if status.get("state") != "running" or status.get("lag", 1) or now_ns - status.get("wall_ns", 0) > _FRESH_NS:
            return False
    return True


def sink_behind(topology: Topology, where: Endpoints, sink: Instance) -> int:
    """Records that the sink has not written yet, at most 1,000 of them counted; 0 when ClickHouse has everything."""
    there = list_topics(where.kafka)
    wanted = None if topology.sinks.clickhouse == "all" else set(topology.sinks.clickhouse)
    asked = [
        TopicPartition(topic, partition)
        for topic, partitions in there.items()
        if (topic in model.BY_TOPIC or topic.endswith(model.DLQ)) and (wanted is None or topic.removesuffix(model.DLQ) in wanted)
        for partition in range(partitions)
    ]
    consumer = open_consumer(where.kafka, f"{topology.name}.{sink.name}.0", {"enable.partition.eof": True, "queued.min.messages": 100})
    try:
        places = consumer.committed(asked, 20.0)
        for place in places:
            place.offset = max(place.offset, 0)
        consumer.assign(places)
        ended: set[tuple[str, int]] = set()
        behind, deadline_s = 0, time.monotonic() + 10.0
        while len(ended) < len(places) and behind < 1_000 and time.monotonic() < deadline_s:
            for message in consumer.consume(1_000, 0.1):
                error = message.error()
                if error is None:
                    behind += 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add((message.topic() or "", message.partition() or 0))
        return behind or len(places) - len(ended)
    finally:
        consumer.close()


def open_orders(client: Any, run_number: int) -> int:
    """Orders of a run that may still rest at a venue, as far as ClickHouse knows."""
    sql = (
        "SELECT count() FROM (SELECT order_id, argMax(ord_status, id) AS last FROM reports WHERE run_id = {run:Int32} GROUP BY order_id) "
        "WHERE last NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED')"
    )
    return int(client.query(sql, parameters={"run": run_number}).first_row[0])

"""What a lane asks the broker before its first batch: are the topics there, where was it, how far had its writers counted."""

from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.errors import LaneError
from streams.lanes.bus import end_offsets, explain, list_topics
from streams.lanes.control import last_id
from streams.lanes.journal import Place
from streams.lanes.restore import Recovered
from streams.lanes.snapshot import find_snapshot
from streams.lanes.spec import LaneSpec
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS, TICKS

__all__ = ["check_topics", "continue_counters", "pointers"]

_COMMITTED_S = 30.0


def check_topics(bootstrap: str, topics: Iterable[str]) -> None:
    """LaneError that names the topics which do not exist: a write to one would only fail after 30 s."""
    there = list_topics(bootstrap)
    missing = sorted({topic for topic in topics if topic not in there})
    if missing:
        raise LaneError(f"kafka {bootstrap}: no topic {', '.join(missing)}; `millrace apply TOPOLOGY` creates what is missing")


def pointers(spec: LaneSpec, consumer: Consumer, places: tuple[Place, ...]) -> dict[str, int]:
    """Committed offsets of journal.v1 and snapshots.v1, where there are any. Waits for offsets of a transaction that is being settled."""
    asked = [TopicPartition(JOURNAL, spec.shard), TopicPartition(SNAPSHOTS, spec.shard), *(TopicPartition(*place) for place in places)]
    try:
        found = consumer.committed(asked, _COMMITTED_S)
    except KafkaException as error:
        raise explain(error, spec.kafka, f"reading the committed offsets of {spec.name}") from None
    for place in found:
        if place.error:
            raise explain(place.error, spec.kafka, f"reading the committed offset of {place.topic}[{place.partition}]")
    return {place.topic: place.offset for place in found[:2] if place.offset >= 0}


def continue_counters(spec: LaneSpec, wire: Wire, state: Recovered, writers: Mapping[str, int]) -> None:
    """For a process without a journal entry: it never ran, or its journal is no longer kept. The topics say where its ids ended."""
    process = state.process
    own = {topic: process.spec.writers[topic] for topic in process.writes}
    wanted = own | {topic: writer for topic, writer in writers.items() if topic not in (TICKS, SNAPSHOTS)}
    there = list_topics(spec.kafka)
    ends = end_offsets(spec.kafka, [(topic, partition) for topic in wanted for partition in range(there.get(topic, 0))])
    for topic, partition in [place for place, end in ends.items() if end > 0]:
        last = last_id(spec.kafka, topic, partition, wanted[topic])
        if last > state.outputs.last_ids.get(wanted[topic], ("", 0))[1]:
            state.outputs.last_ids[wanted[topic]] = (topic, last)
    process.set_counters(state.outputs.counters(own))
    _, state.snapshot_number, state.snapshot_id = find_snapshot(spec.kafka, wire, spec.process, spec.shard, 0, -1)

"""What a lane asks the broker before its first batch: are the topics there, where was it, how far had its writers counted."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.bus import end_offsets, list_topics
from streams.lanes.control import last_id
from streams.lanes.player import Recovered
from streams.lanes.snapshot import find_snapshot
from streams.lanes.spec import LaneSpec
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS, TICKS

__all__ = ["check_topics", "continue_counters", "open_producers", "pointers"]


def check_topics(bootstrap: str, topics: Iterable[str], there: Mapping[str, int]) -> None:
    """LaneError that names the topics which are not `there`: a write to one would only fail after 30 s."""
    missing = sorted({topic for topic in topics if topic not in there})
    if missing:
        raise LaneError(f"kafka {bootstrap}: no topic {', '.join(missing)}; `millrace apply TOPOLOGY` creates what is missing")


def open_producers(spec: LaneSpec) -> list[BulkTransactions]:
    """Two, to be used in turn. From here on no predecessor's transaction is open, so that what is read next is final (contract 23)."""
    producers = [BulkTransactions(spec.kafka, f"{spec.name}-{k}") for k in range(2)]
    try:
        with ThreadPoolExecutor(len(producers)) as pool:
            list(pool.map(BulkTransactions.initialise, producers))
    except Exception:
        for producer in producers:
            producer.close(0.0)
        raise
    return producers


def pointers(spec: LaneSpec, consumer: BulkConsumer) -> dict[str, int]:
    """Committed offsets of journal.v1 and snapshots.v1, where there are any. Waits for offsets of a transaction that is being settled."""
    return {topic: offset for (topic, _), offset in consumer.committed([(JOURNAL, spec.shard), (SNAPSHOTS, spec.shard)]).items()}


def continue_counters(spec: LaneSpec, wire: Wire, state: Recovered, writers: Mapping[str, int]) -> None:
    """For a process without a journal entry: it never ran, or its journal is no longer kept. The topics say where its ids ended."""
    process = state.process
    own = {topic: process.spec.writers[topic] for topic in process.writes}
    wanted = [*own.items(), *((topic, writer) for topic, writer in writers.items() if topic not in (TICKS, SNAPSHOTS))]
    there = list_topics(spec.kafka)
    ends = end_offsets(spec.kafka, [(topic, partition) for topic in dict(wanted) for partition in range(there.get(topic, 0))])
    for topic, writer in wanted:
        for partition in [place[1] for place, end in ends.items() if place[0] == topic and end > 0]:
            last = last_id(spec.kafka, topic, partition, writer)
            if last > state.outputs.last_ids.get(writer, ("", 0))[1]:
                state.outputs.last_ids[writer] = (topic, last)
    process.set_counters(state.outputs.counters(own))
    _, state.snapshot_number, state.snapshot_id = find_snapshot(spec.kafka, wire, spec.process, spec.shard, 0, last_batch=-1)

"""The inputs of a run as arrays, in the order that its journal names, carried in one process without a lane: nothing of the lane's own.

The journal is followed here as a person would read it, record by record; `streams.lanes.replay` does so in bulk.
"""

from bisect import bisect_left
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import Message

from streams.agents.batch import BatchProcess, Queue, batch_of
from streams.agents.process import Process
from streams.config import Endpoints
from streams.lanes.bus import read_range
from streams.lanes.control import read_control
from streams.lanes.input_log import MERGED, WINDOW
from streams.lanes.journal import EMPTY_HASH, OutputLog, read_entries
from streams.lanes.registry import SchemaIds
from streams.lanes.spec import own_writers
from streams.lanes.wire import Wire
from streams.records import InputRun, JournalEntry
from streams.schema import ids
from streams.topology.instances import journalled, process_spec
from streams.topology.model import load

__all__ = ["Carried", "carried"]


class _Input(NamedTuple):
    """One record: its place among all values of its topic, and what orders it."""

    topic: str
    row: int
    offset: int
    id: int
    run_id: int
    recv_ts_ns: int


class _Arrays:
    """Values of topics, one list each, and the order in which a process consumed them; a tick is (id, ns) in its place."""

    def __init__(self, kafka: str, wire: Wire, entries: list[JournalEntry], own: set[int]) -> None:
        self.values: dict[str, list[bytes | None]] = {}
        self.order: list[_Input | tuple[int, int]] = []
        self._own = own
        self._inputs: dict[tuple[str, int], list[_Input]] = {}
        ranges: dict[tuple[str, int], tuple[int, int]] = {}
        for run in (run for entry in entries for run in entry.inputs if run.partition >= 0):
            first, last = ranges.get((run.topic, run.partition), (run.first_offset, run.last_offset))
            ranges[run.topic, run.partition] = min(first, run.first_offset), max(last, run.last_offset)
        for (topic, partition), (first, last) in ranges.items():  # what other runs have left around them may be no record at all
            self._read(wire, topic, partition, read_range(kafka, topic, partition, first, last + 1))
        for entry in entries:
            self._follow(entry)

    def _read(self, wire: Wire, topic: str, partition: int, messages: Any) -> None:
        values, inputs = self.values.setdefault(topic, []), self._inputs.setdefault((topic, partition), [])
        for message in messages:
            assert isinstance(message, Message)
            record = wire.decode(topic, message.value())
            inputs.append(_Input(topic, len(values), message.offset() or 0, record.id, record.run_id, record.recv_ts_ns))
            values.append(message.value())

    def _follow(self, entry: JournalEntry) -> None:
        times, windows = iter(entry.tick_ts_ns), []
        left: list[_Input] = []  # of the windows, not consumed yet
        for run in entry.inputs:
            if run.topic == "":
                self.order += [(run.first_id + k, next(times)) for k in range(run.count)]
            elif run.writer == WINDOW:
                windows.append(run)
            elif run.topic == MERGED:
                left += self._merged(windows, entry.run_id)
                windows = []
                self.order += left[: run.count]
                left = left[run.count :]
            else:
                self.order += self._named(run)

    def _within(self, run: InputRun) -> list[_Input]:
        found = self._inputs[run.topic, run.partition]
        first = bisect_left(found, run.first_offset, key=lambda one: one.offset)
        return found[first : bisect_left(found, run.last_offset + 1, key=lambda one: one.offset)]

    def _named(self, run: InputRun) -> list[_Input]:
        due, found = run.first_id, []
        for one in self._within(run):
            if one.id == due < run.first_id + run.count:
                found.append(one)
                due += 1
        return found

    def _merged(self, windows: list[InputRun], run_id: int) -> list[_Input]:
        ranks = {topic: rank for rank, topic in enumerate(dict.fromkeys(run.topic for run in windows))}
        found = [one for run in windows for one in self._within(run) if one.run_id in (0, run_id) and ids.writer(one.id) not in self._own]
        return sorted(found, key=lambda one: (one.recv_ts_ns, ranks[one.topic], one.id))


class Carried(NamedTuple):
    """What a process wrote for its inputs as arrays: how many records, the rolling hash over all; and the hash that the live lane wrote."""

    written: int
    digest: bytes
    live_digest: bytes


def carried(where: Endpoints, path: Path, name: str, run: int, compiled: bool = True, batches: int | None = None) -> Carried:
    """A process of a topology on the inputs of a run, or of its first batches; shard 0."""
    topology, wire = load(path), Wire(SchemaIds(where.registry))
    instance = next(one for one in journalled(topology) if (one.name, one.shard) == (name, 0))
    process = Process(process_spec(topology, instance, read_control(where.kafka, wire)), compiled=compiled)
    entries = [entry for _, entry in read_entries(where.kafka, wire, name, 0, 0, run)][:batches]
    arrays, batch = _Arrays(where.kafka, wire, entries, set(own_writers(process).values())), batch_of(process, wire)
    batch.digest = EMPTY_HASH
    process.set_counters(OutputLog.before(entries[0]).counters(own_writers(process)))
    return Carried(*_carry(arrays, batch), entries[-1].outputs_hash)


def _carry(arrays: _Arrays, batch: BatchProcess) -> tuple[int, bytes]:
    topics = list(arrays.values)
    rows = [batch.read_values(topic, arrays.values[topic]) for topic in topics]
    inputs = [one for one in arrays.order if isinstance(one, _Input)]
    source = np.array([topics.index(one.topic) for one in inputs], np.int64)
    queue = Queue(rows, source, np.array([one.row for one in inputs], np.int64))
    written = done = at = 0
    for one in (*arrays.order, None):
        if isinstance(one, _Input):
            at += 1
            continue
        while done < at:
            done = batch.carry(queue, done, at)
            written += len(batch.written())
        if one is not None:
            batch.tick(*one)
    return written + len(batch.written()), batch.digest

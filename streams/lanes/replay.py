"""One journal entry at a time through a process, in bulk: the records that it names, carried in its order, and what was written then."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from streams.agents.batch import BAD, BatchProcess, Queue, Rows, Written
from streams.errors import ConfigError, StepError
from streams.lanes.difference import Difference, Output
from streams.lanes.input_log import MERGED, WINDOW
from streams.lanes.place import Place
from streams.lanes.replaced import TOPICS, Replaced
from streams.lanes.sources import Sources
from streams.lanes.windows import Found, Merger, consecutive
from streams.lanes.wire import Wire
from streams.lanes.writers import TICKS
from streams.records import InputRun, JournalEntry, StartPosition
from streams.schema import codec, ids

__all__ = ["Replay"]


class Replay:
    """Re-executes entries with one process: `feed` each; then `digest` is its hash, `written` how many records it wrote.

    replaced : limits and parameters that hold instead of those that were recorded, if there are any
    """

    def __init__(self, wire: Wire, batch: BatchProcess, sources: Sources) -> None:
        self.batch = batch
        self._wire, self._sources = wire, sources
        writers: Mapping[str, int] = batch.process.spec.writers
        self._own = np.array(sorted({writers[topic] for topic in batch.process.writes}), np.int64)  # came through memory: passed over
        self._schemas: object = None
        self._other: dict[str, int] = {}
        self._parts: list[Written] = []
        self._placed: _Placed | None = None
        self.replaced: Replaced | None = None

    @property
    def digest(self) -> bytes:
        """Rolling hash after the last entry."""
        return self.batch.digest

    @property
    def written(self) -> int:
        """Records that the last entry gave."""
        return sum(map(len, self._parts))

    def feed(self, entry: JournalEntry) -> Difference | None:
        """Carry the inputs of an entry; the difference if another input is refused than was. RestoreError for inputs that are not there,
        StepError."""
        self._set_schemas(entry)
        self._parts = []
        windows = _Windows(self._sources, self.batch, entry, self.replaced)
        queue, self._placed, ticks = self._order(windows, entry)
        at, times = 0, iter(entry.tick_ts_ns)
        for until, run in ticks:
            at = self._carry(queue, at, until)
            for k in range(run.count):
                self.batch.tick(run.first_id + k, next(times))
        self._carry(queue, at, len(queue))
        self._parts.append(self.batch.written())
        windows.free()
        if not entry.dead_letters and not queue.refused:
            return None
        return _refused_otherwise(entry, queue, self._placed)

    def give(self, record: Any) -> None:
        """Carry a record that no entry names. ConfigError if it is refused, StepError."""
        reason = self.batch.carry_record(record)
        if reason is not None:
            raise ConfigError(f"what is to hold instead of what was recorded is refused: {reason}")

    def failure(self, entry: JournalEntry, error: StepError) -> Difference:
        """What is to be said of an entry at which `feed` raised StepError."""
        where = "a clock tick or control record" if error.at < 0 or self._placed is None else _text(self._placed(error.at))
        return Difference(entry.process, entry.shard, entry.batch, "", 0, where, "carried", str(error), 0)

    def outputs(self) -> list[Output]:
        """What the last entry gave, as records."""
        return [self._output(part, row) for part in self._parts for row in range(len(part))]

    def _order(self, windows: "_Windows", entry: JournalEntry) -> tuple[Queue, "_Placed", list[tuple[int, InputRun]]]:
        """The inputs in order, where each stood, and the ticks that come before a place in the queue."""
        merger, parts, ticks, count = Merger(), [], [], 0
        for run in entry.inputs:
            if run.topic == TICKS:
                ticks.append((count, run))
                continue
            if run.topic == MERGED:
                part = merger.take(run)
            elif run.writer == WINDOW:
                found = windows.find(run)
                wanted = ((found.run_id == 0) | (found.run_id == entry.run_id)) & ~np.isin(found.id >> ids.BITS, self._own)
                merger.add(run, found.at(wanted))
                continue
            else:
                part = consecutive(run, windows.find(run))
            parts.append(part)
            count += len(part)
        order = Found.joined(parts)
        return Queue(windows.rows, order.source, order.row), _Placed(windows.places, order), ticks

    def _carry(self, queue: Queue, at: int, until: int) -> int:
        while at < until:
            at = self.batch.carry(queue, at, until)
            if at < until:  # outputs must be taken first
                self._parts.append(_copied(self.batch.written()))
        return at

    def _set_schemas(self, entry: JournalEntry) -> None:
        """Let bodies be written in the schema versions of the entry (contract 4)."""
        if entry.schemas == self._schemas:
            return
        wire, self._schemas = self._wire, entry.schemas
        self._other = other = {v.topic: v.schema_id for v in entry.schemas if v.schema_id != wire.ids.id_of(v.topic)}
        other = {topic: id for topic, id in other.items() if topic in self.batch.process.writes}
        if not other:
            self.batch.rewrite = None
            return
        self.batch.rewrite = lambda topic, record: wire.body_in(other[topic], topic, record) if topic in other else codec.encode(record)

    def _output(self, part: Written, row: int) -> Output:
        topic, body = part.topics[part.topic[row]], part.body(row)
        if topic not in self._other:
            return Output(topic, part.record(row), body)
        return Output(topic, self._wire.decode(topic, codec.frame(self._other[topic], body)), body)


class _Placed:
    """Where the records of a queue stood."""

    def __init__(self, places: list[Place], order: Found) -> None:
        self._places, self._order = places, order

    def __call__(self, at: int) -> StartPosition:
        topic, partition = self._places[int(self._order.source[at])]
        return StartPosition(topic, partition, int(self._order.offset[at]))

    def every(self) -> set[StartPosition]:
        return set(map(self, range(len(self._order))))


class _Windows:
    """What an entry's partitions hold of the records that it names.

    rows, places : of each source its rows, and where they are from
    """

    def __init__(self, sources: Sources, batch: BatchProcess, entry: JournalEntry, replaced: Replaced | None) -> None:
        self.rows: list[Rows] = []
        self.places: list[Place] = []
        self._sources, self._replaced = sources, replaced
        self._last: dict[Place, int] = {}
        first: dict[Place, int] = {}
        for run in entry.inputs:
            if run.topic not in (TICKS, MERGED):
                place = run.topic, run.partition
                self._last[place] = max(self._last.get(place, -1), run.last_offset)
                first[place] = min(first.get(place, run.first_offset), run.first_offset)
        self._found = {place: self._read(batch, place, first[place], last) for place, last in self._last.items()}

    def find(self, run: InputRun) -> Found:
        """The records at a run's offsets, without what is no record."""
        found = self._found[run.topic, run.partition]
        first, last = np.searchsorted(found.offset, (run.first_offset, run.last_offset + 1))
        return found.at(slice(first, last))

    def free(self) -> None:
        """The entry is done."""
        for place, last in self._last.items():
            self._sources.free(place, last)

    def _read(self, batch: BatchProcess, place: Place, first_offset: int, last_offset: int) -> Found:
        parts = []
        for piece in self._sources.take(place, last_offset):
            first, last = np.searchsorted(piece.offset, (first_offset, last_offset + 1))
            if first == last:
                continue
            rows = self._others(piece.read(batch))
            row = np.flatnonzero(rows.state[first:last] != BAD) + first
            source = np.full(len(row), len(self.rows))
            parts.append(Found(source, row, piece.offset[row], rows.id[row], rows.run_id[row], rows.recv_ts_ns[row]))
            self.rows.append(rows)
            self.places.append(place)
        return Found.joined(parts)

    def _others(self, rows: Rows) -> Rows:
        """The same, with what holds instead of it."""
        replaced = self._replaced
        if replaced is None or rows.topic not in TOPICS:
            return rows
        decode = rows.decode
        return replace(rows, decode=lambda row: replaced(decode(row)))


def _copied(written: Written) -> Written:
    """To be used after further inputs."""
    topic, id, start, size, buffer = (c.copy() for c in (written.topic, written.id, written.start, written.size, written.buffer))
    return Written(written.topics, topic, id, start, size, buffer, written.header_bytes, written.digest)


def _refused_otherwise(entry: JournalEntry, queue: Queue, place: _Placed) -> Difference | None:
    was = place.every().intersection(entry.dead_letters)  # the others could not even be decoded, and were not fed
    for letter in sorted(was ^ {place(refusal.at) for refusal in queue.refused}):
        recorded, now = ("refused", "accepted") if letter in was else ("accepted", "refused")
        return Difference(entry.process, entry.shard, entry.batch, letter.topic, 0, _text(letter), recorded, now, 0)
    return None


def _text(place: StartPosition) -> str:
    return f"input {place.topic}[{place.partition}] offset {place.offset}"

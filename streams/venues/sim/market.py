"""Market data for the simulated venue: batches from the broker as slots in memory, several partitions merged by receive time."""

import itertools
from typing import Any

import numpy as np

from streams.errors import DecodeError, VenueError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.messages import Messages
from streams.lanes.wire import Wire
from streams.schema import model
from streams.schema.slots_in import REST, SlotReader
from streams.venues.merge import Merge, Rows
from streams.venues.sim.market_slots import MarketSlots

__all__ = ["MARKET_TOPICS", "MarketReader", "RowReader", "RunReader", "read_again"]

MARKET_TOPICS = ("book_updates.v1", "trades.v1")
_BATCH = 20_000
_SETTINGS = {"fetch.wait.max.ms": 20, "queued.max.messages.kbytes": 16_384}
_AGAIN_S = 30.0

Partition = tuple[str, int]
_batches = itertools.count(1)


class MarketReader:
    """Committed records of `partitions` from the given offsets on, merged, without a group."""

    def __init__(self, kafka: str, wire: Wire, partitions: list[Partition], offsets: list[int], slots: MarketSlots) -> None:
        self._merge = Merge(len(partitions))
        self._source = _Source(kafka, wire, partitions, offsets, slots)

    def read(self, timeout_s: float) -> "_Batch":
        """What the broker has for us within a time; may block, so call it in a thread. LaneError for an error the client does not
        recover from."""
        return self._source.read(timeout_s)

    def merge(self, batch: "_Batch") -> Rows | None:
        """The records that may be processed now that this batch is in, in order; None if there is none."""
        parts, ends = batch
        for rows in parts:
            self._merge.add(rows)
        for place in ends:
            self._merge.end(place)
        return self._merge.ready()

    def close(self) -> None:
        """Free the consumer."""
        self._source.close()


class RowReader:
    """Messages of a partition as rows, in compiled code; what that does not read goes through the codec and the edge."""

    def __init__(self, wire: Wire, slots: MarketSlots) -> None:
        self._wire, self._slots, self._reader = wire, slots, SlotReader(slots.edge)

    def read(self, topic: str, place: int, messages: Messages, mine: np.ndarray) -> Rows:
        """The rows of the messages at these indices, all of the topic; nothing of the messages is needed afterwards."""
        found = self._reader.read(model.for_topic(topic), messages.address[mine], messages.size[mine], self._wire.header(topic))
        times, starts, sizes = found.recv_ts_ns, found.start, found.nbytes
        sizes[found.run_id != self._slots.run] = 0
        memory: list[Any] = [found.kept]
        rest = np.flatnonzero(found.state == REST)
        if len(rest):
            records = [self._decode(topic, messages.value(row)) for row in mine[rest].tolist()]
            times[rest] = [0 if record is None else record.recv_ts_ns for record in records]
            starts[rest], sizes[rest], kept = self._slots.arrays(records)
            memory.append(kept)
        batch, count = next(_batches), len(mine)
        places, batches = np.full(count, place, np.int64), np.full(count, batch, np.int64)
        return Rows(places, messages.offset[mine], times, starts, sizes, batches, {batch: memory})

    def _decode(self, topic: str, value: bytes | None) -> Any:
        try:
            return self._wire.decode(topic, value)
        except DecodeError:
            return None  # the lanes that read the topic dead-letter it


class RunReader:
    """The records of one partition once more, from an offset on."""

    def __init__(self, kafka: str, wire: Wire, place: int, partition: Partition, start: int, slots: MarketSlots) -> None:
        self._open = lambda: _Source(kafka, wire, [partition], [start], slots, place)
        self._source: _Source | None = None
        self._partition, self._at_end = partition, False
        self._left: list[Rows] = []

    def take(self, offset: int, count: int) -> Rows:
        """The next `count` records, of which the first has this offset. VenueError when the partition does not have them any longer."""
        self._source = self._source or self._open()
        while sum(map(len, self._left)) < count and not self._at_end:
            parts, ends = self._source.read(_AGAIN_S)
            self._left += parts
            self._at_end = bool(ends) or not parts  # what was consumed once lies before any end
        rows = Rows.join(self._left) if self._left else None
        if rows is None or len(rows) < count or rows.offset[0] != offset:
            topic, partition = self._partition
            raise VenueError(f"{topic}[{partition}] no longer has offset {offset}; start a fresh run")
        self._left = [rows.take(slice(count, None)).alone()] if len(rows) > count else []
        return rows.take(slice(count))

    def close(self) -> None:
        """Free the consumer."""
        if self._source is not None:
            self._source.close()


def read_again(kafka: str, wire: Wire, partitions: list[Partition], starts: list[int], slots: MarketSlots) -> list[RunReader]:
    """A reader a partition of the records that a log says were consumed, from the first of them on."""
    return [RunReader(kafka, wire, place, partition, starts[place], slots) for place, partition in enumerate(partitions)]


_Batch = tuple[list[Rows], list[int]]  # rows of one partition each; partitions that are at their end behind them


class _Source:
    """Batches of messages as rows. first: place of the first partition."""

    def __init__(self, kafka: str, wire: Wire, partitions: list[Partition], offsets: list[int], slots: MarketSlots, first: int = 0) -> None:
        self._reader = RowReader(wire, slots)
        self._consumer = BulkConsumer(kafka, settings=_SETTINGS)
        self._consumer.assign(dict(zip(partitions, offsets, strict=True)))
        self._place = {partition: first + n for n, partition in enumerate(partitions)}
        self._topics = [topic for topic, _ in self._consumer.places]
        self._places = np.array([self._place[p] for p in self._consumer.places], np.int64)

    def read(self, timeout_s: float) -> _Batch:
        messages = self._consumer.take(_BATCH, timeout_s)
        try:
            parts = [
                self._reader.read(topic, int(place), messages, mine)
                for n, (topic, place) in enumerate(zip(self._topics, self._places, strict=True))
                if len(mine := np.flatnonzero(messages.place == n))
            ]
        finally:
            messages.release()
        last = {int(rows.place[0]): int(rows.offset[-1]) for rows in parts}
        return parts, [self._place[p] for p, end in messages.ends.items() if last.get(self._place[p], -1) < end]

    def close(self) -> None:
        self._consumer.close()

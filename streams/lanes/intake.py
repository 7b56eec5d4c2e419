"""The data inputs of a lane: what is there of them, read, without what is not for this process, in the order in which it is consumed."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from streams.agents.batch import BAD, BatchProcess, Queue, Rows
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.input_log import Sequence, consuming_order
from streams.lanes.letters import Letter
from streams.lanes.messages import Messages
from streams.lanes.place import Place
from streams.schema import ids

__all__ = ["Intake", "Lag", "Taken"]

_NONE = np.zeros(0, np.int64)


class Lag(NamedTuple):
    """How far a lane is behind: records that wait, and how long ago the first of them came, s."""

    records: int
    seconds: float


@dataclass
class Taken:
    """What one look at the inputs gave. It may be used until the next one.

    queue    : the records for this process, in consuming order; sequence: where they stood
    message  : int64, of each place in the queue the row in `messages`
    bad      : rows of `messages` that are no record, and why
    skipped  : places in the queue that make the process fail, and why: they are passed over
    rows     : int64 by topic, its rows in `messages`; order: int64, of the queue, places in all of them one after another
    """

    messages: Messages
    queue: Queue
    sequence: Sequence
    message: np.ndarray
    bad: list[tuple[int, str]]
    rows: dict[str, np.ndarray]
    order: np.ndarray
    skipped: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sequence)

    def read_again(self, batch: BatchProcess) -> None:
        """For another process that is in the state of the first."""
        self.queue = Queue.of(_read(batch, self.messages, self.rows), self.order)

    def letters(self) -> list[Letter]:
        """What could not be used, once it has been carried."""
        found = [self._letter(row, reason, 0) for row, reason in self.bad]
        refused = [*self.queue.refused, *self.skipped.items()]
        return found + [self._letter(int(self.message[at]), reason, int(self.sequence.id[at])) for at, reason in refused]

    def _letter(self, row: int, reason: str, cause_id: int) -> Letter:
        topic, partition = self.sequence.places[self.messages.place[row]]
        return Letter(topic, partition, int(self.messages.offset[row]), reason, self.messages.value(row) or b"", cause_id)


class Intake:
    """Reads assigned partitions from given positions; `positions` moves on with what was read.

    positions : in the order of the inputs; records of one time are consumed in the order of their topics there
    own       : writers of the process itself; their records went through memory and are passed over (contract 12)
    """

    def __init__(
        self, consumer: BulkConsumer, batch: BatchProcess, positions: Mapping[Place, int], own: Iterable[int], run_number: int
    ) -> None:
        self.positions = dict(positions)
        self.batch = batch
        self.places = tuple(self.positions)
        self._consumer, self._own, self._run_number = consumer, np.array(sorted(own), np.int64), run_number
        topics = list(dict.fromkeys(topic for topic, _ in self.places))
        self._topics, self._rank = topics, np.array([topics.index(topic) for topic, _ in self.places], np.int64)
        self._ends: dict[Place, int] = {}
        self._last_ms: dict[Place, int] = {}  # Kafka's timestamp of the last record taken
        self._since_ms = time.time_ns() // 1_000_000

    def assign(self) -> None:
        """Begin to fetch at the positions."""
        if self.positions:
            self._consumer.assign(self.positions)

    def take(self, rows: int, wait_s: float) -> Messages:
        """All that is there, at most `rows`; waits up to `wait_s` for the first."""
        return self._consumer.take(rows, wait_s)

    def read(self, messages: Messages) -> Taken:
        """The records in consuming order; LaneError for a registry that is needed and away."""
        self._ends.update(messages.ends)
        rank = self._rank[messages.place]
        found = {topic: np.flatnonzero(rank == k) for k, topic in enumerate(self._topics)}
        rows = {topic: mine for topic, mine in found.items() if len(mine)}
        sources = _read(self.batch, messages, rows)
        self._advance(messages)
        message = np.concatenate([*rows.values(), _NONE])
        id, recv_ts_ns, wanted = self._wanted(sources)
        kept = np.flatnonzero(wanted)
        order = kept[consuming_order(recv_ts_ns[kept], rank[message[kept]], id[kept])]
        message = message[order]
        sequence = Sequence(self.places, messages.place[message], messages.offset[message], id[order])
        bad = [(int(rows[source.topic][row]), why) for source in sources for row, why in source.reasons.items()]
        return Taken(messages, Queue.of(sources, order), sequence, message, bad, rows, order)

    def lag(self) -> Lag:
        """How far behind the ends that the broker last told of; other writers' open transactions count."""
        behind, oldest_ms, now_ms = 0, 0, time.time_ns() // 1_000_000
        for place, end in self._consumer.ends().items():
            records = max(0, end - max(self.positions[place], self._ends.get(place, 0)))
            behind += records
            if records:
                oldest_ms = max(oldest_ms, now_ms - self._last_ms.get(place, self._since_ms))
        return Lag(behind, oldest_ms / 1000)

    def _wanted(self, sources: list[Rows]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Id and receive time of the rows of all sources, and which of them are for this process."""
        id, run, recv_ts_ns = (
            np.concatenate([*(getattr(source, name) for source in sources), _NONE]) for name in ("id", "run_id", "recv_ts_ns")
        )
        wanted = np.concatenate([*(source.state for source in sources), _NONE]) != BAD
        wanted &= (run == 0) | (run == self._run_number)
        wanted &= ~np.isin(id >> ids.BITS, self._own)
        return id, recv_ts_ns, wanted

    def _advance(self, messages: Messages) -> None:
        for index in np.unique(messages.place).tolist():
            last = np.flatnonzero(messages.place == index)[-1]
            self.positions[self.places[index]] = int(messages.offset[last]) + 1
            self._last_ms[self.places[index]] = int(messages.timestamp_ms[last])


def _read(batch: BatchProcess, messages: Messages, rows: dict[str, np.ndarray]) -> list[Rows]:
    return [batch.read(topic, messages.address[mine], messages.size[mine]) for topic, mine in rows.items()]

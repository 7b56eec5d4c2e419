"""Wall-clock stamps of inputs on their way through a process: one of the oldest data record per topic and batch; never hashed."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from streams.lanes.intake import Taken
from streams.records import Latency

__all__ = ["Stamp", "Stamps"]

_EVERY_S = 1.0


class Stamp(NamedTuple):
    """One input: wall-clock ns at each stage, and how many records its batch had."""

    topic: str
    id: int
    ingest_ns: int
    taken_ns: int
    stepped_ns: int = 0
    records: int = 0
    committed_ns: int = 0


class Stamps:
    """Collects stamps; they leave with a later transaction, once a second: their ids stay dense and the broker has little to do."""

    def __init__(self, process: str, run_number: int) -> None:
        self._process, self._run_number = process, run_number
        self._taken: dict[str, Stamp] = {}
        self._done: list[Stamp] = []
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._done)

    def take(self, topic: str, id: int, ingest_ns: int, taken_ns: int) -> None:
        """Note the first record of a topic in a batch."""
        self._taken.setdefault(topic, Stamp(topic, id, ingest_ns, taken_ns))

    def take_all(self, taken: Taken, taken_ns: int) -> None:
        """Note the first record of each topic of a batch."""
        sequence = taken.sequence
        for index, at in zip(*(found.tolist() for found in np.unique(sequence.place, return_index=True)), strict=True):
            topic = sequence.places[index][0]
            ingest_ns = int(taken.messages.timestamp_ms[taken.message[at]]) * 1_000_000
            self._taken.setdefault(topic, Stamp(topic, int(sequence.id[at]), ingest_ns, taken_ns))

    def stepped(self, stepped_ns: int, records: int) -> list[Stamp]:
        """The batch is carried: its stamps, to be given back when it is committed."""
        taken, self._taken = self._taken, {}
        return [stamp._replace(stepped_ns=stepped_ns, records=records) for stamp in taken.values()]

    def committed(self, stepped_ns: int, records: int) -> float | None:
        """The batch is carried and committed, now: its latency from the oldest record on in ms, None without data records."""
        return self.done(self.stepped(stepped_ns, records), time.time_ns())

    def done(self, stamps: list[Stamp], committed_ns: int) -> float | None:
        """The batch of these stamps is committed: its latency as above."""
        self._done += [stamp._replace(committed_ns=committed_ns) for stamp in stamps]
        return max((committed_ns - stamp.ingest_ns) / 1e6 for stamp in stamps) if stamps else None

    def leave(self, next_id: Callable[[], int], ts_ns: int, all_now: bool = False) -> list[Latency]:
        """The records to write with this transaction; none if the last left less than a second ago."""
        if not self._done or (time.monotonic() < self._due and not all_now):
            return []
        self._due = time.monotonic() + _EVERY_S
        done, self._done = self._done, []
        return [self._record(next_id(), ts_ns, stamp) for stamp in done]

    def _record(self, id: int, ts_ns: int, s: Stamp) -> Latency:
        head = (id, s.id, self._run_number, ts_ns, ts_ns, self._process, s.topic, s.id)
        return Latency(*head, s.ingest_ns, s.taken_ns, s.stepped_ns, s.committed_ns, s.records)

"""Wall-clock stamps of inputs on their way through a process: one of the oldest data record per topic and batch; never hashed."""

import time
from collections.abc import Callable

from confluent_kafka import Message

from streams.records import Latency

__all__ = ["Stamps"]

_EVERY_S = 1.0


class Stamps:
    """Collects stamps; they leave with a later transaction, once a second: their ids stay dense and the broker has little to do."""

    def __init__(self, process: str, run_number: int) -> None:
        self._process, self._run_number = process, run_number
        self._taken: dict[str, tuple[int, int, int]] = {}  # topic -> id, Kafka timestamp ns, taken ns
        self._done: list[tuple[str, int, int, int, int, int, int]] = []
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._done)

    def take(self, topic: str, id: int, message: Message, taken_ns: int) -> None:
        """Note the first data record of a topic in a batch."""
        if topic not in self._taken:
            self._taken[topic] = (id, message.timestamp()[1] * 1_000_000, taken_ns)

    def committed(self, stepped_ns: int, records: int) -> float | None:
        """The batch is committed: its latency from the oldest record on in ms, None without data records."""
        taken, self._taken = self._taken, {}
        now_ns = time.time_ns()
        for topic, (id, ingest_ns, taken_ns) in taken.items():
            self._done.append((topic, id, ingest_ns, taken_ns, stepped_ns, now_ns, records))
        return max((now_ns - ingest_ns) / 1e6 for _, ingest_ns, _ in taken.values()) if taken else None

    def leave(self, next_id: Callable[[], int], ts_ns: int, all_now: bool = False) -> list[Latency]:
        """The records to write with this transaction; none if the last left less than a second ago."""
        if not self._done or (time.monotonic() < self._due and not all_now):
            return []
        self._due = time.monotonic() + _EVERY_S
        done, self._done = self._done, []
        return [
            Latency(
                next_id(),
                id,
                self._run_number,
                ts_ns,
                ts_ns,
                self._process,
                topic,
                id,
                ingest_ns,
                taken_ns,
                stepped_ns,
                committed_ns,
                records,
            )
            for topic, id, ingest_ns, taken_ns, stepped_ns, committed_ns, records in done
        ]

"""Reading a range of a partition: forwards to what was its end, or backwards from it. Transaction markers make offsets sparse."""

import time
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.errors import LaneError
from streams.lanes.client import TRANSACTION_TIMEOUT_MS, explain, open_consumer

__all__ = ["RangeReader", "end_offset", "end_offsets", "read_range", "tail_records", "watermarks"]

_CHUNK = 5_000
_STALL_S = TRANSACTION_TIMEOUT_MS / 1000 + 20.0
_PATIENCE_S = {  # a partition that was made or moved a moment ago; a broker that was silent forgets its topics for a moment
    KafkaError.NOT_LEADER_FOR_PARTITION: 20.0,
    KafkaError.LEADER_NOT_AVAILABLE: 20.0,
    KafkaError.UNKNOWN_LEADER_EPOCH: 20.0,
    KafkaError._WAIT_COORD: 20.0,
    KafkaError._UNKNOWN_PARTITION: 20.0,
    KafkaError._UNKNOWN_TOPIC: 5.0,
    KafkaError.UNKNOWN_TOPIC_OR_PART: 5.0,
}


def watermarks(bootstrap: str, topic: str, partition: int, timeout_s: float = 20.0) -> tuple[int, int]:
    """(first offset kept, offset after the last record), open transactions included."""
    return _watermarks(bootstrap, [(topic, partition)], timeout_s)[topic, partition]


def end_offset(bootstrap: str, topic: str, partition: int) -> int:
    """The offset that the next record of the partition will get."""
    return watermarks(bootstrap, topic, partition)[1]


def end_offsets(bootstrap: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The offset that the next record of each (topic, partition) will get; one connection for all."""
    return {place: high for place, (_, high) in _watermarks(bootstrap, places, 20.0).items()}


class RangeReader:
    """Committed records of one partition from `start` up to `end` (default: its end now), in lists, with bounded memory.

    A record below `end` that belongs to an open transaction is waited for: its writer's next instance or the broker settles it within
    seconds. `committed=False` reads records of open transactions as they stand.
    """

    def __init__(self, bootstrap: str, topic: str, partition: int, start: int, end: int | None = None, committed: bool = True) -> None:
        self.bootstrap, self.topic, self.partition = bootstrap, topic, partition
        low, high = watermarks(bootstrap, topic, partition)
        self.start, self.end = max(start, low), high if end is None else min(end, high)
        self.done = self.start >= self.end
        self._consumer: Consumer | None = None
        self._committed = committed

    def __enter__(self) -> "RangeReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, rows: int = _CHUNK) -> list[Message]:
        """The next records, at most `rows`; empty only when the range is at its end."""
        stalled_s = time.monotonic() + _STALL_S
        while not self.done:
            messages = self._open().consume(rows, 0.02)
            good = [message for message in messages if self._keep(message)]
            if good:
                return good
            if time.monotonic() > stalled_s:
                raise LaneError(
                    f"kafka {self.bootstrap}: {self.topic}[{self.partition}]: no record below offset {self.end} within {_STALL_S:.0f} s"
                )
        return []

    def close(self) -> None:
        """Free the consumer; the range is at its end."""
        self.done = True
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _open(self) -> Consumer:
        if self._consumer is None:
            settings = {"enable.partition.eof": True, "fetch.wait.max.ms": 10, "queued.max.messages.kbytes": 8192}
            if not self._committed:
                settings["isolation.level"] = "read_uncommitted"
            self._consumer = consumer = open_consumer(self.bootstrap, settings=settings)
            consumer.assign([TopicPartition(self.topic, self.partition, self.start)])
        return self._consumer

    def _keep(self, message: Message) -> bool:
        error, offset = message.error(), message.offset() or 0
        if error is None:
            if offset >= self.end - 1:
                self.done = True
            return offset < self.end
        if error.code() == KafkaError._PARTITION_EOF:
            self.done |= offset >= self.end  # in read_committed this is the last stable offset: not yet the end while a transaction is open
        elif error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise explain(error, self.bootstrap, f"reading {self.topic}[{self.partition}]")
        return False


def read_range(
    bootstrap: str, topic: str, partition: int, start: int = 0, end: int | None = None, committed: bool = True
) -> Iterator[Message]:
    """Every committed record of the partition from `start` up to `end` (default: its end now)."""
    with RangeReader(bootstrap, topic, partition, start, end, committed) as reader:
        while messages := reader.take():
            yield from messages


def tail_records(
    bootstrap: str,
    topic: str,
    partition: int,
    until: Callable[[Message], bool] | None = None,
    limit: int | None = None,
    committed: bool = True,
) -> list[Message]:
    """The newest records of a partition, newest first, at most `limit`.

    With `until` only the newest record for which it is true, in a list; empty if there is none back to the first record kept.
    """
    low, end = watermarks(bootstrap, topic, partition)
    found: list[Message] = []
    chunk = 1_000 if limit is None else max(limit * 2, 100)
    while end > low and (limit is None or len(found) < limit):
        start = max(low, end - chunk)
        window = list(read_range(bootstrap, topic, partition, start, end, committed))
        for message in reversed(window):
            if until is None:
                found.append(message)
            elif until(message):
                return [message]
            if limit is not None and len(found) >= limit:
                break
        end, chunk = start, min(chunk * 4, 100_000)
    return found


def _watermarks(bootstrap: str, places: Iterable[tuple[str, int]], timeout_s: float) -> dict[tuple[str, int], tuple[int, int]]:
    begun_s, found = time.monotonic(), {}
    consumer = open_consumer(bootstrap, settings={"isolation.level": "read_uncommitted"})
    try:
        for place in places:
            while place not in found:
                waited_s = time.monotonic() - begun_s
                try:
                    found[place] = consumer.get_watermark_offsets(TopicPartition(*place), max(1.0, timeout_s - waited_s))
                except KafkaException as error:
                    if waited_s > _PATIENCE_S.get(error.args[0].code(), 0.0):
                        raise explain(error, bootstrap, f"looking up the end of {place[0]}[{place[1]}]") from None
                    time.sleep(0.05)
    finally:
        consumer.close()
    return found

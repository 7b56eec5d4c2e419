"""Market data for the simulated venue: several partitions merged by receive time, each record once, with its place."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from confluent_kafka import KafkaError, Message, TopicPartition

from streams.errors import DecodeError
from streams.lanes.bus import explain, open_consumer, read_range
from streams.lanes.wire import Wire
from streams.records import BookUpdate, Trade

__all__ = ["MARKET_TOPICS", "MarketReader", "MarketRecord", "Merge", "reread"]

MARKET_TOPICS = ("book_updates.v1", "trades.v1")
MarketRecord = tuple[int, int, BookUpdate | Trade | None]  # partition's place in the list, offset, record (None = cannot be read)
_BATCH = 2_000


class Merge:
    """Puts the records of several partitions into the order of their receive times.

    A record waits until every other partition has one to compare with or is at its end, so that a backlog comes in the order in which it
    was received. Live, records of two topics may overtake each other by the time between two transactions.
    """

    def __init__(self, partitions: int) -> None:
        self._waiting: list[deque[MarketRecord]] = [deque() for _ in range(partitions)]
        self._at_end = [False] * partitions

    def add(self, record: MarketRecord) -> None:
        """The next record of its partition."""
        self._at_end[record[0]] = False
        self._waiting[record[0]].append(record)

    def end(self, place: int) -> None:
        """A partition has nothing more for now."""
        self._at_end[place] = True

    def ready(self) -> list[MarketRecord]:
        """The records that need not wait any longer. At equal times the partition that was named first goes first."""
        found: list[MarketRecord] = []
        while all(w or end for w, end in zip(self._waiting, self._at_end, strict=True)) and any(self._waiting):
            heads = [(w[0][2].recv_ts_ns if w[0][2] else 0, place) for place, w in enumerate(self._waiting) if w]
            found.append(self._waiting[min(heads)[1]].popleft())
        return found


class MarketReader:
    """Committed records of `partitions` from the given offsets on, merged, without a group."""

    def __init__(self, kafka: str, wire: Wire, partitions: list[tuple[str, int]], offsets: list[int]) -> None:
        self._kafka, self._wire = kafka, wire
        self._place = {partition: place for place, partition in enumerate(partitions)}
        self._merge = Merge(len(partitions))
        settings = {"enable.partition.eof": True, "fetch.wait.max.ms": 20, "queued.max.messages.kbytes": 16_384}
        self._consumer = open_consumer(kafka, settings=settings)
        self._consumer.assign([TopicPartition(t, p, offset) for (t, p), offset in zip(partitions, offsets, strict=True)])

    def read(self, timeout_s: float) -> list[Message]:
        """What the broker has for us within a time; may block, so call it in a thread."""
        return self._consumer.consume(_BATCH, timeout_s)

    def merge(self, messages: list[Message]) -> list[MarketRecord]:
        """The records that may be processed now that these messages are in. LaneError for an error the client does not recover from."""
        for message in messages:
            self._take(message)
        return self._merge.ready()

    def close(self) -> None:
        """Free the consumer."""
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error, topic, partition = message.error(), message.topic() or "", message.partition() or 0
        place = self._place.get((topic, partition), 0)
        if error is None:
            self._merge.add((place, message.offset() or 0, _decode(self._wire, message)))
        elif error.code() == KafkaError._PARTITION_EOF:
            self._merge.end(place)
        elif error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise explain(error, self._kafka, f"reading {topic}[{partition}]")


def reread(kafka: str, wire: Wire, partitions: list[tuple[str, int]], starts: list[int]) -> list[Iterator[MarketRecord]]:
    """One iterator a partition over the records that a log says were consumed, from the first of them on."""
    return [_again(kafka, wire, place, *partition, starts[place]) for place, partition in enumerate(partitions)]


def _again(kafka: str, wire: Wire, place: int, topic: str, partition: int, start: int) -> Iterator[MarketRecord]:
    for message in read_range(kafka, topic, partition, start):
        yield place, message.offset() or 0, _decode(wire, message)


def _decode(wire: Wire, message: Message) -> Any:
    try:
        return wire.decode(message.topic() or "", message.value())
    except DecodeError:
        return None  # the lanes that read the topic dead-letter it

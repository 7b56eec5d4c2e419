"""Where a run's market records stand in Kafka: offsets found by time, bounded by the ends as they were when it was asked."""

import time
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.errors import DecodeError, LaneError
from streams.lanes.client import TRANSACTION_TIMEOUT_MS, explain, open_consumer
from streams.lanes.place import Place
from streams.lanes.wire import Wire

__all__ = ["Probe", "Range"]

NEAR = 10_000
"""Records that are read in less time than a further look takes."""

_STALL_S = TRANSACTION_TIMEOUT_MS / 1000 + 20.0
_SETTINGS = {"enable.partition.eof": True, "fetch.wait.max.ms": 10, "queued.min.messages": 1, "fetch.message.max.bytes": 1 << 16}


class Range(NamedTuple):
    """Offsets of a partition from `first` up to `end`."""

    first: int
    end: int

    @property
    def empty(self) -> bool:
        """Whether there is no offset in it."""
        return self.first >= self.end


class Probe:
    """Looks at single committed records of a cluster; a consumer without a group, which commits nothing."""

    def __init__(self, bootstrap: str, wire: Wire) -> None:
        self.bootstrap, self._wire = bootstrap, wire
        self._consumer = open_consumer(bootstrap, settings=_SETTINGS)

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def first(self, place: Place, within: Range) -> tuple[int, int] | None:
        """(offset, receive time) of the first record in a range that can be read; None if there is none."""
        offset = within.first
        while offset < within.end:
            found = self._at(place, offset)
            if found is None or found[0] >= within.end:
                return None
            try:
                return found[0], self._wire.decode(place[0], found[1]).recv_ts_ns
            except DecodeError:
                offset = found[0] + 1
        return None

    def last(self, place: Place, within: Range) -> tuple[int, int] | None:
        """The same of the last record. Ends of transactions stand between records: the steps back from the end double."""
        step = 1
        while step // 2 < within.end - within.first:
            found = self.first(place, Range(max(within.first, within.end - step), within.end))
            if found is not None:
                return self._last_behind(place, found, within.end)
            step *= 2
        return None

    def around(self, place: Place, within: Range, ts_ns: int) -> Range:
        """Part of a range, at most NEAR records or none: what lies before it was received before `ts_ns`, what lies behind it was not.

        Found by halving: receive times ascend in a run.
        """
        low, high = within
        while high - low > NEAR:
            middle = (low + high) // 2
            found = self.first(place, Range(middle, high))
            if found is None or found[1] >= ts_ns:
                high = middle
            else:
                low = found[0] + 1
        return Range(low, high)

    def _last_behind(self, place: Place, found: tuple[int, int], end: int) -> tuple[int, int]:
        """The last record, when there is one at `found`: by halving what lies behind it."""
        low, high = found[0] + 1, end
        while low < high:
            middle = (low + high) // 2
            later = self.first(place, Range(middle, high))
            if later is None:
                high = middle
            else:
                found, low = later, later[0] + 1
        return found

    def _at(self, place: Place, offset: int) -> tuple[int, bytes | None] | None:
        """(offset, value) of the first committed record at an offset or behind it; None if the partition has none yet."""
        until_s = time.monotonic() + _STALL_S
        try:
            self._consumer.assign([TopicPartition(*place, offset)])
            while time.monotonic() < until_s:
                for message in self._consumer.consume(1, 0.1):
                    error = message.error()
                    if error is None:
                        return message.offset() or 0, message.value()
                    if error.code() == KafkaError._PARTITION_EOF:
                        return None
                    if error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
                        raise explain(error, self.bootstrap, f"reading {place[0]}[{place[1]}]")
        except KafkaException as error:
            raise explain(error, self.bootstrap, f"reading {place[0]}[{place[1]}]") from None
        raise LaneError(f"kafka {self.bootstrap}: {place[0]}[{place[1]}]: no answer at offset {offset} within {_STALL_S:.0f} s")

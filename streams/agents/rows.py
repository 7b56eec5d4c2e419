"""Records as arrays, on their way into a process and out of it: `Rows` read, a `Queue` of them in consuming order, what was `Written`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from streams.errors import DecodeError, EdgeError, FrameError, UnitError
from streams.schema import codec, model
from streams.schema.rolling import EMPTY_HASH

__all__ = ["BAD", "GOOD", "RECORD", "REFUSALS", "Count", "Queue", "Refusal", "Rows", "WireLike", "Written"]

GOOD, RECORD, BAD = range(3)
"""State of a row: read into memory, decoded as a Python record, or no record at all."""

REFUSALS = (EdgeError, FrameError, DecodeError, UnitError)
"""What an agent raises for an input it cannot use: the input becomes a dead letter, the flow goes on."""


class WireLike(Protocol):
    """What is asked of `streams.lanes.wire.Wire`."""

    def header(self, topic: str) -> bytes: ...
    def writers(self, topic: str) -> dict[bytes, Any]: ...
    def decode(self, topic: str, value: bytes | None) -> Any: ...


@dataclass
class Rows:
    """Values of one topic. Arrays have one element a value, in the order given; the memory that the values lie in must stay until they
    have been carried.

    id, run_id, recv_ts_ns : int64, of the records; 0 where BAD
    state                  : uint8, GOOD, RECORD or BAD
    reasons                : by row, why it is BAD
    decode                 : gives the record of a row that is not BAD
    """

    topic: str
    id: np.ndarray
    run_id: np.ndarray
    recv_ts_ns: np.ndarray
    state: np.ndarray
    reasons: dict[int, str]
    decode: Callable[[int], Any]

    def __len__(self) -> int:
        return len(self.id)

    def record(self, row: int) -> Any:
        """The record of a row that is not BAD, as a Python object."""
        return self.decode(row)


class Refusal(NamedTuple):
    """An input that an agent refused: its place in the queue, and why."""

    at: int
    reason: str


@dataclass
class Queue:
    """Rows of several topics in consuming order.

    sources : the rows, topic by topic
    source  : int64, of each place in the queue which of them; row: int64, and which row there
    refused : what agents have refused so far
    plan    : what a batch has made of it, its own business
    """

    sources: Sequence[Rows]
    source: np.ndarray
    row: np.ndarray
    refused: list[Refusal] = field(default_factory=list)
    plan: Any = None

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def of(cls, sources: Sequence[Rows], order: np.ndarray) -> "Queue":
        """A queue of rows that are not BAD. order: int64, places in all rows of the sources, one source after another."""
        ends = np.cumsum([len(rows) for rows in sources], dtype=np.int64)
        source = np.searchsorted(ends, order, side="right")
        starts = np.concatenate((np.zeros(1, np.int64), ends))
        return cls(sources, source, order - starts[source])


class Count(NamedTuple):
    """What was written to a topic: number of records, id of the last."""

    count: int
    last_id: int


@dataclass(frozen=True)
class Written:
    """What a process wrote, in the order written. Arrays have one element a record; they and the buffer may be used until the process is
    given its next input.

    topics      : names; topic: int32, index into them
    id          : int64
    start, size : int64, where the record's value lies in `buffer` (uint8): the topic's header of `header_bytes` bytes, then the Avro body
    digest      : rolling hash after the last body
    """

    topics: tuple[str, ...]
    topic: np.ndarray
    id: np.ndarray
    start: np.ndarray
    size: np.ndarray
    buffer: np.ndarray
    header_bytes: int = 0
    digest: bytes = EMPTY_HASH

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def by_topic(self) -> dict[str, np.ndarray]:
        """Rows of each topic that was written to, in order."""
        order = np.argsort(self.topic, kind="stable")
        cuts = np.searchsorted(self.topic[order], np.arange(len(self.topics) + 1))
        return {name: order[a:b] for name, a, b in zip(self.topics, cuts, cuts[1:], strict=False) if b > a}

    @property
    def counts(self) -> dict[str, Count]:
        """Number and last id of each topic that was written to."""
        return {topic: Count(len(rows), int(self.id[rows[-1]])) for topic, rows in self.by_topic.items()}

    def value(self, row: int) -> bytes:
        """The bytes that go to the topic."""
        start = int(self.start[row])
        return self.buffer[start : start + int(self.size[row])].tobytes()

    def body(self, row: int) -> bytes:
        """The Avro body alone."""
        return self.value(row)[self.header_bytes :]

    def record(self, row: int) -> Any:
        """The record, as a Python object."""
        return codec.decode(model.for_topic(self.topics[self.topic[row]]).record, self.body(row))

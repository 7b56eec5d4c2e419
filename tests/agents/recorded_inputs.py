"""What each process of a topology reads while the recording is played: fused in one process, or apart; in consuming order."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from streams.agents.batch import BatchProcess, Queue, Rows
from streams.agents.roles import CONTROL, reads_of
from streams.schema import codec, model
from tests.agents.recorded import AGENTS, Run
from tests.real_recording import PATH

__all__ = ["APART", "FUSED", "Values", "inputs_of", "queue_of", "topic_of"]

FUSED = AGENTS
APART = (("normalize",), ("strategy", "risk", "execute"), ("account",))
"""The processes of topologies/demo.yaml."""


def topic_of(record: Any) -> str:
    """The topic of a record."""
    return model.SCHEMAS[type(record).__name__].topic


@cache
def played(limit: int, path: Path = PATH) -> list[Any]:
    """Every record given to the fused process and written by it, in order, after control."""
    run = Run(compiled=True, path=path)
    everything: list[Any] = []
    give, take = run.process.on_input, run.process.take_outputs

    def on_input(record: Any) -> None:
        everything.append(record)
        give(record)

    def take_outputs() -> list[tuple[str, Any]]:
        found = take()
        everything.extend(record for _, record in found)
        return found

    run.process.on_input, run.process.take_outputs = on_input, take_outputs
    run.play(limit)
    return everything


def inputs_of(agents: Sequence[str], limit: int = 1 << 30, path: Path = PATH) -> list[Any]:
    """What a process of these agents reads, without control."""
    data = tuple(cls for cls in reads_of(tuple(agents)) if cls not in CONTROL)
    return [record for record in played(limit, path) if isinstance(record, data)]


class Values:
    """Records as values of topics, a topic's one after another in memory, and their consuming order."""

    def __init__(self, records: Sequence[Any], header: bytes = b"") -> None:
        groups: dict[str, list[int]] = {}
        for place, record in enumerate(records):
            groups.setdefault(topic_of(record), []).append(place)
        self.topics: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}  # memory, address, size
        for topic, places in groups.items():
            values = [header + codec.encode(records[place]) for place in places]
            size = np.array([len(v) for v in values], np.int64)
            memory = np.frombuffer(b"".join(values) + bytes(64), np.uint8)
            self.topics[topic] = memory, memory.ctypes.data + np.cumsum(size) - size, size
        self.order = np.argsort([place for places in groups.values() for place in places], kind="stable")
        self._places = {topic: np.array(places, np.int64) for topic, places in groups.items()}
        self.count = len(records)

    def batches(self, size: int) -> Iterator[tuple[list[tuple[str, np.ndarray, np.ndarray]], np.ndarray]]:
        """(topic, address, size) of each topic, and the consuming order, of so many values at a time."""
        for first in range(0, self.count, size):
            last, parts, places = min(first + size, self.count), [], []
            for topic, (_, address, sizes) in self.topics.items():
                a, b = np.searchsorted(self._places[topic], (first, last))
                if b > a:
                    parts.append((topic, address[a:b], sizes[a:b]))
                    places.append(self._places[topic][a:b])
            yield parts, np.argsort(np.concatenate(places), kind="stable")


def queue_of(batch: BatchProcess, parts: list[tuple[str, np.ndarray, np.ndarray]], order: np.ndarray) -> Queue:
    """Read the parts of a batch."""
    rows: list[Rows] = [batch.read(*part) for part in parts]
    return Queue.of(rows, order)

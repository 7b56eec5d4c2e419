"""What a lane needs to know to run one process of one shard; derived from the topology."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from streams.lanes.control import COMMANDS, CONTROL_TOPICS, Control
from streams.lanes.journal import Place
from streams.schema import model

__all__ = ["Build", "LaneProcess", "LaneSpec", "input_places", "is_control", "own_writers", "start_of_run", "topics_of"]


class ProcessFacts(Protocol):
    """The part of ProcessSpec that a lane looks at."""

    @property
    def writers(self) -> Mapping[str, int]:
        """Writer number by output topic."""
        ...


class LaneProcess(Protocol):
    """What a lane asks of `streams.agents.process.Process`."""

    reads: Any
    writes: Any

    @property
    def spec(self) -> ProcessFacts: ...
    def on_input(self, record: Any) -> None: ...
    def on_tick(self, id: int, ts_ns: int) -> None: ...
    def take_outputs(self) -> list[tuple[str, NamedTuple]]: ...
    def counters(self) -> dict[str, int]: ...
    def shown(self) -> dict[str, Any]: ...
    def set_counters(self, counters: Mapping[str, int]) -> None: ...
    def snapshot(self) -> dict[str, tuple[str, str, bytes]]: ...
    def restore(self, parts: Mapping[str, tuple[str, str, bytes]]) -> None: ...


Build = Callable[[Control], LaneProcess]
"""Makes the empty process of a spec, with the numbers of the dictionary."""


@dataclass(frozen=True)
class LaneSpec:
    """One process of one shard in the Kafka lane.

    kafka, registry : addresses
    places          : (topic, partition) of the data inputs; empty = the shard's partition of every topic that the process reads
    partition_of    : partition of an output record; None = the shard, and 0 for control topics
    commit_ms       : records gather so long for one transaction, wall ms
    tick_ms         : time between clock ticks, ms of the run's clock; at high speed at most one each 5 ms of wall time
    rows            : most records in one batch
    snapshot_s      : wall time between snapshots
    lag_limit_s     : an alert says when records wait longer than this, wall s
    lock_path       : file whose lock says which instance on this machine is the active one, the others follow it; None = no standby
    status_path     : JSON file that is replaced each second with the counters; None = none
    code_hash       : hash of the code that decides, for the journal
    """

    topology: str
    process: str
    shard: int
    kafka: str
    registry: str
    places: tuple[Place, ...] = ()
    partition_of: Callable[[str, Any], int] | None = None
    commit_ms: float = 5.0
    tick_ms: float = 10.0
    rows: int = 50_000
    snapshot_s: float = 15.0
    lag_limit_s: float = 2.0
    lock_path: Path | None = None
    status_path: Path | None = None
    code_hash: str = ""

    @property
    def name(self) -> str:
        """Consumer group, and with -0 and -1 the transactional ids: who holds it is the one instance of this process and shard."""
        return f"{self.topology}.{self.process}.{self.shard}"

    def partition(self, topic: str) -> int:
        """Where records of a topic go that belong to no other shard."""
        return 0 if is_control(topic) else self.shard


def is_control(topic: str) -> bool:
    """True for the topics that stand before data in every batch: dictionary, limits, commands..."""
    return topic in CONTROL_TOPICS or topic == COMMANDS


def topics_of(classes: Iterable[type]) -> tuple[str, ...]:
    """The topics of record classes."""
    return tuple(model.SCHEMAS[cls.__name__].topic for cls in classes)


def own_writers(process: LaneProcess) -> dict[str, int]:
    """Number of the process's writer by topic, of all that it writes."""
    return {topic: process.spec.writers[topic] for topic in process.writes}


def input_places(spec: LaneSpec, process: LaneProcess) -> tuple[Place, ...]:
    """Every input of a process, control topics first, in the order in which records of one time are consumed."""
    topics = topics_of(process.reads)
    control = tuple((topic, 0) for topic in (*CONTROL_TOPICS, COMMANDS) if topic in topics)
    return control + (spec.places or tuple((topic, spec.shard) for topic in topics if not is_control(topic)))


def start_of_run(control: Control, places: Iterable[Place]) -> dict[Place, int]:
    """Where a run reads each input from: control topics whole, commands from its RUN record, data from its start positions."""
    starts = control.start_positions()
    found: dict[Place, int] = {}
    for place in places:
        if place[0] == COMMANDS:
            found[place] = control.run_offset
        else:
            found[place] = 0 if is_control(place[0]) else starts.get(place, 0)
    return found

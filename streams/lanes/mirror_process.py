"""A process of the fast lane as its mirror keeps it: counters, hash and positions of its journal, names and instruments it knows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from streams.agents.roles import reads_of, writes_of
from streams.agents.spec import DEFAULT_SIZES, ProcessSpec
from streams.errors import LaneError, MillraceError
from streams.lanes.bus import list_topics, read_range
from streams.lanes.control import Control, last_id
from streams.lanes.journal import OutputLog, last_entry
from streams.lanes.lane_records import LaneRecords
from streams.lanes.mirror_inputs import TICK_PLACE, Stood
from streams.lanes.place import Place, is_ring
from streams.lanes.player import positions_after
from streams.lanes.spec import LaneSpec, is_control, start_of_run, topics_of
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, writer_name
from streams.records import Instrument, Name
from streams.schema.edge import Edge
from streams.trading.contract import check_units

__all__ = ["FactsOf", "Mirrored", "Writers", "mirrored"]

FactsOf = Callable[[Control], ProcessSpec]
"""The agents of a process, with the numbers that the dictionary gives."""


class Writers(dict[str, int]):
    """Number of the writer of each topic, looked up when it is first needed: LaneError for one that `apply` has not named.

    of: whose names they are, by topic; owner: of all others
    """

    def __init__(self, control: Control, shard: int, of: Mapping[str, str], owner: str) -> None:
        super().__init__()
        self._control, self._shard, self._of, self._owner = control, shard, of, owner

    def __missing__(self, topic: str) -> int:
        found = self[topic] = self._control.writer(writer_name(self._of.get(topic, self._owner), self._shard, topic))
        return found


@dataclass
class Mirrored:
    """One process of the shard.

    facts      : its agents and writers; reads, writes: topics
    edge       : names and instruments up to the control record that it took last
    outputs    : counters and hash of what it wrote; records: makes its journal entries, dead letters and alerts
    positions  : next offset of each of its inputs; rings: next slot by ring, as its last entry says
    batch      : number of its last entry, -1 before the first; journal_offset: where that stands
    last_ts_ns : its time, ns of the run
    places     : what `Stood.place` counts in, of its inputs; still: numbers of those that tell nothing of where it goes on to read
    """

    spec: LaneSpec
    facts: ProcessSpec
    outputs: OutputLog
    records: LaneRecords
    positions: dict[Place, int]
    edge: Edge = field(default_factory=Edge)
    rings: dict[Place, int] = field(default_factory=dict)
    batch: int = -1
    journal_offset: int | None = None
    last_ts_ns: int = 0
    places: list[Place] = field(default_factory=list)
    still: set[int] = field(default_factory=set)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Topics that it reads, in the order in which it looks at them."""
        return topics_of(reads_of(self.facts.agents, self.facts.shared))

    @cached_property
    def writes(self) -> tuple[str, ...]:
        """Topics that it writes."""
        return writes_of(self.facts.agents)

    @cached_property
    def own(self) -> frozenset[int]:
        """Its writers, of what it writes."""
        return frozenset(self.facts.writers[topic] for topic in self.writes)

    @cached_property
    def data(self) -> frozenset[str]:
        """Topics that it reads, without control."""
        return frozenset(topic for topic in self.reads if not is_control(topic))

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Room in its tables."""
        return {**DEFAULT_SIZES, **self.facts.sizes}

    def place(self, place: Place, still: bool = False) -> int:
        """The number that stands for a place. still: for records that are told out of their order."""
        for index, found in enumerate(self.places):
            if found == place and (index in self.still) == still:
                return index
        self.places.append(place)
        if still:
            self.still.add(len(self.places) - 1)
        return len(self.places) - 1

    def move(self, stood: Stood) -> None:
        """Note that inputs were taken: it goes on to read behind them."""
        for index in set(np.unique(stood.place).tolist()) - self.still:
            place = self.places[index]
            if place != TICK_PLACE:
                self.positions[place] = max(self.positions.get(place, 0), int(stood.offset[stood.place == index].max()) + 1)

    def learn(self, record: object) -> None:
        """Take in what a control record says of names and instruments, as the process does."""
        try:
            if isinstance(record, Name):
                self.edge.on_name(record)
            elif isinstance(record, Instrument):
                i = record
                check_units(i.tick_e9, i.lot_e9, i.multiplier_e9, i.money_scale, i.instrument_type, self.edge.money_scale(i.base))
                self.edge.on_instrument(record)
        except MillraceError:  # the process refuses it too, and says so
            pass


def mirrored(spec: LaneSpec, facts: ProcessSpec, owner: str, wire: Wire, control: Control, pointer: int | None) -> Mirrored:
    """The process as its last journal entry left it in this run; with its counters continued if the run is new to it.

    owner   : the mirror's name: whose writers dead letters and alerts have
    pointer : offset of one of its last entries, if it is known
    """
    run = control.last_run().run_number or 0
    reads = topics_of(reads_of(facts.agents, facts.shared))
    places = [(topic, spec.partition(topic)) for topic in reads]
    start = start_of_run(control, places)
    writers = Writers(control, spec.shard, {JOURNAL: spec.process}, owner)
    last = last_entry(spec.kafka, wire, spec.process, spec.shard, pointer)
    same_run = last is not None and last[1].run_id == run
    outputs = _first_log(spec, facts, writers) if last is None else OutputLog.after(last[1], same_run)
    found = Mirrored(spec, facts, outputs, LaneRecords(spec, wire, writers, run, outputs), start)
    if last is None:
        return found
    message, entry = last
    found.batch, found.journal_offset = entry.batch, message.offset()
    if same_run:
        found.last_ts_ns, found.positions = entry.ts_ns, positions_after(entry, start)
        found.rings = {(p.topic, p.partition): p.offset for p in entry.positions if is_ring(p.topic)}
        for record in _taken(spec.kafka, wire, found.positions):
            found.learn(record)
    elif entry.run_id > run:
        raise LaneError(f"{spec.process}/{spec.shard}: its journal is in run {entry.run_id} already, this mirror in {run}; start it anew")
    return found


def _first_log(spec: LaneSpec, facts: ProcessSpec, writers: Mapping[str, int]) -> OutputLog:
    """For a process without a journal entry: it never ran, or its journal is no longer kept. The topics say where its ids ended."""
    own = {topic: facts.writers[topic] for topic in writes_of(facts.agents)} | {JOURNAL: writers[JOURNAL]}
    there, log = list_topics(spec.kafka), OutputLog()
    for topic, writer in own.items():
        last = max((last_id(spec.kafka, topic, partition, writer) for partition in range(there.get(topic, 0))), default=0)
        if last:
            log.last_ids[writer] = (topic, last)
    return log


def _taken(kafka: str, wire: Wire, positions: Mapping[Place, int]) -> Iterable[object]:
    """The names and instruments before these positions."""
    for topic in ("names.v1", "instruments.v1"):
        end = positions.get((topic, 0), 0)
        for message in read_range(kafka, topic, 0, 0, end) if end else ():
            try:
                yield wire.decode(topic, message.value())
            except MillraceError:  # a dead letter
                continue

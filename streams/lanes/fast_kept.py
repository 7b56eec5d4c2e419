"""What a process of the fast lane knows when it starts: from topics the first time, from its checkpoint after that, without Kafka."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from streams.errors import LaneError
from streams.lanes.bus import end_offsets, list_topics
from streams.lanes.checkpoint import Saved
from streams.lanes.control import COMMANDS, Control, last_id, read_control
from streams.lanes.fast_rings import RingRun
from streams.lanes.journal import OutputLog
from streams.lanes.kept_control import control_of, kept_control
from streams.lanes.opening import continue_counters
from streams.lanes.place import Place
from streams.lanes.restore import recover
from streams.lanes.spec import Build, LaneProcess, LaneSpec, input_places, is_control
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, LATENCY, SNAPSHOTS, TICKS, lane_writers, writer_name
from streams.schema import ids

__all__ = ["Known", "first_start", "start_again"]


@dataclass
class Known:
    """A process ready to go on, and what its lane needs beside it.

    control   : dictionary and run, as they were when the process started first
    writers   : numbers of the lane's own writers by topic; COMMANDS: of what it commands itself
    outputs   : where they count
    positions : next offset of each control topic that the process reads
    last_ts_ns: the run's time so far
    """

    process: Any
    control: Control
    writers: dict[str, int]
    outputs: OutputLog
    positions: dict[Place, int]
    last_ts_ns: int = 0
    replayed: int = 0

    def last_id(self, topic: str) -> int:
        """Last id of one of the lane's own writers."""
        writer = self.writers[topic]
        return self.outputs.last_ids.get(writer, (topic, ids.make(writer, 0)))[1]

    @cached_property
    def _kept_control(self) -> dict[str, Any]:
        return kept_control(self.control)

    def extra(self, wire: Wire) -> dict[str, Any]:
        """What a checkpoint keeps of it, JSON."""
        last_ids = [[writer, topic, id] for writer, (topic, id) in self.outputs.last_ids.items()]
        return {"known": self._kept_control, "schemas": wire.ids.known(), "last_ids": last_ids}


def first_start(spec: LaneSpec, wire: Wire, run: RingRun, build: Build) -> Known:
    """The process from the topics: empty in a new run, as its journal left it where rings were lost with the host.

    LaneError if the run of the rings is not that of the topics; RestoreError as `recover`.
    """
    control = read_control(spec.kafka, wire)
    if control.last_run().run_number != run.run_number:
        raise LaneError(
            f"{spec.name}: rings are of run {run.run_number}, {COMMANDS} says {control.last_run().run_number}; start it by `millrace run`"
        )
    process = build(control)
    places = input_places(spec, process)
    writers = _writers(spec, control, process, places)
    state = recover(spec, wire, control, lambda _: process, places, {})
    if state.batch < 0:
        continue_counters(spec, wire, state, {topic: writer for topic, writer in writers.items() if topic != COMMANDS})
    _continue_own(spec, state.outputs, writers)
    for topic in {*(topic for topic, _ in places), *process.writes, *(topic for topic in writers if topic != TICKS)}:
        wire.header(topic)  # a restart asks no registry
    positions = {place: at for place, at in state.positions.items() if is_control(place[0])}
    return Known(process, control, writers, state.outputs, positions, state.last_ts_ns, state.replayed)


def start_again(spec: LaneSpec, wire: Wire, saved: Saved, build: Build) -> Known:
    """The process from its checkpoint. RestoreError if that is of another layout."""
    extra = saved.extra
    wire.ids.trust(extra["schemas"])
    control = control_of(extra["known"])
    process = build(control)
    process.restore(saved.parts)
    outputs = OutputLog({writer: (topic, id) for writer, topic, id in extra["last_ids"]})
    writers = _writers(spec, control, process, input_places(spec, process))
    return Known(process, control, writers, outputs, {})


def _continue_own(spec: LaneSpec, outputs: OutputLog, writers: Mapping[str, int]) -> None:
    """Let the lane's own writers go on after the last id that their topics have; what the mirror writes for it is the mirror's to count."""
    own = {topic: writer for topic, writer in writers.items() if topic not in (TICKS, JOURNAL, SNAPSHOTS, LATENCY)}
    there = list_topics(spec.kafka)
    ends = end_offsets(spec.kafka, [(topic, partition) for topic in own for partition in range(there.get(topic, 0))])
    for topic, partition in (place for place, end in ends.items() if end > 0):
        writer = own[topic]
        known = outputs.last_ids.get(writer, (topic, ids.make(writer, 0)))[1]
        outputs.last_ids[writer] = (topic, max(known, last_id(spec.kafka, topic, partition, writer)))


def _writers(spec: LaneSpec, control: Control, process: LaneProcess, places: Iterable[Place]) -> dict[str, int]:
    names: Mapping[str, str] = lane_writers(spec.process, spec.shard, {*(topic for topic, _ in places), *process.writes})
    found = {topic: control.writer(name) for topic, name in names.items()}
    return found | {COMMANDS: control.writer(writer_name(f"{spec.process}-lane", spec.shard, COMMANDS))}

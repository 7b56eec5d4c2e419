"""Where a fast feed starts: at its checkpoint, without a broker; else where the topics of the run say, or at the run's beginning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.agents.process import Process
from streams.errors import LaneError
from streams.lanes.checkpoint import Checkpoint, Saved
from streams.lanes.control import Control, last_id, read_control
from streams.lanes.kept_control import control_of
from streams.lanes.opening import continue_counters
from streams.lanes.place import Place
from streams.lanes.restore import recover
from streams.lanes.spec import input_places, is_control, topics_of
from streams.lanes.wire import Wire
from streams.lanes.writers import ALERTS, dlq_topic, lane_writers, writer_name
from streams.schema import ids
from streams.venues.binance.fast_feed_settings import FastFeedSettings
from streams.venues.binance.frames import DLQ, FRAMES, damage_after, last_record, place_after
from streams.venues.binance.frames import Place as FramePlace

__all__ = ["Build", "Start", "find_start"]

Build = Callable[[Control], Process]
"""Makes the empty process of normalize, with the numbers of the dictionary."""


@dataclass
class Start:
    """A feed's state before what its rings hold beyond it.

    process     : normalize
    writer, sequence : of frames, and the last sequence used; letters: last sequence of writers of dead letters
    at, at_damage    : places of the last frame and of the last letter of the feed
    positions   : next offset by control topic; told: state of a ControlRing, None = a new one
    slots       : by ring, where to go on
    fresh       : no checkpoint was there
    """

    process: Process
    control: Control
    writer: int
    sequence: int
    letters: dict[int, int]
    at: FramePlace
    at_damage: FramePlace
    positions: dict[Place, int]
    told: Mapping[str, Any] | None = None
    slots: dict[str, int] = field(default_factory=dict)
    fresh: bool = True


def find_start(settings: FastFeedSettings, wire: Wire, build: Build) -> Start:
    """Where the feed goes on in the run whose rings are there.

    Raises LaneError without rings, or where broker, registry, run or names are needed and away; RestoreError for a damaged checkpoint or
    one of other code, DifferenceError when the code of today does not give what was recorded.
    """
    run = settings.shard.run()
    if run is None:
        raise LaneError(
            f"{settings.shard.folder}: no rings of shard {settings.shard.shard}; `millrace run` makes them before the feed starts"
        )
    saved = Checkpoint(settings.checkpoint_path).load(run.run_number)
    if saved is not None:
        return _from_checkpoint(settings, wire, build, saved)
    control = read_control(settings.feed.kafka, wire)
    number = control.last_run().run_number
    if number != run.run_number:
        raise LaneError(
            f"{settings.shard.folder}: rings are of run {run.run_number}, the last run is {number}; `millrace run` makes them anew"
        )
    return _from_topics(settings, wire, build, control)


def _from_checkpoint(settings: FastFeedSettings, wire: Wire, build: Build, saved: Saved) -> Start:
    extra = saved.extra
    wire.ids.trust(extra["schemas"])
    control = control_of(extra["control"])
    process = build(control)
    process.restore(saved.parts)
    return Start(
        process,
        control,
        _frames_writer(settings, control),
        extra["sequence"],
        {int(writer): n for writer, n in extra["letters"].items()},
        FramePlace(*extra["at"]),
        FramePlace(0, extra["at_damage"]),
        {},
        extra["told"],
        saved.positions,
        fresh=False,
    )


def _from_topics(settings: FastFeedSettings, wire: Wire, build: Build, control: Control) -> Start:
    spec, feed = settings.market, settings.feed
    process = build(control)
    places = input_places(spec, process)
    state = recover(spec, wire, control, lambda _: process, places, {})
    inputs = topics_of(process.reads)
    names = lane_writers(spec.process, spec.shard, {*inputs, *process.writes})
    writers = {topic: control.writer(name) for topic, name in names.items()}
    if state.batch < 0:
        continue_counters(spec, wire, state, writers)
    run_number = control.last_run().run_number or 0
    frames, letters = _frames_writer(settings, control), control.writer(writer_name(feed.process, feed.shard, DLQ))
    frame, letter = (
        last_record(feed.kafka, wire, topic, feed.shard, writer, committed=True) for topic, writer in ((FRAMES, frames), (DLQ, letters))
    )
    known = {letters: ids.sequence(letter.id) if letter else 0}
    for topic in inputs:
        dlq = dlq_topic(topic)
        partition = 0 if is_control(topic) else spec.shard
        known[writers[dlq]] = ids.sequence(last_id(spec.kafka, dlq, partition, writers[dlq]))
    known[writers[ALERTS]] = ids.sequence(last_id(spec.kafka, ALERTS, 0, writers[ALERTS]))
    for topic in (ALERTS, *map(dlq_topic, inputs)):
        wire.header(topic)  # a restart asks no registry
    return Start(
        process,
        control,
        frames,
        ids.sequence(frame.id) if frame else 0,
        known,
        place_after(frame, run_number),
        damage_after(letter, run_number),
        {place: offset for place, offset in state.positions.items() if is_control(place[0])},
    )


def _frames_writer(settings: FastFeedSettings, control: Control) -> int:
    return control.writer(writer_name(settings.feed.process, settings.feed.shard, FRAMES))

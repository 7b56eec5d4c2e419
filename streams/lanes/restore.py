"""State again after a restart: the newest snapshot, then re-execution of the journal with outputs suppressed and hashes compared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from confluent_kafka import Message

from streams.agents.batch import BatchProcess, batch_of
from streams.errors import RestoreError
from streams.lanes.control import Control
from streams.lanes.difference import Difference, Output, compare, offset_at, recorded_outputs
from streams.lanes.journal import OutputLog, Place, last_entry, read_entries
from streams.lanes.replay import Replay
from streams.lanes.snapshot import Found, find_snapshot
from streams.lanes.sources import Sources
from streams.lanes.spec import Build, LaneProcess, LaneSpec, start_of_run
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS
from streams.records import JournalEntry

__all__ = ["DifferenceError", "MakeBatch", "Recovered", "journal_start", "play", "recover"]

MakeBatch = Callable[[LaneProcess, Wire], BatchProcess]
"""How a process is put behind arrays."""

_ANY_BATCH = (1 << 63) - 1


class DifferenceError(RestoreError):
    """Re-execution differs from the record; `difference` says where."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(
            f"re-execution differs from what was recorded: {difference}; the code that wrote it can go on, or start a fresh run"
        )
        self.difference = difference


@dataclass
class Recovered:
    """A process ready to go on.

    positions       : next offset by input
    batch           : number of the last batch, -1 before the first
    last_ts_ns      : the last journal entry's time by the run's clock
    journal_offset  : offset of the last journal entry, None before the first
    """

    process: LaneProcess
    outputs: OutputLog
    positions: dict[Place, int]
    batch: int = -1
    last_ts_ns: int = 0
    journal_offset: int | None = None
    snapshot_offset: int | None = None
    snapshot_number: int = -1
    snapshot_id: int = 0
    replayed: int = 0
    fresh: bool = True


def recover(spec: LaneSpec, wire: Wire, control: Control, build: Build, places: Iterable[Place], pointers: Mapping[str, int]) -> Recovered:
    """The process as its journal left it in this run; empty, with its counters continued, if the run is new to it.

    `pointers`: committed offsets of journal.v1 and snapshots.v1 under the process's group, where there are any.
    Raises RestoreError, DifferenceError when the code of today does not give what was recorded.
    """
    run, places, process = control.last_run(), tuple(places), build(control)
    run_number = run.run_number or 0
    start = start_of_run(control, places)
    with ThreadPoolExecutor(1) as pool:
        known = pool.submit(_snapshot, spec, wire, run_number, pointers[SNAPSHOTS]) if SNAPSHOTS in pointers else None
        last = last_entry(spec.kafka, wire, spec.process, spec.shard, pointers.get(JOURNAL))
    if last is None:
        if pointers.get(JOURNAL, -1) >= journal_start(spec, control):
            raise RestoreError(f"{spec.process}/{spec.shard}: its journal of run {run_number} is no longer kept; start a fresh run")
        return Recovered(process, OutputLog(), start)
    message, entry = last
    same_run = entry.run_id == run_number
    snapshot, number, last_id = known.result() if known else _snapshot(spec, wire, run_number, 0)
    if snapshot is not None and snapshot.moment.batch > entry.batch:  # the journal's end is gone
        snapshot = find_snapshot(spec.kafka, wire, spec.process, spec.shard, run_number, entry.batch)[0]
    state = Recovered(process, OutputLog.after(entry, same_run), start, entry.batch, snapshot_number=number, snapshot_id=last_id)
    state.journal_offset = message.offset()
    writers = {topic: process.spec.writers[topic] for topic in process.writes}
    if not same_run:
        process.set_counters(state.outputs.counters(writers))
        return state
    state.fresh, state.last_ts_ns = False, entry.ts_ns
    state.batch = -1
    if snapshot is None:
        entries = read_entries(spec.kafka, wire, spec.process, spec.shard, journal_start(spec, control), run_number)
    else:
        process.restore(snapshot.blocks)
        state.snapshot_offset = snapshot.first_offset
        pointer = next(p.offset for p in snapshot.moment.positions if p.topic == JOURNAL)
        entries = read_entries(spec.kafka, wire, spec.process, spec.shard, pointer, run_number)
        _, first = next(entries, (None, None))
        if first is None or first.batch != snapshot.moment.batch or first.outputs_hash != snapshot.moment.outputs_hash:
            raise RestoreError(f"{spec.process}/{spec.shard}: the journal entry of snapshot {snapshot.number} is gone; start a fresh run")
        state.positions, state.outputs, state.batch = _positions(first, start), OutputLog.after(first), first.batch
        process.set_counters(state.outputs.counters(writers))
    for _ in play(spec, wire, process, entries, state, writers, from_start=snapshot is None):
        state.replayed += 1
    if state.batch < entry.batch or (state.batch == entry.batch and state.outputs.digest != entry.outputs_hash):  # a standby may see more
        raise RestoreError(f"{spec.process}/{spec.shard}: the journal ends at batch {entry.batch}, re-execution at {state.batch}")
    return state


def play(
    spec: LaneSpec,
    wire: Wire,
    process: LaneProcess,
    entries: Iterable[tuple[Message, JournalEntry]],
    state: Recovered,
    writers: Mapping[str, int],
    from_start: bool,
    sources: Sources | None = None,
    make_batch: MakeBatch = batch_of,
) -> Iterator[tuple[JournalEntry, int]]:
    """Re-execute journal entries in order: after each its entry and how many outputs it gave. DifferenceError at the first difference.

    `state.positions` and `state.outputs` stand before the first entry, and move on. `from_start`: the first entry is the first of its run,
    and says by itself where the counters stood. `sources`: where the inputs are read, the caller's to close; None = what there is now.
    """
    read = Sources(spec.kafka, state.positions) if sources is None else sources
    replay = Replay(wire, make_batch(process, wire), read)
    replay.batch.digest = state.outputs.digest
    try:
        for message, entry in entries:
            if from_start:
                state.outputs, from_start = OutputLog.before(entry), False
                process.set_counters(state.outputs.counters(writers))
                replay.batch.digest = state.outputs.digest
            elif entry.batch != state.batch + 1:
                raise RestoreError(
                    f"{spec.process}/{spec.shard}: batch {entry.batch} follows {state.batch} in the journal; entries are missing"
                )
            refused = replay.feed(entry)
            if replay.digest != entry.outputs_hash or refused is not None:
                raise DifferenceError(refused or _locate(spec, wire, message, entry, replay.outputs()))
            state.outputs = OutputLog.after(entry)
            state.positions = _positions(entry, state.positions)
            state.batch, state.last_ts_ns, state.journal_offset = entry.batch, entry.ts_ns, message.offset()
            yield entry, replay.written
    finally:
        if sources is None:
            read.close()


def journal_start(spec: LaneSpec, control: Control) -> int:
    """An offset of the journal before the first entry of the run."""
    known = control.start_positions().get((JOURNAL, spec.shard))
    if known is not None:
        return known
    opened_ms = (control.last_run().wall_start_ns or 0) // 1_000_000 - 60_000
    return offset_at(spec.kafka, JOURNAL, spec.shard, opened_ms) or 0


def _snapshot(spec: LaneSpec, wire: Wire, run_number: int, pointer: int) -> tuple[Found | None, int, int]:
    """As `find_snapshot`, the newest of a run whatever its batch."""
    return find_snapshot(spec.kafka, wire, spec.process, spec.shard, run_number, _ANY_BATCH, pointer)


def _locate(spec: LaneSpec, wire: Wire, message: Message, entry: JournalEntry, now: list[Output]) -> Difference:
    _, written_ms = message.timestamp()
    return compare(entry, recorded_outputs(spec.kafka, wire, entry, written_ms), now)


def _positions(entry: JournalEntry, before: Mapping[Place, int]) -> dict[Place, int]:
    return {**before, **{(p.topic, p.partition): p.offset for p in entry.positions}}

"""State again after a restart: the newest snapshot, then re-execution of the journal with outputs suppressed and hashes compared."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from streams.errors import RestoreError
from streams.lanes.control import Control
from streams.lanes.difference import offset_at
from streams.lanes.journal import Entries, OutputLog, last_entry, read_entries
from streams.lanes.place import Place
from streams.lanes.player import Recovered, play, positions_after
from streams.lanes.snapshot import Found, find_snapshot
from streams.lanes.spec import Build, LaneSpec, own_writers, start_of_run
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS

__all__ = ["entries_after", "journal_start", "recover"]


def recover(spec: LaneSpec, wire: Wire, control: Control, build: Build, places: Iterable[Place], pointers: Mapping[str, int]) -> Recovered:
    """The process as its journal left it in this run; empty, with its counters continued, if the run is new to it.

    `pointers`: committed offsets of journal.v1 and snapshots.v1 under the process's group, where there are any.
    Raises RestoreError, DifferenceError when the code of today does not give what was recorded.
    """
    run, places, process = control.last_run(), tuple(places), build(control)
    run_number = run.run_number or 0
    start = start_of_run(control, places)
    where = spec.kafka, wire, spec.process, spec.shard, run_number
    with ThreadPoolExecutor(1) as pool:
        known = pool.submit(find_snapshot, *where, pointer=pointers[SNAPSHOTS]) if SNAPSHOTS in pointers else None
        last = last_entry(spec.kafka, wire, spec.process, spec.shard, pointers.get(JOURNAL))
    if last is None:
        if pointers.get(JOURNAL, -1) >= journal_start(spec, control):
            raise RestoreError(f"{spec.process}/{spec.shard}: its journal of run {run_number} is no longer kept; start a fresh run")
        return Recovered(process, OutputLog(), start)
    message, entry = last
    same_run = entry.run_id == run_number
    snapshot, number, last_id = known.result() if known else find_snapshot(*where)
    if snapshot is not None and snapshot.moment.batch > entry.batch:  # the journal's end is gone
        snapshot = find_snapshot(*where, last_batch=entry.batch)[0]
    state = Recovered(process, OutputLog.after(entry, same_run), start, entry.batch, snapshot_number=number, snapshot_id=last_id)
    state.journal_offset = message.offset()
    if not same_run:
        process.set_counters(state.outputs.counters(own_writers(process)))
        return state
    state.fresh, state.last_ts_ns, state.batch = False, entry.ts_ns, -1
    entries = entries_after(spec, wire, control, state, snapshot)
    for _ in play(spec, wire, process, entries, state, from_start=snapshot is None):
        state.replayed += 1
    if state.batch < entry.batch or (state.batch == entry.batch and state.outputs.digest != entry.outputs_hash):  # a standby may see more
        raise RestoreError(f"{spec.process}/{spec.shard}: the journal ends at batch {entry.batch}, re-execution at {state.batch}")
    return state


def entries_after(spec: LaneSpec, wire: Wire, control: Control, state: Recovered, snapshot: Found | None) -> Entries:
    """The journal entries of the run after a snapshot, whose state the process takes; without one all of them.

    Raises RestoreError for a snapshot of another layout, or one whose journal entry is not kept.
    """
    where = spec.kafka, wire, spec.process, spec.shard
    run_number = control.last_run().run_number
    if snapshot is None:
        return read_entries(*where, journal_start(spec, control), run_number)
    state.process.restore(snapshot.blocks)
    pointer = next(p.offset for p in snapshot.moment.positions if p.topic == JOURNAL)
    entries = read_entries(*where, pointer, run_number)
    message, first = next(entries, (None, None))
    if message is None or first is None or first.batch != snapshot.moment.batch or first.outputs_hash != snapshot.moment.outputs_hash:
        raise RestoreError(f"{spec.process}/{spec.shard}: the journal entry of snapshot {snapshot.number} is gone; start a fresh run")
    state.snapshot_offset = snapshot.first_offset
    state.positions, state.outputs, state.batch = positions_after(first, state.positions), OutputLog.after(first), first.batch
    state.last_ts_ns, state.journal_offset = first.ts_ns, message.offset()
    state.process.set_counters(state.outputs.counters(own_writers(state.process)))
    return entries


def journal_start(spec: LaneSpec, control: Control) -> int:
    """An offset of the journal before the first entry of the run."""
    known = control.start_positions().get((JOURNAL, spec.shard))
    if known is not None:
        return known
    opened_ms = (control.last_run().wall_start_ns or 0) // 1_000_000 - 60_000
    return offset_at(spec.kafka, JOURNAL, spec.shard, opened_ms) or 0

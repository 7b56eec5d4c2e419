"""State again after a restart: the newest snapshot, then re-execution of the journal with outputs suppressed and hashes compared."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog
from confluent_kafka import Message

from streams.errors import DecodeError, RestoreError
from streams.lanes.bus import RangeReader
from streams.lanes.control import Control
from streams.lanes.difference import Difference, compare, offset_at, recorded_outputs
from streams.lanes.input_log import MERGED, WINDOW
from streams.lanes.journal import OutputLog, Place, last_entry, read_entries
from streams.lanes.snapshot import find_snapshot
from streams.lanes.spec import Build, LaneProcess, LaneSpec, start_of_run
from streams.lanes.stepper import Encode, Output, Stepper, encode_now
from streams.lanes.windows import Merger, Read
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS, TICKS
from streams.records import InputRun, JournalEntry, StartPosition
from streams.schema import ids

__all__ = ["DifferenceError", "Recovered", "Sources", "journal_start", "play", "recover"]

_LOG = structlog.get_logger("restore")


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


class Sources:
    """The recorded inputs of a process, read once and forwards: memory holds one batch and one fetch of each partition."""

    def __init__(self, bootstrap: str, positions: Mapping[Place, int]) -> None:
        self.bootstrap = bootstrap
        self._positions = dict(positions)
        self._readers: dict[Place, RangeReader] = {}
        self._ahead: dict[Place, list[Message]] = {}

    def take(self, place: Place, last_offset: int) -> list[Message]:
        """The records of a partition after those taken before, up to `last_offset`; RestoreError if that is no longer kept."""
        found = self._ahead.pop(place, [])
        reader = self._readers.get(place)
        if reader is None:
            reader = self._readers[place] = RangeReader(self.bootstrap, *place, self._positions.get(place, 0))
        while not found or (found[-1].offset() or 0) < last_offset:
            more = reader.take()
            if not more:
                break
            found += more
        cut = bisect_left(found, last_offset + 1, key=_offset)
        self._ahead[place] = found[cut:]
        if not cut or _offset(found[cut - 1]) != last_offset:
            raise RestoreError(f"{place[0]}[{place[1]}]: the record at offset {last_offset} is no longer kept; start a fresh run")
        return found[:cut]

    def close(self) -> None:
        """Free the consumers."""
        for reader in self._readers.values():
            reader.close()


def recover(spec: LaneSpec, wire: Wire, control: Control, build: Build, places: Iterable[Place], pointers: Mapping[str, int]) -> Recovered:
    """The process as its journal left it in this run; empty, with its counters continued, if the run is new to it.

    `pointers`: committed offsets of journal.v1 and snapshots.v1 under the process's group, where there are any.
    Raises RestoreError, DifferenceError when the code of today does not give what was recorded.
    """
    run, places, process = control.last_run(), tuple(places), build(control)
    run_number = run.run_number or 0
    start = start_of_run(control, places)
    last = last_entry(spec.kafka, wire, spec.process, spec.shard, pointers.get(JOURNAL))
    if last is None:
        if pointers.get(JOURNAL, -1) >= journal_start(spec, control):
            raise RestoreError(f"{spec.process}/{spec.shard}: its journal of run {run_number} is no longer kept; start a fresh run")
        return Recovered(process, OutputLog(), start)
    message, entry = last
    same_run = entry.run_id == run_number
    snapshot, number, last_id = find_snapshot(spec.kafka, wire, spec.process, spec.shard, run_number, entry.batch, pointers.get(SNAPSHOTS))
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
    sources: "Sources | None" = None,
) -> Iterator[tuple[JournalEntry, int]]:
    """Re-execute journal entries in order: after each its entry and how many outputs it gave. DifferenceError at the first difference.

    `state.positions` and `state.outputs` stand before the first entry, and move on. `from_start`: the first entry is the first of its run,
    and says by itself where the counters stood. `sources`: where the inputs are read, the caller's to close; None = what there is now.
    """
    own = Sources(spec.kafka, state.positions) if sources is None else None
    sources = sources or own
    assert sources is not None
    try:
        for message, entry in entries:
            if from_start:
                state.outputs, from_start = OutputLog.before(entry), False
                process.set_counters(state.outputs.counters(writers))
            elif entry.batch != state.batch + 1:
                raise RestoreError(
                    f"{spec.process}/{spec.shard}: batch {entry.batch} follows {state.batch} in the journal; entries are missing"
                )
            stepper = Stepper(process, state.outputs)
            refused = _feed(wire, sources, stepper, entry)
            now = stepper.collect(_encoder(wire, entry))
            if state.outputs.digest != entry.outputs_hash or refused is not None:
                raise DifferenceError(refused or _locate(spec, wire, message, entry, now))
            state.outputs = OutputLog.after(entry)
            state.positions = _positions(entry, state.positions)
            state.batch, state.last_ts_ns, state.journal_offset = entry.batch, entry.ts_ns, message.offset()
            yield entry, len(now)
    finally:
        if own is not None:
            own.close()


def journal_start(spec: LaneSpec, control: Control) -> int:
    """An offset of the journal before the first entry of the run."""
    known = control.start_positions().get((JOURNAL, spec.shard))
    if known is not None:
        return known
    opened_ms = (control.last_run().wall_start_ns or 0) // 1_000_000 - 60_000
    return offset_at(spec.kafka, JOURNAL, spec.shard, opened_ms) or 0


def _feed(wire: Wire, sources: Sources, stepper: Stepper, entry: JournalEntry) -> Difference | None:
    """Feed the inputs of one entry in their order; the difference if another input is refused than was."""
    windows, ticks, fed, merger = _windows(sources, entry), iter(entry.tick_ts_ns), set(), Merger()
    own = {stepper.process.spec.writers[topic] for topic in stepper.process.writes}
    for run in entry.inputs:
        if run.topic == TICKS:
            for k in range(run.count):
                stepper.tick(run.first_id + k, next(ticks))
            continue
        if run.topic == MERGED:
            reads = merger.take(run)
        elif run.writer == WINDOW:
            found = _read(wire, windows, run)
            merger.add(run, (r for r in found if ids.writer(r.record.id) not in own and r.record.run_id in (0, entry.run_id)))
            continue
        else:
            reads = _consecutive(run, _read(wire, windows, run))
        for read in reads:
            stepper.feed(*read)
            fed.add(StartPosition(*read[:3]))
    was = fed.intersection(entry.dead_letters)  # the others could not even be decoded, and were not fed
    for letter in sorted(was ^ set(stepper.inputs.dead_letters)):
        recorded, now = ("refused", "accepted") if letter in was else ("accepted", "refused")
        where = f"input {letter.topic}[{letter.partition}] offset {letter.offset}"
        return Difference(entry.process, entry.shard, entry.batch, letter.topic, 0, where, recorded, now, 0)
    return None


def _read(wire: Wire, windows: dict[Place, list[Message]], run: InputRun) -> list[Read]:
    """The records of a run's offsets that can be decoded."""
    window = windows[run.topic, run.partition]
    first, last = (bisect_left(window, offset, key=_offset) for offset in (run.first_offset, run.last_offset + 1))
    decoded = ((message, _decoded(wire, run.topic, message)) for message in window[first:last])
    return [Read(run.topic, run.partition, _offset(message), record) for message, record in decoded if record is not None]


def _consecutive(run: InputRun, found: list[Read]) -> list[Read]:
    """Those of consecutive ids from the run's first on."""
    reads, due, end = [], run.first_id, run.first_id + run.count
    for read in found:
        if read.record.id == due < end:
            reads.append(read)
            due += 1
    if due != end:
        where = f"{run.topic}[{run.partition}] offsets {run.first_offset} to {run.last_offset}"
        raise RestoreError(f"{where}: record {ids.text(due)}, which the journal says was read there, is not there")
    return reads


def _windows(sources: Sources, entry: JournalEntry) -> dict[Place, list[Message]]:
    last: dict[Place, int] = {}
    for run in entry.inputs:
        if run.topic not in (TICKS, MERGED):
            place = run.topic, run.partition
            last[place] = max(last.get(place, -1), run.last_offset)
    return {place: sources.take(place, offset) for place, offset in last.items()}


def _decoded(wire: Wire, topic: str, message: Message):
    try:
        return wire.decode(topic, message.value())
    except DecodeError:
        return None


def _encoder(wire: Wire, entry: JournalEntry) -> Encode:
    """Bodies in the schema versions in which the entry was written (contract 4)."""
    other = {v.topic: v.schema_id for v in entry.schemas if v.schema_id != wire.ids.id_of(v.topic)}
    if not other:
        return encode_now
    return lambda topic, record: wire.body_in(other[topic], topic, record) if topic in other else encode_now(topic, record)


def _locate(spec: LaneSpec, wire: Wire, message: Message, entry: JournalEntry, now: list[Output]) -> Difference:
    _, written_ms = message.timestamp()
    return compare(entry, recorded_outputs(spec.kafka, wire, entry, written_ms), now)


def _positions(entry: JournalEntry, before: Mapping[Place, int]) -> dict[Place, int]:
    return {**before, **{(p.topic, p.partition): p.offset for p in entry.positions}}


def _offset(message: Message) -> int:
    return message.offset() or 0

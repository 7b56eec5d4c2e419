"""A journal executed again, entry by entry, from a state on: the same bytes, or the first difference."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Message

from streams.agents.batch import BatchProcess, batch_of
from streams.errors import RestoreError, StepError
from streams.lanes.difference import Difference, compare, recorded_outputs
from streams.lanes.journal import OutputLog
from streams.lanes.place import Place, is_ring
from streams.lanes.replay import Replay
from streams.lanes.sources import Sources
from streams.lanes.spec import LaneProcess, LaneSpec, own_writers
from streams.lanes.wire import Wire
from streams.records import JournalEntry

__all__ = ["DifferenceError", "MakeBatch", "Player", "Recovered", "play", "positions_after"]

MakeBatch = Callable[[LaneProcess, Wire], BatchProcess]
"""How a process is put behind arrays."""


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


def play(
    spec: LaneSpec,
    wire: Wire,
    process: LaneProcess,
    entries: Iterable[tuple[Message, JournalEntry]],
    state: Recovered,
    from_start: bool,
    sources: Sources | None = None,
) -> Iterator[JournalEntry]:
    """Re-execute journal entries in order: each, when it has given what was recorded. DifferenceError at the first that has not.

    state, from_start, sources : see Player
    """
    player = Player(spec, wire, process, state, from_start, sources)
    try:
        for message, entry in entries:
            if not player.feed(entry):
                raise DifferenceError(player.difference(message, entry))
            player.accept(message, entry)
            yield entry
    finally:
        player.close()


class Player:
    """Re-executes the journal entries of a process, one after the other: `feed` each, then `accept` it.

    state      : where it stands before the first entry; moves on with each that is accepted
    from_start : the first entry is the first of its run, and says by itself where the counters stood
    sources    : where the inputs are read, the caller's to close; None = what there is now
    make_batch : how the process is put behind arrays
    replay     : what re-executes; its batch may be given more between two entries
    """

    def __init__(
        self,
        spec: LaneSpec,
        wire: Wire,
        process: LaneProcess,
        state: Recovered,
        from_start: bool,
        sources: Sources | None = None,
        make_batch: MakeBatch = batch_of,
    ) -> None:
        self.state = state
        self._spec, self._wire, self._process, self._from_start = spec, wire, process, from_start
        self._own_sources = Sources(spec.kafka, state.positions) if sources is None else None
        read = sources or self._own_sources
        assert read is not None
        self.replay = Replay(wire, make_batch(process, wire), read)
        self.replay.batch.digest = state.outputs.digest

    def feed(self, entry: JournalEntry) -> bool:
        """Carry the inputs of an entry; whether the outputs, and what is refused, are as recorded. DifferenceError where one now makes an
        agent fail: nothing can follow. RestoreError for inputs that are not there."""
        state = self.state
        if self._from_start:
            state.outputs, self._from_start = OutputLog.before(entry), False
            self._go_on_after(state.outputs)
        elif entry.batch != state.batch + 1:
            where = f"{self._spec.process}/{self._spec.shard}"
            raise RestoreError(f"{where}: batch {entry.batch} follows {state.batch} in the journal; entries are missing")
        try:
            self._refused = self.replay.feed(entry)
        except StepError as error:
            raise DifferenceError(self.replay.failure(entry, error)) from error
        return self._refused is None and self.replay.digest == entry.outputs_hash

    def difference(self, message: Message, entry: JournalEntry) -> Difference:
        """Where the entry that was fed last first differs from what was recorded."""
        if self._refused is not None:
            return self._refused
        _, written_ms = message.timestamp()
        return compare(entry, recorded_outputs(self._spec.kafka, self._wire, entry, written_ms), self.replay.outputs())

    def accept(self, message: Message, entry: JournalEntry) -> None:
        """Go on after an entry, as recorded: if its outputs were others, then with the counters and the hash of those recorded."""
        state = self.state
        state.outputs = OutputLog.after(entry)
        state.positions = positions_after(entry, state.positions)
        state.batch, state.last_ts_ns, state.journal_offset = entry.batch, entry.ts_ns, message.offset()
        if self.replay.digest != entry.outputs_hash:
            self._go_on_after(state.outputs)

    def close(self) -> None:
        """Free what it has opened."""
        if self._own_sources is not None:
            self._own_sources.close()

    def _go_on_after(self, outputs: OutputLog) -> None:
        self._process.set_counters(outputs.counters(own_writers(self._process)))
        self.replay.batch.digest = outputs.digest


def positions_after(entry: JournalEntry, before: Mapping[Place, int]) -> dict[Place, int]:
    """The next offset to read of each input after an entry; where in rings a mirror was does not matter to who reads topics."""
    return {**before, **{(p.topic, p.partition): p.offset for p in entry.positions if not is_ring(p.topic)}}

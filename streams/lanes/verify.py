"""Verify: the journal of a run re-executed with today's code; equal by hash, or the first difference (contract 19)."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from streams.agents.batch import batch_of
from streams.errors import LaneError, RestoreError
from streams.lanes.control import Control, read_control
from streams.lanes.difference import Difference
from streams.lanes.input_log import WINDOW
from streams.lanes.journal import EMPTY_HASH, Entries, OutputLog
from streams.lanes.player import DifferenceError, MakeBatch, Player, Recovered
from streams.lanes.reader import end_offset, watermarks
from streams.lanes.registry import SchemaIds
from streams.lanes.replaced import Replaced
from streams.lanes.restore import entries_after, journal_start
from streams.lanes.snapshot import find_snapshot
from streams.lanes.spec import LaneProcess, LaneSpec, input_places, start_of_run
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL
from streams.records import JournalEntry, Limit, Param

__all__ = ["Asked", "Verdict", "verify"]

_FOREVER = (1 << 63) - 1


class Asked(NamedTuple):
    """What is to be verified.

    run_number : None = the last run
    from_ns    : batches whose time by the run's clock is earlier are executed, from the newest snapshot before it on, and not compared
    to_ns      : batches whose time is this or later are left out
    replaced   : limits and parameters that hold instead of those recorded, from `from_ns` on
    make_batch : how a process is put behind arrays
    """

    run_number: int | None = None
    from_ns: int = 0
    to_ns: int = _FOREVER
    replaced: tuple[Limit | Param, ...] = ()
    make_batch: MakeBatch = batch_of

    @property
    def in_part(self) -> bool:
        """Whether not the whole run is asked for."""
        return (self.from_ns, self.to_ns) != (0, _FOREVER)


_WHOLE = Asked()


@dataclass
class Verdict:
    """What re-execution of one process and shard gave.

    batches, inputs, outputs : compared, up to the end or the first difference; records and ticks fed, records written
    first_batch, last_batch  : those compared; -1 = none
    first_ns, last_ns        : their times by the run's clock; the first batch of a run may be older than its first clock tick
    began_ns, ended_ns       : of the run, and of the last batch executed
    before, before_differs   : batches executed before them and not compared; the number of the first of those that differs, -1 = none
    executed                 : records and ticks fed in all
    snapshot                 : number of the snapshot that it started from; -1 = from the start of the run
    digest                   : rolling hash over all outputs of the run so far, hex
    replaced                 : how many limits and parameters were others than recorded
    """

    process: str
    shard: int
    run: int
    batches: int = 0
    inputs: int = 0
    outputs: int = 0
    first_batch: int = -1
    last_batch: int = -1
    first_ns: int = 0
    last_ns: int = 0
    began_ns: int = 0
    ended_ns: int = 0
    before: int = 0
    before_differs: int = -1
    executed: int = 0
    snapshot: int = -1
    digest: str = EMPTY_HASH.hex()
    replaced: int = 0
    difference: Difference | None = None
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """True if there were batches to compare, and each gave the recorded hash."""
        return self.batches > 0 and self.difference is None

    def __str__(self) -> str:
        head = f"{self.process}/{self.shard} run {self.run}: "
        if self.difference is None and not self.batches:
            return f"{head}nothing was recorded"
        if self.difference is None:
            return f"{head}equal: {self.batches} batches, {self.inputs} inputs, {self.outputs} outputs, hash {self.digest}"
        end = "; it ends here: what was recorded after it answers other orders" if self.replaced else ""
        return f"{head}differs: {self.difference}{end}"


Told = Callable[[Verdict, float], None]
"""Called after each batch: the verdict so far, and how much of the journal is done, 0 to 1."""


def verify(
    specs: Iterable[LaneSpec],
    build: Callable[[LaneSpec, Control], LaneProcess],
    asked: Asked = _WHOLE,
    told: Told = lambda verdict, done: None,
) -> Iterator[Verdict]:
    """A verdict for each process and shard. Processes may go on running: their journal is read up to now.

    Raises LaneError for a run that is unknown, RestoreError if the journal or inputs are no longer kept, ConfigError if a process refuses
    what is to hold instead of what was recorded.
    """
    for spec in specs:
        wire = Wire(SchemaIds(spec.registry))
        yield _Verification(spec, wire, _control(spec, wire, asked.run_number), build, asked).verdict_of(told)


def _control(spec: LaneSpec, wire: Wire, run_number: int | None) -> Control:
    """The control topics, as if the run asked for was the last one."""
    control = read_control(spec.kafka, wire)
    if run_number is not None:
        if run_number not in control.runs:
            raise LaneError(f"commands.v1: no run {run_number}; there are {', '.join(map(str, control.runs)) or 'none'}")
        control.run, control.run_offset = control.runs[run_number]
    return control


class _Verification:
    """One process and shard."""

    def __init__(
        self, spec: LaneSpec, wire: Wire, control: Control, build: Callable[[LaneSpec, Control], LaneProcess], asked: Asked
    ) -> None:
        self._spec, self._wire, self._control, self._build, self._asked = spec, wire, control, build, asked
        run = control.last_run()
        self._run = run.run_number or 0
        began_ns = run.clock_start_ns or run.wall_start_ns or run.ts_ns
        self._verdict = Verdict(spec.process, spec.shard, self._run, began_ns=began_ns, replaced=len(asked.replaced))
        self._replaced = Replaced(asked.replaced) if asked.replaced else None

    def verdict_of(self, told: Told) -> Verdict:
        """Execute what is asked for."""
        began_s, verdict, asked = time.perf_counter(), self._verdict, self._asked
        state, entries = self._begin()
        player = Player(self._spec, self._wire, state.process, state, verdict.snapshot < 0, make_batch=asked.make_batch)
        player.replay.replaced = self._replaced
        first, end = state.journal_offset or 0, self._journal_end()
        try:
            for message, entry in entries:
                if entry.ts_ns >= asked.to_ns:
                    break
                self._replace(player, entry)
                if not player.feed(entry) and self._counts(entry):
                    verdict.difference = player.difference(message, entry)
                    break
                self._count(player, entry)
                player.accept(message, entry)
                told(verdict, ((message.offset() or 0) - first) / max(1, end - first))
        except DifferenceError as error:
            verdict.difference = error.difference
        finally:
            player.close()
        verdict.digest, verdict.ended_ns = state.outputs.digest.hex(), state.last_ts_ns
        verdict.seconds = time.perf_counter() - began_s
        return verdict

    def _begin(self) -> tuple[Recovered, Entries]:
        """Where it starts: at the newest snapshot before the time asked for, if there is one that this code can take, else at the run's."""
        spec, wire, control, asked = self._spec, self._wire, self._control, self._asked
        snapshot = None
        if asked.from_ns:
            snapshot = find_snapshot(spec.kafka, wire, spec.process, spec.shard, self._run, before_ns=asked.from_ns)[0]
        if snapshot is not None:
            state = self._empty()
            try:
                entries = entries_after(spec, wire, control, state, snapshot)
            except RestoreError:  # of another layout: the code has changed
                pass
            else:
                self._verdict.snapshot = snapshot.number
                return state, entries
        state = self._empty()
        state.journal_offset = journal_start(spec, control)
        if watermarks(spec.kafka, JOURNAL, spec.shard)[0] > state.journal_offset:
            kept = "the journal is no longer kept from the start of the run on; --from a later time, if a snapshot before it is kept"
            raise RestoreError(f"{spec.process}/{spec.shard} run {self._run}: {kept}")
        return state, entries_after(spec, wire, control, state, None)

    def _journal_end(self) -> int:
        """Where the next run begins in the journal, or where it ends now."""
        place = JOURNAL, self._spec.shard
        later = [command for number, (command, _) in self._control.runs.items() if number > self._run]
        starts = [p.offset for command in later for p in command.start_positions if (p.topic, p.partition) == place]
        return min(starts, default=0) or end_offset(self._spec.kafka, *place)

    def _empty(self) -> Recovered:
        process = self._build(self._spec, self._control)
        start = start_of_run(self._control, input_places(self._spec, process))
        return Recovered(process, OutputLog(digest=EMPTY_HASH), start)

    def _counts(self, entry: JournalEntry) -> bool:
        """Whether an entry is one of those compared."""
        return entry.ts_ns >= self._asked.from_ns

    def _replace(self, player: Player, entry: JournalEntry) -> None:
        """Let what is replaced hold from this entry on: as recorded ones are read, and those that stand already by themselves."""
        if self._replaced is None or not self._counts(entry):
            return
        self._replaced.active = True
        if player.state.batch >= 0:  # the control topics have been read
            for record in self._replaced.left():
                player.replay.give(record)

    def _count(self, player: Player, entry: JournalEntry) -> None:
        """Note an entry that was executed."""
        verdict, replay = self._verdict, player.replay
        inputs = sum(run.count for run in entry.inputs if run.writer != WINDOW)
        verdict.executed += inputs
        if not self._counts(entry):
            verdict.before += 1
            if verdict.before_differs < 0 and replay.digest != entry.outputs_hash:
                verdict.before_differs = entry.batch
            return
        if not verdict.batches:
            verdict.first_batch, verdict.first_ns = entry.batch, max(entry.ts_ns, verdict.began_ns)
        verdict.batches += 1
        verdict.last_batch, verdict.last_ns = entry.batch, entry.ts_ns
        verdict.inputs += inputs
        verdict.outputs += replay.written

"""Verify: the journal of a run re-executed with today's code, from an empty state; equal by hash, or the first difference (contract 19)."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streams.agents.batch import batch_of
from streams.errors import LaneError
from streams.lanes.control import Control, read_control
from streams.lanes.difference import Difference
from streams.lanes.input_log import WINDOW
from streams.lanes.journal import EMPTY_HASH, OutputLog, read_entries
from streams.lanes.registry import SchemaIds
from streams.lanes.restore import DifferenceError, MakeBatch, Recovered, journal_start, play
from streams.lanes.spec import LaneProcess, LaneSpec, input_places, start_of_run
from streams.lanes.wire import Wire

__all__ = ["Verdict", "verify"]


@dataclass(frozen=True)
class Verdict:
    """What re-execution of one process and shard gave.

    inputs, outputs : records and ticks fed, records written, up to the end or the first difference
    digest          : rolling hash over all outputs of the run, hex
    """

    process: str
    shard: int
    run: int
    batches: int
    inputs: int
    outputs: int
    digest: str
    difference: Difference | None
    seconds: float

    @property
    def equal(self) -> bool:
        """True if every batch gave the recorded hash."""
        return self.difference is None

    def __str__(self) -> str:
        head = f"{self.process}/{self.shard} run {self.run}: "
        if self.difference is not None:
            return f"{head}differs: {self.difference}"
        return f"{head}equal: {self.batches} batches, {self.inputs} inputs, {self.outputs} outputs, hash {self.digest}"


def verify(
    specs: Iterable[LaneSpec],
    build: Callable[[LaneSpec, Control], LaneProcess],
    run_number: int | None = None,
    make_batch: MakeBatch = batch_of,
) -> list[Verdict]:
    """A verdict for each process and shard on a run (default: the last one). Processes may go on running: their journal is read up to now.

    make_batch: how a process is put behind arrays; benchmarks give the plain way.
    Raises LaneError for a run that is unknown, RestoreError if inputs are no longer kept.
    """
    return [_verify(spec, build, run_number, make_batch) for spec in specs]


def _verify(spec: LaneSpec, build: Callable[[LaneSpec, Control], LaneProcess], run_number: int | None, make_batch: MakeBatch) -> Verdict:
    begun, wire = time.perf_counter(), Wire(SchemaIds(spec.registry))
    control = read_control(spec.kafka, wire)
    if run_number is not None:
        if run_number not in control.runs:
            raise LaneError(f"commands.v1: no run {run_number}; there are {', '.join(map(str, control.runs)) or 'none'}")
        control.run, control.run_offset = control.runs[run_number]
    run = control.last_run().run_number or 0
    process = build(spec, control)
    start = start_of_run(control, input_places(spec, process))
    writers = {topic: process.spec.writers[topic] for topic in process.writes}
    entries = read_entries(spec.kafka, wire, spec.process, spec.shard, journal_start(spec, control), run)
    state = Recovered(process, OutputLog(digest=EMPTY_HASH), start)
    batches = inputs = outputs = 0
    difference = None
    try:
        for entry, written in play(spec, wire, process, entries, state, writers, from_start=True, make_batch=make_batch):
            batches += 1
            inputs += sum(r.count for r in entry.inputs if r.writer != WINDOW)
            outputs += written
    except DifferenceError as error:
        difference = error.difference
    return Verdict(
        spec.process, spec.shard, run, batches, inputs, outputs, state.outputs.digest.hex(), difference, time.perf_counter() - begun
    )

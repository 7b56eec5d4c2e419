"""Carries the inputs of a batch through a process, chunk by chunk, and knows what it has carried: for the journal, and to do it again."""

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from streams.agents.batch import BatchProcess
from streams.errors import StepError
from streams.lanes.input_log import InputLog
from streams.lanes.intake import Taken
from streams.lanes.letters import Letter
from streams.lanes.told import Told

__all__ = ["Carrier"]

_LOG = structlog.get_logger("lane")
_CHUNK_S = 0.002  # between chunks a command, a limit or a tick acts
_LEAST_ROWS, _MOST_ROWS = 16, 8_192
_MOST_PENDING_BYTES = 16 * 1_048_576
_MOST_FAILING = 100  # of a batch; if there are more, it is not the inputs


class _Tick(NamedTuple):
    id: int
    ts_ns: int


class _Rows(NamedTuple):
    taken: Taken
    first: int
    last: int


class Carrier:
    """One process of one shard.

    log      : the inputs of the batch, in order
    send     : takes what the process has written so far to the transaction; called where memory would grow
    undo     : takes back what was sent of the batch
    restored : gives the process as the last batch left it
    """

    def __init__(
        self,
        batch: BatchProcess,
        send: Callable[[], None],
        undo: Callable[[], None],
        restored: Callable[[StepError], BatchProcess],
    ) -> None:
        self.batch, self.log = batch, InputLog()
        self._send, self._undo, self._restored = send, undo, restored
        self._steps: list[_Tick | Told | _Rows] = []
        self._letters: list[Letter] = []
        self._taken: list[Taken] = []
        self._chunk_rows = _LEAST_ROWS

    def tick(self, id: int, ts_ns: int) -> None:
        """Let the clock reach `ts_ns`."""
        self._do(_Tick(id, ts_ns))

    def tell(self, told: Told) -> None:
        """Carry one control record, or write a dead letter for what is none."""
        self._do(told)

    def rows(self, taken: Taken, between: Callable[[], None]) -> None:
        """Carry all that was taken; `between` is called before each chunk."""
        self._taken.append(taken)
        at = 0
        while at < len(taken):
            between()
            last = min(at + self._chunk_rows, len(taken))
            began_s = time.perf_counter()
            self._do(_Rows(taken, at, last))
            self._fit(last - at, time.perf_counter() - began_s)
            at = last

    @property
    def busy(self) -> bool:
        """True if the batch has more than clock ticks."""
        return bool(self.log.count or self._letters or any(taken.bad for taken in self._taken))

    def letters(self) -> list[Letter]:
        """The inputs of the batch that could not be used, and why; they stand in the log from now on."""
        found = [*self._letters, *(letter for taken in self._taken for letter in taken.letters())]
        for letter in found:
            self.log.add_dead_letter(letter.topic, letter.partition, letter.offset)
        return found

    def next_batch(self) -> None:
        """The batch is written; the next one begins."""
        self.log, self._steps, self._letters, self._taken = InputLog(), [], [], []

    # ---- one step ----
    def _do(self, step: _Tick | Told | _Rows) -> None:
        self._steps.append(step)
        try:
            self._execute(step)
        except StepError as error:
            self._again(error)
        if self.batch.pending_bytes > _MOST_PENDING_BYTES:
            self._send()

    def _execute(self, step: _Tick | Told | _Rows) -> None:
        if isinstance(step, _Rows):
            self._carry(step)
        elif isinstance(step, _Tick):
            self.batch.tick(*step)
            self.log.add_tick(*step)
        elif step.reason:
            self._letters.append(step.letter(step.reason))
        else:
            refused = self.batch.carry_record(step.record)
            self.log.add(step.topic, step.partition, step.offset, step.record.id)
            if refused is not None:
                self._letters.append(step.letter(refused))

    def _carry(self, step: _Rows) -> None:
        taken, at, last = step
        for stop in [*sorted(k for k in taken.skipped if at <= k < last), last]:
            while at < stop:
                done = self.batch.carry(taken.queue, at, stop)
                self.log.add_rows(taken.sequence, at, done)
                if done < stop:  # outputs must be taken first
                    self._send()
                at = done
            at = stop + 1

    def _fit(self, rows: int, took_s: float) -> None:
        """Let the next chunk take about _CHUNK_S, from what this one took."""
        wanted = int(rows * _CHUNK_S / max(took_s, 1e-6))
        self._chunk_rows = max(_LEAST_ROWS, min(wanted, 2 * self._chunk_rows, _MOST_ROWS))

    # ---- a step that fails ----
    def _again(self, error: StepError) -> None:
        """The batch once more from its start; an input that makes the process fail again is passed over, as a dead letter."""
        self._undo()
        self.batch = self._restored(error)
        for taken in self._taken:
            taken.read_again(self.batch)
        mark = self.batch.mark()
        for _ in range(_MOST_FAILING):
            at = 0
            self.log, self._letters = InputLog(), []
            try:
                for at in range(len(self._steps)):
                    self._execute(self._steps[at])
                return
            except StepError as again:
                error = again
                self._steps[at] = _without(self._steps[at], error)
                self._undo()
                self.batch.back(mark)
                for taken in self._taken:
                    taken.queue.refused.clear()
        raise error


def _without(step: _Tick | Told | _Rows, error: StepError) -> _Tick | Told | _Rows:
    """A step without the input that makes the process fail; the error again if it names none."""
    if isinstance(step, _Rows) and step.first <= error.at < step.last:
        step.taken.skipped[error.at] = str(error)
    elif isinstance(step, Told):
        step = step._replace(reason=str(error))
    else:
        raise error
    _LOG.error("an input makes the process fail again: passed over", reason=str(error))
    return step

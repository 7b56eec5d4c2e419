"""A process that carries arrays in compiled code: values are read into slots, one call carries a chunk, and what it writes are values.

Python sees what changes what it knows (names, instruments, parameters, commands), the rows that compiled code does not read, and the few
outputs that it does not write; it treats them as the plain batch does, in their place in the queue.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from streams.agents.batch_plain import PlainBatch
from streams.agents.drive import DONE, FAILED
from streams.agents.drive_loop import Loop
from streams.agents.drive_plan import Version, plan_of
from streams.agents.mark import Mark
from streams.agents.process import Process
from streams.agents.roles import CONTROL
from streams.agents.rows import Queue, Refusal, Rows, WireLike
from streams.agents.rows_in_slots import CompiledRows, FrameRows, SlotRows
from streams.errors import KernelError, StepError
from streams.kernel.memory import aligned
from streams.schema.bulk import BEHIND
from streams.schema.model import SCHEMAS
from streams.schema.slots_in import SlotReader

__all__ = ["CompiledBatch"]

_FAILED = "the input made an agent fail; run the process with --plain to see where"
_MOST_BYTES = 64 << 20  # of values; then they must be taken


class CompiledBatch(PlainBatch):
    """See `streams.agents.batch`. process: its node is compiled."""

    def __init__(self, process: Process, wire: WireLike | None = None) -> None:
        super().__init__(process, wire)
        self.loop = Loop(process, self.values, self._headers, self._digest, self._write)
        self._reader = SlotReader(process.edge)
        self._rows: dict[str, type[CompiledRows]] = {}  # of the topics that compiled code reads
        if process.node is not None:
            self._rows = {SCHEMAS[cls.__name__].topic: SlotRows for cls in process.compiled_reads if cls not in CONTROL}
        if process.normalize is not None:
            self._rows[SCHEMAS["Frame"].topic] = FrameRows
        self._memory = aligned(1 << 10)  # for the slots of one record
        self._mark: Mark | None = None

    # ---- in ----
    def read(self, topic: str, address: np.ndarray, size: np.ndarray) -> Rows:
        """Read values that lie at these addresses into slots."""
        return self._read(topic, address, size, None) if topic in self._rows else super().read(topic, address, size)

    def read_values(self, topic: str, values: Sequence[bytes | None]) -> Rows:
        """Read values into slots."""
        if topic not in self._rows:
            return super().read_values(topic, values)
        memory = np.frombuffer(b"".join(chain((v for v in values if v), (bytes(BEHIND),))), np.uint8)
        size = np.array([len(v) if v else 0 for v in values], np.int64)
        address = memory.ctypes.data + np.cumsum(size) - size
        return self._read(topic, np.where([v is None for v in values], 0, address), size, memory)

    def carry(self, queue: Queue, first: int, last: int) -> int:
        """Carry the inputs from `first` up to `last`, in one call but for what Python has to see."""
        if self.rewrite is not None:
            return super().carry(queue, first, last)
        at = first
        while at < last and self.values.filled < _MOST_BYTES:
            if isinstance(queue.sources[queue.source[at]], CompiledRows):
                plan = plan_of(queue, self._reader, self._version)
                stop, at = self.loop.run(plan.inputs, plan.input_bytes, at, last, plan.frames)
                if stop == FAILED:
                    raise StepError(_FAILED, at)
                if stop == DONE:
                    continue
            self._carry_record(queue, at)
            at += 1
        return at

    def mark(self) -> Any:
        """The state now, for `back`; only the last mark can be returned to."""
        if self._mark is None:
            self._mark = Mark(self.process)
        self._mark.take()
        return self.digest, self.values.count, self.values.filled

    def back(self, mark: Any) -> None:
        """Return to the state that the last `mark` gave, also after a StepError."""
        assert self._mark is not None
        self._mark.give_back()
        self.digest, self.values.count, self.values.filled = mark

    def _read(self, topic: str, address: np.ndarray, size: np.ndarray, keep: Any) -> CompiledRows:
        header, writers = (self.wire.header(topic), self.wire.writers(topic)) if self.wire else (b"", {})
        rows = self._rows[topic](topic, address, size, header, writers, self._decode, keep)
        rows.fill(self._reader, self._version)
        return rows

    def _carry_record(self, queue: Queue, at: int) -> None:
        record = queue.sources[queue.source[at]].record(int(queue.row[at]))
        reason = self._step(lambda: self.process.on_input(record), at)
        if reason is not None:
            queue.refused.append(Refusal(at, reason))

    def _take_outputs(self) -> None:
        """Write what the process wrote itself, then what its node makes of the input."""
        if self.rewrite is not None:
            super()._take_outputs()
            return
        slots = self.process.take_slots()
        super()._take_outputs()
        if slots:
            if len(slots) > len(self._memory):
                self._memory = aligned(2 * len(slots))
            self._memory[: len(slots)] = memoryview(slots)
            place = np.array([[self._memory.ctypes.data], [len(slots)]], np.int64)
            stop, _ = self.loop.run(place[0], place[1], 0, 1)
            if stop != DONE:
                raise KernelError(_FAILED)

    @property
    def _version(self) -> Version:
        return len(self.process.names), len(self.process.instruments)

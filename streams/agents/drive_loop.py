"""Loop: the memory that `drive` works on, and what it needs of Python while it runs: more room, and the outputs that it does not write."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from streams.agents import drive as k
from streams.agents.outbox import TABLES, Outbox
from streams.agents.process import Process
from streams.agents.runner import CompiledNode
from streams.agents.values import Values
from streams.errors import KernelError
from streams.kernel import native
from streams.kernel.fault import FAULT
from streams.schema.model import SCHEMAS
from streams.schema.slots_out import SOURCES, SlotWriter

__all__ = ["Loop", "drive_sources"]

_TOPIC_OF = {s.slot.kind: s.topic for s in SCHEMAS.values() if s.slot}


class Loop:
    """Steps the node of a process and writes what comes out into `values`.

    digest : the rolling hash, STATE_BYTES of memory
    write  : writes a record that compiled code does not, by Python
    """

    def __init__(
        self, process: Process, values: Values, headers: tuple[bytes, ...], digest: np.ndarray, write: Callable[[str, Any], None]
    ) -> None:
        assert isinstance(process.node, CompiledNode)
        self.process, self.node, self.values, self.write = process, process.node, values, write
        self.writer = SlotWriter(process.edge)
        self._memory = k.Drive().pack()
        self._words = self._memory.view(np.int64)
        self._address: int = self._memory.ctypes.data
        self._drive = _entry()
        self._set_node()
        self._set_kinds(headers)
        self._set(digest=digest.ctypes.data, head_bytes=values.header_bytes)

    def run(self, inputs: np.ndarray, sizes: np.ndarray, first: int, last: int) -> tuple[int, int]:
        """Carry inputs from `first` to before `last`; why it stopped (DONE, PYTHON or FAILED), and at which.

        inputs, sizes : int64, address and bytes of each one's slots; address 0 = Python's
        """
        words, values = self._words, self.values
        self.writer.refresh()
        words[_INPUTS : _ENTRY + 1] = inputs.ctypes.data, sizes.ctypes.data, first, last, 0, 0
        words[_RUN_ID] = self.process.run_id
        while True:
            words[_TOPIC : _BYTES + 1] = (
                *(values.topic.ctypes.data, values.id.ctypes.data, values.start.ctypes.data, values.size.ctypes.data),
                *(values.count, len(values.id), values.buffer.ctypes.data, values.filled, len(values.buffer)),
            )
            stop = self._drive(self._address)
            values.count, values.filled = int(words[_NOTED]), int(words[_FILLED])
            if stop == k.FULL:
                values.grow(len(values.buffer) - values.filled + 1)
            elif stop == k.REST:
                self._write()
            elif stop == FAULT:
                raise KernelError("the loop that carries inputs failed")
            else:
                return stop, int(words[_AT])

    def _write(self) -> None:
        """Let Python write the entry of the outbox at which the loop stopped."""
        entry = int(self._words[_ENTRY])
        kind, row = int(self.node.kinds[entry]), int(self.node.rows[entry])
        base, size = self.node.tables[kind]
        slot = self.node.mem[base + row * size : base + (row + 1) * size].tobytes()
        self.write(_TOPIC_OF[kind], self.process.edge.from_slot(kind, slot, self.process.run_id))
        self._words[_ENTRY] = entry + 1

    def _set_node(self) -> None:
        node, out = self.node, self.node.view.out
        count = node.address + out._base + Outbox._fields_["count"].offset
        self._set(step=node.loaded.node_step, empty=node.loaded.node_empty, node=node.address)
        self._set(count=count, kinds=out.kinds.ctypes.data, rows=out.rows.ctypes.data)

    def _set_kinds(self, headers: tuple[bytes, ...]) -> None:
        """How each kind of slot that the process writes becomes a value."""
        bases, sizes, programs, topics, heads = map(_place, ("bases", "sizes", "programs", "topics", "heads"))
        for kind in TABLES:
            if _TOPIC_OF[kind] in self.values.topics:
                topic = self.values.topics.index(_TOPIC_OF[kind])
                base, size = self.node.tables[kind]
                self._words[bases + kind], self._words[sizes + kind] = self.node.address + base, size
                self._words[topics + kind], self._words[heads + kind] = topic, int.from_bytes(headers[topic], "little")
                self._words[programs + kind] = self.writer.programs[kind]

    def _set(self, **fields: int) -> None:
        for name, value in fields.items():
            self._words[_place(name)] = value


def drive_sources() -> list[Path]:
    """Every file that the loop's machine code depends on, beside the kernel itself."""
    return native.sources("streams.agents.drive", "streams.schema.blake2b", *SOURCES)


def _place(name: str) -> int:
    """Place of a field among the words of a Drive."""
    return k.Drive._fields_[name].offset // 8


_INPUTS, _ENTRY, _TOPIC, _NOTED, _FILLED, _BYTES, _AT, _RUN_ID = map(
    _place, ("inputs", "entry", "topic", "noted", "filled", "bytes", "at", "run_id")
)


@cache
def _entry() -> Callable[[int], int]:
    return native.function(native.load("drive", lambda: k.ENTRIES, drive_sources()).drive, 1)

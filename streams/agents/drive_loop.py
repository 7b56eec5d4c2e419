"""Loop: the memory that `drive` works on, and what it needs of Python while it runs: more room, and the outputs that it does not write."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from streams.agents import drive as k
from streams.agents.market_node import KINDS, CompiledMarket
from streams.agents.market_record import record_of
from streams.agents.market_work import MarketWork
from streams.agents.outbox import TABLES, Outbox
from streams.agents.process import Process
from streams.agents.runner import CompiledNode
from streams.agents.values import Values
from streams.kernel import native
from streams.kernel.fault import FAULT
from streams.schema.model import BY_KIND
from streams.schema.slots_out import SOURCES, SlotWriter

__all__ = ["Loop", "drive_sources"]


class Loop:
    """Carries inputs through normalize and the node of a process and writes what comes out into `values`.

    headers : of the values of each topic; digest: the rolling hash, STATE_BYTES of memory
    write   : writes a record that compiled code does not, by Python
    """

    def __init__(
        self, process: Process, values: Values, headers: tuple[bytes, ...], digest: np.ndarray, write: Callable[[str, Any], None]
    ) -> None:
        self.process, self.values, self.write = process, values, write
        self.writer = SlotWriter(process.edge)
        self._none = np.zeros(1, np.int64)  # the count of an outbox that is not there
        self._memory = k.Drive().pack()
        self._words = self._memory.view(np.int64)
        self._address: int = self._memory.ctypes.data
        self._drive = _entry()
        self._set(digest=digest.ctypes.data, head_bytes=values.header_bytes, count=self._none.ctypes.data)
        for kind in (*TABLES, *KINDS):
            if BY_KIND[kind].topic in values.topics:
                topic = values.topics.index(BY_KIND[kind].topic)
                self._words[_TOPICS + kind] = topic
                self._words[_HEADS + kind] = int.from_bytes(headers[topic], "little")
        if process.node is not None:
            self._set_node(process.node)
        if process.normalize is not None:
            self._set_market(process.normalize)

    def run(self, inputs: np.ndarray, sizes: np.ndarray, first: int, last: int, frames: np.ndarray | None = None) -> tuple[int, int]:
        """Carry inputs from `first` to before `last`; why it stopped (DONE, PYTHON or FAILED), and at which.

        inputs, sizes, frames : of a Plan
        """
        words, values = self._words, self.values
        self.writer.refresh()
        words[_INPUTS : _LEFT + 1] = inputs.ctypes.data, sizes.ctypes.data, first, last, 0, 0, 0, 0, 0
        words[_RUN_ID] = self.process.run_id
        if frames is not None:
            start: int = frames.ctypes.data
            self._columns[:] = range(start, start + frames.nbytes, frames.strides[0])
        try:
            while True:
                words[_TOPIC : _BYTES + 1] = values.words()
                stop = self._drive(self._address)
                values.count, values.filled = int(words[_NOTED]), int(words[_FILLED])
                if stop == k.FULL:
                    values.grow(len(values.buffer) - values.filled + 1)
                elif stop == k.REST:
                    self._write_entry()
                elif stop == k.REST_MARKET:
                    self._write_made()
                else:  # a fault of the loop itself counts as one of the input
                    return k.FAILED if stop == FAULT else stop, int(words[_AT])
        finally:
            if frames is not None:
                self._columns[:] = self._own_columns
                self.process.advance(self._market.now_ns)

    def _write_entry(self) -> None:
        """Let Python write the entry of the outbox at which the loop stopped."""
        node, entry = self.process.node, int(self._words[_ENTRY])
        assert isinstance(node, CompiledNode)
        kind, row = int(node.kinds[entry]), int(node.rows[entry])
        base, size = node.tables[kind]
        slot = node.mem[base + row * size : base + (row + 1) * size].tobytes()
        self.write(BY_KIND[kind].topic, self.process.edge.from_slot(kind, slot, self.process.run_id))
        self._words[_ENTRY] = entry + 1

    def _write_made(self) -> None:
        """Let Python write the record of normalize at which the loop stopped."""
        words = self._words
        self.write(BY_KIND[int(words[_MADE])].topic, record_of(self._market, self.process.run_id))
        words[_MADE], words[_LEFT] = 0, self._market.work.slot_bytes if words[_MADE_SLOTS] else 0

    def _set_node(self, node: Any) -> None:
        assert isinstance(node, CompiledNode)
        out = node.view.out
        count = node.address + out._base + Outbox._fields_["count"].offset
        self._set(step=node.loaded.node_step, empty=node.loaded.node_empty, node=node.address)
        self._set(count=count, kinds=out.kinds.ctypes.data, rows=out.rows.ctypes.data)
        bases, sizes, programs = map(_place, ("bases", "sizes", "programs"))
        for kind, (base, size) in node.tables.items():
            self._words[bases + kind], self._words[sizes + kind] = node.address + base, size
            self._words[programs + kind] = self.writer.programs[kind]

    def _set_market(self, market: Any) -> None:
        assert isinstance(market, CompiledMarket)
        self._market, loaded, work = market, market.loaded, market.work_address
        if self.process.node is not None:
            market.want_slots()
        at = {name: MarketWork._fields_[name].offset for name in ("ids", "id", "slot_bytes")}
        self._columns = market.scratch[at["ids"] : at["ids"] + 40].view(np.int64)  # ids, times, venues, places, sizes
        self._own_columns = self._columns.copy()
        self._set(market_take=loaded.market_take, market_next=loaded.market_next, market_write=loaded.market_write)
        self._set(market=market.address, work=work, made_id=work + at["id"], made_bytes=work + at["slot_bytes"])
        self._set(made_slots=market.work.slots)

    def _set(self, **fields: int) -> None:
        for name, value in fields.items():
            self._words[_place(name)] = value


def drive_sources() -> list[Path]:
    """Every file that the loop's machine code depends on, beside the kernel itself."""
    return native.sources("streams.agents.drive", "streams.schema.value_kernel", "streams.schema.blake2b", *SOURCES)


def _place(name: str) -> int:
    """Place of a field among the words of a Drive."""
    return k.Drive._fields_[name].offset // 8


_INPUTS, _LEFT, _TOPIC, _NOTED, _FILLED, _BYTES = map(_place, ("inputs", "left", "topic", "noted", "filled", "bytes"))
_AT, _ENTRY, _MADE, _MADE_SLOTS, _RUN_ID = map(_place, ("at", "entry", "made", "made_slots", "run_id"))
_TOPICS, _HEADS = map(_place, ("topics", "heads"))


@cache
def _entry() -> Callable[[int], int]:
    return native.function(native.load("drive", lambda: k.ENTRIES, drive_sources()).drive, 1)

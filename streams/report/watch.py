"""Watch: shows a collector the market that a backtest is played through.

watch = Watch(collector, process)
for tape in engine.play(watch.through(source.pieces())): ...
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np

from streams.agents.process import Process
from streams.agents.runner import CompiledNode
from streams.backtest.events import Events
from streams.kernel import addr_of, native
from streams.records import NameKind
from streams.report import watch_kernel as k
from streams.report.collector import Collector

__all__ = ["Watch"]

E9 = 1e9
_SIZES = ("instruments", "window", "far")


class Watch:
    """Takes touch and trades of each instrument out of market records. It runs as the process does, compiled or plain."""

    def __init__(self, collector: Collector, process: Process) -> None:
        self.collector = collector
        names = process.edge.dictionary.names(NameKind.INSTRUMENT)
        steps = {f"{one.venue}:{one.symbol}": (one.tick_e9, one.lot_e9) for one in process.instruments}
        self._instruments = [(number, name, *steps[name]) for number, name in enumerate(names) if name in steps]
        sight: Any = k.Sight({name: process.sizes[name] for name in _SIZES} | {"instruments": max(len(names), 1)})
        self._rows = np.empty((0, k.ROW_BYTES // 8), np.int64)
        self._take: Any
        if isinstance(process.node, CompiledNode):
            self._memory = sight.pack()
            self._sight, self._take = self._memory.ctypes.data, _entries()["take_all"]
            _entries()["set_up"](self._sight)
        else:
            sight.setup()
            self._memory, self._sight, self._take = sight, addr_of(sight), k.take_all

    def through(self, pieces: Iterable[Events]) -> Iterator[Events]:
        """The same pieces, each looked at before it is given on."""
        for piece in pieces:
            self.take(piece)
            yield piece

    def take(self, piece: Events) -> None:
        """Show the collector the market in a piece."""
        if len(self._rows) < piece.count:
            self._rows = np.empty((piece.count, k.ROW_BYTES // 8), np.int64)
        columns = [np.ascontiguousarray(c) for c in (piece.address, piece.nbytes, piece.recv_ts_ns)]
        count = self._take(self._sight, *(c.ctypes.data for c in columns), piece.count, self._rows.ctypes.data)
        rows = self._rows[:count]
        for number, name, tick_e9, lot_e9 in self._instruments:
            touch = rows[rows[:, 0] == 2 * number + k.TOUCH]
            if len(touch):
                px = np.where(touch[:, 2:] == k.NONE_TICKS, np.nan, touch[:, 2:] * tick_e9 / E9)
                self.collector.touch(touch[:, 1].copy(), name, px[:, 0], px[:, 1])
            trade = rows[rows[:, 0] == 2 * number + k.TRADE]
            if len(trade):
                self.collector.trades(trade[:, 1], name, trade[:, 2] * tick_e9 / E9, trade[:, 3] * lot_e9 / E9)
        if piece.count:
            self.collector.reach(piece.recv_ts_ns)


@cache
def _entries() -> dict[str, Any]:
    return native.functions("report", k.ENTRIES, native.sources("streams.report.watch_kernel", "streams.trading", "streams.slots"))

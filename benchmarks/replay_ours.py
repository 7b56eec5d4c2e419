"""Our side of the replay benchmark: the process and the venue of replay_grid.yaml in the engine, and what they did."""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.codes import ACTION_CANCEL
from streams.backtest.engine import Engine
from streams.backtest.events import Events
from streams.backtest.tape import Tape
from streams.backtest.venue import make_venues
from streams.kernel import Struct
from streams.schema import bulk, ids
from streams.slots import KIND_DECISION, KIND_FILL, KIND_REQUEST, DecisionSlot, FillSlot, RequestSlot
from streams.topology.model import load
from streams.topology.world import world

__all__ = ["TOPOLOGY", "Kept", "Ours", "fields", "in_order"]

TOPOLOGY = Path(__file__).with_name("replay_grid.yaml")
RUN_ID = 1


class Ours:
    """One backtest, ready to be played once. sets: as `--set` of `millrace replay`."""

    def __init__(self, sets: Iterable[str] = (), taped: bool | Iterable[int] = True, compiled: bool = True) -> None:
        self.topology = load(TOPOLOGY, list(sets))
        self.process = world(self.topology, RUN_ID, compiled=compiled)
        numbers = {f"{i.venue}:{i.symbol}": n for n, i in enumerate(self.process.instruments)}
        simulated = {name: venue.simulation.simulated() for name, venue in self.topology.venues.items()}
        venues = make_venues(simulated, self.process.instruments, numbers)
        writers = self.process.spec.writers
        first = {"gateway_id": ids.make(writers["venue_events.v1"], 0), "tick_id": ids.make(writers[""], 0)}
        self.engine = Engine(self.process, venues, taped=taped, compiled=compiled, **first)

    def play(self, pieces: Iterable[Events], offset_ns: int = 0, take: Callable[[Tape], object] = lambda tape: None) -> float:
        """CPU seconds to the end of the stream. offset_ns: added to the venue's stamps."""
        began = time.process_time()
        for tape in self.engine.play(pieces, offset_ns):
            take(tape)
        return time.process_time() - began

    @property
    def state(self) -> dict[str, Any]:
        """The strategy's own state."""
        return self.process.shown()["grid"]["state"]


class Kept:
    """Takes tapes and keeps every request and every fill: int64[n, 5] of time, action (0 new, 1 cancel), side, price and quantity.

    A fill's time is when it reaches us. denied: orders that risk refused, whole or in part.
    """

    def __init__(self) -> None:
        self._requests: list[np.ndarray] = []
        self._fills: list[np.ndarray] = []
        self.denied = 0

    def take(self, tape: Tape) -> None:
        """Keep what is of interest on a tape."""
        r = fields(tape, KIND_REQUEST, RequestSlot, "ts_ns", "action", "side", "px_ticks", "qty_lots")
        r[:, 1] = r[:, 1] == ACTION_CANCEL
        self._requests.append(r)
        f = fields(tape, KIND_FILL, FillSlot, "ts_ns", "kind", "side", "last_px_ticks", "last_qty_lots")
        f[:, 1] = 0
        self._fills.append(f)
        self.denied += int(np.count_nonzero(fields(tape, KIND_DECISION, DecisionSlot, "outcome")))

    @property
    def requests(self) -> np.ndarray:
        """All of them, in order; those of one instant in no order."""
        return in_order(np.concatenate(self._requests))

    @property
    def fills(self) -> np.ndarray:
        """All of them, in order; those of one instant in no order."""
        return in_order(np.concatenate(self._fills))


def in_order(rows: np.ndarray) -> np.ndarray:
    """Rows by time, and those of one time by their other columns: hftbacktest has its orders in a hash map."""
    return rows[np.lexsort(rows.T[::-1])]


def fields(tape: Tape, kind: int, cls: type[Struct], *names: str) -> np.ndarray:
    """Whole-number fields of one kind's slots, int64[n, fields]."""
    found = tape.address[tape.kind == kind]
    buffer, _ = bulk.gathered(found, np.full(len(found), cls._size_, np.int64))
    f = cls._fields_
    kinds: Any = {"names": names, "formats": [f[k].elem for k in names], "offsets": [f[k].offset for k in names], "itemsize": cls._size_}
    rows = buffer[: len(found) * cls._size_].view(np.dtype(kinds))
    return np.column_stack([rows[name].astype(np.int64) for name in names])

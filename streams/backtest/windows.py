"""Windows: the stretch of the market records that the loop works on, in our order and in the venues'."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from streams.backtest.events import Events
from streams.errors import ConfigError
from streams.trading.latency import MAX_FEED_LATENCY_NS

__all__ = ["Windows", "joined"]


class Known(NamedTuple):
    """Market records as the venues know them, int64 each: ascending by `ts_ns`; `of`: the venue's place."""

    address: np.ndarray
    nbytes: np.ndarray
    ts_ns: np.ndarray
    of: np.ndarray


class Windows:
    """Takes pieces of the stream; what the loop has done with is let go.

    stamp   : the entry of the loop that says when the venues knew records, without the loop's address
    last_ns : receive time of the newest record, 0 = there was none
    left    : records of ours that are not safe yet
    late    : records whose venue knew them MAX_FEED_LATENCY_NS before us
    events  : of all records so far: a book update is one a level, every other record one
    """

    def __init__(self, stamp: Callable[[int, int], int]) -> None:
        self._stamp = stamp
        none = np.zeros(0, np.int64)
        self.ours = Events(none, none, none, none, None)
        self.theirs = Known(none, none, none, none)
        self.last_ns = 0
        self.late = 0
        self.events = 0
        self.left = 0
        self._kept: deque[tuple[int, Any]] = deque()

    def safe_ns(self) -> int:
        """All that happens before is known: no record still to come was known to a venue before."""
        return self.last_ns - MAX_FEED_LATENCY_NS

    def add(self, pieces: Sequence[Events], record_at: int, feed_at: int, done_ns: int) -> None:
        """Append pieces. record_at, feed_at: how many records of `ours` and `theirs` are done with: those before `done_ns`."""
        while self._kept and self._kept[0][0] < done_ns:
            self._kept.popleft()
        self.ours = self.ours.part(record_at, self.ours.count)
        self.theirs = Known(*(column[feed_at:] for column in self.theirs))
        new = joined(pieces)
        if new.count == 0:
            return
        known, ordered = self._known(new)
        self._kept.append((int(new.recv_ts_ns[-1]), new.kept))
        if self.ours.count:
            new = joined((self.ours, new))
        if len(self.theirs.ts_ns):
            ordered = ordered and (len(known.ts_ns) == 0 or self.theirs.ts_ns[-1] <= known.ts_ns[0])
            known = Known(*(np.concatenate(pair) for pair in zip(self.theirs, known, strict=True)))
        if not ordered:
            order = np.argsort(known.ts_ns, kind="stable")
            known = Known(*(column[order] for column in known))
        self.ours, self.theirs = new._replace(kept=None), known
        self.last_ns = int(new.recv_ts_ns[-1])
        self.left = int(self.ours.count - np.searchsorted(self.ours.recv_ts_ns, self.safe_ns()))

    def _known(self, new: Events) -> tuple[Known, bool]:
        """The records that venues simulated here knew, in our order; True if that is theirs too."""
        ts_ns, of = np.empty(new.count, np.int64), np.empty(new.count, np.int64)
        columns = (new.address, new.nbytes, new.recv_ts_ns, new.exch_ts_ns, ts_ns, of)
        said = np.array([*(column.ctypes.data for column in columns), self.last_ns, 0, 0, 0, 0], np.int64)
        done = self._stamp(said.ctypes.data, new.count)
        if done != new.count:
            raise self._unfit(new, done)
        late, back, others, events = said[-4:].tolist()
        self.late += late
        self.events += events
        known = Known(new.address, new.nbytes, ts_ns, of)
        if others > 0:
            known = Known(*(column[of >= 0] for column in known))
        return known, back == 0

    def _unfit(self, new: Events, i: int) -> ConfigError:
        """Why a record cannot be played: it was received before the one before it, or known to its venue after we received it."""
        recv, exch = int(new.recv_ts_ns[i]), int(new.exch_ts_ns[i])
        before = int(new.recv_ts_ns[i - 1]) if i > 0 else self.last_ns
        if recv < before:
            return ConfigError(f"market records: one received at {recv} ns follows one of {before} ns; give them in consuming order")
        return ConfigError(
            f"clock offset: the market record received at {recv} ns has the venue's time {exch} ns, which with the offset lies after its "
            f"receipt; the largest offset that it allows is {recv - exch} ns. Leave the offset out to have it estimated"
        )


def joined(pieces: Sequence[Events]) -> Events:
    """Pieces as one; contiguous int64 columns."""
    full = [piece for piece in pieces if piece.count > 0]
    if len(full) == 1:
        return Events(*(np.ascontiguousarray(column, np.int64) for column in full[0][:4]), kept=full[0].kept)
    columns = (np.concatenate([np.zeros(0, np.int64), *(piece[i] for piece in full)]) for i in range(4))
    return Events(*columns, kept=tuple(piece.kept for piece in full))

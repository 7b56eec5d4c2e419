"""A part of a stream, by receive time: what came before it is folded into books, which open the part as snapshots."""

from collections.abc import Iterable, Iterator

import numpy as np

from streams.backtest.events import Events
from streams.kernel.memory import aligned
from streams.lanes.messages import entry
from streams.slots import FLAG_FIRST, FLAG_GAP, FLAG_LAST, FLAG_SNAPSHOT, KIND_LEVEL

__all__ = ["Books", "between"]

_WORDS = 8  # of a LevelSlot
_ID, _CAUSE, _TS, _RECV, _HEAD, _SEQ, _PX, _QTY = range(_WORDS)
_LOW_32 = (1 << 32) - 1
_NO_LEVEL, _NO_SIDE = -1, 255


def between(events: Iterable[Events], from_ns: int | None, to_ns: int | None) -> Iterator[Events]:
    """The records received from `from_ns` on and before `to_ns`; None: no bound.

    Before the first of them stands, for each instrument whose book was known then, its whole book as one update received at `from_ns`:
    with the id and last sequence of the last update in it (which is its cause, too), and no time of the venue.
    """
    books = Books() if from_ns is not None else None
    for piece in events:
        first = 0 if from_ns is None else int(np.searchsorted(piece.recv_ts_ns, from_ns, "left"))
        last = piece.count if to_ns is None else int(np.searchsorted(piece.recv_ts_ns, to_ns, "left"))
        if books is not None:
            books.take(piece.part(0, min(first, last)))
        if first < last:
            if books is not None and from_ns is not None:
                opening, books = books.events(from_ns), None
                if opening.count:
                    yield opening
            yield piece.part(first, last)
        if last < piece.count:
            return


class Books:
    """The books of all instruments as book updates tell them, levels alone; those of a gap are not known until a snapshot has come."""

    def __init__(self) -> None:
        self._books: dict[int, np.ndarray] = {}  # LevelSlots as int64[levels, 8], one a price and side
        self._last: dict[int, np.ndarray] = {}  # the last slot of each

    def take(self, events: Events) -> None:
        """Apply the book updates of a piece."""
        slots = _levels(events)
        number = slots[:, _HEAD] & _LOW_32
        for instrument in np.unique(number).tolist():
            self._apply(instrument, slots[number == instrument])

    def events(self, ts_ns: int) -> Events:
        """Each book that is known as a snapshot received at `ts_ns`, in the order of their last ids."""
        order = sorted(self._books, key=lambda instrument: int(self._last[instrument][_ID]))
        made = [_snapshot(self._books[instrument], self._last[instrument], ts_ns) for instrument in order]
        nbytes = np.array([slots.nbytes for slots in made], np.int64)
        memory = aligned(int(nbytes.sum()))
        memory[:] = np.concatenate([slots.reshape(-1).view(np.uint8) for slots in made] or [memory])
        address = memory.ctypes.data + np.cumsum(nbytes) - nbytes
        return Events(address, nbytes, np.full(len(made), ts_ns, np.int64), np.zeros(len(made), np.int64), memory)

    def _apply(self, instrument: int, slots: np.ndarray) -> None:
        flags = slots[:, _HEAD] >> 48 & 255
        whole = np.flatnonzero(flags & (FLAG_SNAPSHOT | FLAG_FIRST) == FLAG_SNAPSHOT | FLAG_FIRST)
        if len(whole):
            slots, flags = slots[whole[-1] :], flags[whole[-1] :]
            self._books[instrument] = slots[:0]
        if (flags & FLAG_GAP).any():
            self._books.pop(instrument, None)
        if instrument not in self._books:
            return
        self._last[instrument] = slots[-1]
        slots = np.concatenate((self._books[instrument], slots))[::-1]
        side = slots[:, _HEAD] >> 40 & 255
        _, newest = np.unique(2 * slots[:, _PX] + (side & 1), return_index=True)
        kept = slots[newest]
        self._books[instrument] = kept[kept[:, _QTY] > 0]


def _levels(events: Events) -> np.ndarray:
    """The LevelSlots of a piece as int64[slots, 8], copied."""
    address, nbytes = (np.ascontiguousarray(column) for column in events[:2])
    memory = np.empty(int(nbytes.sum()), np.uint8)
    entry("copy_values")(address.ctypes.data, nbytes.ctypes.data, len(nbytes), memory.ctypes.data)
    starts = (np.cumsum(nbytes) - nbytes) // 8
    words = memory.view(np.int64)
    mine = words[starts + _HEAD] >> 32 & 255 == KIND_LEVEL
    return words.reshape(-1, _WORDS)[np.repeat(mine, nbytes // (8 * _WORDS))]


def _snapshot(levels: np.ndarray, last: np.ndarray, ts_ns: int) -> np.ndarray:
    """The slots of a book update that is a whole book: bids from the best down, then asks from the best up."""
    side = levels[:, _HEAD] >> 40 & 1
    slots = levels[np.lexsort((np.where(side == 0, -levels[:, _PX], levels[:, _PX]), side))]
    if not len(slots):
        slots = last.reshape(1, _WORDS).copy()
        slots[0, _PX], slots[0, _QTY] = 0, _NO_LEVEL
        side = np.array([_NO_SIDE], np.int64)
    else:
        side = slots[:, _HEAD] >> 40 & 1
    flags = np.full(len(slots), FLAG_SNAPSHOT, np.int64)
    flags[0] |= FLAG_FIRST
    flags[-1] |= FLAG_LAST
    slots[:, _ID], slots[:, _CAUSE], slots[:, _SEQ] = last[_ID], last[_ID], last[_SEQ]
    slots[:, _TS] = slots[:, _RECV] = ts_ns
    slots[:, _HEAD] = last[_HEAD] & _LOW_32 | KIND_LEVEL << 32 | side << 40 | flags << 48
    return slots

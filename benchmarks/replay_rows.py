"""Market records as rows for hftbacktest and NautilusTrader: one a level or a trade, in the order in which both sides of them see it."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.backtest.events import Events
from streams.kernel import Struct
from streams.schema import bulk
from streams.slots import KIND_LEVEL, KIND_TRADE, LevelSlot, Slot
from streams.trading.latency import MAX_FEED_LATENCY_NS

__all__ = ["SLOT_BYTES", "columns", "rows_of"]

SLOT_BYTES = 64
KIND_AT = Slot._fields_["kind"].offset
AT_VENUE, AT_US = 1, 2  # who sees a row


def columns(memory: np.ndarray, cls: type[Struct], *names: str) -> np.ndarray:
    """Slots of 64 bytes as named columns of one kind's fields, in place."""
    fields = cls._fields_
    kind: Any = {"names": names, "formats": [fields[k].elem for k in names], "offsets": [fields[k].offset for k in names]}
    return memory.view(np.dtype(kind | {"itemsize": SLOT_BYTES}))


def rows_of(pieces: Iterable[Events], offset_ns: int) -> dict[str, np.ndarray]:
    """Levels and trades: kind, side, px, qty, recv, exch (when the venue knew it, on our clock) and seen (1 by the venue, 2 by us, 3 both).

    A row that overtook others on the way stands there twice, once for each side.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("kind", "side", "px", "qty", "recv", "exch")}
    last = {KIND_LEVEL: 0, KIND_TRADE: 0}
    for piece in pieces:
        kinds = bulk.gathered(piece.address + KIND_AT, np.ones(piece.count, np.int64))[0][: piece.count].view(np.int8)
        exch = np.maximum(
            np.where(piece.exch_ts_ns > 0, piece.exch_ts_ns + offset_ns, piece.recv_ts_ns), piece.recv_ts_ns - MAX_FEED_LATENCY_NS
        )
        for kind, before in last.items():  # never earlier than the record of that kind before it
            of = kinds == kind
            if of.any():
                exch[of] = np.maximum(np.maximum.accumulate(exch[of]), before)
                last[kind] = int(exch[of][-1])
        taken = np.flatnonzero((kinds == KIND_LEVEL) | (kinds == KIND_TRADE))
        slots, starts = bulk.gathered(piece.address[taken], piece.nbytes[taken])
        rows = columns(slots[: starts[-1]], LevelSlot, "kind", "side", "px_ticks", "qty_lots")
        of = np.repeat(taken, piece.nbytes[taken] // SLOT_BYTES)
        is_level = rows["qty_lots"] >= 0  # -1: the update has no level
        for name, column in (("kind", "kind"), ("side", "side"), ("px", "px_ticks"), ("qty", "qty_lots")):
            found[name].append(rows[column][is_level].astype(np.int64))
        found["recv"].append(piece.recv_ts_ns[of][is_level])
        found["exch"].append(exch[of][is_level])
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    order, seen = both_orders(whole["exch"])
    return {name: column[order] for name, column in whole.items()} | {"seen": seen}


def both_orders(exch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that stand as we saw them, put so that those the venue sees ascend by its time too: their numbers, and who sees each."""
    at_venue = np.argsort(exch, kind="stable")
    if np.array_equal(at_venue, np.arange(len(exch))):
        return at_venue, np.full(len(exch), AT_VENUE | AT_US)
    order, seen, known = [], [], [False] * len(exch)
    following = 0
    for row in at_venue.tolist():
        while following < len(exch) and known[following]:  # the venue knew it before: ours alone is left
            order.append(following)
            seen.append(AT_US)
            following += 1
        known[row] = True
        order.append(row)
        seen.append(AT_VENUE | AT_US if row == following else AT_VENUE)
        following += row == following
    rest = range(following, len(exch))
    return np.array([*order, *rest], np.int64), np.array([*seen, *(AT_US for _ in rest)], np.int64)

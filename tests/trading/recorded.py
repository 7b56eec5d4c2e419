"""The recording of BTCUSDT as level slots, one run of slots a diff, and what the venue said the touch was.

Read with orjson alone, apart from `streams.venues`: an answer of its own to compare with.
"""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from streams.kernel.memory import aligned
from streams.slots import FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, LevelSlot
from tests.real_recording import PATH

TICKS_E9, LOTS_E9 = 100_000_000, 1_000_000  # 0.1 USDT, 0.001 BTC


class Recorded(NamedTuple):
    """levels: memory of LevelSlots; ends: slots applied after each update (the snapshot first); touch: bid, lots, ask, lots after each
    update as the venue's last bookTicker said, zeros before the first one."""

    levels: np.ndarray
    ends: np.ndarray
    touch: np.ndarray


def grid(text: str, step_e9: int) -> int:
    """Decimal text in whole steps, exactly."""
    whole, _, part = text.partition(".")
    steps, rest = divmod(int(whole + part.ljust(9, "0")), step_e9)
    assert rest == 0, text
    return steps


def level_rows(side: int, levels: list) -> list[tuple[int, int, int]]:
    return [(side, grid(px, TICKS_E9), grid(qty, LOTS_E9)) for px, qty in levels]


def read_recorded(path: Path = PATH) -> Recorded:
    """The whole recording; snapshot, then every diff that follows it."""
    snapshot, diffs, tickers = {}, [], []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        message = orjson.loads(line[line.index(b" ") + 1 :])
        data = message.get("data", message)
        if "lastUpdateId" in data:
            snapshot = data
        elif data["e"] == "depthUpdate":
            diffs.append(data)
        elif data["e"] == "bookTicker":
            tickers.append(
                (data["u"], grid(data["b"], TICKS_E9), grid(data["B"], LOTS_E9), grid(data["a"], TICKS_E9), grid(data["A"], LOTS_E9))
            )
    kept = [d for d in diffs if d["u"] >= snapshot["lastUpdateId"]]
    updates = [level_rows(0, snapshot["bids"]) + level_rows(1, snapshot["asks"])] + [
        level_rows(0, d["b"]) + level_rows(1, d["a"]) for d in kept
    ]
    seqs = [snapshot["lastUpdateId"], *(d["u"] for d in kept)]
    return Recorded(slots_of(updates, seqs), np.cumsum([len(u) for u in updates]), touches(tickers, seqs))


def slots_of(updates: list[list[tuple[int, int, int]]], seqs: list[int]) -> np.ndarray:
    """Every level as a LevelSlot in one block."""
    fields = LevelSlot._fields_
    names = ("flags", "side", "px_ticks", "qty_lots", "last_seq")
    layout = {"names": names, "formats": [fields[k].elem for k in names], "offsets": [fields[k].offset for k in names], "itemsize": 64}
    mem = aligned(64 * sum(map(len, updates)))
    slots = mem.view(np.dtype(layout))  # type: ignore[call-overload]
    rows = np.array([row for update in updates for row in update], np.int64)
    slots["side"], slots["px_ticks"], slots["qty_lots"] = rows.T
    slots["last_seq"] = np.repeat(seqs, [len(u) for u in updates])
    ends = np.cumsum([len(u) for u in updates])
    slots["flags"][: ends[0]] = FLAG_SNAPSHOT
    slots["flags"][np.concatenate(([0], ends[:-1]))] |= FLAG_FIRST
    slots["flags"][ends - 1] |= FLAG_LAST
    return mem


def touches(tickers: list[tuple[int, ...]], seqs: list[int]) -> np.ndarray:
    """For each update the last bookTicker at or before its sequence."""
    table = np.array([(0, 0, 0, 0, 0), *tickers], np.int64)
    return table[np.searchsorted(table[:, 0], seqs, side="right") - 1, 1:]

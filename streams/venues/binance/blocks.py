"""Recordings as columns: the lines of several files in the order of their receive times, thousands at once."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from streams.venues.binance.frame_kernel import ENTRIES, compiled
from streams.venues.binance.recording import Damage, read_line, text_blocks
from streams.venues.merge import Merge, Rows

__all__ = ["DAMAGED", "Block", "damage_of", "merge_blocks", "read_blocks"]

DAMAGED = -1
"""`size` of a row that is no frame."""

_batches = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Block:
    """What the rows of one piece of a file lie in. damages: of rows that are no frames, by line number."""

    path: str
    text: Any
    damages: Mapping[int, Damage]


def read_blocks(path: str, place: int, plain: bool = False, told: Callable[[int], object] = id) -> Iterator[Rows]:
    """The lines of a file in order, as Rows: `offset` is the line's number from 1, `start` and `size` are the frame's.

    A damaged line has the size DAMAGED and the time of the last good one before it; `damage_of` tells more. Constant memory. told is given
    the bytes of the file that were read, each time. Raises RecordingError if the file cannot be opened.
    """
    scan = ENTRIES["scan_lines"][0] if plain else compiled()["scan_lines"]
    number, last_ns = 1, 0
    for text, fault in text_blocks(path, told):
        if fault:
            rows = _damage(path, place, number, last_ns, Damage(number, fault, text[:1000]))
        elif not text:
            continue
        else:
            rows = _scan(scan, path, place, number, last_ns, text)
        number += len(rows)
        last_ns = max(last_ns, int(rows.recv_ts_ns.max()))
        yield rows


def merge_blocks(paths: tuple[str, ...], plain: bool = False, told: Callable[[int], object] = id) -> Iterator[Rows]:
    """The lines of all files in the order of their receive times, at equal times in the order of the files. Constant memory.

    told is given the bytes of the files that were read, each time.
    """
    merge = Merge(len(paths))
    waiting = {place: read_blocks(path, place, plain, told) for place, path in enumerate(paths)}
    while True:
        for place in merge.lacking():
            rows = next(waiting[place], None)
            if rows is None:
                merge.end(place)
            else:
                merge.add(rows)
        rows = merge.ready()
        if rows is None and not merge.lacking():
            return
        if rows is not None:
            yield rows


def damage_of(rows: Rows, row: int) -> tuple[str, Damage]:
    """File and damage of a row whose size is DAMAGED."""
    block = rows.memory[int(rows.batch[row])]
    return block.path, block.damages[int(rows.offset[row])]


def _scan(scan: Any, path: str, place: int, number: int, last_ns: int, text: bytes) -> Rows:
    """The lines of a text of whole lines, of which the first has this number."""
    n = text.count(b"\n")
    memory = np.empty(len(text) + 8, np.uint8)
    memory[: len(text)] = np.frombuffer(text, np.uint8)
    times, starts, sizes = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    scan(memory.ctypes.data, len(text), times.ctypes.data, starts.ctypes.data, sizes.ctypes.data, n)
    damages: dict[int, Damage] = {}
    base = memory.ctypes.data
    for row in np.flatnonzero(times < 0).tolist():
        first = int(starts[row]) - base
        line = read_line(number + row, text[first : first + int(sizes[row])])
        if isinstance(line, Damage):
            damages[number + row] = line
            sizes[row] = DAMAGED
        else:
            times[row] = line.recv_ts_ns
            at = first + text[first:].index(b" ") + 1
            at += len(text[at:]) - len(text[at:].lstrip())
            starts[row], sizes[row] = base + at, len(line.payload)
    if damages:
        latest = np.maximum.accumulate(np.maximum(np.where(sizes == DAMAGED, 0, times), last_ns))
        times = np.where(sizes == DAMAGED, latest, times)
    return _rows(place, np.arange(number, number + n), times, starts, sizes, Block(path, memory, damages))


def _damage(path: str, place: int, number: int, last_ns: int, damage: Damage) -> Rows:
    numbers, times, starts, sizes = (np.array([value], np.int64) for value in (number, last_ns, 0, DAMAGED))
    return _rows(place, numbers, times, starts, sizes, Block(path, None, {number: damage}))


def _rows(place: int, numbers: np.ndarray, times: np.ndarray, starts: np.ndarray, sizes: np.ndarray, block: Block) -> Rows:
    batch = next(_batches)
    n = len(numbers)
    return Rows(np.full(n, place, np.int64), numbers, times, starts, sizes, np.full(n, batch, np.int64), {batch: block})

"""A stream kept on disk: market records one behind another in consuming order, with their columns. A second replay reads nothing else.

    <cache>/market/<key>/slots.bin size.bin recv.bin exch.bin about.json

The key says everything that the bytes depend on; an entry is written aside and then put in place, so it is whole or not there. What was
used longest ago is removed when all of them have more than LIMIT_BYTES.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from streams.backtest.events import Events
from streams.backtest.memory import Pool
from streams.config import cache_folder
from streams.lanes.messages import entry

__all__ = ["LIMIT_BYTES", "Stored", "find", "keep", "key_of"]

LIMIT_BYTES = 16 << 30
"""Bytes of all streams kept; a day of a busy market is about 10 GB."""

_BLOCK_BYTES = 8 << 20
_ROWS = 1 << 16  # of one piece
_COLUMNS = ("size", "recv", "exch")
_WORD = 8


class Stored:
    """A stream on disk. about: `met` (what was met when it was kept) and sizes; count: its records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about: dict[str, Any] = json.loads((folder / "about.json").read_text())
        self.count: int = self.about["count"]

    def noted(self, name: str) -> dict[str, Any] | None:
        """What was noted of it under a name, None if nothing was."""
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None

    def note(self, name: str, what: Mapping[str, Any]) -> None:
        """Note JSON values under a name; a disk without room is no error, they are found out again."""
        aside = self.folder / f"{name}.{os.getpid()}"
        with suppress(OSError):
            aside.write_text(json.dumps(what, sort_keys=True) + "\n")
            aside.replace(self.folder / f"{name}.json")

    def times(self) -> np.ndarray:
        """The receive times, int64[count], as a file in memory."""
        return np.memmap(self.folder / "recv.bin", np.int64, "r") if self.count else np.zeros(0, np.int64)

    def pieces(self) -> Iterator[Events]:
        """The records, at most 8 MB of them at once (one that is larger alone)."""
        pool = Pool(max(_BLOCK_BYTES, self.about["largest"]))
        with ExitStack() as open_files:
            slots, *columns = (open_files.enter_context((self.folder / f"{name}.bin").open("rb")) for name in ("slots", *_COLUMNS))
            for first in range(0, self.count, _ROWS):
                rows = min(_ROWS, self.count - first)
                size, recv, exch = (np.frombuffer(column.read(_WORD * rows), np.int64) for column in columns)
                ends = np.cumsum(size)
                at = 0
                while at < rows:
                    done = int(ends[at - 1]) if at else 0
                    last = int(np.searchsorted(ends, done + pool.nbytes, "right"))
                    block, part = pool.take(), slice(at, last)
                    slots.readinto(block.memory.data[: int(ends[last - 1]) - done])
                    yield Events(block.address + ends[part] - size[part] - done, size[part], recv[part], exch[part], block)
                    at = last


def key_of(what: Mapping[str, Any]) -> str:
    """The key of a stream that is made of this (JSON values)."""
    return blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=16).hexdigest()


def find(key: str) -> Stored | None:
    """The stream with that key, None if it is not kept or not whole."""
    folder = _folder() / key
    try:
        found = Stored(folder)
        sizes = {name: (folder / f"{name}.bin").stat().st_size for name in ("slots", *_COLUMNS)}
        os.utime(folder)
    except (OSError, ValueError, KeyError):
        return None
    whole = sizes["slots"] == found.about["bytes"] and all(sizes[name] == _WORD * found.count for name in _COLUMNS)
    return found if whole else None


def keep(key: str, events: Iterable[Events], about: Callable[[], Mapping[str, Any]]) -> Stored:
    """Write a stream, and read it from there. about: what was met in it, asked at its end. OSError: no room, or no right."""
    aside = _folder() / f"{key}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        count, nbytes, largest = _write(aside, events)
        told = {"met": about(), "count": count, "bytes": nbytes, "largest": largest}
        (aside / "about.json").write_text(json.dumps(told, sort_keys=True) + "\n")
        folder = _folder() / key
        if find(key) is None:  # else another process was faster
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _prune(key)
    return Stored(_folder() / key)


def _write(folder: Path, events: Iterable[Events]) -> tuple[int, int, int]:
    """Records, bytes of slots, and those of the largest record."""
    count = nbytes = largest = 0
    memory = np.zeros(0, np.uint8)
    with ExitStack() as open_files:
        slots, *columns = (open_files.enter_context((folder / f"{name}.bin").open("wb")) for name in ("slots", *_COLUMNS))
        for piece in events:
            address, size, recv, exch = (np.ascontiguousarray(column) for column in piece[:4])
            total = int(size.sum())
            if total > len(memory):
                memory = np.empty(total, np.uint8)
            entry("copy_values")(address.ctypes.data, size.ctypes.data, len(size), memory.ctypes.data)
            slots.write(memory[:total].data)
            for file, column in zip(columns, (size, recv, exch), strict=True):
                file.write(column.data)
            count, nbytes, largest = count + len(size), nbytes + total, max(largest, int(size.max(initial=0)))
    return count, nbytes, largest


def _folder() -> Path:
    return cache_folder() / "market"


def _prune(kept: str) -> None:
    """Remove what was used longest ago, never the one just kept."""
    entries = sorted((p for p in _folder().iterdir() if p.is_dir() and p.name != kept), key=lambda p: p.stat().st_mtime_ns)
    used = {p: sum(file.stat().st_size for file in p.iterdir()) for p in entries}
    over = sum(used.values()) + sum(file.stat().st_size for file in (_folder() / kept).iterdir()) - LIMIT_BYTES
    for folder in entries:
        if over <= 0:
            return
        shutil.rmtree(folder, ignore_errors=True)
        over -= used[folder]

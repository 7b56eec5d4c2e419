"""Recordings merged as it reads best: one line at a time."""

import heapq
from collections.abc import Iterator

from streams.venues.binance.recording import Damage, Line, read_recording


def slow_merge(paths: tuple[str, ...]) -> Iterator[tuple[int, str, Line | Damage]]:
    """(time to sort by, file, line) of all files in order of receive time, at equal times in the order of the files."""
    return heapq.merge(*(_stamped(path) for path in paths), key=lambda row: row[0])


def _stamped(path: str) -> Iterator[tuple[int, str, Line | Damage]]:
    """A damaged line goes with the line before it, and time never runs backwards."""
    last_ns = 0
    for line in read_recording(path):
        if isinstance(line, Line):
            last_ns = max(last_ns, line.recv_ts_ns)
        yield last_ns, path, line

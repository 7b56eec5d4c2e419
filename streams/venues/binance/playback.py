"""Recordings played at the run's pace: each frame is sent when the run's clock reaches its receive time."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Iterator
from threading import Event
from typing import NamedTuple

from streams.venues.binance.frames import FrameWriter
from streams.venues.binance.recording import Damage, Line, read_recording

__all__ = ["Entry", "merge_recordings", "play"]

_WAVE_S = 0.002  # frames of so much wall time leave together; one request each would load the broker for nothing
_POLL_S = 0.2
_SYMBOL = re.compile(rb'"stream":"([^"@]+)@|"s(?:ymbol)?":"([^"]+)"')


class Entry(NamedTuple):
    """One line of one or several recordings. `source_seq` counts lines from 1 over all of them, in the order they are played."""

    source_seq: int
    recv_ts_ns: int
    path: str
    line: Line | Damage


def merge_recordings(paths: tuple[str, ...]) -> Iterator[Entry]:
    """The lines of all files in order of receive time (of equal times: in the order of the files). Constant memory."""
    merged = heapq.merge(*(_stamped(path) for path in paths), key=lambda row: row[0])
    for source_seq, (recv_ts_ns, path, line) in enumerate(merged, 1):
        yield Entry(source_seq, recv_ts_ns, path, line)


def play(paths: tuple[str, ...], writer: FrameWriter, stop: Event, other_symbols: tuple[str, ...] = ()) -> bool:
    """Send everything after the writer's place; True when the recordings are at their end and delivered, False when stopped before.

    Frames of `other_symbols` are passed over. What names no symbol is sent: it is not the feed's to judge.
    """
    others = frozenset(symbol.upper().encode() for symbol in other_symbols)
    after, after_damage = writer.at.source_seq, writer.at_damage.source_seq
    for entry in merge_recordings(paths):
        if entry.source_seq <= min(after, after_damage):
            continue
        if not _wait(writer, entry.recv_ts_ns, stop):
            writer.flush()
            return False
        line = entry.line
        if isinstance(line, Damage):
            if entry.source_seq > after_damage:
                reason = f"{entry.path}:{line.number}: {line.reason}"
                writer.dead_letter(entry.recv_ts_ns, entry.source_seq, reason, line.raw)
        elif entry.source_seq > after and not (others and _symbol(line.payload) in others):
            writer.frame(line.recv_ts_ns, 1, entry.source_seq, line.payload)
    writer.flush()
    return True


def _wait(writer: FrameWriter, ts_ns: int, stop: Event) -> bool:
    """Sleep until the run's clock shows `ts_ns`; False when stopped."""
    while not stop.is_set():
        left_s = (writer.clock.wall_ns_at(ts_ns) - time.time_ns()) / 1e9
        if left_s <= 0:
            return True
        writer.poll()
        stop.wait(min(max(left_s, _WAVE_S), _POLL_S))
    return False


def _symbol(payload: bytes) -> bytes:
    """The symbol that a frame names first, in capitals; b"" if it names none."""
    found = _SYMBOL.search(payload)
    return (found[1] or found[2]).upper() if found else b""


def _stamped(path: str) -> Iterator[tuple[int, str, Line | Damage]]:
    """Lines with a time to sort by: a damaged one goes with the line before it, and time never runs backwards."""
    last_ns = 0
    for line in read_recording(path):
        if isinstance(line, Line):
            last_ns = max(last_ns, line.recv_ts_ns)
        yield last_ns, path, line

"""Recordings played at the run's pace: each frame is sent when the run's clock reaches its receive time."""

from __future__ import annotations

import ctypes
import re
import time
from threading import Event
from typing import Protocol

import numpy as np

from streams.clock import RunClock
from streams.venues.binance.blocks import DAMAGED, damage_of, merge_blocks
from streams.venues.binance.frames import Place
from streams.venues.merge import Rows

__all__ = ["Player", "play", "symbol_of"]

_WAVE_S = 0.002  # frames of so much wall time leave together; one request each would load the broker for nothing
_WAVE_ROWS = 20_000  # and no more, so that a feed that is behind still looks up now and then
_POLL_S = 0.2
_SYMBOL = re.compile(rb'"stream":"([^"@]+)@|"s(?:ymbol)?":"([^"]+)"')
_SYMBOL_BYTES = 4_096  # of a frame in which its symbol is looked for first


class Player(Protocol):
    """What playing needs of a FrameWriter."""

    clock: RunClock
    at: Place
    at_damage: Place

    def frames(self, connection: int, times: np.ndarray, seqs: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> None:
        """Queue a wave."""
        ...

    def dead_letter(self, recv_ts_ns: int, source_seq: int, reason: str, payload: bytes) -> None:
        """Queue what is no frame."""
        ...

    def poll(self) -> None:
        """Take delivery reports."""
        ...

    def flush(self) -> None:
        """Wait for the broker."""
        ...


def play(paths: tuple[str, ...], writer: Player, stop: Event, other_symbols: tuple[str, ...] = ()) -> bool:
    """Send everything after the writer's place; True when the recordings are at their end and delivered, False when stopped before.

    `source_seq` counts lines from 1 over all files, in the order they are played. Frames of `other_symbols` are passed over. What names no
    symbol is sent: it is not the feed's to judge.
    """
    others = frozenset(symbol.upper().encode() for symbol in other_symbols)
    after = min(writer.at.source_seq, writer.at_damage.source_seq)
    count, whole = 0, True
    for rows in merge_blocks(paths):
        seqs = np.arange(count + 1, count + 1 + len(rows))
        count += len(rows)
        if count > after and not _play_rows(rows, seqs, writer, stop, others):
            whole = False
            break
    writer.flush()
    return whole


def _play_rows(rows: Rows, seqs: np.ndarray, writer: Player, stop: Event, others: frozenset[bytes]) -> bool:
    """Send each row when it is due; False when stopped."""
    times = np.maximum.accumulate(rows.recv_ts_ns)  # a line whose clock went back is sent with the one before it
    first = int(np.searchsorted(seqs, min(writer.at.source_seq, writer.at_damage.source_seq), "right"))
    while first < len(rows):
        if not _wait(writer, int(times[first]), stop):
            return False
        due = min(int(np.searchsorted(times, writer.clock.now_ns(), "right")), first + _WAVE_ROWS)
        last = max(due, first + 1)
        _send(rows.take(slice(first, last)), seqs[first:last], writer, others)
        first = last
    return True


def _send(rows: Rows, seqs: np.ndarray, writer: Player, others: frozenset[bytes]) -> None:
    damaged = rows.size == DAMAGED
    for row in np.flatnonzero(damaged & (seqs > writer.at_damage.source_seq)).tolist():
        path, damage = damage_of(rows, row)
        writer.dead_letter(int(rows.recv_ts_ns[row]), int(seqs[row]), f"{path}:{damage.number}: {damage.reason}", damage.raw)
    ours = ~damaged & (seqs > writer.at.source_seq)
    if others:
        for row in np.flatnonzero(ours).tolist():
            ours[row] = symbol_of(int(rows.start[row]), int(rows.size[row])) not in others
    if ours.any():
        writer.frames(1, rows.recv_ts_ns[ours], seqs[ours], rows.start[ours], rows.size[ours])


def _wait(writer: Player, ts_ns: int, stop: Event) -> bool:
    """Sleep until the run's clock shows `ts_ns`; False when stopped."""
    while not stop.is_set():
        left_s = (writer.clock.wall_ns_at(ts_ns) - time.time_ns()) / 1e9
        writer.poll()
        if left_s <= 0:
            return True
        stop.wait(min(max(left_s, _WAVE_S), _POLL_S))
    return False


def symbol_of(start: int, size: int) -> bytes:
    """The symbol that a frame names first, in capitals; b"" if it names none."""
    found = _SYMBOL.search(ctypes.string_at(start, min(size, _SYMBOL_BYTES)))
    if found is None and size > _SYMBOL_BYTES:
        found = _SYMBOL.search(ctypes.string_at(start, size))
    return (found[1] or found[2]).upper() if found else b""

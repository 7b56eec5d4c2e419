"""Recordings played into a fast feed at the run's pace: each frame enters the ring when the run's clock reaches its receive time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from streams.clock import RunClock
from streams.kernel.system import monotonic_ns
from streams.records import Clock
from streams.venues.binance.blocks import DAMAGED, damage_of, merge_blocks
from streams.venues.binance.fast_feed_process import SLICE_NS, FastFeed
from streams.venues.binance.frames import Place
from streams.venues.binance.playback import symbol_of
from streams.venues.merge import Rows

__all__ = ["due_ns", "play_fast"]

_CONNECTION = 1
_AHEAD = 2  # pieces of the files that are read while one is played
_POLL_S = 0.01


def play_fast(paths: tuple[str, ...], feed: FastFeed, other_symbols: tuple[str, ...] = ()) -> bool:
    """Give the feed everything after its place; True at the end of the recordings, False when it stopped before.

    `source_seq` counts lines from 1 over all files, in the order they are played. Frames of `other_symbols` are passed over.
    """
    others = frozenset(symbol.upper().encode() for symbol in other_symbols)
    after = min(feed.at.source_seq, feed.at_damage.source_seq)
    count, latest_ns = 0, 0
    for rows in _ahead(merge_blocks(paths)):
        seqs = np.arange(count + 1, count + 1 + len(rows))
        count += len(rows)
        times = np.maximum(np.maximum.accumulate(rows.recv_ts_ns), latest_ns)  # a line whose clock went back is due with the one before
        latest_ns = int(times[-1])
        if count > after and not _play_rows(rows, seqs, times, feed, others):
            return False
    return True


def due_ns(clock: RunClock, times: np.ndarray) -> np.ndarray:
    """Monotonic ns at which the run's clock shows these instants, int64[n]."""
    ahead_ns = monotonic_ns() - time.time_ns()
    if clock.clock == Clock.WALL:
        return times + ahead_ns
    return clock.wall_start_ns + ahead_ns + ((times - clock.clock_start_ns) / clock.speed).astype(np.int64)


def _play_rows(rows: Rows, seqs: np.ndarray, times: np.ndarray, feed: FastFeed, others: frozenset[bytes]) -> bool:
    """Give what the feed does not have yet, in runs of frames between damages; False when stopped."""
    wires = due_ns(feed.clock, times)
    damaged = rows.size == DAMAGED
    wanted = np.where(damaged, seqs > feed.at_damage.source_seq, seqs > feed.at.source_seq)
    for row in np.flatnonzero(wanted & ~damaged).tolist() if others else ():
        wanted[row] = symbol_of(int(rows.start[row]), int(rows.size[row])) not in others
    places = np.flatnonzero(wanted)
    cuts = np.flatnonzero(damaged[places])
    first = 0
    for cut in [*cuts.tolist(), len(places)]:
        if not _give(rows, seqs, wires, places[first:cut], feed):
            return False
        if cut < len(places):
            row = int(places[cut])
            if not _await(feed, int(wires[row])):
                return False
            path, damage = damage_of(rows, row)
            feed.letters.damaged(int(rows.recv_ts_ns[row]), int(seqs[row]), f"{path}:{damage.number}: {damage.reason}", damage.raw)
            feed.at_damage = Place(0, int(seqs[row]))
        first = cut + 1
    return True


def _give(rows: Rows, seqs: np.ndarray, wires: np.ndarray, places: np.ndarray, feed: FastFeed) -> bool:
    if not len(places):
        return True
    columns = (column[places] for column in (rows.recv_ts_ns, seqs, rows.start, rows.size, wires))
    return feed.carry(feed.lane.give(_CONNECTION, *columns, paced=True, until_ns=monotonic_ns() + SLICE_NS))


def _await(feed: FastFeed, wire_ns: int) -> bool:
    """Wait until it is `wire_ns`; False when stopped."""
    while not (feed.stop.is_set() or feed.new_run):
        left_s = (wire_ns - monotonic_ns()) / 1e9
        if left_s <= 0:
            return True
        feed.between()
        feed.stop.wait(min(left_s, _POLL_S))
    return False


def _ahead(blocks: Iterator[Rows]) -> Iterator[Rows]:
    """The same, read by another thread some pieces before they are needed."""
    with ThreadPoolExecutor(1, "recording") as pool:
        waiting = [pool.submit(next, blocks, None) for _ in range(_AHEAD)]
        while (rows := waiting.pop(0).result()) is not None:
            waiting.append(pool.submit(next, blocks, None))
            yield rows

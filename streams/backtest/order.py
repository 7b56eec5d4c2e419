"""Market records put into consuming order: by receive time, then rank of the topic, then id (`streams.lanes.input_log`)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from streams.backtest.events import Events
from streams.lanes.input_log import consuming_order

__all__ = ["ORDER", "Part", "in_order", "joined"]

ORDER = "receive time, rank of the topic, id"
"""What a manifest says of it."""


class Part(NamedTuple):
    """Some records on their way into order, int64[n] each: as of Events, and rank and id. recv_ts_ns never descends, also from one part
    to the next."""

    address: np.ndarray
    nbytes: np.ndarray
    recv_ts_ns: np.ndarray
    exch_ts_ns: np.ndarray
    rank: np.ndarray
    id: np.ndarray
    kept: Any

    def take(self, rows: Any) -> "Part":
        """Some of the records: a slice or indices."""
        return Part(*(column[rows] for column in self[:6]), kept=self.kept)


def in_order(parts: Iterable[Part]) -> Iterator[Events]:
    """The records in consuming order, however the stream is cut: those of the last instant wait until a later one has come."""
    waiting: list[Part] = []
    for part in parts:
        if not len(part.recv_ts_ns):
            continue
        last_ns = int(part.recv_ts_ns[-1])
        cut = int(np.searchsorted(part.recv_ts_ns, last_ns, "left"))
        if waiting and waiting[0].recv_ts_ns[0] == last_ns:
            waiting.append(part)
            continue
        if waiting or cut:
            yield _sorted([*waiting, part.take(slice(0, cut))])
        waiting = [part.take(slice(cut, None))]
    if waiting:
        yield _sorted(waiting)


def joined(parts: Sequence[Part]) -> Part:
    """The records of all parts, one part after the other."""
    parts = [part for part in parts if len(part.id)]
    if len(parts) == 1:
        return parts[0]
    empty = np.zeros(0, np.int64)
    columns = zip(*(part[:6] for part in parts), strict=True) if parts else [(empty,)] * 6
    return Part(*map(np.concatenate, columns), kept=[part.kept for part in parts])


def _sorted(parts: list[Part]) -> Events:
    part = joined(parts)
    if not _is_sorted(part):
        part = part.take(consuming_order(part.recv_ts_ns, part.rank, part.id))
    return Events(part.address, part.nbytes, part.recv_ts_ns, part.exch_ts_ns, part.kept)


def _is_sorted(part: Part) -> bool:
    """Whether nothing is to be done: mostly no two records have one receive time, or they stand as they should."""
    same = part.recv_ts_ns[1:] == part.recv_ts_ns[:-1]
    rank, id = np.diff(part.rank), np.diff(part.id)
    return not (same & ((rank < 0) | ((rank == 0) & (id < 0)))).any()

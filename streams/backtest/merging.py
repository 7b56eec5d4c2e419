"""Several streams of market records merged into one, each read only as far as the others have come."""

from collections.abc import Iterator, Sequence

import numpy as np

from streams.backtest.order import Part, joined
from streams.lanes.input_log import consuming_order

__all__ = ["merged"]

_LEAST_NS = -(1 << 63)


def merged(streams: Sequence[Iterator[Part]]) -> Iterator[Part]:
    """All records by receive time, rank and id, but that those of one instant may come in two parts: `in_order` joins them.

    A record behind an earlier one of its stream counts as received with that. Of each stream one part waits, or as many as there are of
    one instant: memory does not grow with the streams.
    """
    heads = [_Head(stream) for stream in streams]
    while heads:
        going = [head for head in heads if head.more]
        limit_ns = min((head.last_ns for head in going), default=None)
        part = _sorted([head.before(limit_ns) for head in heads])
        if len(part.id):
            yield part
        heads = [head for head in heads if head.more or head.waiting]
        for head in going:
            if head.last_ns == limit_ns:
                head.fill()


class _Head:
    """What has come of a stream. more: it is not known to be at its end; last_ns: the latest receive time that came."""

    def __init__(self, stream: Iterator[Part]) -> None:
        self.waiting: list[Part] = []
        self.more, self.last_ns = True, _LEAST_NS
        self._stream = stream
        self.fill()

    def fill(self) -> None:
        """Take the next part."""
        for part in self._stream:
            if len(part.id):
                times = np.maximum.accumulate(np.maximum(part.recv_ts_ns, self.last_ns))
                self.last_ns = int(times[-1])
                self.waiting.append(part._replace(recv_ts_ns=times))
                return
        self.more = False

    def before(self, limit_ns: int | None) -> Part:
        """The records received before that, None = all; the others wait on."""
        parts, self.waiting = self.waiting, []
        found = []
        for part in parts:
            cut = len(part.id) if limit_ns is None else int(np.searchsorted(part.recv_ts_ns, limit_ns, "left"))
            found.append(part.take(slice(0, cut)))
            if cut < len(part.id):
                self.waiting.append(part.take(slice(cut, None)))
        return joined(found)


def _sorted(parts: Sequence[Part]) -> Part:
    part = joined(parts)
    return part.take(consuming_order(part.recv_ts_ns, part.rank, part.id))

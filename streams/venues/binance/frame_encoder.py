"""Frames of one feed as values of `frames.v1`, a wave at a time."""

from __future__ import annotations

import numpy as np

from streams.schema.wire import integer, string
from streams.venues.binance.frame_kernel import ENTRIES, FRAME_BYTES, compiled

__all__ = ["FrameEncoder"]


class FrameEncoder:
    """Writes the constant parts once. header: the five bytes before each body; plain: without machine code."""

    def __init__(self, header: bytes, run_id: int, venue: str, plain: bool = False) -> None:
        self.run_id = run_id
        self._write = ENTRIES["write_frames"][0] if plain else compiled()["write_frames"]
        self._head = np.frombuffer(header, np.uint8)
        self._venue = string(venue)
        self._out = np.empty(1 << 16, np.uint8)

    def encode(
        self, first_id: int, now_ns: int, connection: int, times: np.ndarray, seqs: np.ndarray, starts: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values of frames with the ids from `first_id` on: (buffer, start of each in it, bytes of each). Valid until the next call.

        times, seqs, starts, sizes : int64[n]: receive time, source_seq, address and bytes of the payload
        """
        middle = np.frombuffer(self._venue + integer(connection), np.uint8)
        columns = [np.ascontiguousarray(column, np.int64) for column in (times, seqs, starts, sizes)]
        n, ends = len(times), np.empty(len(times), np.int64)
        room = int(sizes.sum()) + n * (FRAME_BYTES + len(self._head) + len(middle)) + FRAME_BYTES
        if len(self._out) < room:
            self._out = np.empty(2 * room, np.uint8)
        constant = (self._head.ctypes.data, len(self._head), middle.ctypes.data, len(middle))
        addresses = [column.ctypes.data for column in (*columns, self._out, ends)]
        self._write(n, first_id, self.run_id, now_ns, *constant, *addresses)
        sizes = np.diff(ends, prepend=0)
        return self._out, ends - sizes, sizes

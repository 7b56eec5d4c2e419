"""The requests of a lane's ring as a gateway takes them: `RequestReader`."""

import ctypes
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from streams.errors import EdgeError
from streams.kernel import addr_of, native
from streams.lanes.record_ring import record_sources
from streams.lanes.ring_ends import Reader
from streams.records import Request
from streams.schema.edge import Edge
from streams.slots import KIND_REQUEST
from streams.venues import gateway_kernel as k
from streams.venues.sim.request_text import SOURCES, TEXT_NBYTES, RequestTexts

__all__ = ["Found", "RequestReader", "prepare"]


class Found(NamedTuple):
    """A request in the ring.

    number                    : of its slot
    wire_mono_ns, checked_mono_ns : monotonic time of the frame that led to it, and when it stood in the ring, 0 = not known
    value                     : the slot
    request                   : None if it cannot be read; then `reason` says why
    text                      : it in the venue's words; None if one that came with it cannot be read
    """

    number: int
    wire_mono_ns: int
    checked_mono_ns: int
    value: bytes
    request: Request | None
    text: str | None
    reason: str = ""


class RequestReader:
    """Reads requests through a blocking end of the lane's ring; everything else in it is passed over. What was read is committed elsewhere.

    run_id : of the records
    """

    def __init__(self, reader: Reader, edge: Edge, run_id: int, most: int) -> None:
        self.reader, self._edge, self._run_id = reader, edge, run_id
        self._texts = RequestTexts(edge, reader.compiled)
        self._rows = np.zeros((most + 1, k.ROW_WORDS), np.int64)
        self._slots = np.zeros((most, k.REQUEST_NBYTES), np.uint8)
        self._out, self._starts = np.zeros(most * TEXT_NBYTES, np.uint8), np.zeros(most + 1, np.int64)
        self._out_address, self._slots_address = self._out.ctypes.data, self._slots.ctypes.data
        walk = k.RequestWalk(
            most=most,
            rows=self._rows.ctypes.data,
            slots=self._slots_address,
            tables=self._texts.tables,
            texts=self._out_address,
            room=len(self._out),
            starts=self._starts.ctypes.data,
        )
        self._walk: Any = walk.pack() if reader.compiled else walk
        self._walk_address: int = self._walk.ctypes.data if reader.compiled else addr_of(walk)
        self._run = _compiled() if reader.compiled else k.walk_requests
        self.refresh()

    def refresh(self) -> None:
        """Take in what the edge learned since."""
        self._texts.refresh()

    def again(self, one: Found) -> Found:
        """The same with its request, read with what the edge knows now."""
        request, reason = self._read(one.value)
        return one._replace(request=request, reason=reason)

    def take(self) -> list[Found]:
        """What is there, up to `most`; [] = nothing. Does not wait."""
        self.reader.check()
        n = self._run(self._walk_address, self.reader.address)
        if n == 0:
            return []
        rows, found = self._rows[: n + 1].tolist(), []
        texts = self._text_lines(n, rows[n][0])
        for (number, wire_ns, checked_ns), slot, text in zip(rows, self._slots, texts, strict=False):
            value = slot.tobytes()
            request, reason = self._read(value)
            found.append(Found(number, wire_ns, checked_ns, value, request, text, reason))
        return found

    def _read(self, value: bytes) -> tuple[Request | None, str]:
        try:
            return self._edge.from_slot(KIND_REQUEST, value, self._run_id), ""
        except EdgeError as error:
            return None, str(error)

    def _text_lines(self, n: int, nbytes: int) -> list[str] | list[None]:
        """The texts of n requests, of which compiled code has written `nbytes`, or what it leaves to Python; else none."""
        if nbytes:
            return ctypes.string_at(self._out_address, nbytes - 1).decode("ascii").split("\n")
        try:
            return self._texts.texts_at(self._slots_address, k.REQUEST_NBYTES, n, self._run_id)
        except EdgeError:
            return [None] * n


def prepare() -> None:
    """Compile, or load from disk, now and not at the first request."""
    _compiled()


@cache
def _compiled() -> Any:
    files = [*record_sources(), *native.sources("streams.venues.gateway_kernel", *SOURCES)]
    return native.functions("gateway", k.ENTRIES, files)["walk_requests"]

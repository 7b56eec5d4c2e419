"""The requests of a lane's ring as a gateway takes them: `RequestReader`."""

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
from streams.venues.sim.request_text import RequestTexts

__all__ = ["Found", "RequestReader", "prepare"]


class Found(NamedTuple):
    """A request in the ring.

    number                    : of its slot
    wire_mono_ns, checked_mono_ns : monotonic time of the frame that led to it, and when it stood in the ring, 0 = not known
    value                     : the slot
    request                   : None if it cannot be read; then `reason` says why
    text                      : it in the venue's words
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
        self.reader, self._edge, self._run_id, self._most = reader, edge, run_id, most
        self._texts = RequestTexts(edge, reader.compiled)
        walk = k.RequestWalk()
        self._walk: Any = walk.pack() if reader.compiled else walk
        self._walk_address: int = self._walk.ctypes.data if reader.compiled else addr_of(walk)
        self._rows = np.zeros((most, 3), np.int64)
        self._slots = np.zeros((most, k.REQUEST_NBYTES), np.uint8)
        self._run = _compiled() if reader.compiled else k.walk_requests

    def refresh(self) -> None:
        """Take in what the edge learned since."""
        self._texts.refresh()

    def again(self, one: Found) -> Found:
        """The same with its request, read with what the edge knows now."""
        try:
            return one._replace(request=self._edge.from_slot(KIND_REQUEST, one.value, self._run_id), reason="")
        except EdgeError as error:
            return one._replace(reason=str(error))

    def take(self) -> list[Found]:
        """What is there, up to `most`; [] = nothing. Does not wait."""
        self.reader.check()
        n = self._run(self._walk_address, self.reader.address, self._most, self._rows.ctypes.data, self._slots.ctypes.data)
        if n == 0:
            return []
        found = []
        for (number, wire_ns, checked_ns), slot in zip(self._rows[:n].tolist(), self._slots[:n], strict=True):
            found.append(self.again(Found(number, wire_ns, checked_ns, slot.tobytes(), None, None)))
        if all(one.request is not None for one in found):
            texts = self._texts.texts_at(self._slots.ctypes.data, k.REQUEST_NBYTES, n, self._run_id)
            found = [one._replace(text=text) for one, text in zip(found, texts, strict=True)]
        return found


def prepare() -> None:
    """Compile, or load from disk, now and not at the first request."""
    _compiled()


@cache
def _compiled() -> Any:
    files = [*record_sources(), *native.sources("streams.venues.gateway_kernel", "streams.slots")]
    return native.functions("gateway", k.ENTRIES, files)["walk_requests"]

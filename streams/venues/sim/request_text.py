"""Requests in the simulated venue's words: `request_text` of a record; `RequestTexts` of slots, many in one compiled call."""

import ctypes
import json
from functools import cache
from typing import Any

import numpy as np

from streams.kernel import native
from streams.records import OrderAction, Request
from streams.schema import units
from streams.schema.edge import Edge
from streams.schema.ids import cl_ord_id
from streams.slots import KIND_REQUEST
from streams.venues.sim import request_kernel as k

__all__ = ["SOURCES", "TEXT_NBYTES", "RequestTexts", "prepare", "request_text"]

SOURCES = (
    *("streams.venues.sim.request_kernel", "streams.schema.slots_derived", "streams.schema.ratio", "streams.schema.bulk_put"),
    *("streams.schema.native_rows", "streams.schema.bulk_wire", "streams.records", "streams.slots"),
)
"""Modules that `request_kernel.write_request` depends on, for `native.sources`."""

_MORE_TERMS = ("stop_px", "display_qty", "min_qty", "max_floor_qty", "peg_offset")
_AT_ONCE = 256
TEXT_NBYTES = k.MOST + 64  # room of one text
_ROOM = _AT_ONCE * TEXT_NBYTES
_quoted = json.encoder.encode_basestring_ascii  # a JSON string


def request_text(request: Request, cl_ord_id: str) -> str:
    """A request as the venue takes it: one line of JSON, plain ASCII."""
    r = request
    text = f'{{"op":"{r.action.name.lower()}","req":{r.id},"cl_ord_id":{_quoted(cl_ord_id)},"symbol":{_quoted(r.symbol)}'
    if r.action == OrderAction.CANCEL:
        return text + "}"
    text += f',"qty":"{units.from_e9(r.qty_e9)}"'
    if r.px_e9 is not None:
        text += f',"px":"{units.from_e9(r.px_e9)}"'
    if r.action != OrderAction.NEW:
        return text + "}"
    post_only = "true" if r.post_only else "false"
    text += f',"side":"{r.side.name}","type":"{r.ord_type.name}","tif":"{r.time_in_force.name}","post_only":{post_only}'
    for name in _MORE_TERMS:
        value = getattr(r, f"{name}_e9")
        if value is not None:
            text += f',"{name}":"{units.from_e9(value)}"'
    if r.expire_ts_ns is not None:
        text += f',"expire_ts_ns":{r.expire_ts_ns}'
    return text + "}"


class RequestTexts:
    """Writes the requests of one edge's slots. `refresh` it when the edge may have learned something and before compiled code runs again.

    tables : for `request_kernel.write_request` in other compiled code; the same address all along
    """

    def __init__(self, edge: Edge, compiled: bool = True) -> None:
        self._edge, self._write = edge, _entry() if compiled else k.write_requests
        self.tables: int = edge.native.address
        self._out, self._starts = np.empty(_ROOM, np.uint8), np.empty(_AT_ONCE + 1, np.int64)
        self._out_address, self._starts_address = self._out.ctypes.data, self._starts.ctypes.data

    def refresh(self) -> None:
        """Take in what the edge learned since."""
        self._edge.native.refresh()

    def texts(self, slots: Any, run_id: int) -> list[str]:
        """The texts of request slots, uint8[n, bytes of a slot] with 128 bytes or more a row; EdgeError where a number names nothing."""
        self.refresh()
        rows = np.ascontiguousarray(slots)
        return self.texts_at(rows.ctypes.data, rows.shape[1], len(rows), run_id)

    def texts_at(self, address: int, stride: int, count: int, run_id: int) -> list[str]:
        """The same of `count` slots at an address, `stride` bytes apart; of what the edge knew at the last `refresh`."""
        out, starts, found = self._out, self._starts, list[str]()
        while len(found) < count:
            left, at = min(_AT_ONCE, count - len(found)), address + len(found) * stride
            done = self._write(self.tables, at, stride, left, self._out_address, _ROOM, self._starts_address)
            if done:
                found += out[: starts[done] - 1].tobytes().decode("ascii").split("\n")
            if done < left and (starts[done + 1] == k.REST or not done):
                found.append(self._rare(ctypes.string_at(address + len(found) * stride, 128), run_id))
        return found

    def _rare(self, slot: bytes, run_id: int) -> str:
        """What compiled code leaves to Python."""
        request = self._edge.from_slot(KIND_REQUEST, slot, run_id)
        return request_text(request, cl_ord_id(self._edge.dictionary.epoch, request.order_id))


def prepare() -> None:
    """Compile, or load from disk, now and not at the first request."""
    _entry()


@cache
def _entry() -> Any:
    made = native.load("request_text", lambda: {"write_requests": (k.write_requests, 7)}, native.sources(*SOURCES))
    return native.function(made.write_requests, 7)

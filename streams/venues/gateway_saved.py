"""A gateway's state as its checkpoint keeps it: what is open as one block, what has ended in a file that only grows.

So a checkpoint costs what is open and what has ended since the one before, however long the run is. The file may be longer than the newest
checkpoint says: what stands behind that was written by an instance that was killed before its checkpoint was there.
"""

import struct
from collections.abc import Callable
from pathlib import Path

from streams.errors import RestoreError
from streams.kernel.layout import fingerprint
from streams.records import Request
from streams.schema.layout import NULL
from streams.slots import RequestSlot
from streams.venues.gateway_state import Endings, GatewayOrder, GatewayState, Pending

__all__ = ["LAYOUT", "EndedFile", "open_block", "read_open_block"]

LAYOUT = f"gateway 1 {fingerprint(RequestSlot)}"
"""Changes with whatever is packed here."""

_VALUE = RequestSlot._size_
_ORDER = struct.Struct(f"<6q{_VALUE}s")  # order id, cause id, leaves, price and quantity now, flags, its NEW
_PENDING = struct.Struct(f"<q{_VALUE}s")  # where it stands, the request
_HEAD = struct.Struct("<3q")  # next_offset, orders, pending
_ACKED, _ENDED, _TRIGGERED = 1, 2, 4
_ENDED_ORDER = struct.Struct(f"<cq{_VALUE}s")
_EXECUTION = struct.Struct("<cH")


def open_block(state: GatewayState) -> bytes:
    """Orders that have not ended and requests without an answer. Their values are slots."""
    parts = [_HEAD.pack(state.next_offset, len(state.orders), len(state.pending))]
    for order_id, order in state.orders.items():
        flags = _ACKED * order.acked | _ENDED * order.ended | _TRIGGERED * order.triggered
        px_e9 = NULL if order.request.px_e9 is None else order.request.px_e9
        parts.append(_ORDER.pack(order_id, order.cause_id, order.leaves_e9, px_e9, order.request.qty_e9, flags, order.value))
    parts += [_PENDING.pack(pending.offset, pending.value) for pending in state.pending.values()]
    return b"".join(parts)


def read_open_block(data: bytes, request_of: Callable[[bytes], Request]) -> GatewayState:
    """The state of a block."""
    next_offset, orders, pending = _HEAD.unpack_from(data)
    state, at = GatewayState(), _HEAD.size
    for _ in range(orders):
        order_id, cause_id, leaves_e9, px_e9, qty_e9, flags, value = _ORDER.unpack_from(data, at)
        at += _ORDER.size
        request = request_of(value)._replace(px_e9=None if px_e9 == NULL else px_e9, qty_e9=qty_e9)
        known = bool(flags & _ACKED), bool(flags & _ENDED), bool(flags & _TRIGGERED)
        state.orders[order_id] = GatewayOrder(request, cause_id, *known, leaves_e9, value)
    for _ in range(pending):
        offset, value = _PENDING.unpack_from(data, at)
        at += _PENDING.size
        request = request_of(value)
        state.pending[request.id] = Pending(request, offset, value)
    state.next_offset = next_offset
    return state


class EndedFile:
    """Orders that have ended and executions, one after the other. nbytes: its length as far as it counts."""

    def __init__(self, path: Path) -> None:
        self.path, self.nbytes = path, 0

    def append(self, endings: Endings) -> None:
        """Write what has ended since the last call, and forget it there."""
        parts = [_ENDED_ORDER.pack(b"o", order_id, value) for order_id, value in endings.orders]
        for text in endings.executions:
            raw = text.encode()
            parts.append(_EXECUTION.pack(b"e", len(raw)) + raw)
        endings.orders.clear()
        endings.executions.clear()
        self.path.touch(0o600)
        with self.path.open("r+b") as file:
            file.truncate(self.nbytes)
            file.seek(self.nbytes)
            file.write(b"".join(parts))
            self.nbytes = file.tell()

    def read_into(self, state: GatewayState, nbytes: int) -> None:
        """Add what the first `nbytes` bytes say; RestoreError if the file is shorter."""
        data = self.path.read_bytes()[:nbytes] if self.path.exists() else b""
        if len(data) < nbytes:
            raise RestoreError(f"{self.path}: has {len(data):,} bytes, the checkpoint counts on {nbytes:,}; start a fresh run")
        at = 0
        while at < nbytes:
            if data[at : at + 1] == b"o":
                _, order_id, value = _ENDED_ORDER.unpack_from(data, at)
                state.ended_values[order_id] = value
                at += _ENDED_ORDER.size
            else:
                _, size = _EXECUTION.unpack_from(data, at)
                at += _EXECUTION.size
                state.last_exec_id = data[at : at + size].decode()
                state.executions.add(state.last_exec_id)
                at += size
        self.nbytes = nbytes

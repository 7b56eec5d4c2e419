"""The matching engine of the simulated venue behind one interface, plain or compiled: slots of market data and requests in, answers out.

Compiled it is flat memory and machine code: one native call carries thousands of market records. Both runs end in the same bytes.
"""

import struct
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from streams.errors import KernelError
from streams.kernel import View, addr_of, at, native
from streams.kernel.fault import FAULT
from streams.kernel.fields import FORMATS
from streams.kernel.raw import load_word
from streams.slots import Slot
from streams.trading.venue import SimVenue
from streams.trading.venue_answer import AnswerQueue, VenueAnswer
from streams.trading.venue_feed import take_market

__all__ = ["ENTRIES", "Answer", "Matcher", "compiled"]

_LOWEST = -(1 << 63)


class Answer(NamedTuple):
    """One answer as it lay in the queue; units as in VenueAnswer."""

    seq: int
    ts_ns: int
    order_id: int
    request_id: int
    exec_seq: int
    px_ticks: int
    qty_lots: int
    leaves_qty_lots: int
    cum_qty_lots: int
    fee: int
    instrument: int
    kind: int
    side: int
    maker: int
    reason: int


class Matcher:
    """A venue that was set up, and everything that may happen to it. An entry that fails raises KernelError: the venue must end.

    venue   : the object; compiled it is copied into flat memory once, and `venue` is a view of that
    address : of the venue, for other entries
    """

    def __init__(self, venue: SimVenue, machine: bool = False) -> None:
        self._plain = venue
        self.venue: Any = venue
        if machine:
            self.memory = venue.pack()
            self.venue = View(SimVenue, self.memory)
            self.address = self.memory.ctypes.data
            self._calls = compiled()
            queue = self.venue.answers
            self._head, self._answers = queue._base + AnswerQueue._fields_["head"].offset, queue.items[0]._base
            self._mask = len(queue.items) - 1
        else:
            self.address = addr_of(venue)
            self._calls = {name: function for name, (function, _) in ENTRIES.items()}
        self.machine = machine

    def follow(self, starts: np.ndarray, sizes: np.ndarray) -> int:
        """Take market records in order; how many. It stops early when many answers wait: take them and go on with the rest.

        starts, sizes : int64[n], contiguous: address and bytes of each record's slots; 0 bytes = nothing to do. Each slot's `instrument`
        is the venue's row; another number, or a kind that is no market data, only lets time pass or does nothing
        """
        return self._call("venue_follow", starts.ctypes.data, sizes.ctypes.data, len(starts))

    def on_time(self, now_ns: int) -> None:
        """Time passes; orders expire."""
        self._call("venue_time", now_ns)

    def submit(self, *terms: int) -> None:
        """A new order: the arguments of `venue_submit` after the venue."""
        self._call("venue_submit", *terms)

    def cancel(self, order_id: int, request_id: int) -> None:
        """A cancel arrives."""
        self._call("venue_cancel", order_id, request_id)

    def replace(self, order_id: int, request_id: int, px_ticks: int, qty_lots: int) -> None:
        """New terms arrive."""
        self._call("venue_replace", order_id, request_id, px_ticks, qty_lots)

    def take_answers(self) -> list[Answer]:
        """The answers that wait, oldest first; none of them waits any longer."""
        if self.machine:
            head, tail = _PLACES.unpack_from(self.memory, self._head)
            if head == tail:
                return []
            places = [self._answers + (n & self._mask) * _ANSWER_BYTES for n in range(head, tail)]
            _PLACES.pack_into(self.memory, self._head, tail, tail)
            return [Answer(*_ANSWER.unpack_from(self.memory, place)) for place in places]
        queue, found = self._plain.answers, []
        while not queue.empty():
            answer = queue.first()
            found.append(Answer(*(getattr(answer, name) for name in Answer._fields)))
            queue.take()
        return found

    def now_ns(self) -> int:
        """The largest time seen."""
        return self.venue.now_ns

    def next_expire_ns(self) -> int:
        """No order expires before."""
        return self.venue.next_expire_ns

    def pack(self) -> bytes:
        """The whole state, equal for equal inputs, plain or compiled."""
        return self.memory.tobytes() if self.machine else self._plain.pack().tobytes()

    def _call(self, name: str, *args: int) -> int:
        for value in args:
            if not _LOWEST <= value <= -_LOWEST - 1:  # machine code would take its low 64 bits
                raise ValueError(f"{value} does not fit 64 bits")
        result = self._calls[name](self.address, *args)
        if result == FAULT:
            raise KernelError(f"simulated venue: {name} failed; a number is beyond its sizes")
        return result


# ---- entries ----
def venue_follow(address: int, starts: int, sizes: int, n: int) -> int:
    """Take market records until a quarter of the answer queue is in use; how many were taken."""
    v = at(SimVenue, address)
    room = v.answers.items.n // 4
    for i in range(n):
        size = load_word(sizes + 8 * i)
        if size > 0:
            take_record(v, load_word(starts + 8 * i), size)
            if v.answers.tail - v.answers.head > room:
                return i + 1
    return n


def take_record(v: SimVenue, start: int, size: int) -> None:
    """One record of market data, as its slots lie in memory."""
    head = at(Slot, start)
    if 0 <= head.instrument < v.books.n:
        v.on_time(head.recv_ts_ns)
        take_market(v, start, size)


def venue_time(address: int, now_ns: int) -> int:
    """Time passes."""
    at(SimVenue, address).on_time(now_ns)
    return 0


def venue_submit(
    address: int,
    order_id: int,
    instrument: int,
    side: int,
    ord_type: int,
    time_in_force: int,
    post_only: int,
    px_ticks: int,
    qty_lots: int,
    stop_px_ticks: int,
    expire_ts_ns: int,
    display_qty_lots: int,
    min_qty_lots: int,
    max_floor_qty_lots: int,
    peg_offset_ticks: int,
) -> int:
    """A new order. Prices in ticks, quantities in lots, 0 = it has none."""
    v = at(SimVenue, address)
    o = v.draft
    o.reset(order_id)
    o.instrument = instrument
    o.set_terms(side, px_ticks, qty_lots)
    o.ord_type = ord_type
    o.time_in_force = time_in_force
    o.post_only = post_only
    o.stop_px_ticks = stop_px_ticks
    o.expire_ts_ns = expire_ts_ns
    o.display_qty_lots = display_qty_lots
    o.min_qty_lots = min_qty_lots
    o.max_floor_qty_lots = max_floor_qty_lots
    o.peg_offset_ticks = peg_offset_ticks
    v.submit()
    return 0


def venue_cancel(address: int, order_id: int, request_id: int) -> int:
    """A cancel."""
    at(SimVenue, address).on_cancel(order_id, request_id)
    return 0


def venue_replace(address: int, order_id: int, request_id: int, px_ticks: int, qty_lots: int) -> int:
    """A replace."""
    at(SimVenue, address).on_replace(order_id, request_id, px_ticks, qty_lots)
    return 0


ENTRIES: dict[str, tuple[Callable[..., int], int]] = {
    "venue_follow": (venue_follow, 4),
    "venue_time": (venue_time, 2),
    "venue_submit": (venue_submit, 15),
    "venue_cancel": (venue_cancel, 3),
    "venue_replace": (venue_replace, 5),
}

_PLACES = struct.Struct("qq")  # head and tail of the queue
_ANSWER = struct.Struct("<" + "".join(FORMATS[str(field.elem)] for field in VenueAnswer._fields_.values()))
_ANSWER_BYTES = VenueAnswer._size_


@cache
def compiled() -> dict[str, Callable[..., int]]:
    """The entries as machine code."""
    files = [*native.sources("streams.slots", "streams.trading"), __file__]
    return native.functions("venue", ENTRIES, files)

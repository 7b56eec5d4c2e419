"""A simulated venue that follows an order-by-order feed from an array: exact queues. The replay of topics has levels, and estimates them.

venue = L3Venue(instrument, sizes={"orders": 1 << 16})
venue.follow(events)                         # a structured array of L3_EVENT
venue.matcher.submit(1, 0, ...)              # requests and answers as with any Matcher
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from streams.errors import KernelError
from streams.kernel import View, addr_of, native
from streams.kernel.fault import FAULT
from streams.records import Instrument
from streams.trading.venue_l3 import L3Event, L3Market, l3_follow
from streams.trading.venue_models import VenueModels, make_venue
from streams.venues.sim.matcher import Matcher

__all__ = ["L3_EVENT", "L3Venue"]

_FIELDS = L3Event._fields_
L3_EVENT = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [field.elem for field in _FIELDS.values()],
        "offsets": [field.offset for field in _FIELDS.values()],
        "itemsize": L3Event._size_,
    }
)
"""One event: the fields of L3Event (streams/trading/venue_l3.py), 64 bytes."""

_SIZES = {"window": 4096, "far": 16384, "orders": 1 << 16, "levels": 12_000}


class L3Venue:
    """One instrument, all orders of others known, and ours among them.

    models  : queue is exact whatever they say; fills, impact and fee tiers hold
    sizes   : of the market's orders: window, far, orders (a power of two), levels (at most 7/8 of far)
    matcher : takes our requests, gives the answers
    market  : the orders of others
    """

    def __init__(
        self,
        instrument: Instrument,
        models: VenueModels | None = None,
        sizes: Mapping[str, int] | None = None,
        venue_sizes: Mapping[str, int] | None = None,
        compiled: bool = True,
    ) -> None:
        venue, market = make_venue(models or VenueModels(), [instrument], venue_sizes), L3Market({**_SIZES, **(sizes or {})})
        market.setup(venue, 0)
        self.matcher = Matcher(venue, compiled)
        self.market: Any = market
        if compiled:
            self._memory = market.pack()
            self.market, self._address = View(L3Market, self._memory), self._memory.ctypes.data
        else:
            self._address = addr_of(market)
        self._follow = _compiled() if compiled else l3_follow

    def follow(self, events: np.ndarray) -> int:
        """Take events in order; how many. It stops early when many answers wait: take them and go on with the rest.

        events : L3_EVENT[n], contiguous. ValueError for another type; KernelError where a number is beyond its sizes. Events that the book
        refuses (an unknown order) are counted in `market.book.refused`.
        """
        if events.dtype != L3_EVENT or events.ndim != 1 or not events.flags.c_contiguous:
            raise ValueError(f"events: {events.dtype} of {events.ndim} dimensions; a contiguous array of L3_EVENT is wanted")
        taken = self._follow(self.matcher.address, self._address, events.ctypes.data, len(events))
        if taken == FAULT:
            raise KernelError("simulated venue: l3_follow failed; a number is beyond its sizes")
        return taken

    def pack(self) -> bytes:
        """The whole state, equal for equal inputs, plain or compiled."""
        market = self._memory.tobytes() if hasattr(self, "_memory") else self.market.pack().tobytes()
        return self.matcher.pack() + market


@cache
def _compiled() -> Callable[[int, int, int, int], int]:
    files = native.sources("streams.trading")
    return native.function(native.load("venue_l3", lambda: {"l3_follow": (l3_follow, 4)}, files).l3_follow, 4)

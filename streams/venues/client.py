"""What a gateway needs of a venue: orders out, reports in, and the three questions that settle any doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from streams.records import Request, VenueEventType

__all__ = ["OrderState", "Outgoing", "VenueClient", "VenueReport"]


class Outgoing(NamedTuple):
    """A request to be sent. text: it in the venue's words, if they have been found already."""

    request: Request
    cl_ord_id: str
    text: str | None = None


class VenueReport(NamedTuple):
    """One message of the venue about an order. Prices and quantities x 10^9; None = not said.

    request_id : request of ours that it answers, None when nobody asked (a fill, an expiry)
    exec_id    : of a fill; the venue's own, unique at the venue
    raw        : the message as it came
    """

    kind: VenueEventType
    cl_ord_id: str
    symbol: str
    exch_ts_ns: int
    venue_order_id: str
    raw: bytes
    request_id: int | None = None
    exec_id: str | None = None
    last_px_e9: int | None = None
    last_qty_e9: int | None = None
    px_e9: int | None = None
    qty_e9: int | None = None
    maker: bool | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as the venue has it now. `ended`: how it ended (CANCELLED, EXPIRED, REJECT; FILL = filled), None while it is open."""

    cl_ord_id: str
    symbol: str
    exch_ts_ns: int
    venue_order_id: str
    px_e9: int | None
    qty_e9: int
    cum_qty_e9: int
    ended: VenueEventType | None
    reason: str | None
    raw: bytes


class VenueClient(Protocol):
    """A connection to one venue. Every call raises VenueError when the connection is gone; the caller connects anew and asks."""

    async def connect(self) -> None:
        """Open the connection."""
        ...

    async def close(self) -> None:
        """Close it; harmless when it is gone."""
        ...

    async def reports(self) -> list[VenueReport]:
        """The reports that have come since the last call, at least one, in the venue's order."""
        ...

    async def send(self, request: Request, cl_ord_id: str) -> None:
        """Send a NEW, REPLACE or CANCEL for the order `cl_ord_id`; its answer comes as a report with the request's id."""
        ...

    async def send_all(self, requests: Sequence[Outgoing]) -> None:
        """Send several, in this order."""
        ...

    def send_now(self, texts: Sequence[str]) -> bool:
        """The same of requests in the venue's words, within this call; false: nothing was sent, because `send_all` would have to wait."""
        ...

    async def cancel_all(self) -> None:
        """Cancel every open order of ours; each answers with a report."""
        ...

    async def open_orders(self) -> list[OrderState]:
        """Our orders that are open."""
        ...

    async def order(self, cl_ord_id: str) -> OrderState | None:
        """One order, open or ended; None if the venue has never accepted nor refused it."""
        ...

    async def executions(self, after: str | None) -> list[VenueReport]:
        """Our executions after the one with this id (None = all), oldest first."""
        ...

"""What tests of the simulated venue share: an instrument, market records, messages and requests."""

from decimal import Decimal

import numpy as np

from streams.records import (
    BookLevel,
    BookUpdate,
    FeeRounding,
    Instrument,
    InstrumentType,
    OrderAction,
    OrdType,
    Request,
    Side,
    TimeInForce,
    Trade,
)
from streams.schema import ids
from streams.venues.merge import Rows

E9 = 10**9
TICK_E9, LOT_E9 = E9 // 10, E9 // 1000


def instrument(venue: str = "sim", symbol: str = "BTCUSDT") -> Instrument:
    """A linear contract: tick 0.1, lot 0.001, fees 2 and 5 basis points."""
    figures = (TICK_E9, LOT_E9, E9, 200_000, 500_000, LOT_E9, 0, Decimal(0), 8, FeeRounding.HALF_UP, 0)
    return Instrument(0, 0, 0, 0, 0, venue, symbol, InstrumentType.LINEAR, "BTC", "USDT", *figures)


def book(bids, asks, recv_ts_ns=1, snapshot=False, venue="sim", symbol="BTCUSDT", run=1, id=0) -> BookUpdate:
    """A book update of levels (price, quantity) in units of the instrument: 100.1 as 1001 ticks, 0.005 as 5 lots."""
    sides = ((Side.BUY, bids), (Side.SELL, asks))
    levels = tuple(BookLevel(side, px * TICK_E9, qty * LOT_E9) for side, rows in sides for px, qty in rows)
    return BookUpdate(id, 0, run, recv_ts_ns, recv_ts_ns, venue, symbol, 0, 0, 1, snapshot, False, levels)


def trade(side, px, qty, recv_ts_ns=1, venue="sim", symbol="BTCUSDT", run=1, id=0) -> Trade:
    """A trade in ticks and lots."""
    return Trade(id, 0, run, recv_ts_ns, recv_ts_ns, venue, symbol, 0, 1, side, px * TICK_E9, qty * LOT_E9)


def follow(exchange, *records) -> None:
    """Give an exchange market records of its run."""
    starts, sizes, memory = exchange.slots.arrays([r._replace(run_id=exchange.run) for r in records])
    exchange.on_market(starts, sizes)
    del memory


def rows_of(slots, records, batch=0) -> Rows:
    """Market rows of (place, offset, record or None)."""
    places, offsets, found = zip(*records, strict=True)
    starts, sizes, memory = slots.arrays(found)
    times = np.array([0 if r is None else r.recv_ts_ns for r in found], np.int64)
    batches = np.full(len(times), batch, np.int64)
    return Rows(np.array(places, np.int64), np.array(offsets, np.int64), times, starts, sizes, batches, {batch: memory})


def new(number, cl_ord_id, side="BUY", px="100", qty="0.005", **more):
    """A NEW message."""
    return {
        "op": "new",
        "req": number,
        "cl_ord_id": cl_ord_id,
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "tif": "GTC",
        "qty": qty,
        "px": px,
        **more,
    }


def request(sequence, action=OrderAction.NEW, order=None, px=1000, qty=5, side=Side.BUY, venue="sim", run=1, ts_ns=0, **more) -> Request:
    """The request of that sequence of writer 9, for the order of request `order`; price and quantity in ticks and lots."""
    id = ids.make(9, sequence)
    order_id = ids.make(9, order or sequence)
    qty_e9 = 0 if action == OrderAction.CANCEL else qty * LOT_E9
    terms = (side, OrdType.LIMIT, TimeInForce.GTC, False, False, qty_e9)
    figures = {"px_e9": None if action == OrderAction.CANCEL else px * TICK_E9, **more}
    return Request(id, 0, run, ts_ns, ts_ns, action, order_id, "", venue, "BTCUSDT", "maker-1", "maker", *terms, **figures)

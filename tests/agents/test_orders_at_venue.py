"""Orders of every type through risk, execute and the simulated venue: both ends agree about each order, and nothing stays reserved."""

import random

import pytest

from streams.records import Fill, OrdStatus, OrdType, Report, Request, Side, TimeInForce, VenueEvent, VenueEventType
from streams.schema import ids
from streams.trading.venue import SimVenue
from tests.agents.desk import T0, Desk, book
from tests.agents.test_order_types import of, order

TICK_E9, LOT_E9 = 10**8, 10**6
SIZES = {"instruments": 1, "window": 1024, "far": 256, "orders": 64, "order_lists": 3, "executions": 1024, "answers": 4096}
TERMS = {"stop_px": TICK_E9, "display_qty": LOT_E9, "min_qty": LOT_E9, "max_floor_qty": LOT_E9, "peg_offset": TICK_E9}
UNASKED = (VenueEventType.FILL, VenueEventType.EXPIRED, VenueEventType.TRIGGERED)


class Market:
    """A desk of risk and execute, and the venue that its requests go to. keeps_time: the venue ends GTD and DAY orders itself."""

    def __init__(self, compiled=False, keeps_time=True):
        self.desk, self.venue, self.keeps_time = Desk("risk", "execute", compiled=compiled), SimVenue(SIZES), keeps_time
        self.venue.setup()
        spec = self.venue.specs[0]
        spec.valid, spec.money_per_tick_lot, spec.min_qty_lots = 1, 10_000, 1
        self.records, self.events, self.books = [], 0, 0

    def move(self, bid_ticks, ts_ns, qty=50):
        """A snapshot of one level a side."""
        self.books += 1
        self.venue.on_time(ts_ns)
        self.venue.on_snapshot(0)
        for side, px in ((0, bid_ticks), (1, bid_ticks + 1)):
            self.venue.on_level(0, side, px, qty)
        self.venue.on_update_end(0, 1)
        seen = book(self.books, f"{bid_ticks / 10:.1f}", f"{(bid_ticks + 1) / 10:.1f}", ts_ns, snapshot=True, qty="0.05")
        self.give([*self.told(ts_ns), seen])

    def trade(self, side, px_ticks, lots, ts_ns):
        self.venue.on_time(ts_ns)
        self.venue.on_trade(0, side, px_ticks, lots)
        self.give(self.told(ts_ns))

    def give(self, todo):
        """Records to the desk, its requests to the venue, the answers back, until both are quiet."""
        while todo:
            record, *todo = todo
            out = self.desk.give(record)
            self.records += out
            for request in of(Request, out):
                self.send(request)
                todo = [*todo, *self.told(request.ts_ns)]

    def send(self, r):
        if r.action.name == "CANCEL":
            self.venue.on_cancel(r.order_id, r.id)
            return
        px, qty = (r.px_e9 or 0) // TICK_E9, r.qty_e9 // LOT_E9
        if r.action.name == "REPLACE":
            self.venue.on_replace(r.order_id, r.id, px, qty)
            return
        o = self.venue.draft
        o.reset(r.order_id)
        o.instrument, o.ord_type, o.post_only = 0, int(r.ord_type), int(r.post_only)
        o.set_terms(int(r.side), px, qty)
        for name, step in TERMS.items():
            setattr(o, f"{name}_{'ticks' if step == TICK_E9 else 'lots'}", (getattr(r, f"{name}_e9") or 0) // step)
        ends = r.time_in_force in (TimeInForce.DAY, TimeInForce.GTD)
        o.time_in_force = int(r.time_in_force) if self.keeps_time or not ends else 0
        o.expire_ts_ns = (r.expire_ts_ns or 0) if self.keeps_time else 0
        self.venue.submit()

    def told(self, ts_ns):
        """What the venue has said since the last call, as a gateway writes it."""
        events, queue = [], self.venue.answers
        while not queue.empty():
            a = queue.first()
            self.events += 1
            kind, px, qty = VenueEventType(a.kind), a.px_ticks * TICK_E9 or None, a.qty_lots * LOT_E9
            terms = {"last_px_e9": px, "last_qty_e9": qty, "exec_id": str(a.exec_seq), "maker": a.maker == 1}
            terms = terms if kind == VenueEventType.FILL else {"px_e9": px, "qty_e9": qty}
            asked = None if kind in UNASKED else a.request_id
            times = {"ts_ns": ts_ns, "recv_ts_ns": ts_ns, "exch_ts_ns": ts_ns}
            where = {"venue": "binance", "symbol": "BTCUSDT", "venue_order_id": "", "raw": b"", "run_id": 7}
            events.append(
                VenueEvent(
                    id=ids.make(42, self.events), cause_id=0, kind=kind, request_id=asked, order_id=a.order_id, **times, **where, **terms
                )
            )
            queue.take()
        return events


def random_order(rng, n, bid, ts_ns, kind):
    """The n-th order near the touch, of a type with most of the fields it may have."""
    tif = rng.choice(
        [TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD] + [TimeInForce.IOC, TimeInForce.FOK] * (kind <= OrdType.STOP_LIMIT)
    )
    tif = TimeInForce.GTC if kind == OrdType.MARKET and tif == TimeInForce.GTD else tif
    terms = {"expire_ts_ns": ts_ns + rng.randint(1, 20) * 10**8} if tif == TimeInForce.GTD else {}
    if kind in (OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.ICEBERG):
        terms["px_e9"] = (bid + rng.randint(-3, 3)) * TICK_E9
    if kind in (OrdType.STOP, OrdType.STOP_LIMIT):
        terms["stop_px_e9"] = (bid + rng.randint(-3, 3)) * TICK_E9
    if kind == OrdType.ICEBERG:
        terms["display_qty_e9"] = rng.randint(2, 4) * LOT_E9
    if kind == OrdType.PEGGED:
        terms["peg_offset_e9"] = rng.randint(-2, 1) * TICK_E9
    if rng.random() < 0.2:
        terms["min_qty_e9"] = 2 * LOT_E9
    asked = order(n, kind, tif, ts_ns=ts_ns, qty=f"0.0{rng.randint(10, 20)}", **terms)
    return asked._replace(side=Side(rng.randrange(2)))


def play(market, seed, steps=60):
    """A random market with random orders, replaces and cancels; at the end everything is cancelled."""
    rng, bid, ts_ns, n = random.Random(seed), 600_000, T0, 0
    open_orders = {}
    market.move(bid, ts_ns)
    for _ in range(steps):
        ts_ns += 10**8
        what = rng.random()
        if what < 0.3:
            bid += rng.choice([-2, -1, 1, 2])
            market.move(bid, ts_ns)
        elif what < 0.5:
            market.trade(rng.randrange(2), bid + rng.randint(-2, 3), rng.randint(1, 120), ts_ns)
        elif what < 0.85 or not open_orders:
            n += 1
            open_orders[n] = random_order(rng, n, bid, ts_ns, rng.choice([k for k in OrdType if k < OrdType.TWAP or k == OrdType.PEGGED]))
            market.give([open_orders[n]])
        else:
            of_number, first = rng.choice(list(open_orders.items()))
            n += 1
            action = rng.choice(["REPLACE", "CANCEL"])
            terms = {"px_e9": first.px_e9 and first.px_e9 + TICK_E9} if action == "REPLACE" else {}
            later = first._replace(id=ids.make(50, n), ts_ns=ts_ns, recv_ts_ns=ts_ns, action=type(first.action)[action], **terms)
            market.give([later])
            if action == "CANCEL":
                del open_orders[of_number]
    for number, first in open_orders.items():
        n += 1
        market.give([first._replace(id=ids.make(50, 1000 + number), ts_ns=ts_ns, recv_ts_ns=ts_ns, action=type(first.action).CANCEL)])
    market.move(bid, ts_ns + 86_400 * 10**9)
    return market


def agree(market):
    """Each order's last report adds up with its fills; nothing is open on either side, and risk holds nothing for it."""
    last, filled = {}, {}
    for record in market.records:
        if isinstance(record, Report):
            last[record.order_id] = record
        elif isinstance(record, Fill):
            filled[record.order_id] = filled.get(record.order_id, 0) + record.last_qty_e9
    terminal = (OrdStatus.FILLED, OrdStatus.CANCELLED, OrdStatus.REJECTED, OrdStatus.EXPIRED)
    for order_id, report in last.items():
        assert report.ord_status in terminal
        assert report.cum_qty_e9 == filled.get(order_id, 0) <= report.qty_e9
        assert report.leaves_qty_e9 == 0
    assert market.venue.orders.open_count == 0
    return {(r.ord_type, r.ord_status) for r in last.values()}


@pytest.mark.parametrize("keeps_time", [True, False], ids=["venue ends", "execute ends"])
def test_orders_of_all_types_end_the_same_at_both_ends(keeps_time):
    ends = set()
    for seed in range(5):
        market = play(Market(keeps_time=keeps_time), seed)
        ends |= agree(market)
        node = market.desk.process.node.node
        assert (node.execute.orders.open_count, node.risk.working.open_count, node.views.orders.open_count) == (0, 0, 0)
        assert (node.execute.unknown, node.execute.refused) == (0, 0)
    assert {kind for kind, _ in ends} == {k for k in OrdType if k < OrdType.TWAP or k == OrdType.PEGGED}
    assert {status for _, status in ends} == {OrdStatus.FILLED, OrdStatus.CANCELLED, OrdStatus.REJECTED, OrdStatus.EXPIRED}


@pytest.mark.slow
def test_orders_of_all_types_plain_and_compiled_write_the_same_records_and_bytes():
    plain, compiled = play(Market(), 77, 150), play(Market(compiled=True), 77, 150)
    assert plain.records == compiled.records
    ours, theirs = plain.desk.process.snapshot(), compiled.desk.process.snapshot()
    assert {k: v[2] for k, v in ours.items()} == {k: v[2] for k, v in theirs.items()}

"""The simulated venue and its slow twin asked the same, and the entry point that plays the same calls compiled."""

import random

from streams.kernel import Struct, Table, addr_of, at, native
from streams.records import OrdType, Side, TimeInForce, VenueEventType
from streams.trading.impact import IMPACTS, KERNELS
from streams.trading.queue_model import QUEUE_MODELS
from streams.trading.venue import SimVenue
from streams.trading.venue_answer import REASONS
from tests.trading.slow_venue import SlowVenue

SIZES = {"instruments": 1, "window": 128, "far": 64, "orders": 64, "order_lists": 3, "executions": 1024, "answers": 4096}


class VenueCall(Struct):
    """One call: op selects the method, the rest are its arguments."""

    op: int
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: int
    display: int
    least: int
    floor: int
    peg: int
    end: int


class VenueRun(Struct):
    venue: SimVenue
    calls: Table[VenueCall, "calls"]


def write_draft(o, x):
    """The terms of a "new" call: id, side, type, time in force, post-only, price, quantity, and what few orders have."""
    o.reset(x.a)
    o.instrument = 0
    o.set_terms(x.b, x.f, x.g)
    o.ord_type = x.c
    o.time_in_force = x.d
    o.post_only = x.e
    o.stop_px_ticks = x.h
    o.expire_ts_ns = x.i
    o.display_qty_lots = x.display
    o.min_qty_lots = x.least
    o.max_floor_qty_lots = x.floor
    o.peg_offset_ticks = x.peg
    o.end_ts_ns = x.end


def play(p, n):
    """Make the first n calls; the answers stay in the queue."""
    run = at(VenueRun, p)
    v = run.venue
    for k in range(n):
        x = run.calls[k]
        if x.op == 0:
            v.on_level(0, x.a, x.b, x.c)
        elif x.op == 1:
            v.on_snapshot(0)
        elif x.op == 2:
            v.on_update_end(0, x.a)
        elif x.op == 3:
            v.on_trade(0, x.a, x.b, x.c)
        elif x.op == 4:
            v.on_time(x.a)
        elif x.op == 5:
            write_draft(v.draft, x)
            v.submit()
        elif x.op == 6:
            v.on_cancel(x.a, x.b)
        elif x.op == 7:
            v.on_replace(x.a, x.b, x.c, x.d)
    return v.answer_count


def compiled():
    files = [*native.sources("streams.trading"), __file__]
    return native.function(native.load("test_venue", lambda: {"play": (play, 2)}, files=files).play, 2)


def set_spec(venue, slow):
    """The slow venue's figures."""
    spec = venue.specs[0]
    spec.valid, spec.money_per_tick_lot = 1, slow.unit
    spec.fees.maker_e9, spec.fees.taker_e9 = slow.rates[1], slow.rates[0]
    spec.min_qty_lots, spec.max_qty_lots, spec.min_notional = slow.min_qty, slow.max_qty, slow.min_notional
    venue.queue_model, venue.queue_exponent, venue.lot_base[0] = QUEUE_MODELS[slow.queue[0]], slow.queue[1], slow.lot
    venue.whole, venue.impacted = int(slow.whole), int(slow.impact is not None)
    if slow.impact is not None:
        impact = venue.impacts[0]
        model, impact.strength, impact.day_lots, impact.exponent, kernel, impact.decay, impact.timescale_ns = slow.impact
        impact.model, impact.kernel = IMPACTS[model], KERNELS[kernel]
    venue.volume_unit[0], venue.tiers.count = 1, len(slow.tiers)
    for n, (volume, maker_e9, taker_e9) in enumerate(slow.tiers):
        tier = venue.tiers.tiers[n]
        tier.volume_e6, tier.maker_e9, tier.taker_e9 = volume, maker_e9, taker_e9


OPS = ("level", "snapshot", "update_end", "trade", "time", "new", "cancel", "replace")


class Both:
    """Each call goes to the slow venue and to the kernel's; `agree` compares all that was answered, and the state of every order."""

    def __init__(self, sizes=SIZES, **figures):
        self.slow, self.sizes, self.calls = SlowVenue(**figures), sizes, []
        self.venue = SimVenue(sizes)
        self.venue.setup()
        set_spec(self.venue, self.slow)
        self.answers = []

    def call(self, name, *args):
        getattr(self.slow, name)(*args)
        call = VenueCall(**dict(zip(VenueCall._fields_, (OPS.index(name), *map(int, args)), strict=False)))
        if name == "new":
            write_draft(self.venue.draft, call)
            self.venue.submit()
        else:
            method = getattr(self.venue, f"on_{name}")
            method(*args) if name in ("time", "cancel", "replace") else method(0, *args)
        self.calls.append((OPS.index(name), *map(int, args)))
        queue = self.venue.answers
        while not queue.empty():
            a = queue.first()
            figures = (a.px_ticks, a.qty_lots, a.leaves_qty_lots, a.cum_qty_lots, a.maker, a.fee)
            self.answers.append((VenueEventType(a.kind), a.order_id, a.request_id, *figures, REASONS[a.reason]))
            queue.take()

    def agree(self):
        assert self.answers == self.slow.answers
        open_orders = [o for o in self.slow.orders if o.state in ("rests", "waits")]
        assert self.venue.orders.open_count == len(open_orders)
        for o in open_orders:
            found = self.venue.orders.pool[self.venue.orders.find(o.id)]
            assert (found.px_ticks, found.leaves_qty_lots) == (o.px, o.leaves)
            assert o.state == "waits" or (found.ahead_lots, found.shown_lots) == (o.ahead, o.shown)
        for side in Side:
            assert {px: self.venue.books[0].qty(side, px) for px in self.slow.book[side]} == self.slow.book[side]
            assert self.venue.best_key[side] == max((self.venue.key(side, o.px) for o in self.slow.resting(side)), default=-(1 << 40))

    def play_compiled(self):
        """The same calls on flat memory and as objects: the same bytes, answers included."""
        run = VenueRun({**self.sizes, "calls": max(1, len(self.calls))})
        run.venue.setup()
        set_spec(run.venue, self.slow)
        for call, values in zip(run.calls, self.calls, strict=False):
            for name, value in zip(VenueCall._fields_, values, strict=False):
                setattr(call, name, value)
        flat = run.pack()
        assert compiled()(flat.ctypes.data, len(self.calls)) == len(self.answers)
        assert play(addr_of(run), len(self.calls)) == len(self.answers)
        assert run.pack().tobytes() == flat.tobytes()


def random_calls(seed, count):
    """A dense market around 100 with orders of every kind in it."""
    rng = random.Random(seed)
    now, next_id = 1, 1
    calls = [("time", 1), *[("level", side, 100 - d if side == 0 else 101 + d, rng.randint(1, 9)) for side in (0, 1) for d in range(4)]]
    for _ in range(count):
        px, side, qty = rng.choice([100, 101, rng.randint(95, 106)]), Side(rng.randrange(2)), rng.randint(1, 9)
        what = rng.random()
        if what < 0.30:
            calls += level_update(rng)
        elif what < 0.32:
            calls += [
                ("snapshot",),
                *[("level", s, px, rng.randint(1, 9)) for s, px in ((0, 100), (0, 99), (1, 101), (1, 103))],
            ]
            calls.append(("update_end", 1))
        elif what < 0.52:
            calls.append(("trade", side, px if rng.random() < 0.5 else 100 + side, rng.randint(1, 15)))
        elif what < 0.60:
            now += rng.choice([1, 5, 30])
            calls.append(("time", now))
        elif what < 0.80:
            kind = rng.choices(list(OrdType), [1, 8, 1, 1, 3, 0.1, 0.1, 0.1, 3])[0]
            tif = rng.choices(
                list(TimeInForce), [10, 2, 2, 0.2, 3] if kind not in (OrdType.ICEBERG, OrdType.PEGGED) else [10, 0.1, 0.1, 0.2, 3]
            )[0]
            id = next_id if rng.random() < 0.95 else max(1, next_id - 2)
            next_id = max(next_id, id + 1)
            calls.append(("new", id, side, kind, tif, *random_terms(rng, kind, tif, px, qty, now)))
        elif what < 0.90:
            calls.append(("cancel", rng.randint(max(1, next_id - 12), next_id), 1000 + len(calls)))
        else:
            calls.append(("replace", rng.randint(max(1, next_id - 12), next_id), 2000 + len(calls), px, rng.randint(0, 12)))
    return calls


def random_terms(rng, kind, tif, px, qty, now):
    """post_only, price, quantity, stop, expire, display, least, floor, peg, end: mostly what the type must and may have."""
    may = kind in (OrdType.LIMIT, OrdType.ICEBERG, OrdType.PEGGED) and tif not in (TimeInForce.IOC, TimeInForce.FOK)
    limit = 0 if kind in (OrdType.MARKET, OrdType.STOP) or (kind == OrdType.PEGGED and rng.random() < 0.6) else px
    stop = px + rng.randint(-2, 2) if kind in (OrdType.STOP, OrdType.STOP_LIMIT) else 0
    expire = now + rng.randint(0, 60) if tif == TimeInForce.GTD else 0
    display = rng.randint(1, max(1, min(qty, 3))) if kind == OrdType.ICEBERG else 0
    least = rng.randint(1, max(1, display or qty)) if rng.random() < 0.15 else 0
    floor = rng.randint(1, qty) if may and rng.random() < 0.15 else 0
    peg = rng.randint(-2, 2) if kind == OrdType.PEGGED else 0
    end = now + 99 if kind in (OrdType.TWAP, OrdType.VWAP) else 0
    terms = [int(may and rng.random() < 0.3), limit, qty, stop, expire, display, least, floor, peg, end]
    if rng.random() < 0.05:
        terms[rng.randrange(10)] = rng.randint(-1, 3)
    return terms


def level_update(rng):
    """Some levels, the sides kept apart most of the time, as a market's are."""
    split = rng.randint(98, 103)
    levels = []
    for _ in range(rng.randint(1, 4)):
        px = rng.randint(95, 106)
        side = (0 if px < split else 1) if rng.random() < 0.95 else rng.randrange(2)
        levels.append(("level", Side(side), px, rng.choice([0, rng.randint(1, 9)])))
    return [*levels, ("update_end", 0)]

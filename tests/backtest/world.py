"""What tests of the engine share: strategies, a random market as slots, and an engine around them."""

import itertools
import random
from decimal import Decimal

import numpy as np

from streams.agents.context import Context
from streams.backtest.engine import Engine
from streams.backtest.events import Events
from streams.backtest.latencies import LatencyModels
from streams.backtest.venue import Simulated, make_venues
from streams.kernel.memory import aligned
from streams.records import BookLevel, BookUpdate, Side, Trade
from streams.schema import ids
from streams.slots import FillSlot, TradeSlot
from streams.strategies.base import Strategy
from streams.strategies.made_records import E9, VENUE, symbol
from streams.strategies.testing import Desk
from streams.trading.book import Book
from streams.trading.codes import BUY, FOK, GTC, IOC, LIMIT, SELL
from streams.trading.venue_models import VenueModels

MS = 1_000_000
T0 = 1_700_000_100 * E9
GATEWAY, TICKS = ids.make(200, 0), ids.make(201, 0)
SMALL_VENUE = {"window": 512, "far": 64, "orders": 128, "executions": 1024, "answers": 512}


class Busy(Strategy):
    """Sends orders of many kinds, changes and cancels them, takes, and sets timers: all by its own random numbers."""

    seed: int = 1
    size_lots: int = 3
    sent: int
    filled: int
    timers: int
    last: int

    def draw(self, n: int) -> int:
        self.seed = (self.seed * 1103515245 + 12345) % 2147483648
        return (self.seed // 65536) % n

    def on_start(self, ctx: Context) -> None:
        ctx.set_timer(ctx.now_ns + 2_500_000)

    def on_book(self, ctx: Context, book: Book) -> None:
        k = self.draw(12)
        bid, ask, i = book.bid(), book.ask(), book.instrument
        if k == 0:
            self.last = ctx.buy(i, bid - self.draw(3), self.size_lots)
        elif k == 1:
            self.last = ctx.sell(i, ask + self.draw(3), self.size_lots)
        elif k == 2:
            ctx.place(i, BUY, ask, 1, LIMIT, IOC)
        elif k == 3:
            ctx.place(i, SELL, bid, 1, LIMIT, FOK)
        elif k == 4:
            ctx.cancel(self.last)
        elif k == 5:
            ctx.replace(self.last, bid - 1, self.size_lots + 1)
        elif k == 6:
            ctx.stop(i, BUY, ask + 1, 1)
        elif k == 7:
            ctx.cancel_all()
        elif k == 8:
            ctx.pegged(i, BUY, 0, 2)
        elif k == 9:
            ctx.iceberg(i, SELL, ask, 4, 2)
        elif k == 10:
            ctx.place(i, BUY, ask + 1, 1, LIMIT, GTC, True)
        self.sent += 1

    def on_fill(self, ctx: Context, fill: FillSlot) -> None:
        self.filled += fill.last_qty_lots

    def on_trade(self, ctx: Context, trade: TradeSlot) -> None:
        if self.draw(4) == 0:
            e = ctx.new_order(trade.instrument, SELL, 1)
            e.px_ticks = trade.px_ticks + 2
            e.time_in_force = 4
            e.expire_ts_ns = ctx.now_ns + 7_000_000

    def on_timer(self, ctx: Context, timer: int) -> None:
        self.timers += 1
        ctx.set_timer(ctx.now_ns + 2_500_000)


def market(count: int, seed: int = 1, instruments: int = 1, gap_ns: int = 3 * MS, least_ns: int = 0) -> list:
    """A random market: books of a few levels near the touch, and trades; the venue's clock is ours."""
    rng, now, found, mid = random.Random(seed), T0, [], 1000
    for n in range(1, count + 1):
        now += least_ns + rng.randrange(gap_ns)
        i = rng.randrange(instruments)
        head = (ids.make(40, n), 0, 1, now, now, VENUE, symbol(i), max(now - rng.randrange(MS + 1), T0 - MS))
        if n > instruments and rng.random() < 0.3:
            side = Side(rng.randrange(2))
            found.append(Trade(*head, n, side, (mid + rng.randint(-1, 1)) * E9, rng.randint(1, 9) * E9))
            continue
        mid += rng.choice((-1, 0, 0, 0, 1))
        if n <= instruments:
            head = (*head[:6], symbol(n - 1), head[7])
        snapshot = n <= instruments or rng.random() < 0.1
        depth = range(1, 4)
        levels = [BookLevel(Side.BUY, (mid - d) * E9, rng.randint(1, 20) * E9) for d in depth]
        levels += [BookLevel(Side.SELL, (mid + d) * E9, rng.randint(1, 20) * E9) for d in depth]
        if not snapshot:
            levels += [BookLevel(side, (mid - int(side) * d + (1 - int(side)) * d) * E9, 0) for side in Side for d in range(4)]
        found.append(BookUpdate(*head, n, n, snapshot, False, tuple(levels)))
    return found


def book(n: int, at_ns: int, bid: int, ask: int, qty: int = 5) -> BookUpdate:
    """A whole book of one level a side, known to the venue at once."""
    levels = (BookLevel(Side.BUY, bid * E9, qty * E9), BookLevel(Side.SELL, ask * E9, qty * E9))
    return BookUpdate(ids.make(40, n + 1), 0, 1, at_ns, at_ns, VENUE, symbol(0), at_ns, n + 1, n + 1, True, False, levels)


def trade(n: int, at_ns: int, side: Side, px: int, qty: int = 1) -> Trade:
    """A trade of the market."""
    return Trade(ids.make(41, n + 1), 0, 1, at_ns, at_ns, VENUE, symbol(0), at_ns, n + 1, side, px * E9, qty * E9)


def events_of(edge, records) -> Events:
    """Records as a piece of a stream."""
    slots = [edge.to_slots(record) for record in records]
    sizes = np.array([len(s) for s in slots], np.int64)
    memory = aligned(max(64, int(sizes.sum())))
    memory[: int(sizes.sum())] = memoryview(b"".join(slots))
    starts = memory.ctypes.data + np.cumsum(sizes) - sizes
    recv, exch = (np.array([getattr(r, name) for r in records], np.int64) for name in ("recv_ts_ns", "exch_ts_ns"))
    return Events(starts, sizes, recv, exch, memory)


def cut(events: Events, at) -> list[Events]:
    """The stream in pieces that begin at these places."""
    edges = [0, *sorted(at), events.count]
    return [events.part(a, b) for a, b in itertools.pairwise(edges)]


def process_of(cls=Busy, compiled=False, instruments=1, others=(), **params):
    """A process of everything, with its control records, fees of 1 and 2 per thousand."""
    fees = {"maker_fee": Decimal("0.001"), "taker_fee": Decimal("0.002")}
    return Desk(cls, compiled=compiled, instruments=instruments, others=others, **fees, **params).process


def venues_of(process, latencies=None, models=None, seed=1, venues=1):
    """Venues that share the process's instruments in turn; the first is VENUE."""
    said = Simulated(models or VenueModels(), latencies or LatencyModels(None, MS, MS), seed)
    names = [VENUE, *(f"{VENUE}-{k}" for k in range(2, 1 + venues))]
    own = [i._replace(venue=names[k % venues]) for k, i in enumerate(process.instruments)]
    numbers = {f"{i.venue}:{i.symbol}": k for k, i in enumerate(own)}
    return make_venues(dict.fromkeys(names, said), own, numbers, SMALL_VENUE)


def engine_of(process, latencies=None, models=None, venues=1, **more) -> Engine:
    made = venues_of(process, latencies, models, venues=venues)
    return Engine(process, made, **{"gateway_id": GATEWAY, "tick_id": TICKS, "in_flight": 256, **more})


def tapes(engine: Engine, pieces, offset=0) -> list:
    """(kind, bytes, venue's time, reason) of all that was written."""
    found = []
    for tape in engine.play(pieces, offset):
        rest = zip(tape.exch_ts_ns.tolist(), tape.reason.tolist(), strict=True)
        found += [(*slot, *more) for slot, more in zip(tape.slots(), rest, strict=True)]
    return found

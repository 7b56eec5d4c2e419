"""A made world for a strategy: listed instruments, every agent in one process, and the simulated venue that its orders reach.

Prices in ticks of 0.01 around 10,000 (100.00), quantities in lots of 1, so that a basis point is a tick. A maker pays 1 tick a lot, a
taker 3. Nothing but the strategy trades, except what the market's maker writes as trades.
"""

import statistics
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

from streams.agents.process import Process
from streams.agents.spec import ProcessSpec, StrategySpec
from streams.records import (
    BookLevel,
    BookUpdate,
    Command,
    CommandType,
    FeeRounding,
    Fill,
    Instrument,
    InstrumentType,
    Limit,
    Name,
    NameKind,
    OrderAction,
    Param,
    Position,
    Quote,
    Request,
    Rule,
    Side,
    Trade,
    VenueEvent,
    VenueEventType,
)
from streams.schema import codec, ids
from streams.trading.venue import SimVenue

__all__ = ["T0", "World", "digest", "score"]

T0 = 1_700_000_000_000_000_000
TICK_E9, LOT_E9 = 10_000_000, 1_000_000_000
MAKER_E9, TAKER_E9 = 100_000, 300_000
AGENTS = ("strategy", "risk", "execute", "account")
TOPICS = ("signals.v1", "orders.v1", "decisions.v1", "requests.v1", "reports.v1", "fills.v1", "positions.v1", "balances.v1", "metrics.v1")
ROOM = {
    "orders": 64,
    "queue": 640,
    "executions": 256,
    "window": 256,
    "far": 64,
    "instruments": 2,
    "strategies": 1,
    "accounts": 1,
    "scopes": 2,
}
RUN, FEED, CONTROL, VENUE = 7, 40, 41, 42


class World:
    """One run of one strategy. `records` keeps all that the agents wrote.

    books      : what was shown, (time, instrument, bid, ask, bid lots, ask lots)
    listed     : "venue:symbol" of up to two instruments; the others' numbers follow their order
    latency_ns : what a request needs to reach its venue; its answer comes at once
    """

    def __init__(
        self,
        cls: str,
        listed: Iterable[str] = ("sim:AAA",),
        params: dict[str, float] | None = None,
        latency_ns: int = 0,
        compiled: bool = True,
    ) -> None:
        self.listed = [tuple(name.split(":")) for name in listed]
        self.latency_ns, self.now_ns = latency_ns, T0
        strategy = StrategySpec("s", cls, "a", tuple(":".join(name) for name in self.listed))
        writers = {topic: 10 + i for i, topic in enumerate(TOPICS)}
        self.process = Process(ProcessSpec("trade", 0, AGENTS, (strategy,), ROOM, writers, epoch=1_700_000_000), compiled=compiled)
        self.venue = _venue(len(self.listed))
        self.records: list[Any] = []
        self.books: list[tuple[int, int, int, int, int, int]] = []
        self.touches: dict[int, dict[Side, int]] = {}
        self.in_flight: list[tuple[int, Request]] = []
        self.counts = {FEED: 0, VENUE: 0}
        for record in _control(self.listed, params or {}):
            self.process.on_input(record)
        self.process.take_outputs()

    # ---- the market ----
    def book(self, bid: int, ask: int, bid_lots: int = 1000, ask_lots: int = 1000, i: int = 0) -> None:
        """The touch of an instrument is now this; nothing stands behind it."""
        levels = []
        for side, px, lots in ((Side.BUY, bid, bid_lots), (Side.SELL, ask, ask_lots)):
            before = self.touches.get(i, {}).get(side, px)
            levels += [BookLevel(side, before * TICK_E9, 0)] if before != px else []
            levels.append(BookLevel(side, px * TICK_E9, lots * LOT_E9))
        self.books.append((self.now_ns, i, bid, ask, bid_lots, ask_lots))
        first = i not in self.touches
        self.touches[i] = {Side.BUY: bid, Side.SELL: ask}
        n = self.counts[FEED] + 1
        self._market(BookUpdate(*self._stamp(FEED), *self.listed[i], self.now_ns, n, n, first, False, tuple(levels)), i)

    def trade(self, side: Side, px: int, lots: int, i: int = 0) -> None:
        """A taker of this side traded at a price."""
        n = self.counts[FEED] + 1
        self._market(Trade(*self._stamp(FEED), *self.listed[i], self.now_ns, n, side, px * TICK_E9, lots * LOT_E9), i)

    def wait(self, ns: int) -> None:
        """Time passes; requests on their way reach the venue."""
        self.now_ns += ns
        self._deliver()
        self._carry()

    # ---- what came of it ----
    def pnl(self) -> float:
        """Profit or loss of all instruments after fees, at the mid of now, as the account agent has it. In ticks x lots."""
        self.wait(1_000_000_000)
        for i, touch in self.touches.items():
            sides = (touch[Side.BUY] * TICK_E9, LOT_E9, touch[Side.SELL] * TICK_E9, LOT_E9)
            spread_e9 = (touch[Side.SELL] - touch[Side.BUY]) * TICK_E9
            self.process.on_input(Quote(*self._stamp(FEED), *self.listed[i], 0, 0, *sides, spread_e9, 0.0, 0.0))
        self._carry()
        last = {(p.venue, p.symbol): p for p in self.records if isinstance(p, Position)}
        return float(sum(p.realized_pnl + p.unrealized_pnl - p.fees for p in last.values())) / (TICK_E9 / 1e9)

    def fills(self) -> list[Fill]:
        """Every execution."""
        return [r for r in self.records if isinstance(r, Fill)]

    def trades(self) -> list[tuple[int, int, int]]:
        """Every execution as (time, instrument, signed lots)."""
        found = [(f.ts_ns, self.listed.index((f.venue, f.symbol)), f.last_qty_e9 // LOT_E9, f.side) for f in self.fills()]
        return [(ts_ns, i, lots if side == Side.BUY else -lots) for ts_ns, i, lots, side in found]

    def held(self, i: int = 0) -> int:
        """Signed lots of an instrument, summed from the fills."""
        return sum(lots for _, one, lots in self.trades() if one == i)

    # ---- carrying ----
    def _stamp(self, writer: int) -> tuple[int, int, int, int, int]:
        self.counts[writer] += 1
        return ids.make(writer, self.counts[writer]), 0, RUN, self.now_ns, self.now_ns

    def _market(self, record: BookUpdate | Trade, i: int) -> None:
        self.venue.on_time(self.now_ns)
        if isinstance(record, Trade):
            self.venue.on_trade(i, int(record.side), record.px_e9 // TICK_E9, record.qty_e9 // LOT_E9)
        else:
            if record.snapshot:
                self.venue.on_snapshot(i)
            for level in record.levels:
                self.venue.on_level(i, int(level.side), level.px_e9 // TICK_E9, level.qty_e9 // LOT_E9)
            self.venue.on_update_end(i, int(record.snapshot))
        self._answers()
        self.process.on_input(record)
        self._carry()

    def _carry(self) -> None:
        """Keep what the agents wrote, send their requests; until both sides are quiet."""
        while outputs := self.process.take_outputs():
            self.records += [record for _, record in outputs]
            self.in_flight += [(self.now_ns + self.latency_ns, record) for _, record in outputs if isinstance(record, Request)]
            self._deliver()

    def _deliver(self) -> None:
        self.venue.on_time(self.now_ns)
        while self.in_flight and self.in_flight[0][0] <= self.now_ns:
            self._request(self.in_flight.pop(0)[1])
        self._answers()

    def _request(self, r: Request) -> None:
        i, px, lots = self.listed.index((r.venue, r.symbol)), (r.px_e9 or 0) // TICK_E9, r.qty_e9 // LOT_E9
        if r.action == OrderAction.NEW:
            self.venue.on_new(r.order_id, i, int(r.side), int(r.ord_type), int(r.time_in_force), int(r.post_only), px, lots, 0, 0)
        elif r.action == OrderAction.CANCEL:
            self.venue.on_cancel(r.order_id, r.id)
        else:
            self.venue.on_replace(r.order_id, r.id, px, lots)

    def _answers(self) -> None:
        queue = self.venue.answers
        while not queue.empty():
            a = queue.first()
            kind, px, qty = VenueEventType(a.kind), a.px_ticks * TICK_E9 or None, a.qty_lots * LOT_E9
            head = (*self._stamp(VENUE), kind, a.order_id, *self.listed[a.instrument], self.now_ns, str(a.order_id), b"", a.request_id)
            if kind == VenueEventType.FILL:
                event = VenueEvent(*head, exec_id=str(a.exec_seq), last_px_e9=px, last_qty_e9=qty, maker=a.maker != 0)
            else:
                event = VenueEvent(*head, px_e9=px, qty_e9=qty)
            queue.take()
            self.process.on_input(event)


def digest(world: World) -> str:
    """Hash of every record a run wrote, and of its end state."""
    found = blake2b(digest_size=16)
    for record in world.records:
        found.update(codec.encode(record))
    for part, (_, _, data) in sorted(world.process.snapshot().items()):
        found.update(part.encode() + data)
    return found.hexdigest()


def score(play: Callable[[int], World], seeds: Iterable[int]) -> tuple[float, float]:
    """Mean P&L of the runs with these seeds, and how many standard errors it lies above 0."""
    pnls = [play(seed).pnl() for seed in seeds]
    error = statistics.stdev(pnls) / len(pnls) ** 0.5
    return statistics.fmean(pnls), statistics.fmean(pnls) / error if error > 0 else 0.0


def _venue(n: int) -> SimVenue:
    room = {"window": 256, "far": 64, "orders": 64, "executions": 1024, "answers": 64}
    venue = SimVenue({**room, "instruments": n, "order_lists": 3 * n})
    venue.setup()
    for i in range(n):
        spec = venue.specs[i]
        spec.instrument, spec.tick_e9, spec.lot_e9, spec.valid, spec.money_per_tick_lot = i, TICK_E9, LOT_E9, 1, 1_000_000
        spec.instrument_type, spec.min_qty_lots, spec.max_qty_lots = 1, 1, 1_000_000
        spec.fees.maker_e9, spec.fees.taker_e9 = MAKER_E9, TAKER_E9
    return venue


def _control(listed: list[tuple[str, ...]], params: dict[str, float]) -> list[NamedTuple]:
    """Names, instruments, limits, parameters and the RUN command, as `apply` would write them."""
    names = [(NameKind.VENUE, venue) for venue in dict.fromkeys(venue for venue, _ in listed)]
    names += [(NameKind.INSTRUMENT, ":".join(name)) for name in listed]
    names += [(NameKind.CURRENCY, "COIN"), (NameKind.CURRENCY, "CASH"), (NameKind.ACCOUNT, "a"), (NameKind.STRATEGY, "s")]
    names += [(NameKind.SCOPE, "firm"), (NameKind.SCOPE, "account:a")]
    numbers: dict[NameKind, int] = {}
    records: list[NamedTuple] = []
    for kind, name in names:
        number = numbers.setdefault(kind, 0)
        numbers[kind] += 1
        records.append(Name(ids.make(CONTROL, len(records) + 1), 0, 0, 0, 0, kind, number, name, 1_700_000_000))
    for venue, symbol in listed:
        head = (ids.make(CONTROL, len(records) + 1), 0, 0, 0, 0, venue, symbol, InstrumentType.LINEAR, "COIN", "CASH")
        filters = (LOT_E9, LOT_E9 * 1_000_000, Decimal(0), 8, FeeRounding.HALF_UP, 0)
        records.append(Instrument(*head, TICK_E9, LOT_E9, 10**9, MAKER_E9, TAKER_E9, *filters))
    for scope, parent in (("firm", None), ("account:a", "firm")):
        records.append(
            Limit(id=1, cause_id=0, run_id=0, ts_ns=0, recv_ts_ns=0, scope=scope, parent=parent, rule=Rule.OPEN_ORDERS, limit_count=20)
        )
    for name, value in params.items():
        given: Any = {"value_long": value} if isinstance(value, int) else {"value_double": value}
        records.append(Param(id=1, cause_id=0, run_id=0, ts_ns=0, recv_ts_ns=0, strategy="s", name=name, **given))
    records.append(Command(1, 0, RUN, 0, 0, CommandType.RUN, "", "test", run_number=RUN))
    return records

"""What a backtest must not do and must say: look ahead, go on after a fault, grow, take records out of order."""

import weakref

import numpy as np
import pytest

from streams.agents.context import Context
from streams.backtest.engine import Engine
from streams.backtest.events import Events
from streams.backtest.latencies import LatencyModels
from streams.errors import ConfigError, StepError
from streams.records import NameKind, Side
from streams.slots import KIND_FILL, KIND_REPORT, KIND_REQUEST, KIND_VENUE_EVENT, FillSlot, LevelSlot, ReportSlot, Slot
from streams.strategies.base import Strategy
from streams.trading.book import Book
from streams.trading.codes import BUY, IOC, LIMIT
from tests.backtest.world import MS, T0, Busy, cut, engine_of, events_of, market, process_of, tapes, venues_of
from tests.backtest.world import book as book_record
from tests.backtest.world import trade as trade_record


class Probe(Strategy):
    """Notes the newest thing it sees, and takes whenever a price has risen: it would profit if its orders could go back in time."""

    newest_ns: int
    early: int
    ask: int
    orders: int

    def on_book(self, ctx: Context, book: Book) -> None:
        if book.last_seq > 0 and ctx.now_ns < self.newest_ns:
            self.early += 1
        self.newest_ns = max(self.newest_ns, ctx.now_ns)
        if self.ask != 0 and book.ask() > self.ask:
            ctx.place(book.instrument, BUY, self.ask, 1, LIMIT, IOC)
            self.orders += 1
        self.ask = book.ask()


class Faulty(Strategy):
    """Raises at the third book."""

    count: int

    def on_book(self, ctx: Context, book: Book) -> None:
        self.count += 1
        if self.count == 1:
            ctx.buy(book.instrument, book.bid(), 1)
        if self.count == 3:
            raise ValueError("three")


class Alarm(Strategy):
    """Sets timers for a time that no record has, for the past, and for now again and again."""

    fired: int
    last_ns: int
    late_ns: int

    def on_start(self, ctx: Context) -> None:
        ctx.set_timer(ctx.now_ns + 1_234_567)

    def on_timer(self, ctx: Context, timer: int) -> None:
        self.fired += 1
        self.last_ns = ctx.now_ns
        if self.fired == 1:
            ctx.set_timer(ctx.now_ns - 5)
        elif self.fired < 10:
            ctx.set_timer(ctx.now_ns)


def state(engine):
    return engine.process.shown()["strategy"]["state"]


def rising(n, at_ns=10 * MS):
    """Books whose prices rise by a tick each time: the old ask is gone when it is seen to rise."""
    return [book_record(k, T0 + k * at_ns, 1000 + k, 1001 + k) for k in range(n)]


# ---- no look ahead ----
@pytest.mark.parametrize("latency_ns", [0, MS, 25 * MS])
def test_strategy_that_buys_at_prices_of_the_past_gets_nothing(latency_ns):
    process = process_of(Probe)
    engine = engine_of(process, LatencyModels(latency_ns, 0, 0))
    tape = tapes(engine, [events_of(process.edge, rising(40))])
    assert state(engine)["orders"] == engine.requests == 39
    assert (state(engine)["early"], engine.fills) == (0, 0)
    assert not [1 for kind, *_ in tape if kind == KIND_FILL]


def test_decisions_do_not_depend_on_what_is_received_later():
    records = market(300, 7)
    whole = run(records)
    for n in (50, 120, 299):
        part = run(records[:n])
        last_ns = records[n - 1].recv_ts_ns
        assert part == [entry for entry in whole if Slot().unpack(entry[1][:64]).ts_ns <= last_ns][: len(part)]
        assert len(part) >= len([entry for entry in whole if Slot().unpack(entry[1][:64]).ts_ns < last_ns])


def run(records, **more):
    process = process_of(Busy)
    return tapes(engine_of(process, **more), [events_of(process.edge, records)])


def test_answer_comes_after_both_latencies_and_fill_at_the_venues_time():
    records = [book_record(0, T0, 1000, 1001), book_record(1, T0 + 10 * MS, 1000, 1001), book_record(2, T0 + 30 * MS, 1000, 1002)]
    process = process_of(Once)
    tape = tapes(engine_of(process, LatencyModels(MS, 2 * MS, 3 * MS)), [events_of(process.edge, records)])
    times = {kind: Slot().unpack(slot[:64]).ts_ns - T0 for kind, slot, *_ in tape}
    assert times[KIND_REQUEST] == 0
    assert times[KIND_VENUE_EVENT] == times[KIND_FILL] == 5 * MS
    assert {exch - T0 for kind, _, exch, _ in tape if kind == KIND_VENUE_EVENT} == {2 * MS}


class Uncompiled(Strategy):
    """Keeps its books in a list, which machine code has not."""

    compiled = False
    seen: int

    def on_book(self, ctx: Context, book: Book) -> None:
        self._asks = [*getattr(self, "_asks", []), book.ask()]
        self.seen = len(self._asks)
        if self.seen == 3:
            ctx.place(book.instrument, BUY, max(self._asks), 1, LIMIT, IOC)


class Once(Strategy):
    """Takes one lot at its first book."""

    done: int

    def on_book(self, ctx: Context, book: Book) -> None:
        if self.done == 0:
            self.done = 1
            ctx.place(book.instrument, BUY, book.ask(), 1, LIMIT, IOC)


# ---- ticks ----
def test_timers_fire_at_their_time_on_a_silent_feed():
    process = process_of(Alarm)
    engine = engine_of(process)
    tapes(engine, [events_of(process.edge, [book_record(0, T0, 1000, 1001), book_record(1, T0 + 1000 * MS, 1000, 1001)])])
    seen = state(engine)
    assert seen["fired"] == 10
    assert seen["last_ns"] == T0 + 1_234_567 + 9 * 1000  # the second for the past: each after a microsecond
    assert engine.ticks == 10


# ---- faults ----
@pytest.mark.slow
def test_strategy_that_raises_is_halted_and_the_rest_goes_on():
    process = process_of(Faulty, True, others=(Busy,))
    engine = engine_of(process)
    tape = tapes(engine, [events_of(process.edge, market(200, 3))])
    assert engine.halted == {"strategy": 1}
    assert engine.records == 200
    reports = [ReportSlot().unpack(slot) for kind, slot, *_ in tape if kind == KIND_REPORT]
    assert [r for r in reports if r.ord_status >= 5], "the order of the halted strategy is cancelled"


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_record_that_breaks_the_node_is_named(compiled):
    process = process_of(Busy, compiled)
    events = events_of(process.edge, rising(3))
    level = LevelSlot().unpack(bytes(events.kept[64 * 2 : 64 * 3]))
    level.instrument = 77
    events.kept[64 * 2 : 64 * 3] = np.frombuffer(level.pack(), np.uint8)
    expected = f"failed at a market record .id {level.id}, instrument 77., at {T0 + 10 * MS} ns, after 2 market records"
    with pytest.raises(StepError, match=expected):
        tapes(engine_of(process), [events])


def test_more_requests_on_their_way_than_there_is_room_for_is_an_error():
    process = process_of(Busy)
    with pytest.raises(StepError, match="on their way at once"):
        tapes(engine_of(process, LatencyModels(0, 10**10, 0), in_flight=2), [events_of(process.edge, market(200))])


def test_request_for_a_venue_that_is_not_simulated_is_an_error():
    process = process_of(Once)
    with pytest.raises(StepError, match="a request is for a venue that is not simulated"):
        tapes(Engine(process, []), [events_of(process.edge, rising(2))])


# ---- what is refused ----
def test_record_that_the_venue_would_know_after_us_is_refused_with_the_largest_offset():
    process = process_of(Busy)
    with pytest.raises(ConfigError, match="largest offset that it allows is 0 ns"):
        tapes(engine_of(process), [events_of(process.edge, rising(3))], 5)


def test_records_out_of_order_are_refused_across_pieces():
    process = process_of(Busy)
    events = events_of(process.edge, rising(4)[::-1])
    for pieces in ([events], cut(events, [1, 2])):
        with pytest.raises(ConfigError, match="consuming order"):
            tapes(engine_of(process_of(Busy), window=1), pieces)


def test_strategy_that_cannot_be_compiled_is_played_in_a_plain_process():
    process = process_of(Uncompiled)
    engine = engine_of(process)
    tapes(engine, [events_of(process.edge, rising(9))])
    assert (engine.compiled, state(engine)["seen"], engine.fills) == (False, 9, 1)


def test_process_and_engine_must_agree_on_how_they_run():
    with pytest.raises(ConfigError, match="it runs plain"):
        Engine(process_of(Busy), [], compiled=True)


def test_stamps_before_the_longest_feed_latency_are_late():
    process = process_of(Busy)
    records = [r._replace(exch_ts_ns=r.exch_ts_ns - 3_000_000_000) for r in rising(3)]
    engine = engine_of(process)
    tapes(engine, [events_of(process.edge, records)])
    assert engine.late == 3


# ---- memory ----
def test_pieces_are_let_go_when_both_sides_have_passed_them():
    process = process_of(Busy)
    engine = engine_of(process, window=1)
    alive = []

    def pieces():
        for k in range(60):
            first = events_of(
                process.edge, [book_record(k, T0 + k * 1000 * MS, 1000, 1001), trade_record(k, T0 + k * 1000 * MS, Side.BUY, 1001)]
            )
            memory = np.array(first.kept)
            alive.append(weakref.ref(memory))
            yield Events(*first[:4], kept=(first.kept, memory))
            del first, memory
            assert sum(ref() is not None for ref in alive) <= 16

    for _ in engine.play(pieces()):
        pass
    assert engine.records == 120


def test_fill_pays_the_venues_fee_in_the_quote():
    process = process_of(Once)
    tape = tapes(engine_of(process), [events_of(process.edge, rising(2))])
    fill = next(FillSlot().unpack(slot) for kind, slot, *_ in tape if kind == KIND_FILL)
    assert (fill.last_px_ticks, fill.last_qty_lots, fill.fee) == (1001, 1, 200_200_000)  # 2 per thousand of 1001, in 10^-8
    assert fill.fee_currency == process.edge.dictionary.numbers(NameKind.CURRENCY)["USD"]


def test_venues_are_of_the_process():
    assert [m.instruments for m in venues_of(process_of(Busy, instruments=3), venues=2)] == [(0, 2), (1,)]

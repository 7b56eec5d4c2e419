"""The desk that users test their strategies on."""

from decimal import Decimal

import pytest

from streams.agents.context import Context
from streams.errors import ConfigError
from streams.records import CommandType, OrderAction, OrdStatus, OrdType, Request, Rule, VenueEventType
from streams.strategies.base import Strategy
from streams.strategies.testing import Desk
from streams.trading.book import Book
from streams.trading.codes import BUY, SELL
from tests.strategies.everything import Everything, Flood, Speaker
from tests.strategies.probe import Probe


class Pair(Strategy):
    """Buys at the bid and sells at the ask of whatever book changes; without parameters or state."""

    metrics = ("spread",)

    def on_book(self, ctx: Context, book: Book) -> None:
        ctx.quote(book.instrument, BUY, book.bid(), 2)
        ctx.quote(book.instrument, SELL, book.ask(), 2)
        ctx.metric(0, book.ask() - book.bid(), book.instrument)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def test_orders_fills_position_and_pnl_are_seen_in_ticks_and_lots(compiled):
    desk = Desk(Pair, compiled=compiled, maker_fee=Decimal("0.001"))
    desk.book(100, 104)
    assert [(o.side, o.type, o.px, o.qty, o.status) for o in desk.open] == [
        (BUY, OrdType.LIMIT, 100, 2, OrdStatus.NEW),
        (SELL, OrdType.LIMIT, 104, 2, OrdStatus.NEW),
    ]
    desk.quote(100, 104)
    desk.fill(desk.open[0], qty=1)
    assert (desk.position(), desk.open[0].leaves, desk.open[0].filled) == (1, 1, 1)
    assert desk.pnl() == Decimal("2") - Decimal("0.1")  # valued at the mid, 102; fee 0.1
    desk.fill(desk.open[1])
    assert (desk.position(), len(desk.fills), desk.metrics) == (-1, 2, {"spread": 4.0})


def test_instruments_are_numbered():
    desk = Desk(Pair, instruments=3)
    desk.book(50, 52, instrument=2)
    assert [(o.instrument, o.px) for o in desk.orders] == [(2, 50), (2, 52)]
    desk.fill(desk.orders[0])
    assert (desk.position(2), desk.position(0)) == (2, 0)


def test_market_order_needs_a_price_to_fill():
    Probe.fresh(on_book=lambda ctx, _: ctx.market(0, BUY, 1))
    desk = Desk(Probe)
    desk.book(100, 101)
    with pytest.raises(ConfigError, match="is MARKET and has no price; give px"):
        desk.fill(desk.open[0])
    desk.fill(desk.open[0], px=101)
    assert desk.position() == 1


def test_answers_may_be_given_by_hand():
    desk = Desk(Pair, answers=False)
    desk.book(100, 104)
    bid, ask = desk.open
    assert bid.status == OrdStatus.PENDING_NEW
    desk.answer(bid, VenueEventType.REJECT)
    desk.answer(ask, VenueEventType.ACK)
    assert (bid.status, ask.status, desk.open) == (OrdStatus.REJECTED, OrdStatus.NEW, [ask])


def test_what_a_strategy_raises_fails_the_test():
    def fails(ctx, _):
        raise ZeroDivisionError("mine")

    Probe.fresh(on_book=fails)
    with pytest.raises(ZeroDivisionError, match="mine"):
        Desk(Probe).book(100, 101)


def test_parameters_commands_timers_and_signals_reach_the_strategy():
    Probe.fresh(on_start=lambda ctx: ctx.set_timer(ctx.now_ns + 10**9, 2))
    desk = Desk(Probe, size=3)
    desk.quote(100, 101)
    desk.trade(BUY, 101)
    desk.signal(SELL, 0.5)
    desk.param(size=4)
    desk.wait(2.0)
    desk.command(CommandType.PAUSE)
    assert Probe.names() == ["on_start", "on_quote", "on_trade", "on_signal", "on_param", "on_timer", "on_stop"]
    assert desk.state["size"] == desk.strategy.size == 4


def test_several_strategies_on_one_book_are_checked_one_by_one():
    desk = Desk(Pair, others=[Pair])
    desk.limit(Rule.OPEN_ORDERS, limit_count=3)
    desk.book(100, 104)
    assert [o.record.strategy for o in desk.orders] == ["strategy", "strategy", "strategy-2", "strategy-2"]
    assert [o.status for o in desk.orders] == [OrdStatus.NEW] * 3 + [OrdStatus.REJECTED]
    assert desk.denied == ["OPEN_ORDERS"]


def test_signal_of_another_process_is_ranked_with_the_own_ones():
    seen = []

    def look(ctx, _):
        count = ctx.signals(0)
        seen.append([(ctx.ranked(0, k).side, ctx.ranked(0, k).urgency) for k in range(count)])

    Probe.fresh(on_book=lambda ctx, _: ctx.signal(0, BUY, 0.5, 100.0, 10**9, 0.3), on_quote=look)
    desk = Desk(Probe)
    desk.signal(SELL, 1.0, urgency=0.9, horizon_s=0.5)
    desk.book(100, 101)
    desk.quote(100, 101)
    desk.wait(0.6)
    desk.quote(100, 101)
    desk.wait(0.6)
    desk.quote(100, 101)
    assert seen == [[(SELL, 0.9), (BUY, 0.3)], [(BUY, 0.3)], []]
    assert [(s.strategy, s.rank, int(s.side)) for s in desk.signals] == [("strategy", 2, BUY), ("", 0, SELL)]


@pytest.mark.parametrize("limited", [False, True], ids=["approved", "denied"])
def test_strategies_that_flood_are_refused_before_the_queue_is_full(limited):
    desk = Desk(Flood, others=[Flood] * 5, sizes={"orders": 1024})
    if limited:
        desk.limit(Rule.OPEN_ORDERS, limit_count=10)
    for _ in range(3):
        desk.book(500, 501)
    state = desk.state
    assert state["placed"] > 0
    assert state["refused"] > 0
    assert desk.process.shown()["strategy"]["faults"] == 0


def test_halted_strategy_with_more_orders_than_the_queue_holds_cancels_them_all():
    desk = Desk(Flood, sizes={"orders": 1024})
    for _ in range(8):
        desk.book(500, 501)
    assert len(desk.open) == 8 * 32
    desk.answers = False
    asked = [len(of_cancels(desk.command(CommandType.PAUSE)))]
    asked += [len(of_cancels(desk.quote(500, 501))) for _ in range(4)]
    assert 0 < asked[0] < 8 * 32
    assert (sum(asked), asked[-1]) == (8 * 32, 0)


def of_cancels(records: list) -> list:
    """The requests to cancel among records."""
    return [r for r in records if isinstance(r, Request) and r.action == OrderAction.CANCEL]


@pytest.mark.slow
def test_plain_and_compiled_desks_end_in_the_same_bytes():
    plain, compiled = (Desk(Everything, others=[Speaker, Pair], instruments=2, compiled=c) for c in (False, True))
    for desk in (plain, compiled):
        for k in range(40):
            desk.book(1_000 + k % 7, 1_003 + k % 5, instrument=k % 2)
            if k % 4 == 0 and desk.open and desk.open[0].px is not None:
                desk.fill(desk.open[0], qty=1)
            desk.wait(0.3)
            desk.quote(1_000 + k % 7, 1_003 + k % 5, instrument=k % 2)
            desk.trade(k % 2, 1_001, instrument=k % 2)
            desk.signal(SELL, k / 50, instrument=k % 2)
            if k == 20:
                desk.param(size_lots=1)
        desk.command(CommandType.STOP)
    assert plain.records == compiled.records
    assert plain.bytes() == compiled.bytes()
    assert min(plain.state["calls"]) > 0  # every callback
    assert {r.action for r in plain.records if hasattr(r, "action")} == set(OrderAction)

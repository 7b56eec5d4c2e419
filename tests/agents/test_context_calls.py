"""What strategies see and call, one by one, through a whole process."""

import pytest

from streams.agents.context import MAX_ORDERS_PER_CALL, MAX_WORDS_PER_CALL
from streams.records import (
    CommandType,
    Metric,
    Order,
    OrderAction,
    OrdType,
    Position,
    Request,
    Side,
    Signal,
    TimeInForce,
    VenueEventType,
)
from streams.trading.codes import BUY, DAY, GTD, IOC, LIMIT, SELL
from tests.agents.desk import T0, Desk, book, command, e9, quote
from tests.strategies.probe import Probe

PROBE = "tests.strategies.probe:Probe"
SPEAKER = "tests.strategies.everything:Speaker"
ALONE = ("strategy",)
FUSED = ("strategy", "risk", "execute", "account")
SECOND_NS = 1_000_000_000
I = 0  # the instrument's number  # noqa: E741


def of(cls, records):
    return [r for r in records if isinstance(r, cls)]


def probe(*agents, more=(), **does):
    """A desk whose strategy does this."""
    Probe.fresh(**does)
    return Desk(*(agents or ALONE), cls=PROBE, more=more)


def once(call):
    """A callback that does something the first time only."""
    left = [1]
    return lambda ctx, *_: left and left.pop() and call(ctx)


def after_book(call, *agents):
    """What a strategy's call at the first book writes."""
    return probe(*agents, on_book=once(call)).give(book(1, "60000.0", "60000.1", T0, snapshot=True))


def order_of(call) -> Order:
    found = of(Order, after_book(call))
    assert len(found) == 1
    return found[0]


# ---- order types ----
def terms(o: Order) -> tuple:
    return (o.ord_type, o.time_in_force, o.side, o.px_e9, o.qty_e9)


def test_buy_and_sell_are_limit_orders_gtc():
    orders = of(Order, after_book(lambda ctx: (ctx.buy(I, 599_990, 5), ctx.sell(I, 600_010, 7))))
    assert [terms(o) for o in orders] == [
        (OrdType.LIMIT, TimeInForce.GTC, Side.BUY, e9("59999.0"), e9("0.005")),
        (OrdType.LIMIT, TimeInForce.GTC, Side.SELL, e9("60001.0"), e9("0.007")),
    ]


def test_market_has_no_price_and_is_ioc():
    assert terms(order_of(lambda ctx: ctx.market(I, SELL, 3))) == (OrdType.MARKET, TimeInForce.IOC, Side.SELL, None, e9("0.003"))


def test_stop_has_a_trigger_and_no_price():
    o = order_of(lambda ctx: ctx.stop(I, SELL, 599_000, 1))
    assert (o.ord_type, o.stop_px_e9, o.px_e9) == (OrdType.STOP, e9("59900.0"), None)


def test_stop_limit_has_trigger_and_price():
    o = order_of(lambda ctx: ctx.stop_limit(I, BUY, 601_000, 601_010, 1))
    assert (o.ord_type, o.stop_px_e9, o.px_e9) == (OrdType.STOP_LIMIT, e9("60100.0"), e9("60101.0"))


def test_iceberg_shows_a_part():
    o = order_of(lambda ctx: ctx.iceberg(I, BUY, 599_990, 10, 2))
    assert (o.ord_type, o.px_e9, o.qty_e9, o.display_qty_e9) == (OrdType.ICEBERG, e9("59999.0"), e9("0.01"), e9("0.002"))


def test_pegged_has_an_offset_and_may_have_a_limit_price():
    orders = of(Order, after_book(lambda ctx: (ctx.pegged(I, BUY, -2, 1), ctx.pegged(I, BUY, -2, 1, 599_995))))
    assert [(o.ord_type, o.peg_offset_e9, o.px_e9) for o in orders] == [
        (OrdType.PEGGED, -2 * e9("0.1"), None),
        (OrdType.PEGGED, -2 * e9("0.1"), e9("59999.5")),
    ]


def test_place_takes_type_time_in_force_and_post_only():
    orders = of(
        Order,
        after_book(
            lambda ctx: (ctx.place(I, BUY, 599_990, 1, LIMIT, IOC), ctx.place(I, BUY, 599_990, 1, time_in_force=DAY, post_only=True))
        ),
    )
    assert [(o.time_in_force, o.post_only) for o in orders] == [(TimeInForce.IOC, False), (TimeInForce.DAY, True)]


def test_new_order_takes_every_other_term():
    def call(ctx):
        e = ctx.new_order(I, BUY, 9)
        e.px_ticks, e.time_in_force, e.expire_ts_ns, e.reduce_only = 599_990, GTD, T0 + SECOND_NS, 1
        e.min_qty_lots, e.max_floor_qty_lots, e.parent_id = 2, 4, 77

    o = order_of(call)
    assert (o.time_in_force, o.expire_ts_ns, o.reduce_only) == (TimeInForce.GTD, T0 + SECOND_NS, True)
    assert (o.min_qty_e9, o.max_floor_qty_e9, o.parent_id, o.order_id) == (e9("0.002"), e9("0.004"), 77, o.id)


def test_ladder_is_placed_whole_or_not_at_all():
    orders = of(Order, after_book(lambda ctx: ctx.ladder(I, BUY, 599_990, 5, 3, 2)))
    assert [o.px_e9 for o in orders] == [e9("59999.0"), e9("59998.5"), e9("59998.0")]
    assert of(Order, after_book(lambda ctx: ctx.ladder(I, SELL, 600_010, 5, MAX_ORDERS_PER_CALL + 1, 2))) == []


def test_orders_beyond_the_room_of_one_callback_are_refused():
    told = []

    def call(ctx):
        told.append(ctx.fits(MAX_ORDERS_PER_CALL))
        told.extend(ctx.buy(I, 599_000 - k, 1) for k in range(MAX_ORDERS_PER_CALL + 2))
        told.append(ctx.fits(1))

    assert len(of(Order, after_book(call))) == MAX_ORDERS_PER_CALL
    assert told[0] is True
    assert told[-3:] == [0, 0, False]


def test_quantity_of_nothing_is_refused():
    assert of(Order, after_book(lambda ctx: ctx.buy(I, 599_990, 0))) == []


# ---- changes and own orders ----
def working(desk: Desk) -> list[Request]:
    """Acknowledge what the first book sent."""
    requests = of(Request, desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True)))
    for request in requests:
        desk.give(desk.answer(request, VenueEventType.ACK))
    return requests


def four(ctx):
    for k in range(2):
        ctx.buy(I, 599_900 - k, 1 + k)
        ctx.sell(I, 600_100 + k, 3 + k)


def test_own_orders_are_found_by_instrument_and_side():
    found = {}

    def look(ctx, _):
        slots = []
        s = ctx.first_order(I, SELL)
        while s >= 0:
            slots.append((ctx.order(s).px_ticks, ctx.order(s).leaves_qty_lots))
            s = ctx.next_order(s, I, SELL)
        found.update(
            sells=slots, all=ctx.open_orders(), buys=ctx.open_orders(I, BUY), lots=ctx.open_lots(I, SELL), other=ctx.open_orders(1)
        )

    desk = probe(*FUSED, on_book=once(four), on_quote=look)
    working(desk)
    desk.give(quote(1, "60000.0", "60000.1", T0 + 1))
    assert found == {"sells": [(600_100, 3), (600_101, 4)], "all": 4, "buys": 2, "lots": 7, "other": 0}


@pytest.mark.parametrize(("where", "count"), [((), 4), ((I,), 4), ((I, BUY), 2), ((1,), 0)])
def test_cancel_all_asks_for_every_order_of_instrument_and_side(where, count):
    told = []
    desk = probe(*FUSED, on_book=once(four), on_quote=lambda ctx, _: told.append(ctx.cancel_all(*where)))
    working(desk)
    out = desk.give(quote(1, "60000.0", "60000.1", T0 + 1))
    assert told == [count]
    assert [r.action for r in of(Request, out)] == [OrderAction.CANCEL] * count
    desk.give(quote(2, "60000.0", "60000.1", T0 + 2))
    assert told == [count, 0]  # a cancel that is pending is not asked for again


def test_replace_and_cancel_are_for_orders_that_rest():
    told = []

    def change(ctx, _):
        o = ctx.order(ctx.first_order())
        told.extend([ctx.replace(o.order_id, 599_950, 2), ctx.leaves(o.order_id), ctx.cancel(12345)])

    desk = probe(*FUSED, on_book=once(lambda ctx: ctx.buy(I, 599_900, 1)), on_quote=change)
    working(desk)
    out = desk.give(quote(1, "60000.0", "60000.1", T0 + 1))
    assert told == [True, 1, False]
    assert [(r.action, r.px_e9) for r in of(Request, out)] == [(OrderAction.REPLACE, e9("59995.0"))]


def test_quote_keeps_one_order_a_side_and_pull_cancels_it():
    desk = probe(*FUSED, on_book=lambda ctx, b: ctx.quote(I, BUY, b.bid() - 5, 2), on_quote=lambda ctx, _: ctx.pull(I))
    (first,) = working(desk)
    assert of(Request, desk.give(book(2, "60000.0", "60000.2", T0 + 1))) == []
    (moved,) = of(Request, desk.give(book(3, "60001.0", "60001.2", T0 + 2, snapshot=True)))
    assert (moved.action, moved.order_id, moved.px_e9) == (OrderAction.REPLACE, first.order_id, e9("60000.5"))
    desk.give(desk.answer(moved, VenueEventType.REPLACED))
    (pulled,) = of(Request, desk.give(quote(1, "60001.0", "60001.2", T0 + 3)))
    assert (pulled.action, pulled.order_id) == (OrderAction.CANCEL, first.order_id)


# ---- callbacks ----
def test_start_comes_first_and_once_even_without_a_book():
    desk = probe()
    desk.give(quote(1, "60000.0", "60000.1", T0), quote(2, "60000.0", "60000.1", T0 + 1))
    assert Probe.names() == ["on_start", "on_quote", "on_quote"]


def test_fill_reaches_on_order_on_fill_and_on_position_with_pnl():
    known = []
    desk = probe(
        *FUSED,
        on_book=once(lambda ctx: ctx.buy(I, 600_000, 10)),
        on_position=lambda ctx, p: known.append((p.qty_lots, ctx.position(I), ctx.held(I).cost, ctx.held(I).fees, ctx.pnl(I))),
    )
    (bid,) = working(desk)
    desk.give(quote(1, "60000.0", "60000.1", T0))
    Probe.seen.clear()
    out = desk.give(desk.answer(bid, VenueEventType.FILL, px=bid.px_e9, qty=e9("0.004")))
    assert Probe.names() == ["on_fill", "on_order", "on_position"]
    (p,) = of(Position, out)
    money = 10**8
    assert known == [(4, 4, int(p.cost * money), int(p.fees * money), int((p.realized_pnl + p.unrealized_pnl - p.fees) * money))]


def test_position_record_of_another_process_reaches_on_position():
    fused, apart = Desk(*FUSED), probe()
    bid = of(Request, fused.give(book(1, "60000.0", "60000.1", T0, snapshot=True)))[0]
    fused.give(fused.answer(bid, VenueEventType.ACK))
    (position,) = of(Position, fused.give(fused.answer(bid, VenueEventType.FILL, px=bid.px_e9, qty=e9("0.004"))))
    assert Position in apart.process.reads
    assert Position not in fused.process.reads
    apart.give(position)
    (name, slot) = Probe.seen[-1]
    assert (name, slot.qty_lots) == ("on_position", 4)


def test_timers_are_numbered_and_fire_once():
    def start(ctx):
        ctx.set_timer(ctx.now_ns + 2 * SECOND_NS)
        ctx.set_timer(ctx.now_ns + SECOND_NS, 3)
        ctx.set_timer(ctx.now_ns + SECOND_NS, 5)
        ctx.set_timer(ctx.now_ns + 5 * SECOND_NS, 3)
        ctx.clear_timer(5)

    desk = probe(on_start=start)
    for k in range(8):
        desk.give(quote(k + 1, "60000.0", "60000.1", T0 + k * SECOND_NS))
    fired = [seen for seen in Probe.seen if seen[0] != "on_quote"]
    assert fired == [("on_start", None), ("on_timer", 0), ("on_timer", 3)]
    assert Probe.names().index("on_timer") == 4  # start, then the quotes at 0, 1 and 2 s
    assert Probe.names()[-3] == "on_timer"  # after the quote at 5 s


def test_tick_fires_a_timer_on_a_silent_market():
    desk = probe(on_start=lambda ctx: ctx.set_timer(ctx.now_ns + SECOND_NS, 7))
    desk.give(quote(1, "60000.0", "60000.1", T0))
    desk.process.on_tick(1, T0 + SECOND_NS)
    desk.give()
    assert Probe.seen[-1] == ("on_timer", 7)


def test_parameter_set_while_it_runs_reaches_on_param_after_its_value():
    sizes = []
    desk = probe()
    desk.set_params("maker", size=3)
    desk.give(quote(1, "60000.0", "60000.1", T0))
    assert "on_param" not in Probe.names()
    strategy = desk.process.node.strategies[0]
    Probe.does["on_param"] = lambda ctx: sizes.append(strategy.size)
    desk.set_params("maker", size=4)
    desk.give()
    assert sizes == [4]


def test_pause_calls_on_stop_then_cancels_and_nothing_more_is_called():
    desk = probe(*FUSED, on_book=once(four))
    working(desk)
    out = desk.give(command(CommandType.PAUSE))
    assert "on_stop" in Probe.names()
    assert [r.action for r in of(Request, out)] == [OrderAction.CANCEL] * 4
    Probe.seen.clear()
    desk.give(quote(1, "60000.0", "60000.1", T0 + 1))
    assert Probe.names() == []


# ---- telemetry ----
def test_metric_has_its_name_strategy_and_value():
    found = of(Metric, after_book(lambda ctx: (ctx.metric(1, 2.5), ctx.metric(0, -1.0, I))))
    assert [(m.strategy, m.symbol, m.metric, m.value) for m in found] == [
        ("maker", "BTCUSDT", "profit", 2.5),
        ("maker", "BTCUSDT", "inventory", -1.0),
    ]


def test_signal_is_in_price_units_and_kept_within_bounds():
    (s,) = of(Signal, after_book(lambda ctx: ctx.signal(I, SELL, 7.0, 600_000.5, SECOND_NS, float("nan"))))
    assert (s.strategy, s.side, s.strength, s.fair_px, s.urgency, s.rank) == ("maker", Side.SELL, 1.0, pytest.approx(60_000.05), 0.0, 1)


def test_signals_and_metrics_beyond_the_room_of_one_callback_are_dropped():
    out = after_book(lambda ctx: [ctx.metric(0, 1.0) for _ in range(MAX_WORDS_PER_CALL + 3)])
    assert len(of(Metric, out)) == MAX_WORDS_PER_CALL


def test_two_strategies_signals_are_ranked_and_summed_up_in_one_record():
    heard = []
    desk = probe(
        more=(SPEAKER,),
        on_book=lambda ctx, b: ctx.signal(I, SELL, 1.0, 600_010.0, SECOND_NS, 0.4),
        on_signal=lambda ctx, s: heard.append((s.strength, s.rank, ctx.signals(I), ctx.ranked(I, 0).urgency, ctx.consensus(I).side)),
    )
    signals = of(Signal, desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True)))
    assert [(s.strategy, s.side, s.rank) for s in signals] == [("maker", Side.SELL, 1), ("second", Side.BUY, 1), ("", Side.SELL, 0)]
    assert signals[2].strength == pytest.approx((1.0 * 0.4 - 0.5 * 0.5) / (0.4 + 0.5))
    assert signals[2].fair_px == pytest.approx((0.4 * 60_001.0 + 0.25 * 60_000.05) / 0.65)
    assert (signals[2].urgency, signals[2].horizon_ns) == (0.5, SECOND_NS)
    assert heard == [(0.5, 1, 2, 0.5, SELL)]

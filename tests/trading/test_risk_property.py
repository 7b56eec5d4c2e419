"""Zero false positives and zero false negatives, as properties of their own: denied if, and only if, a limit would be broken."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import DenyCode, Rule
from tests.trading.risk_commands import commands, shapes, trade
from tests.trading.risk_runs import Desk
from tests.trading.slow_risk import Order

DAYS = shapes().flatmap(lambda shape: st.tuples(st.just(shape), commands(shape, 30)))
LOTS = (1, 2, 5, 11, 40)


def orders(desk):
    """Orders of every account, instrument, side and several sizes, at the price at which most limits are near."""
    for account in range(len(desk.shape.account_scope)):
        for instrument in range(len(desk.shape.units)):
            for side in (0, 1):
                for lots in LOTS:
                    bid, ask = desk.bid[instrument], desk.ask[instrument]
                    yield Order(account, instrument, side, lots, 100, bid, ask, desk.now_ns, lots, None)


def ask(desk, order):
    """The tree's answer, without asking the twin."""
    bid, ask = (-1 if x is None else x for x in (order.bid, order.ask))
    return desk.tree.check(order.account, order.instrument, order.side, order.qty, order.px, bid, ask, order.now_ns, order.qty)


@settings(max_examples=20, deadline=None)
@given(DAYS)
def test_check_never_denies_an_order_within_every_limit_nor_lets_one_beyond_any(day):
    shape, found = day
    desk = trade(found, Desk(shape))
    desk.slow.on_time(desk.now_ns)
    for order in orders(desk):
        desk.slow.rates.clear()  # tokens are what asking itself changes
        for scope in range(len(shape.parents)):
            desk.tree.set_limit(scope, -1, Rule.ORDER_RATE, -1, 1)
        broken = desk.slow.broken(order)
        code = ask(desk, order)
        assert (code, desk.tree.scope) == (broken[0] if broken else (DenyCode.OK, -1))


def standing(slow, scope, instrument, side):
    """(rule, limit, used) of what a scope has now, from the lists alone: no order is asked."""
    every = range(len(slow.units))
    sector, base, cluster, beta_e9 = slow.groups[instrument]
    of = [[i for i, g in slow.groups.items() if g[kind] == slow.groups[instrument][kind]] for kind in range(3)]
    long_or_short = (Rule.LONG, Rule.SHORT)[side]
    on_side = slow.side_exposure(scope, every, side)
    equity = slow.equity(scope)
    volume = sum(px * lots * slow.units[i] for day, a, i, _, px, lots, _ in slow.fills if day == slow.day and a in slow.accounts(scope))
    yield long_or_short, slow.limit(scope, long_or_short, instrument), slow.net_lots(scope, instrument, side)
    yield Rule.NET, slow.limit(scope, Rule.NET, instrument), slow.net_lots(scope, instrument, side)
    yield long_or_short, slow.limit(scope, long_or_short), on_side
    yield Rule.NET, slow.limit(scope, Rule.NET), on_side
    yield Rule.GROSS, slow.limit(scope, Rule.GROSS), slow.gross(scope, every)
    yield Rule.OPEN_ORDERS, slow.limit(scope, Rule.OPEN_ORDERS), len(slow.open(scope))
    yield Rule.OPEN_NOTIONAL, slow.limit(scope, Rule.OPEN_NOTIONAL), slow.money(slow.open(scope))
    yield Rule.DAILY_VOLUME, slow.limit(scope, Rule.DAILY_VOLUME), volume + slow.money(slow.open(scope))
    yield Rule.SECTOR, slow.group_limits.get((scope, Rule.SECTOR, sector)), slow.gross(scope, of[0])
    yield Rule.CURRENCY, slow.group_limits.get((scope, Rule.CURRENCY, base)), slow.side_exposure(scope, of[1], side)
    up = slow.correlated(scope, cluster, (side == 0) == (beta_e9 >= 0))
    yield Rule.CORRELATED, slow.group_limits.get((scope, Rule.CORRELATED, cluster)), up
    yield Rule.VAR, slow.limit(scope, Rule.VAR), slow.weighed(scope, slow.var_weight)
    yield Rule.MARGIN, equity if slow.has_margin(scope) else None, slow.weighed(scope, slow.margin_rate)
    for rule, used in ((Rule.LEVERAGE, slow.gross(scope, every)), (Rule.CONCENTRATION, slow.side_exposure(scope, [instrument], side))):
        bps = slow.limit(scope, rule)
        yield rule, None if bps is None else equity * Fraction(bps, 10_000), used


@settings(max_examples=25, deadline=None)
@given(DAYS)
def test_approved_order_that_opens_leaves_every_scope_within_its_limits(day):
    shape, found = day
    desk = trade(found, Desk(shape))
    for order in orders(desk):
        opens = not desk.slow.reducing(order, order.qty)
        desk.new(order.account, order.instrument, order.side, order.qty, 100)
        if desk.tree.approved_lots and opens:
            for scope in desk.slow.chain(order.account):
                for rule, limit, used in standing(desk.slow, scope, order.instrument, order.side):
                    assert limit is None or used <= limit, (rule, scope)

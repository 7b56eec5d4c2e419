"""Every deny code through the public path: limits of a topology file, their records, a process, an order, its decision."""

from decimal import Decimal

import pytest

from streams.records import CommandType, DenyCode, NameKind, OrderAction, OrdType, Outcome, ValueUnit, VenueEventType
from tests.agents.risk_desk import BTC, ETH, RiskDesk, codes, topology_with

PX = "60000.0"


def one(desk):
    """A buy of 0.01 at 60,000: 600 USDT."""
    return desk.buy("0.01", PX)


def two(desk):
    assert one(desk).code == DenyCode.OK
    return desk.buy("0.01", "59999.0")


def held(desk):
    """0.01 bought at 60,000; the market falls by 1,000: 10 USDT are lost."""
    assert one(desk).code == DenyCode.OK
    desk.fill(PX, "0.01")
    desk.book(BTC, "58999.9", "59000.1")
    return desk.buy("0.01", "59000.0")


def fallen(desk):
    """As `held`, for limits that want a loss to begin with."""
    desk.book(BTC, PX, "60000.2")
    return held(desk)


def rejected(desk):
    """Two orders that the venue rejects, and one more."""
    for _ in range(2):
        assert one(desk).code == DenyCode.OK
        desk.answer(VenueEventType.REJECT)
    return one(desk)


def crossing(desk):
    assert desk.sell("0.01", "60010.0", post_only=True).code == DenyCode.OK
    assert desk.buy("0.01", "60009.9").code == DenyCode.OK
    return desk.buy("0.01", "60010.0")


def stale_book(desk):
    """The book of BTC stands still while that of ETH moves on."""
    desk.later(1.5)
    desk.book(ETH, "3000.00", "3000.01")
    return one(desk)


def late(desk):
    order = desk.order(0, "0.01", PX)
    desk.later(0.2)
    return desk.send(order)


def moved(desk):
    desk.book(BTC, "60700.0", "60700.1")
    return one(desk)


def replaced(desk):
    return desk.send(desk.order(0, "0.01", PX, action=OrderAction.REPLACE, order_id=99))


# rule -> (limits, what is done, limit and used value, unit): the last decision is denied by it
RULES = {
    DenyCode.ORDER_SIZE: ("order_size: 0.009 BTC", one, "0.009", "0.01", ValueUnit.LOTS),
    DenyCode.ORDER_NOTIONAL: ("order_notional: 599 USDT", one, "599", "600", ValueUnit.MONEY),
    DenyCode.COLLAR: ("collar: 100 bps", lambda desk: desk.buy("0.01", "60700.0"), "100", "117", ValueUnit.BPS),
    DenyCode.LONG: ("position: 0.019 BTC", two, "0.019", "0.02", ValueUnit.LOTS),
    DenyCode.SHORT: ("short: 599 USDT", lambda desk: desk.sell("0.01", "60001.0"), "599", "600.01", ValueUnit.MONEY),
    DenyCode.GROSS: ("gross: 599 USDT", one, "599", "600", ValueUnit.MONEY),
    DenyCode.OPEN_ORDERS: ("open_orders: 1", two, "1", "2", ValueUnit.COUNT),
    DenyCode.OPEN_NOTIONAL: ("open_notional: 1100 USDT", two, "1100", "1199.99", ValueUnit.MONEY),
    DenyCode.ORDER_RATE: ("order_rate: 1/s", two, "1", "2", ValueUnit.COUNT),
    DenyCode.DAILY_LOSS: ("daily_loss: 9 USDT", held, "9", "10", ValueUnit.MONEY),
    DenyCode.NET: ("net: 0.019 BTC", two, "0.019", "0.02", ValueUnit.LOTS),
    DenyCode.SECTOR: ("sector: {majors: 599 USDT}", one, "599", "600", ValueUnit.MONEY),
    DenyCode.CURRENCY: ("currency: {BTC: 599 USDT}", one, "599", "600", ValueUnit.MONEY),
    DenyCode.CONCENTRATION: ("capital: 1000 USDT, concentration: 5000 bps", one, "500", "600", ValueUnit.MONEY),
    DenyCode.CORRELATED: (
        "correlated: {coins: 899 USDT}",
        lambda desk: desk.buy("0.2", "3000.00", symbol=ETH),
        "899",
        "900",
        ValueUnit.MONEY,
    ),
    DenyCode.VAR: ("var: 5 USDT, var_weight: {'binance:BTCUSDT': 100 bps}", one, "5", "6", ValueUnit.MONEY),
    DenyCode.MESSAGES_PER_FILL: ("messages_per_fill: 1", two, "1", "2", ValueUnit.COUNT),
    DenyCode.DAILY_TRADES: ("daily_trades: 1", held, "1", "2", ValueUnit.COUNT),
    DenyCode.DAILY_VOLUME: ("daily_volume: 1000 USDT", held, "1000", "1190", ValueUnit.MONEY),
    DenyCode.DRAWDOWN: ("drawdown: 9 USDT", held, "9", "10.0005", ValueUnit.MONEY),
    DenyCode.STOP_LOSS: ("stop_loss: 9 USDT", held, "9", "10", ValueUnit.MONEY),
    DenyCode.MARGIN: ("capital: 100 USDT, margin: 5000 bps", one, "100", "300", ValueUnit.MONEY),
    DenyCode.LEVERAGE: ("capital: 100 USDT, leverage: 3x", one, "300", "600", ValueUnit.MONEY),
    DenyCode.SELF_MATCH: ("self_match: true", crossing, None, None, ValueUnit.NONE),
    DenyCode.REPEATED: ("repeated: 1 s", lambda desk: [one(desk), one(desk)][1], "1000000000", "0", ValueUnit.NS),
    DenyCode.RESTRICTED: ("restricted: ['binance:BTCUSDT']", one, None, None, ValueUnit.NONE),
    DenyCode.REDUCE_ONLY: ("reduce_only: true", one, None, None, ValueUnit.NONE),
    DenyCode.PRICE_MOVE: ("price_move: 100 bps/min", moved, "100", "117", ValueUnit.BPS),
    DenyCode.LOSS_RATE: ("loss_rate: 9 USDT/min", fallen, "9", "10.001", ValueUnit.MONEY),
    DenyCode.REJECT_RATE: ("reject_rate: 1/min", rejected, "1", "2", ValueUnit.COUNT),
    DenyCode.DATA_STALE: ("data_stale: 1 s", stale_book, "1000000000", "1500000000", ValueUnit.NS),
    DenyCode.LAGGING: ("latency: 100 ms", late, "100000000", "200000000", ValueUnit.NS),
}
SCOPES = ("account:maker-1", "trader:anna", "desk:crypto", "firm")


def opened(tmp_path, limits="", scope=SCOPES[0]):
    """A desk with both books open."""
    desk = RiskDesk(topology_with(tmp_path, limits, scope))
    desk.book(BTC, PX, "60000.1")
    desk.book(ETH, "3000.00", "3000.01")
    return desk


@pytest.mark.parametrize("code", RULES, ids=lambda code: code.name)
def test_rule_one_beyond_its_limit_denies_with_scope_limit_and_used(code, tmp_path):
    limits, act, limit, used, unit = RULES[code]
    scope = SCOPES[int(code) % 4]  # every scope has its turn
    decision = act(opened(tmp_path, limits, scope))
    assert (decision.outcome, decision.code, decision.scope) == (Outcome.DENY, code, scope)
    told = tuple(None if value is None else Decimal(value) for value in (limit, used))
    assert (decision.limit_value, decision.used_value, decision.value_unit) == (*told, unit)
    assert (decision.risk_score, decision.approved_qty_e9) == (1.0, 0)


@pytest.mark.parametrize("scope", SCOPES)
def test_rule_holds_on_every_scope_of_the_tree(scope, tmp_path):
    desk = opened(tmp_path, "gross: 599 USDT", scope)
    assert (one(desk).code, desk.buy("0.009", PX).code) == (DenyCode.GROSS, DenyCode.OK)


def kill(desk):
    desk.give(desk.command(CommandType.KILL, "desk:crypto"))
    return one(desk)


def gap(desk):
    desk.book(BTC, PX, "60000.1", gap=True)
    return one(desk)


def behind(desk):
    desk.give(desk.command(CommandType.MIRROR_BEHIND, "trade.0"))
    return one(desk)


def one_sided(desk):
    desk.book(BTC, PX, None)
    return desk.buy("0.01", None)


def lagging(desk):
    desk.later(2.1)
    return one(desk)


def ghost(desk):
    desk.name(NameKind.ACCOUNT, "ghost")
    return desk.buy("0.01", PX, account="ghost")


def whale(desk):
    return desk.buy("100000", "100000", symbol="binance:WHALE")


def duplicate(desk):
    order = desk.order(0, "0.01", PX)
    desk.send(order)
    return desk.send(order)


def pool_full(desk):
    for _ in range(16):
        assert one(desk).code == DenyCode.OK
    return one(desk)


STATES = {
    DenyCode.HALTED: kill,
    DenyCode.BOOK_STALE: gap,
    DenyCode.NO_REFERENCE_PRICE: one_sided,
    DenyCode.UNKNOWN_INSTRUMENT: whale,
    DenyCode.UNKNOWN_ACCOUNT: ghost,
    DenyCode.UNKNOWN_ORDER: replaced,
    DenyCode.DUPLICATE: duplicate,
    DenyCode.BAD_FIELD: lambda desk: desk.buy("0.01", None, ord_type=OrdType.LIMIT),
    DenyCode.ORDER_POOL_FULL: pool_full,
    DenyCode.LAGGING: lagging,
    DenyCode.MIRROR_BEHIND: behind,
    DenyCode.REDUCE_ONLY: lambda desk: desk.buy("0.01", PX, reduce_only=True),
    DenyCode.UNSUPPORTED: lambda desk: desk.buy("0.01", PX, ord_type=OrdType.TWAP, end_ts_ns=desk.now_ns + 10**9),
}


@pytest.mark.parametrize("code", STATES, ids=lambda code: code.name)
def test_state_in_which_nothing_may_be_sent_denies(code, tmp_path):
    decision = STATES[code](opened(tmp_path))
    assert (decision.outcome, decision.code, decision.limit_value, decision.risk_score) == (Outcome.DENY, code, None, 1.0)


ANSWERS = {DenyCode.VENUE: {}, DenyCode.STALE_REQUEST: {"code": DenyCode.STALE_REQUEST}}


@pytest.mark.parametrize("code", ANSWERS, ids=lambda code: code.name)
def test_refusal_of_venue_or_gateway_is_reported(code, tmp_path):
    desk = opened(tmp_path)
    assert one(desk).code == DenyCode.OK
    assert codes(desk.answer(VenueEventType.REJECT, **ANSWERS[code])) == [code]


def test_every_deny_code_is_reached():
    assert {DenyCode.OK, *RULES, *STATES, *ANSWERS} == set(DenyCode)

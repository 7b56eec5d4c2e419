"""The account agent against all fills and settlements in fractions: balances, P&L and its attribution, per account and currency."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import Balance, InstrumentType, Position, Side
from tests.agents.account_desk import INSTRUMENTS, STRATEGIES, AccountDesk, fill, funding, quote_of
from tests.agents.slow_account import SlowAccounts

UNIT = Decimal("1e-8")
PX = {"BTCUSDT": 600_000, "BTCUSD_PERP": 600_000, "ETHBTC": 5_000, "ETHUSDT": 300_000}
SYMBOLS = st.sampled_from(list(INSTRUMENTS))
FILLS = st.tuples(
    st.just("fill"),
    st.sampled_from(list(STRATEGIES)),
    SYMBOLS,
    st.sampled_from(Side),
    st.integers(-50, 50),
    st.integers(1, 9),
    st.integers(-(10**6), 10**6).map(lambda n: n * UNIT),
    st.sampled_from(["settle", "settle", "BNB", "base"]),
    st.one_of(st.none(), st.integers(-30, 30)),
)
SETTLEMENTS = st.tuples(st.just("funding"), SYMBOLS, st.integers(-(10**9), 10**9), st.integers(-(10**7), 10**7))
QUOTES = st.tuples(st.just("quote"), SYMBOLS, st.integers(-80, 80))
EVENTS = st.lists(st.one_of(FILLS, FILLS, SETTLEMENTS, QUOTES), max_size=25)


def made(n, event):
    """(record, event as the twin takes it)."""
    if event[0] == "quote":
        return quote_of(n, event[1], PX[event[1]] + event[2]), None
    if event[0] == "funding":
        _, symbol, mark, rate = event
        mark_e9 = max(1, PX[symbol] * INSTRUMENTS[symbol][3] + mark)
        return funding(n, symbol, mark_e9, rate), ("funding", symbol, mark_e9, rate)
    _, strategy, symbol, side, px, lots, fee, currency, mid = event
    kind, base, quote, *_ = INSTRUMENTS[symbol]
    settle = base if kind == InstrumentType.INVERSE else quote
    currency = {"settle": settle, "base": base}.get(currency, currency)
    mid2 = None if mid is None else 2 * PX[symbol] + mid
    figures = (strategy, symbol, side, PX[symbol] + px, lots, fee, currency, mid2)
    return fill(n, *figures), ("fill", *figures)


def check_identities(record):
    total = record.realized_pnl + record.unrealized_pnl
    assert record.spread_pnl + record.inventory_pnl == total, record


def play(desk, events):
    slow, out = SlowAccounts(), []
    for n, event in enumerate(events):
        record, told = made(n, event)
        if told:
            slow.events.append(told)
        out += desk.give(record)
    return slow, out


@given(EVENTS)
@settings(deadline=None, max_examples=40)
def test_account_balances_equal_realized_fees_and_funding_in_fractions(events):
    slow, out = play(AccountDesk(), events)
    last = {(r.account, r.currency): r for r in out if isinstance(r, Balance)}
    for r in out:
        check_identities(r)
    for key, sums in slow.balances().items():
        if key in last:
            b = last[key]
            assert {"cash": b.cash, "fees": b.fees, "funding": b.funding, "realized": b.realized_pnl} == sums, key
        else:
            assert not any(sums.values()), key


@given(EVENTS)
@settings(deadline=None, max_examples=25)
def test_account_positions_equal_fractions_and_add_up_to_the_balances(events):
    slow, out = play(AccountDesk(), events)
    last = {(r.strategy, r.symbol): r for r in out if isinstance(r, Position)}
    for key, p in slow.positions().items():
        if p.fills:
            r, unit = last[key], Fraction(UNIT)
            realized, fifo = p.spec.money(p.realized) * unit, p.spec.money(p.realized_fifo) * unit
            assert (r.realized_pnl, r.realized_fifo_pnl, r.funding) == (realized, fifo, p.funding * unit), key
            assert (r.fill_count, r.account) == (len(p.fills), STRATEGIES[key[0]])
    balances = {(r.account, r.currency): r for r in out if isinstance(r, Balance)}
    for (account, currency), balance in balances.items():
        mine = [r for r in last.values() if r.account == account and settle_of(r.symbol) == currency]
        for name in ("realized_pnl", "funding"):
            assert sum(getattr(r, name) for r in mine) == getattr(balance, name), (account, currency, name)


def settle_of(symbol):
    kind, base, quote, *_ = INSTRUMENTS[symbol]
    return base if kind == InstrumentType.INVERSE else quote


@pytest.mark.slow
def test_account_plain_and_compiled_end_in_the_same_bytes_after_every_record():
    kinds = [Side.BUY, Side.SELL, Side.SELL]
    events = []
    for i in range(60):
        symbol, strategy = list(INSTRUMENTS)[i % 4], list(STRATEGIES)[i % 3]
        fee, currency = UNIT * (i % 9), ("settle", "BNB", "base")[i % 3]
        events.append(("fill", strategy, symbol, kinds[i % 5 % 3], i * 7 % 31, 1 + i % 5, fee, currency, i % 7))
        events.append(("quote", symbol, i * 13 % 50))
        if i % 10 == 9:
            events.append(("funding", symbol, i * 1_000_003, 100_000 - i * 2_000))
    assert play(AccountDesk(twin=True), events)[1]


def test_account_spot_fill_changes_base_and_quote():
    position, base, quote = AccountDesk().give(fill(0, "one", "ETHUSDT", Side.BUY, 300_000, 2_000, Decimal("0.002"), "ETH"))
    assert (position.qty_e9, position.fees) == (2 * 10**9, 0)  # paid in another currency than P&L
    assert (quote.currency, quote.cash, quote.fees) == ("USDT", -6000, 0)
    assert (base.currency, base.cash, base.fees) == ("ETH", Decimal("1.998"), Decimal("0.002"))


def test_account_inverse_fills_are_settled_in_the_base_currency():
    desk = AccountDesk()
    opened, _ = desk.give(fill(0, "one", "BTCUSD_PERP", Side.BUY, 500_000, 10, Decimal("0.00001"), "BTC"))
    assert (opened.cost, opened.avg_px, opened.fees) == (Decimal("-0.02"), 50_000.0, Decimal("0.00001"))
    closed, balance = desk.give(fill(1, "one", "BTCUSD_PERP", Side.SELL, 625_000, 10, Decimal(0), "BTC"))
    assert (closed.realized_pnl, closed.avg_px, balance.currency) == (Decimal("0.004"), None, "BTC")
    assert (balance.cash, balance.realized_pnl) == (Decimal("0.00399"), Decimal("0.004"))


def test_account_funding_pays_each_strategy_that_holds_the_contract():
    desk = AccountDesk()
    desk.give(fill(0, "one", "BTCUSDT", Side.BUY, 600_000, 1500, Decimal(0), "USDT"))
    desk.give(fill(1, "three", "BTCUSDT", Side.SELL, 600_000, 500, Decimal(0), "USDT"))
    out = desk.give(funding(2, "BTCUSDT", 60_000 * 10**9, 100_000))
    assert [(type(r).__name__, r.account, r.funding) for r in out] == [
        ("Position", "a", Decimal(-9)),
        ("Balance", "a", Decimal(-9)),
        ("Position", "b", Decimal(3)),
        ("Balance", "b", Decimal(3)),
    ]
    assert [r.cash for r in out if isinstance(r, Balance)] == [Decimal(-9), Decimal(3)]


def test_account_mark_tells_what_is_held_at_most_every_100_ms():
    desk = AccountDesk()
    desk.give(fill(0, "one", "BTCUSDT", Side.BUY, 600_000, 1000, Decimal(0), "USDT", mid2=1_200_010))
    told = [desk.give(quote_of(n, "BTCUSDT", 600_000 + n)) for n in range(1, 6)]
    assert [len(records) for records in told] == [1, 0, 1, 0, 1]  # a quote each 50 ms
    last = told[-1][0]
    assert (last.spread_pnl, last.inventory_pnl, last.unrealized_pnl) == (Decimal("0.5"), Decimal("0.05"), Decimal("0.55"))
    assert desk.give(quote_of(9, "ETHUSDT", 300_000)) == []

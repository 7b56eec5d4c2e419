"""The market maker against its formulas, written out plainly; and its behaviour on small markets."""

import math
from itertools import pairwise

import pytest

from streams.agents.context import REFUSAL_PAUSE_NS
from streams.records import Order, OrderAction, Request, Side, VenueEventType
from tests.agents.desk import T0, Desk, book, e9

PARAMS = {"gamma": 0.02, "k": 0.4, "horizon_s": 2.0, "tau_s": 5.0, "size_lots": 10, "limit_lots": 15, "requote_ticks": 1}


def slow_quotes(books: list[tuple[int, int, int]], position_lots: int) -> tuple[int, int]:
    """Bid and ask, ticks, after (time ns, bid, ask) books: Avellaneda and Stoikov 2008, eq. 29 and 30, the variance summed from scratch."""
    mids = [(ts, (bid + ask) / 2) for ts, bid, ask in books]
    last_ts = mids[-1][0]
    variance = sum(
        (m1 - m0) ** 2 / PARAMS["tau_s"] * math.exp((t1 - last_ts) / 1e9 / PARAMS["tau_s"]) for (_, m0), (t1, m1) in pairwise(mids)
    )
    gamma, k = PARAMS["gamma"], PARAMS["k"]
    risk = gamma * variance * PARAMS["horizon_s"]
    reservation = mids[-1][1] - position_lots / PARAMS["size_lots"] * risk
    spread = risk + 2 / gamma * math.log(1 + gamma / k)
    _, bid, ask = books[-1]
    return min(math.floor(reservation - spread / 2), bid), max(math.ceil(reservation + spread / 2), ask)


def walk(n: int) -> list[tuple[int, int, int]]:
    return [(T0 + i * 2 * REFUSAL_PAUSE_NS, 600_000 + 7 * ((i * i) % 5), 600_003 + 7 * ((i * i) % 5)) for i in range(n)]


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_first_quotes_equal_the_papers_formulas(n):
    market = walk(n)
    desk = replayed(market)
    ts, bid, ask = market[-1]
    orders = [r for r in desk.give(book(n + 1, f"{bid / 10}", f"{ask / 10}", ts, snapshot=True)) if isinstance(r, Order)]
    ours = {o.side: o.px_e9 // 100_000_000 for o in orders}
    assert ours == dict(zip((Side.BUY, Side.SELL), slow_quotes(market, 0), strict=True))


def replayed(market: list[tuple[int, int, int]]) -> Desk:
    """A desk that has seen all but the last book and has no quote: each of its orders was rejected at once."""
    desk = Desk("strategy", "risk", "execute", params=PARAMS)
    for i, (ts, bid, ask) in enumerate(market[:-1]):
        for request in [r for r in desk.give(book(i + 1, f"{bid / 10}", f"{ask / 10}", ts, snapshot=True)) if isinstance(r, Request)]:
            desk.give(desk.answer(request, VenueEventType.REJECT))
    return desk


def test_long_position_lowers_both_quotes_and_pulls_the_bid_at_the_limit():
    desk = Desk("strategy", "risk", "execute", params=PARAMS)
    bids = [r for r in desk.give(book(1, "60000.0", "60000.3", T0, snapshot=True)) if isinstance(r, Request) and r.side == Side.BUY]
    desk.give(desk.answer(bids[0], VenueEventType.ACK), desk.answer(bids[0], VenueEventType.FILL, px=bids[0].px_e9, qty=e9("0.01")))
    flat, held = slow_quotes(walk(5), 0), slow_quotes(walk(5), 10)
    assert held[0] < flat[0]
    assert held[1] <= flat[1]
    again = [r for r in desk.give(book(2, "60000.0", "60000.3", T0 + 10**9, snapshot=True)) if isinstance(r, Request)]
    more = next(r for r in again if r.side == Side.BUY and r.action == OrderAction.NEW)
    desk.give(desk.answer(more, VenueEventType.ACK), desk.answer(more, VenueEventType.FILL, px=more.px_e9, qty=e9("0.01")))
    last = desk.give(book(3, "60000.0", "60000.3", T0 + 2 * 10**9, snapshot=True))
    assert [r for r in last if isinstance(r, Order) and r.side == Side.BUY] == []


def test_quotes_never_cross_the_touch():
    desk = Desk("strategy", params={**PARAMS, "gamma": 0.0001, "k": 50.0})
    orders = [r for r in desk.give(book(1, "60000.0", "60005.0", T0, snapshot=True)) if isinstance(r, Order)]
    assert {o.side: o.px_e9 for o in orders} == {Side.BUY: e9("60000.0"), Side.SELL: e9("60005.0")}

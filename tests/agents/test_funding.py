"""From the venue's mark price frames to what funding does: record, position, balance, loss; in one process, plain and compiled."""

from decimal import Decimal

import pytest

from streams.records import Balance, Decision, DenyCode, Frame, Funding, Order, Outcome, Position, Request, Rule, Side, VenueEventType
from streams.schema import ids
from tests.agents.desk import T0, Desk, book, e9, limit
from tests.venues.binance_frames import mark_price

AGENTS = ("normalize", "strategy", "risk", "execute", "account")
QUIET = {"gamma": 0.01, "k": 0.3, "size_lots": 10, "limit_lots": 20, "requote_ticks": 3}


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def desk(request):
    return Desk(*AGENTS, compiled=request.param, params=QUIET)


def of(cls, records):
    return [r for r in records if isinstance(r, cls)]


def frame(n: int, payload: bytes, ts_ns: int) -> Frame:
    return Frame(ids.make(50, n), 0, 7, ts_ns, ts_ns, "binance", 1, n, payload)


def bought(desk: Desk) -> None:
    """The maker quotes, and its bid fills: 0.01 BTC."""
    bid = of(Request, desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True)))[0]
    desk.give(desk.answer(bid, VenueEventType.ACK), desk.answer(bid, VenueEventType.FILL, px=bid.px_e9, qty=e9("0.01")))


def settled(desk: Desk, rate: str) -> list:
    """A settlement at 60,000."""
    assert desk.give(frame(1, mark_price("60000.0", rate, 8_000), T0 + 1)) == []
    return desk.give(frame(2, mark_price("60000.0", "0", 16_000), T0 + 2))


def test_funding_is_a_record_and_changes_position_and_balance(desk):
    bought(desk)
    out = settled(desk, "0.01")
    assert [type(r).__name__ for r in out] == ["Funding", "Position", "Balance"]
    funding, position, balance = out
    assert (funding.rate_e9, funding.mark_e9, funding.recv_ts_ns, funding.run_id) == (e9("0.01"), e9("60000"), T0 + 2, 7)
    assert (position.funding, position.cause_id) == (Decimal(-6), funding.id)  # long 0.01 BTC at 60,000 pays 1 %
    assert (balance.funding, balance.cash) == (Decimal(-6), -6 - balance.fees)
    assert position.spread_pnl + position.inventory_pnl == position.realized_pnl + position.unrealized_pnl


def test_funding_paid_counts_to_the_daily_loss(desk):
    desk.give(limit("account:maker-1", Rule.DAILY_LOSS, money=Decimal(5)))
    bought(desk)
    again = book(2, "60010.0", "60010.1", T0 + 10**9, snapshot=True)
    settled(desk, "0.01")
    decisions = of(Decision, desk.give(again))
    assert {(d.side, d.outcome, d.code) for d in decisions if d.side == Side.BUY} == {(Side.BUY, Outcome.DENY, DenyCode.DAILY_LOSS)}


def test_funding_received_is_no_loss(desk):
    desk.give(limit("account:maker-1", Rule.DAILY_LOSS, money=Decimal(5)))
    bought(desk)
    assert of(Balance, settled(desk, "-0.01"))[0].funding == Decimal(6)
    out = desk.give(book(2, "60010.0", "60010.1", T0 + 10**9, snapshot=True))
    assert of(Order, out)
    assert {d.outcome for d in of(Decision, out)} == {Outcome.APPROVE}


def test_funding_without_a_position_is_a_record_alone(desk):
    assert [type(r) for r in settled(desk, "0.01")] == [Funding]
    bought(desk)
    assert of(Position, desk.give(frame(3, mark_price("60000.0", "0.01", 16_000), T0 + 3))) == []

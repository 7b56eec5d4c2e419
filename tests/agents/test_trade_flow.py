"""Strategy, risk, execute and account in one process, plain and compiled: what an order causes, record by record."""

from decimal import Decimal

import pytest

from streams.agents.context import REFUSAL_PAUSE_NS
from streams.records import (
    Balance,
    CommandType,
    Decision,
    DenyCode,
    ExecType,
    Fill,
    Order,
    OrderAction,
    OrdStatus,
    Outcome,
    Position,
    Report,
    Request,
    Rule,
    VenueEventType,
)
from tests.agents.desk import T0, Desk, book, command, e9, limit, quote

AGENTS = ("strategy", "risk", "execute", "account")
QUIET = {"gamma": 0.01, "k": 0.3, "size_lots": 10, "limit_lots": 20, "requote_ticks": 3}


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def desk(request):
    return Desk(*AGENTS, compiled=request.param, params=QUIET)


def open_market(desk: Desk) -> list:
    """A snapshot: the maker quotes both sides."""
    return desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True))


def of(cls, records):
    return [r for r in records if isinstance(r, cls)]


def test_book_snapshot_gives_two_quotes_decided_requested_and_reported(desk):
    out = open_market(desk)
    assert [type(r).__name__ for r in out] == ["Order", "Order", "Decision", "Decision", "Request", "Report", "Request", "Report"]
    orders, decisions, requests, reports = of(Order, out), of(Decision, out), of(Request, out), of(Report, out)
    assert [o.action for o in orders] == [OrderAction.NEW] * 2
    assert all(o.order_id == o.id and o.post_only and o.run_id == 7 for o in orders)
    assert [d.outcome for d in decisions] == [Outcome.APPROVE] * 2
    assert [d.cause_id for d in decisions] == [o.id for o in orders]
    assert [r.cause_id for r in requests] == [d.id for d in decisions]
    assert [r.ord_status for r in reports] == [OrdStatus.PENDING_NEW] * 2
    assert all(r.ts_ns == T0 and r.recv_ts_ns == T0 for r in out)


def test_ids_are_dense_for_each_writer(desk):
    out = open_market(desk) + desk.give(book(2, "59990.0", "60000.1", T0 + 1))
    for cls in (Order, Decision, Request, Report):
        found = [r.id for r in of(cls, out)]
        assert found == list(range(found[0], found[0] + len(found)))


def test_order_over_the_limit_is_denied_with_scope_limit_and_used(desk):
    desk.give(limit("account:maker-1", Rule.ORDER_SIZE, qty_e9=e9("0.005")))
    out = open_market(desk)
    first = of(Decision, out)[0]
    assert (first.outcome, first.code, first.scope) == (Outcome.DENY, DenyCode.ORDER_SIZE, "account:maker-1")
    assert (first.limit_value, first.used_value) == (Decimal("0.005"), Decimal("0.01"))
    assert [(r.exec_type, r.ord_status, r.code) for r in of(Report, out)] == [
        (ExecType.REJECTED, OrdStatus.REJECTED, DenyCode.ORDER_SIZE)
    ] * 2
    assert of(Request, out) == []


def test_fill_is_booked_once_however_often_it_is_told(desk):
    desk.give(quote(1, "60000.0", "60000.1", T0))
    bid = of(Request, open_market(desk))[0]
    assert of(Report, desk.give(desk.answer(bid, VenueEventType.ACK)))[0].ord_status == OrdStatus.NEW
    fill = desk.answer(bid, VenueEventType.FILL, px=bid.px_e9, qty=e9("0.004"), exec_id="77")
    out = desk.give(fill)
    f, r, p, b = of(Fill, out)[0], of(Report, out)[0], of(Position, out)[0], of(Balance, out)[0]
    notional = Decimal(bid.px_e9) / 10**9 * Decimal("0.004")
    assert (f.exec_id, f.last_qty_e9, f.leaves_qty_e9, f.fee, f.fee_currency) == (
        "77",
        e9("0.004"),
        e9("0.006"),
        (notional * Decimal("0.0002")).quantize(Decimal("1e-8")),
        "USDT",
    )
    assert f.mid_px_e9 == e9("60000.05")
    assert (r.exec_type, r.ord_status, r.cum_qty_e9, r.leaves_qty_e9) == (
        ExecType.TRADE,
        OrdStatus.PARTIALLY_FILLED,
        e9("0.004"),
        e9("0.006"),
    )
    assert (p.qty_e9, p.cost, p.fees, p.fill_count) == (e9("0.004"), notional, f.fee, 1)
    assert p.spread_pnl == (Decimal("60000.05") - Decimal(bid.px_e9) / 10**9) * Decimal("0.004")
    assert p.inventory_pnl == 0
    assert (b.currency, b.cash, b.fees, b.realized_pnl) == ("USDT", -f.fee, f.fee, 0)  # a contract costs its fee until it is closed
    assert (b.spread_pnl, b.unrealized_pnl) == (p.spread_pnl, p.unrealized_pnl)
    again = fill._replace(id=fill.id + 1)
    assert of(Fill, desk.give(again)) == []


def test_late_fill_after_a_cancel_is_booked_and_reported(desk):
    bid = of(Request, open_market(desk))[0]
    desk.give(desk.answer(bid, VenueEventType.ACK), desk.answer(bid, VenueEventType.CANCELLED))
    out = desk.give(desk.answer(bid, VenueEventType.FILL, px=bid.px_e9, qty=e9("0.01")))
    assert of(Fill, out)[0].last_qty_e9 == e9("0.01")
    assert of(Report, out)[0].ord_status == OrdStatus.CANCELLED
    assert of(Position, out)[0].qty_e9 == e9("0.01")


def test_gap_makes_orders_denied_until_the_next_snapshot(desk):
    open_market(desk)
    assert of(Order, desk.give(book(3, "59000.0", "59000.1", T0 + 1, gap=True))) == []
    out = desk.give(book(9, "59000.0", "59000.1", T0 + 2, snapshot=True))
    assert [r for r in out if isinstance(r, Decision) and r.outcome == Outcome.DENY] == []


def test_moved_market_replaces_a_working_quote(desk):
    requests = of(Request, open_market(desk))
    for r in requests:
        desk.give(desk.answer(r, VenueEventType.ACK))
    out = desk.give(book(2, "60010.0", "60010.1", T0 + 10**9, snapshot=True))
    replaces = of(Order, out)
    assert [o.action for o in replaces] == [OrderAction.REPLACE] * 2
    assert [o.order_id for o in replaces] == [r.order_id for r in requests]
    moved = of(Request, out)[0]
    done = desk.give(desk.answer(moved, VenueEventType.REPLACED))
    assert [(r.exec_type, r.ord_status, r.px_e9) for r in of(Report, done)] == [(ExecType.REPLACED, OrdStatus.NEW, moved.px_e9)]


def test_kill_cancels_what_is_open_and_denies_what_comes(desk):
    requests = of(Request, open_market(desk))
    for r in requests:
        desk.give(desk.answer(r, VenueEventType.ACK))
    out = desk.give(command(CommandType.KILL))
    assert [r.action for r in of(Request, out)] == [OrderAction.CANCEL] * 2
    assert of(Order, desk.give(book(2, "60010.0", "60010.1", T0 + 1))) == []


def test_reservations_are_gone_when_every_order_is(desk):
    desk.give(limit("account:maker-1", Rule.OPEN_ORDERS, count=2))
    for n in range(2, 40):
        out = desk.give(book(n, "60000.0", "60000.1", T0 + n * 2 * REFUSAL_PAUSE_NS, snapshot=True))
        assert of(Decision, out)
        assert all(d.outcome == Outcome.APPROVE for d in of(Decision, out))
        for r in of(Request, out):
            desk.give(desk.answer(r, VenueEventType.REJECT))


def test_refused_order_is_not_repeated_before_a_pause_is_over(desk):
    desk.give(limit("account:maker-1", Rule.ORDER_SIZE, qty_e9=e9("0.005")))
    assert len(of(Decision, open_market(desk))) == 2
    assert desk.give(book(2, "60001.0", "60001.1", T0 + REFUSAL_PAUSE_NS - 1, snapshot=True)) == []
    assert len(of(Decision, desk.give(book(3, "60001.0", "60001.1", T0 + REFUSAL_PAUSE_NS, snapshot=True)))) == 2


def test_restored_process_goes_on_as_if_nothing_had_happened(desk):
    bid = of(Request, open_market(desk))[0]
    desk.give(desk.answer(bid, VenueEventType.ACK))
    twin = Desk(*AGENTS, compiled=type(desk.process.node).__name__ == "CompiledNode")
    fresh = type(desk.process)(desk.process.spec, compiled=type(desk.process.node).__name__ == "CompiledNode")
    fresh.restore(desk.process.snapshot())
    twin.process = fresh
    event = desk.answer(bid, VenueEventType.FILL, px=bid.px_e9, qty=e9("0.01"))
    assert twin.give(event) == desk.give(event)
    assert {k: v[2] for k, v in fresh.snapshot().items()} == {k: v[2] for k, v in desk.process.snapshot().items()}

"""Orders of every type from orders.v1 to the request and the report: their fields, their ends, their parents; plain and compiled."""

import pytest

from streams.agents.execute import EXPIRY_GRACE_NS, EXPIRY_RETRY_NS
from streams.errors import EdgeError
from streams.records import (
    Decision,
    DenyCode,
    ExecType,
    Fill,
    Order,
    OrderAction,
    OrdStatus,
    OrdType,
    Outcome,
    Report,
    Request,
    Side,
    TimeInForce,
    VenueEventType,
)
from streams.schema import ids
from streams.trading.codes import PEGGED
from streams.trading.orders import ANY, LIVE
from tests.agents.desk import T0, Desk, book, e9

DAY_NS = 86_400_000_000_000
TOOL = 50  # a writer outside the process
FIELDS = ("stop_px_e9", "display_qty_e9", "min_qty_e9", "expire_ts_ns", "peg_offset_e9", "max_floor_qty_e9")
ACK, CANCELLED, CANCEL_REJECT = VenueEventType.ACK, VenueEventType.CANCELLED, VenueEventType.CANCEL_REJECT


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def desk(request):
    made = Desk("risk", "execute", compiled=request.param)
    made.give(book(1, "60000.0", "60000.1", T0, snapshot=True))
    return made


def order(n, kind=OrdType.LIMIT, tif=TimeInForce.GTC, action=OrderAction.NEW, of=None, ts_ns=T0, qty="0.010", **terms) -> Order:
    """The n-th record of a tool; `of`: number of the record of the order it changes."""
    id = ids.make(TOOL, n)
    needs_px = kind in (OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.ICEBERG)
    figures = {"px_e9": e9("60000.0") if needs_px else None, "post_only": False, "reduce_only": False, "qty_e9": e9(qty), **terms}
    return Order(
        id=id,
        cause_id=0,
        run_id=7,
        ts_ns=ts_ns,
        recv_ts_ns=ts_ns,
        action=action,
        order_id=ids.make(TOOL, of or n),
        venue="binance",
        symbol="BTCUSDT",
        account="maker-1",
        strategy="maker",
        side=Side.BUY,
        ord_type=kind,
        time_in_force=tif,
        **figures,
    )


def of(cls, records):
    return [r for r in records if isinstance(r, cls)]


TERMS = [
    (OrdType.MARKET, TimeInForce.IOC, {"min_qty_e9": e9("0.002")}),
    (OrdType.LIMIT, TimeInForce.GTD, {"expire_ts_ns": T0 + 10**9, "max_floor_qty_e9": e9("0.003"), "post_only": True}),
    (OrdType.STOP, TimeInForce.GTC, {"stop_px_e9": e9("60010.0")}),
    (OrdType.STOP_LIMIT, TimeInForce.FOK, {"stop_px_e9": e9("60010.0"), "min_qty_e9": e9("0.002")}),
    (OrdType.ICEBERG, TimeInForce.DAY, {"display_qty_e9": e9("0.004"), "min_qty_e9": e9("0.002"), "max_floor_qty_e9": e9("0.005")}),
    (OrdType.PEGGED, TimeInForce.GTC, {"peg_offset_e9": -e9("0.3"), "px_e9": e9("60000.0")}),
]


@pytest.mark.parametrize(("kind", "tif", "terms"), TERMS, ids=[t[0].name for t in TERMS])
def test_order_terms_reach_decision_request_and_report(desk, kind, tif, terms):
    asked = order(1, kind, tif, **terms)
    out = desk.give(asked)
    (decision,), (request,), (report,) = of(Decision, out), of(Request, out), of(Report, out)
    assert (decision.outcome, decision.code) == (Outcome.APPROVE, DenyCode.OK)
    names = (*FIELDS, "px_e9", "qty_e9", "ord_type", "time_in_force", "post_only", "side")
    for name in names:
        assert (name, getattr(decision, name), getattr(request, name)) == (name, getattr(asked, name), getattr(asked, name))
    assert (report.exec_type, report.ord_status, report.ord_type, report.px_e9) == (
        ExecType.PENDING_NEW,
        OrdStatus.PENDING_NEW,
        kind,
        asked.px_e9,
    )


ALGORITHMS = [
    (OrdType.TWAP, {"start_ts_ns": T0 + 1, "end_ts_ns": T0 + 10**9}),
    (OrdType.VWAP, {"end_ts_ns": T0 + 10**9, "participation_e9": 10**8}),
    (OrdType.IMPLEMENTATION_SHORTFALL, {"participation_e9": 10**9}),
]


@pytest.mark.parametrize(("kind", "terms"), ALGORITHMS, ids=[a[0].name for a in ALGORITHMS])
def test_algorithm_order_is_checked_then_denied_as_unsupported(desk, kind, terms):
    (decision,) = of(Decision, desk.give(order(1, kind, **terms)))
    assert (decision.outcome, decision.code) == (Outcome.DENY, DenyCode.UNSUPPORTED)
    assert {name: getattr(decision, name) for name in terms} == terms
    (wrong,) = of(Decision, desk.give(order(2, kind, **terms | {"end_ts_ns": T0})))
    assert wrong.code == DenyCode.BAD_FIELD


def test_replace_keeps_the_other_terms_of_its_order(desk):
    terms = {"display_qty_e9": e9("0.004"), "expire_ts_ns": T0 + 10**9}
    (request,) = of(Request, desk.give(order(1, OrdType.ICEBERG, TimeInForce.GTD, **terms)))
    desk.give(desk.answer(request, ACK))
    replace = order(2, OrdType.ICEBERG, TimeInForce.GTD, OrderAction.REPLACE, of=1, qty="0.008", **terms)
    (again,) = of(Request, desk.give(replace))
    assert (again.action, again.qty_e9, again.display_qty_e9) == (OrderAction.REPLACE, e9("0.008"), e9("0.004"))


def test_triggered_stop_is_reported_and_stays_open(desk):
    (request,) = of(Request, desk.give(order(1, OrdType.STOP, stop_px_e9=e9("60010.0"))))
    desk.give(desk.answer(request, ACK))
    (report,) = of(Report, desk.give(desk.answer(request, VenueEventType.TRIGGERED)))
    assert (report.exec_type, report.ord_status) == (ExecType.TRIGGERED, OrdStatus.NEW)


def test_open_order_view_knows_its_terms_times_and_trigger():
    desk = Desk("risk", "execute")
    desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True))
    terms = {"stop_px_e9": e9("60010.0"), "min_qty_e9": e9("0.002"), "max_floor_qty_e9": e9("0.003")}
    (request,) = of(Request, desk.give(order(1, OrdType.STOP_LIMIT, **terms)))
    desk.give(desk.answer(request, ACK), desk.answer(request, VenueEventType.TRIGGERED))
    orders = desk.process.node.node.views.orders
    seen = orders.pool[orders.find(request.order_id)]
    assert (seen.px_ticks, seen.stop_px_ticks, seen.qty_lots, seen.leaves_qty_lots) == (600_000, 600_100, 10, 10)
    assert (seen.min_qty_lots, seen.max_floor_qty_lots, seen.ord_status, seen.triggered) == (2, 3, OrdStatus.NEW, 1)
    assert (seen.created_ts_ns, seen.updated_ts_ns) == (T0, T0 + 1_000_000)


# ---- ends ----
@pytest.mark.parametrize("tif", [TimeInForce.GTD, TimeInForce.DAY])
def test_order_that_the_venue_did_not_end_is_cancelled_and_reported_expired(desk, tif):
    end_ns = T0 + 10**9 if tif == TimeInForce.GTD else (T0 // DAY_NS + 1) * DAY_NS
    expire = {"expire_ts_ns": end_ns} if tif == TimeInForce.GTD else {}
    (request,) = of(Request, desk.give(order(1, tif=tif, **expire)))
    desk.give(desk.answer(request, ACK))
    assert of(Request, desk.give(book(2, "60000.0", "60000.1", end_ns + EXPIRY_GRACE_NS - 1))) == []
    out = desk.give(book(3, "60000.0", "60000.1", end_ns + EXPIRY_GRACE_NS))
    (cancel,), (report,) = of(Request, out), of(Report, out)
    assert (cancel.action, cancel.order_id, report.exec_type) == (OrderAction.CANCEL, request.order_id, ExecType.PENDING_CANCEL)
    assert of(Request, desk.give(book(4, "60000.0", "60000.1", end_ns + 10**9))) == []
    (ended,) = of(Report, desk.give(desk.answer(cancel, CANCELLED)))
    assert (ended.exec_type, ended.ord_status, ended.leaves_qty_e9) == (ExecType.EXPIRED, OrdStatus.EXPIRED, 0)


def test_order_that_the_venue_ended_is_not_cancelled(desk):
    (request,) = of(Request, desk.give(order(1, tif=TimeInForce.GTD, expire_ts_ns=T0 + 10**9)))
    desk.give(desk.answer(request, ACK))
    (ended,) = of(Report, desk.give(desk.answer(request, VenueEventType.EXPIRED)))
    assert ended.ord_status == OrdStatus.EXPIRED
    assert of(Request, desk.give(book(2, "60000.0", "60000.1", T0 + 10**10))) == []


def test_refused_cancel_of_an_order_whose_time_is_over_is_tried_again(desk):
    (request,) = of(Request, desk.give(order(1, tif=TimeInForce.GTD, expire_ts_ns=T0 + 10**9)))
    desk.give(desk.answer(request, ACK))
    due_ns = T0 + 10**9 + EXPIRY_GRACE_NS
    (cancel,) = of(Request, desk.give(book(2, "60000.0", "60000.1", due_ns)))
    (refused,) = of(Report, desk.give(desk.answer(cancel, CANCEL_REJECT)))
    assert (refused.exec_type, refused.ord_status) == (ExecType.CANCEL_REJECT, OrdStatus.NEW)
    (again,) = of(Request, desk.give(book(3, "60000.0", "60000.1", due_ns + 2 * EXPIRY_RETRY_NS)))
    assert again.action == OrderAction.CANCEL


def test_fill_while_a_cancel_is_pending_is_taken_and_the_cancel_stays_pending(desk):
    (request,) = of(Request, desk.give(order(1)))
    desk.give(desk.answer(request, ACK))
    (cancel,) = of(Request, desk.give(order(2, action=OrderAction.CANCEL, of=1)))
    out = desk.give(desk.answer(request, VenueEventType.FILL, px=e9("60000.0"), qty=e9("0.004")))
    (fill,), (report,) = of(Fill, out), of(Report, out)
    assert (fill.last_qty_e9, report.ord_status, report.leaves_qty_e9) == (e9("0.004"), OrdStatus.PENDING_CANCEL, e9("0.006"))
    (back,) = of(Report, desk.give(desk.answer(cancel, CANCEL_REJECT)))
    assert (back.exec_type, back.ord_status) == (ExecType.CANCEL_REJECT, OrdStatus.PARTIALLY_FILLED)


def test_late_fill_after_an_expiry_is_booked_and_reported(desk):
    (request,) = of(Request, desk.give(order(1)))
    desk.give(desk.answer(request, ACK), desk.answer(request, VenueEventType.EXPIRED))
    out = desk.give(desk.answer(request, VenueEventType.FILL, px=e9("60000.0"), qty=e9("0.004")))
    (fill,), (report,) = of(Fill, out), of(Report, out)
    assert (fill.last_qty_e9, report.exec_type, report.ord_status) == (e9("0.004"), ExecType.TRADE, OrdStatus.EXPIRED)
    assert (report.cum_qty_e9, report.leaves_qty_e9) == (e9("0.004"), 0)


# ---- parents ----
def test_child_reports_name_their_parent_and_the_view_lists_them():
    desk = Desk("risk", "execute")
    desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True))
    parent_id = ids.make(TOOL, 1)
    out = desk.give(order(1), order(2, parent_id=parent_id), order(3, kind=OrdType.PEGGED, parent_id=parent_id))
    assert [r.parent_id for r in of(Report, out)] == [None, parent_id, parent_id]
    assert [d.parent_id for d in of(Decision, out)] == [None, parent_id, parent_id]
    node = desk.process.node.node
    for orders in (node.views.orders, node.execute.orders):
        parent = orders.pool[orders.find(parent_id)]
        assert parent.child_count == 2
        assert orders.pool[parent.child_head].order_id == ids.make(TOOL, 2)
        assert orders.count(0, 0, LIVE, parent_id) == 2
        assert orders.child_leaves_lots(orders.find(parent_id)) == 20
    found = node.views.orders.find_next(-1, 0, ANY, OrdStatus.PENDING_NEW, parent_id)
    found = node.views.orders.find_next(found, 0, ANY, OrdStatus.PENDING_NEW, parent_id)
    assert (node.views.orders.pool[found].ord_type, node.views.orders.pool[found].order_id) == (PEGGED, ids.make(TOOL, 3))


# ---- the edge ----
QTY = 2**31  # lots of one order
BEYOND = [
    ("qty_e9", QTY * 10**6, f"{QTY * 10**6} is {QTY} lots of 1000000; fewer than 2^31 are allowed"),
    ("display_qty_e9", QTY * 10**6, "fewer than 2^31 are allowed"),
    ("min_qty_e9", -QTY * 10**6, "fewer than 2^31 are allowed"),
    ("max_floor_qty_e9", QTY * 10**6, "fewer than 2^31 are allowed"),
    ("max_floor_qty_e9", 10**6 + 1, "1000001 is not a multiple of the lot 1000000"),
    ("stop_px_e9", 10**8 + 1, "100000001 is not a multiple of the tick 100000000"),
    ("peg_offset_e9", 5 * 10**7, "50000000 is not a multiple of the tick 100000000"),
]


@pytest.mark.parametrize(("field", "value", "said"), BEYOND)
def test_order_beyond_a_bound_is_refused_at_the_edge_with_value_and_bound(field, value, said):
    desk = Desk("risk", "execute")
    with pytest.raises(EdgeError) as caught:
        desk.process.on_input(order(1, **{field: value}))
    assert said in str(caught.value)
    assert f"orders.{field}" in str(caught.value)


def test_order_notional_at_the_bound_enters_and_beyond_it_is_refused_at_the_edge():
    """A tick-lot is 10^4 money units: price x quantity below 2^62 of them."""
    desk = Desk("risk", "execute")
    lots = 1 << 20
    px_ticks = ((1 << 62) - 1) // 10**4 // lots
    desk.process.on_input(order(1, px_e9=px_ticks * 10**8)._replace(qty_e9=lots * 10**6))
    with pytest.raises(EdgeError, match=rf"price {(px_ticks + 1) * 10**8} x quantity {lots * 10**6} .* is 2\^62 money units or more"):
        desk.process.on_input(order(2, px_e9=(px_ticks + 1) * 10**8)._replace(qty_e9=lots * 10**6))

"""An order's terms: every type with every field, at and beyond each bound, against the rules written out; plain and compiled."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import Struct, Table, addr_of, at, native
from streams.records import DenyCode, OrdType, TimeInForce
from streams.slots import OrderSlot
from streams.trading.order_terms import check_terms, risk_px_ticks, shown_limit_lots
from tests.trading.slow_terms import FIELDS, NULL, slow_check

NOW = 1_700_000_000_000_000_000
LATER = NOW + 10**9
WORKED = {"start_ts_ns": NOW + 5, "px_ticks": 100, "min_qty_lots": 3, "max_floor_qty_lots": 5}
GOOD = {  # the least that each type needs, and one of everything it may have
    OrdType.MARKET: ({}, {"min_qty_lots": 3}),
    OrdType.LIMIT: ({"px_ticks": 100}, {"min_qty_lots": 3, "max_floor_qty_lots": 5, "post_only": 1}),
    OrdType.STOP: ({"stop_px_ticks": 101}, {"min_qty_lots": 3}),
    OrdType.STOP_LIMIT: ({"stop_px_ticks": 101, "px_ticks": 102}, {"min_qty_lots": 3, "max_floor_qty_lots": 5}),
    OrdType.ICEBERG: ({"px_ticks": 100, "display_qty_lots": 4}, {"min_qty_lots": 3, "max_floor_qty_lots": 5, "post_only": 1}),
    OrdType.TWAP: ({"end_ts_ns": LATER}, WORKED),
    OrdType.VWAP: ({"end_ts_ns": LATER}, WORKED | {"participation_e9": 10**8}),
    OrdType.IMPLEMENTATION_SHORTFALL: ({}, WORKED | {"participation_e9": 10**9, "end_ts_ns": LATER}),
    OrdType.PEGGED: ({}, {"peg_offset_ticks": -2, "px_ticks": 100, "min_qty_lots": 3, "max_floor_qty_lots": 5, "post_only": 1}),
}
ALGORITHMS = (OrdType.TWAP, OrdType.VWAP, OrdType.IMPLEMENTATION_SHORTFALL)


class TermsRun(Struct):
    now_ns: int
    orders: Table[OrderSlot, "rows"]
    out: Table[int, "3 * rows"]


def play(p, n):
    run = at(TermsRun, p)
    for i in range(n):
        e = run.orders[i]
        run.out[3 * i] = check_terms(e, run.now_ns)
        run.out[3 * i + 1] = risk_px_ticks(e)
        run.out[3 * i + 2] = shown_limit_lots(e)
    return 0


def code(kind, tif=TimeInForce.GTC, side=0, qty=10, now=NOW, **terms):
    """The answer for one order, and the slow twin's must be the same."""
    e = OrderSlot(side=side, qty_lots=qty, ord_type=kind, time_in_force=tif, **terms)
    said = DenyCode(check_terms(e, now))
    assert said.name == slow_check(kind.name, tif.name, side, qty, terms, now)
    return said


def accepted(kind):
    return DenyCode.UNSUPPORTED if kind in ALGORITHMS else DenyCode.OK


@pytest.mark.parametrize("kind", OrdType, ids=lambda k: k.name)
def test_terms_least_and_all_fields_of_each_type_are_accepted(kind):
    least, more = GOOD[kind]
    assert code(kind, **least) == accepted(kind)
    assert code(kind, **least, **more) == accepted(kind)
    for name, value in more.items():
        assert code(kind, **least, **{name: value}) == accepted(kind)


@pytest.mark.parametrize("kind", OrdType, ids=lambda k: k.name)
def test_terms_missing_or_foreign_field_is_bad(kind):
    least, more = GOOD[kind]
    for name in least:
        assert code(kind, **{k: v for k, v in least.items() if k != name}) == DenyCode.BAD_FIELD
    values = {k: v for fields in GOOD.values() for part in fields for k, v in part.items()} | {"expire_ts_ns": LATER}
    for name in (*FIELDS, "post_only"):
        if name not in least and name not in more:
            assert code(kind, **least, **{name: values[name]}) == DenyCode.BAD_FIELD


@pytest.mark.parametrize("tif", TimeInForce, ids=lambda t: t.name)
@pytest.mark.parametrize("kind", OrdType, ids=lambda k: k.name)
def test_terms_every_type_with_every_time_in_force_is_as_written(kind, tif):
    expire = {"expire_ts_ns": LATER} if tif == TimeInForce.GTD else {}
    stands = kind in (OrdType.LIMIT, OrdType.STOP, OrdType.STOP_LIMIT) or tif in (TimeInForce.GTC, TimeInForce.DAY)
    stands |= tif == TimeInForce.GTD and kind != OrdType.MARKET
    stands |= kind == OrdType.MARKET and tif in (TimeInForce.IOC, TimeInForce.FOK)
    assert code(kind, tif, **GOOD[kind][0], **expire) == (accepted(kind) if stands else DenyCode.BAD_FIELD)


PX, QTY = 1 << 38, 1 << 31
BOUNDS = [  # type, field, the last value inside, the first outside
    (OrdType.LIMIT, "px_ticks", PX - 1, PX),
    (OrdType.LIMIT, "px_ticks", 1, -1),
    (OrdType.STOP, "stop_px_ticks", PX - 1, PX),
    (OrdType.STOP, "stop_px_ticks", 1, -1),
    (OrdType.LIMIT, "qty", QTY - 1, QTY),
    (OrdType.LIMIT, "qty", 1, 0),
    (OrdType.ICEBERG, "display_qty_lots", 10, 11),
    (OrdType.ICEBERG, "display_qty_lots", 1, -1),
    (OrdType.LIMIT, "min_qty_lots", 10, 11),
    (OrdType.LIMIT, "min_qty_lots", 1, -1),
    (OrdType.LIMIT, "max_floor_qty_lots", 10, 11),
    (OrdType.LIMIT, "max_floor_qty_lots", 1, -1),
    (OrdType.PEGGED, "peg_offset_ticks", PX - 1, PX),
    (OrdType.PEGGED, "peg_offset_ticks", 1 - PX, -PX),
    (OrdType.VWAP, "participation_e9", 10**9, 10**9 + 1),
    (OrdType.VWAP, "participation_e9", 1, -1),
    (OrdType.TWAP, "end_ts_ns", NOW + 1, NOW),
    (OrdType.TWAP, "start_ts_ns", LATER - 1, LATER),
    (OrdType.TWAP, "start_ts_ns", 1, -1),
]


@pytest.mark.parametrize(("kind", "field", "inside", "outside"), BOUNDS)
def test_terms_at_the_bound_are_accepted_and_beyond_it_bad(kind, field, inside, outside):
    least = GOOD[kind][0]
    assert code(kind, **{**least, field: inside}) == accepted(kind)
    assert code(kind, **{**least, field: outside}) == DenyCode.BAD_FIELD


def test_terms_good_till_date_ends_after_now():
    assert code(OrdType.LIMIT, TimeInForce.GTD, px_ticks=100, expire_ts_ns=NOW + 1) == DenyCode.OK
    assert code(OrdType.LIMIT, TimeInForce.GTD, px_ticks=100, expire_ts_ns=NOW) == DenyCode.BAD_FIELD
    assert code(OrdType.LIMIT, TimeInForce.GTD, px_ticks=100) == DenyCode.BAD_FIELD


def test_terms_least_fill_is_no_more_than_what_shows():
    assert code(OrdType.ICEBERG, px_ticks=100, display_qty_lots=4, min_qty_lots=4) == DenyCode.OK
    assert code(OrdType.ICEBERG, px_ticks=100, display_qty_lots=4, min_qty_lots=5) == DenyCode.BAD_FIELD
    assert code(OrdType.LIMIT, px_ticks=100, max_floor_qty_lots=4, min_qty_lots=5) == DenyCode.BAD_FIELD


def test_terms_type_side_or_time_in_force_out_of_range_is_bad():
    for bad in ({"ord_type": 9}, {"ord_type": -1}, {"side": 2}, {"side": -1}, {"time_in_force": 5}, {"time_in_force": -1}):
        e = OrderSlot(**{"side": 0, "qty_lots": 1, "ord_type": 1, "px_ticks": 5} | bad)
        assert check_terms(e, NOW) == DenyCode.BAD_FIELD


def test_risk_price_is_the_limit_the_trigger_or_none():
    assert risk_px_ticks(OrderSlot(ord_type=OrdType.STOP_LIMIT, px_ticks=7, stop_px_ticks=9)) == 7
    assert risk_px_ticks(OrderSlot(ord_type=OrdType.STOP, stop_px_ticks=9)) == 9
    assert risk_px_ticks(OrderSlot(ord_type=OrdType.MARKET, px_ticks=0)) == NULL
    assert risk_px_ticks(OrderSlot(ord_type=OrdType.PEGGED)) == NULL


def near(bound):
    return st.sampled_from([bound - 1, bound, bound + 1])


QTYS = st.one_of(st.just(NULL), st.integers(-1, 12), near(QTY))
PRICES = st.one_of(st.just(NULL), st.integers(-1, 12), near(PX))
TIMES = st.one_of(st.just(NULL), st.just(0), st.integers(NOW - 2, NOW + 2))
VALUES = [PRICES, PRICES, QTYS, QTYS, QTYS, st.one_of(PRICES, near(-PX)), st.one_of(st.just(NULL), near(10**9)), TIMES, TIMES, TIMES]
ORDERS = st.builds(
    lambda kind, tif, side, qty, post, use, terms: (kind, tif, side, qty, post, {f: v for f, v in terms.items() if f in use}),
    st.sampled_from(OrdType),
    st.sampled_from(TimeInForce),
    st.integers(0, 1),
    QTYS,
    st.integers(0, 1),
    st.sets(st.sampled_from(FIELDS)),
    st.fixed_dictionaries(dict(zip(FIELDS, VALUES, strict=True))),
)


def likely(order):
    """The same order with the fields that its type needs, so that many are accepted."""
    kind, tif, side, qty, _, terms = order
    return kind, tif, side, abs(qty) % QTY + 10, 0, {**GOOD[kind][0], **{k: v for k, v in terms.items() if k in GOOD[kind][1]}}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(ORDERS, ORDERS.map(likely)), min_size=1, max_size=20))
def test_terms_of_any_order_equal_the_rules_plain_and_compiled(orders):
    run = TermsRun({"rows": len(orders)}, now_ns=NOW)
    for e, (kind, tif, side, qty, post, terms) in zip(run.orders, orders, strict=True):
        e.ord_type, e.time_in_force, e.side, e.qty_lots, e.post_only = kind, tif, side, qty, post
        for name in FIELDS:
            setattr(e, name, terms.get(name, NULL))
    flat = run.pack()
    play(addr_of(run), len(orders))
    files = [*native.sources("streams.trading"), __file__]
    native.function(native.load("test_terms", lambda: {"play": (play, 2)}, files=files).play, 2)(flat.ctypes.data, len(orders))
    assert flat.tobytes() == run.pack().tobytes()
    for i, (kind, tif, side, qty, post, terms) in enumerate(orders):
        assert DenyCode(run.out[3 * i]).name == slow_check(kind.name, tif.name, side, qty, {**terms, "post_only": post}, NOW)

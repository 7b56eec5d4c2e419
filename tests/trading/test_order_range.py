"""Orders that no record can hold are found with value and bound, against the numbers as Python has them; plain and compiled."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import NULL, Struct, Table, addr_of, at, native
from streams.slots import OrderSlot
from streams.trading.instrument import InstrumentSpec
from streams.trading.order_range import beyond, empty
from streams.trading.risk_rules import UNIT_COUNT, UNIT_LOTS, UNIT_NONE

PRICES = ("px_ticks", "stop_px_ticks", "peg_offset_ticks")
SIZES = ("qty_lots", "display_qty_lots", "min_qty_lots", "max_floor_qty_lots")


class RangeRun(Struct):
    spec: InstrumentSpec
    orders: Table[OrderSlot, "rows"]
    out: Table[int, "3 * rows"]


def play(p, n):
    run = at(RangeRun, p)
    for i in range(n):
        bound, asked, unit = beyond(run.orders[i], run.spec)
        run.out[3 * i] = bound
        run.out[3 * i + 1] = asked
        run.out[3 * i + 2] = unit
        if unit != UNIT_NONE:
            empty(run.orders[i])
    return 0


def slow_beyond(terms, tick_e9, lot_e9, money):
    """The first field that cannot be said, as (value, unit): by the record's own arithmetic, without any bound worked out before."""
    for names, step, most, unit in ((PRICES, tick_e9, 1 << 38, UNIT_COUNT), (SIZES, lot_e9, 1 << 31, UNIT_LOTS)):
        for name in names:
            value = terms[name]
            if (value != NULL or name == "qty_lots") and (abs(value) >= most or abs(value * step) >= 1 << 63):
                return value, unit
    if terms["px_ticks"] > 0 and terms["px_ticks"] * terms["qty_lots"] * money >= 1 << 62:
        return terms["qty_lots"], UNIT_LOTS
    return None, UNIT_NONE


ANY = st.one_of(st.integers(-3, 3), st.integers(-(1 << 40), 1 << 40), st.integers(-(1 << 63), (1 << 63) - 1), st.just(NULL))
EDGES = st.sampled_from([s * ((1 << k) + d) for k in (31, 38) for d in (-1, 0, 1) for s in (1, -1)])
VALUES = st.one_of(ANY, EDGES)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys((*PRICES, *SIZES), VALUES)), min_size=1, max_size=12),
    st.sampled_from([1, 10**6, 10**8, 10**12]),
    st.sampled_from([1, 10**6, 10**9, 10**13]),
    st.sampled_from([1, 10_000, 1 << 40]),
)
def test_range_of_any_order_equals_the_records_own_arithmetic(orders, tick_e9, lot_e9, money):
    run = RangeRun({"rows": len(orders)})
    run.spec.tick_e9, run.spec.lot_e9, run.spec.money_per_tick_lot = tick_e9, lot_e9, money
    for e, terms in zip(run.orders, orders, strict=True):
        for name, value in terms.items():
            setattr(e, name, value)
    flat = run.pack()
    play(addr_of(run), len(orders))
    files = [*native.sources("streams.trading"), __file__]
    native.function(native.load("test_range", lambda: {"play": (play, 2)}, files=files).play, 2)(flat.ctypes.data, len(orders))
    assert flat.tobytes() == run.pack().tobytes()
    for i, terms in enumerate(orders):
        asked, unit = slow_beyond(terms, tick_e9, lot_e9, money)
        assert run.out[3 * i + 2] == unit
        if unit != UNIT_NONE:
            assert run.out[3 * i + 1] == asked
            assert abs(asked) > run.out[3 * i]
            assert (run.orders[i].qty_lots, run.orders[i].px_ticks, run.orders[i].min_qty_lots) == (0, NULL, NULL)


def test_range_at_the_bound_is_held_and_beyond_it_is_told_with_the_bound():
    spec = InstrumentSpec(tick_e9=10**6, lot_e9=10**6, money_per_tick_lot=1)
    assert beyond(OrderSlot(px_ticks=(1 << 38) - 1, qty_lots=1), spec)[2] == UNIT_NONE
    assert beyond(OrderSlot(px_ticks=1 << 38, qty_lots=1), spec) == ((1 << 38) - 1, 1 << 38, UNIT_COUNT)
    assert beyond(OrderSlot(qty_lots=(1 << 31) - 1), spec)[2] == UNIT_NONE
    assert beyond(OrderSlot(qty_lots=1 << 31), spec) == ((1 << 31) - 1, 1 << 31, UNIT_LOTS)
    assert beyond(OrderSlot(px_ticks=(1 << 38) - 1, qty_lots=(1 << 24) + 1), spec) == (1 << 24, (1 << 24) + 1, UNIT_LOTS)

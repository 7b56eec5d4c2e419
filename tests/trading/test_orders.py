"""Orders: quantities of one order, and the pool against lists and dictionaries; plain and compiled."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import OrdStatus
from streams.trading.codes import BUY, SELL
from streams.trading.order import Order
from streams.trading.order_state import REFUSED
from streams.trading.orders import RETIRED, Orders
from tests.trading.slow_order import SlowOrder
from tests.trading.slow_orders import SlowOrders
from tests.trading.trading_runs import OrderRun, OrdersRun, play

PN, NEW, PF, FILLED, PC, PR, CANCELLED, REJECTED, EXPIRED = OrdStatus
ACK, FILL, CANCEL_REQUEST, CANCELLED_BY_VENUE, CANCEL_REJECT, REPLACE_REQUEST, REPLACED = range(7)  # rows of play_order


def order(qty=10, px=100, acked=True):
    """An open order of 10 lots at 100."""
    o = Order()
    o.reset(5)
    o.set_terms(BUY, px, qty)
    if acked:
        o.on_ack()
    return o


def quantities(o):
    return (o.ord_status, o.leaves_qty_lots, o.cum_qty_lots, o.cost_tick_lots)


def test_order_new_is_open_with_all_its_quantity():
    o = order(acked=False)
    assert quantities(o) == (PN, 10, 0, 0)
    assert o.live()
    assert o.request_id == o.order_id == 5


def test_order_fills_add_up_to_filled():
    o = order()
    assert o.on_fill(99, 4) == PF
    assert quantities(o) == (PF, 6, 4, 396)
    assert o.on_fill(100, 6) == FILLED
    assert quantities(o) == (FILLED, 0, 10, 996)
    assert o.late_fills == 0


def test_order_fill_before_the_acknowledgement_is_taken():
    o = order(acked=False)
    assert o.on_fill(100, 1) == PF
    assert o.on_ack() == PF


def test_order_cancel_refused_goes_back_by_quantity():
    o = order()
    o.on_cancel_request()
    assert o.on_cancel_reject() == NEW
    o.on_cancel_request()
    o.on_fill(100, 3)
    assert o.ord_status == PC
    assert o.on_cancel_reject() == PF


def test_order_cancel_refused_before_the_acknowledgement_waits_for_it():
    o = order(acked=False)
    o.on_cancel_request()
    assert o.on_cancel_reject() == PN
    assert o.on_ack() == NEW


def test_order_fill_after_cancel_is_booked_and_counted():
    o = order()
    o.on_cancelled()
    assert quantities(o) == (CANCELLED, 0, 0, 0)
    assert o.on_fill(100, 4) == CANCELLED
    assert quantities(o) == (CANCELLED, 0, 4, 400)
    assert o.late_fills == 1


def test_order_fill_beyond_its_quantity_is_booked_and_counted():
    o = order()
    assert o.on_fill(100, 12) == FILLED
    assert quantities(o) == (FILLED, 0, 12, 1200)
    assert o.late_fills == 1


def test_order_replace_reserves_the_larger_terms_until_answered():
    o = order()
    assert o.on_replace_request(77, 105, 15) == PR
    assert (o.open_qty_lots(), o.open_px_ticks()) == (15, 105)
    o.on_fill(100, 4)
    assert (o.ord_status, o.open_qty_lots(), o.open_px_ticks()) == (PR, 11, 105)
    assert o.on_replaced(105, 15) == PF
    assert (o.px_ticks, o.qty_lots, o.leaves_qty_lots, o.request_id, o.new_request_id) == (105, 15, 11, 77, 0)
    assert (o.open_qty_lots(), o.open_px_ticks()) == (11, 105)


def test_order_replace_to_less_reserves_the_old_terms_until_answered():
    o = order()
    o.on_replace_request(77, 95, 5)
    assert (o.open_qty_lots(), o.open_px_ticks()) == (10, 100)


def test_order_replace_refused_keeps_the_old_terms():
    o = order()
    o.on_replace_request(77, 105, 15)
    assert o.on_replace_reject() == NEW
    assert (o.px_ticks, o.qty_lots, o.leaves_qty_lots, o.request_id, o.open_qty_lots(), o.open_px_ticks()) == (100, 10, 10, 5, 10, 100)


def test_order_replaced_to_what_has_filled_is_filled():
    o = order()
    o.on_fill(100, 6)
    o.on_replace_request(77, 100, 6)
    assert o.on_replaced(100, 6) == FILLED
    assert o.leaves_qty_lots == 0


def test_order_replaced_to_what_has_filled_is_filled_while_a_cancel_is_pending_too():
    o = order()
    o.on_fill(100, 6)
    o.on_replace_request(77, 100, 6)
    o.on_cancel_request()
    assert o.on_replaced(100, 6) == FILLED
    assert o.on_cancel_reject() == FILLED


def test_order_cancel_refused_while_a_replace_is_pending_waits_for_the_replace():
    o = order()
    o.on_replace_request(77, 105, 15)
    assert o.on_cancel_request() == PC
    assert o.on_cancel_reject() == PR
    assert o.on_replaced(105, 15) == NEW


def test_order_replaced_while_a_cancel_is_pending_takes_the_terms_and_waits():
    o = order()
    o.on_replace_request(77, 105, 15)
    o.on_cancel_request()
    assert o.on_replaced(105, 15) == PC
    assert (o.px_ticks, o.leaves_qty_lots) == (105, 15)
    assert o.on_cancelled() == CANCELLED


def test_order_second_replace_is_refused_and_keeps_the_first():
    o = order()
    o.on_replace_request(77, 105, 15)
    assert o.on_replace_request(78, 110, 20) == REFUSED
    assert (o.new_request_id, o.new_px_ticks, o.new_qty_lots) == (77, 105, 15)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just(FILL), st.integers(1, 1 << 30), st.integers(1, 6)),
        st.tuples(st.sampled_from([0, 2, 3, 4, 7, 8, 9, 10])),
        st.tuples(st.sampled_from([0, 2, 4, 7, 10])),
        st.tuples(st.just(REPLACE_REQUEST), st.integers(1, 1 << 30), st.integers(1, 20), st.integers(1, 99)),
        st.tuples(st.just(REPLACED), st.integers(1, 1 << 30), st.integers(1, 20)),
    ),
    max_size=40,
)


@given(EVENTS)
@settings(deadline=None, max_examples=150)
def test_order_quantities_are_conserved_whatever_happens(rows):
    run = OrderRun({"rows": max(1, len(rows))})
    run.order.reset(5)
    run.order.set_terms(BUY, 100, 10)
    play(run, "order", rows)
    o = run.order
    fills = [(px, qty) for op, *rest in rows if op == FILL for px, qty in [rest]]
    assert o.cum_qty_lots == sum(qty for _, qty in fills)
    assert o.cost_tick_lots == sum(px * qty for px, qty in fills)
    assert o.leaves_qty_lots == (0 if o.terminal() else max(0, o.qty_lots - o.cum_qty_lots))
    assert o.live() == (o.leaves_qty_lots > 0)
    assert o.new_request_id == 0 or o.ord_status in (PR, PC)
    ended = None
    for i in range(len(rows)):  # terminal for good
        status = run.out[i]
        assert ended is None or status in (ended, REFUSED)
        if status in (FILLED, CANCELLED, REJECTED, EXPIRED):
            ended = status


NAMES = ["ack", "fill", "cancel_request", "cancelled", "cancel_reject", "replace_request", "replaced", "replace_reject", "reject", "expire"]
NAMES += ["trigger"]  # rows of play_order


@given(EVENTS)
@settings(deadline=None, max_examples=120)
def test_order_is_where_the_slow_order_is_after_every_event(rows):
    o, slow = order(acked=False), SlowOrder(100, 10)
    for op, *rest in rows:
        args = [rest[2], *rest[:2]] if op == REPLACE_REQUEST else rest
        said = getattr(o, f"on_{NAMES[op]}")(*args)
        assert (said != REFUSED) == getattr(slow, NAMES[op])(*args), NAMES[op]
        assert OrdStatus(o.ord_status).name == slow.status
        assert quantities(o)[1:] == (slow.leaves, slow.cum, slow.cost)
        assert (o.px_ticks, o.qty_lots, o.late_fills, o.new_request_id != 0) == (slow.px, slow.qty, slow.late, slow.replacing is not None)


POOL = 8
LISTS = 3
COMMANDS = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 2, 3, 3, 4]), st.integers(1, 24).map(lambda i: i * 0x9E3779B9), st.integers(0, LISTS - 1)),
    max_size=120,
)


def walk(orders, number):
    """Ids of a list from its head on; checks the back links on the way."""
    ids, slot, before = [], orders.first(number), -1
    while slot >= 0:
        assert orders.pool[slot].prev == before
        ids.append(orders.pool[slot].order_id)
        slot, before = orders.pool[slot].next, slot
    assert orders.lists[number].tail == before
    assert orders.lists[number].count == len(ids)
    return ids


@given(COMMANDS)
@settings(deadline=None, max_examples=150)
def test_orders_pool_equals_lists_and_dictionaries(rows):
    run = OrdersRun({"orders": POOL, "order_lists": LISTS, "rows": max(1, len(rows))})
    run.orders.setup()
    slow = SlowOrders(POOL, LISTS)
    play(run, "orders", rows)
    for i, (op, order_id, number) in enumerate(rows):
        known = slow.known(order_id)
        if op == 0:
            assert (run.out[i] >= 0) == slow.add(order_id)
            continue
        assert (run.out[i] >= 0) == known
        if known and op == 1:
            slow.drop(order_id)
        elif known and op == 2:
            slow.retire(order_id)
        elif op == 3 and order_id in slow.open and not slow.linked(order_id):
            slow.link(order_id, number)
        elif known and op == 4:
            slow.unlink(order_id)
    q = run.orders
    assert [walk(q, k) for k in range(LISTS)] == slow.lists
    assert (q.open_count, q.retired_count, q.evicted) == (len(slow.open), len(slow.retired), slow.evicted)
    for order_id in {row[1] for row in rows}:
        slot = q.find(order_id)
        assert (slot >= 0) == slow.known(order_id)
        assert slot < 0 or q.pool[slot].order_id == order_id
        assert slot < 0 or (q.pool[slot].list_number == RETIRED) == (order_id in slow.retired)


def pool(capacity=4):
    q = Orders({"orders": capacity, "order_lists": 2})
    q.setup()
    return q


def test_orders_add_to_a_pool_full_of_open_orders_gives_none():
    q = pool(2)
    assert [q.add(1), q.add(2), q.add(3)] == [0, 1, -1]
    assert q.open_count == 2


def test_orders_add_a_known_id_gives_none():
    q = pool()
    q.add(1)
    assert q.add(1) == -1


def test_orders_add_resets_what_the_slot_held():
    q = pool(1)
    s = q.add(1)
    q.pool[s].set_terms(SELL, 5, 6)
    q.pool[s].on_fill(5, 2)
    q.drop(s)
    fresh = q.pool[q.add(2)]
    assert quantities(fresh) == (PN, 0, 0, 0)
    assert (fresh.order_id, fresh.side, fresh.instrument, fresh.late_fills) == (2, BUY, -1, 0)


def test_orders_retired_is_found_until_its_slot_is_needed_oldest_first():
    q = pool(2)
    q.retire(q.add(1))
    q.retire(q.add(2))
    assert (q.open_count, q.retired_count) == (0, 2)
    assert q.add(3) >= 0
    assert (q.find(1), q.find(2) >= 0, q.find(3) >= 0, q.evicted) == (-1, True, True, 1)


def test_orders_reset_names_every_field():
    touched = Order(**dict.fromkeys((f for f in Order._codes_ if f not in ("next", "prev", "list_number")), 1))
    touched.reset(9)
    fresh = Order(order_id=9, request_id=9)
    assert touched.pack().tobytes() == fresh.pack().tobytes()

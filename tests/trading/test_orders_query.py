"""Queries, parents and batches of orders against dictionaries; plain and compiled."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import Struct, Table, addr_of, at, native
from streams.records import OrdStatus
from streams.trading.codes import BUY, SELL
from streams.trading.orders import ANY, LIVE, Orders
from tests.trading.slow_orders import SlowFamilies

POOL = 8
ADD, DROP, FILL, CANCELLED, ADD_BATCH, CANCEL_BATCH, QUERY = range(7)
STATUSES = (ANY, LIVE, *map(int, OrdStatus))


class Call(Struct):
    op: int
    id: int
    instrument: int
    strategy: int
    side: int
    parent: int
    count: int
    status: int


class QueryRun(Struct):
    """out: what each call returned; found: of each query, the ids in their order."""

    orders: Orders
    calls: Table[Call, "calls"]
    out: Table[int, "calls"]
    found: Table[int, "8 * calls"]


def describe(o, x):
    o.instrument = x.instrument
    o.strategy = x.strategy
    o.set_terms(x.side, 100, 10)


def play(p, n):
    run = at(QueryRun, p)
    q = run.orders
    for i in range(n):
        x = run.calls[i]
        s = q.find(x.id)
        y = -1
        if x.op == ADD:
            y = q.add(x.id) if s >= 0 or q.open_count < q.pool.n else -1
            if y >= 0:
                describe(q.pool[y], x)
                if x.parent != 0:
                    q.adopt(y, x.parent)
        elif x.op == DROP and s >= 0:
            q.drop(s)
        elif x.op == FILL and s >= 0:
            y = q.pool[s].on_fill(100, x.count)
        elif x.op == CANCELLED and s >= 0:
            y = q.pool[s].on_cancelled()
        elif x.op == ADD_BATCH:
            y = 1 if q.add_batch(x.id, x.count) else 0
            if y == 1:
                for order_id in range(x.id, x.id + x.count):
                    describe(q.pool[q.find(order_id)], x)
        elif x.op == CANCEL_BATCH:
            y = q.cancel_batch(x.instrument, x.strategy, x.side, x.parent)
        elif x.op == QUERY:
            y = 0
            s = q.find_next(-1, x.instrument, x.strategy, x.status, x.parent)
            while s >= 0:
                run.found[8 * i + y] = q.pool[s].order_id
                y += 1
                s = q.find_next(s, x.instrument, x.strategy, x.status, x.parent)
        run.out[i] = y
    return q.count(ANY, ANY, LIVE, 0)


def compiled():
    files = [*native.sources("streams.trading"), __file__]
    return native.function(native.load("test_orders_query", lambda: {"play": (play, 2)}, files=files).play, 2)


def none(value):
    """The slow twin's word for "any"."""
    return None if value == ANY else value


class Slow:
    """The same calls on dictionaries; `out` and `found` as the run has them."""

    def __init__(self):
        self.orders, self.filled = SlowFamilies(POOL), {}

    def call(self, x):
        orders, o = self.orders, self.orders.of(x.id)
        terms = {"instrument": x.instrument, "strategy": x.strategy, "side": x.side}
        if x.op == ADD:
            if orders.add(x.id, parent=x.parent, **terms):
                self.filled[x.id] = 0
                if x.parent:
                    orders.adopt(x.id)
        elif x.op == DROP and o:
            orders.drop(x.id)
        elif x.op == FILL and o:
            self.fill(o, x.count)
        elif x.op == CANCELLED and o and o["status"] not in ("FILLED", "REJECTED", "EXPIRED"):
            o["status"] = "CANCELLED"
        elif x.op == ADD_BATCH:
            done = orders.add_batch(x.id, x.count, parent=0, **terms)
            self.filled |= dict.fromkeys(range(x.id, x.id + x.count), 0) if done else {}
            return int(done)
        elif x.op == CANCEL_BATCH:
            return orders.cancel_batch(none(x.instrument), none(x.strategy), none(x.side), x.parent or None)
        elif x.op == QUERY:
            status = {ANY: None, LIVE: "LIVE"}.get(x.status) or (OrdStatus(x.status).name if x.status >= 0 else None)
            return orders.query(none(x.instrument), none(x.strategy), status, x.parent or None)
        return None

    def fill(self, o, lots):
        self.filled[o["id"]] += lots
        if o["status"] in ("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"):
            if self.filled[o["id"]] >= 10:
                o["status"] = "FILLED"
            elif o["status"] != "PENDING_CANCEL":
                o["status"] = "PARTIALLY_FILLED"


NUMBER, WANTED, IDS = st.integers(0, 1), st.integers(ANY, 1), st.integers(1, 12)
CALLS = st.one_of(
    st.tuples(st.just(ADD), IDS, NUMBER, NUMBER, NUMBER, st.integers(0, 6)),
    st.tuples(st.just(DROP), IDS),
    st.tuples(st.just(FILL), IDS, *[st.just(0)] * 4, st.integers(1, 12)),
    st.tuples(st.just(CANCELLED), IDS),
    st.tuples(st.just(ADD_BATCH), IDS, NUMBER, NUMBER, NUMBER, st.just(0), st.integers(0, 4)),
    st.tuples(st.just(CANCEL_BATCH), st.just(0), WANTED, WANTED, WANTED, st.integers(0, 6)),
    st.tuples(st.just(QUERY), st.just(0), WANTED, WANTED, st.just(0), st.integers(0, 6), st.just(0), st.sampled_from(STATUSES)),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(CALLS, max_size=60))
def test_orders_queries_families_and_batches_equal_dictionaries(rows):
    run = QueryRun({"orders": POOL, "order_lists": 1, "calls": max(1, len(rows))})
    run.orders.setup()
    for i, row in enumerate(rows):
        for name, value in zip(Call._fields_, row, strict=False):
            setattr(run.calls[i], name, value)
    flat = run.pack()
    live = play(addr_of(run), len(rows))
    assert compiled()(flat.ctypes.data, len(rows)) == live
    assert flat.tobytes() == run.pack().tobytes()
    slow = Slow()
    for i in range(len(rows)):
        said = slow.call(run.calls[i])
        if isinstance(said, list):
            assert [run.found[8 * i + k] for k in range(run.out[i])] == said
        elif said is not None:
            assert run.out[i] == said
    q = run.orders
    assert live == len(slow.orders.query(None, None, "LIVE", None))
    for o in slow.orders.known():
        s = q.find(o["id"])
        assert OrdStatus(q.pool[s].ord_status).name == o["status"]
        assert children(q, s) == o["children"]
        assert q.child_cum_lots(s) == sum(slow.filled[c] for c in o["children"])
        open_lots = [max(0, 10 - slow.filled[c]) for c in o["children"] if slow.orders.of(c)["status"] not in ("CANCELLED", "FILLED")]
        assert q.child_leaves_lots(s) == sum(open_lots)


def children(q, slot):
    """Ids of an order's children from the first on; checks the links back on the way."""
    ids, c, before = [], q.pool[slot].child_head, -1
    while c >= 0:
        assert (q.pool[c].parent_slot, q.pool[c].sibling_prev) == (slot, before)
        ids.append(q.pool[c].order_id)
        c, before = q.pool[c].sibling_next, c
    assert (q.pool[slot].child_tail, q.pool[slot].child_count) == (before, len(ids))
    return ids


def pool(capacity=POOL):
    q = Orders({"orders": capacity, "order_lists": 1})
    q.setup()
    return q


def test_orders_batch_that_does_not_fit_adds_none():
    q = pool(4)
    q.add(3)
    assert not q.add_batch(1, 3)
    assert not q.add_batch(10, 4)
    assert q.open_count == 1
    assert q.add_batch(10, 3)
    assert [q.find(i) >= 0 for i in (10, 11, 12)] == [True] * 3


def test_orders_cancel_batch_asks_only_what_fits_and_is_not_asked_yet():
    q = pool()
    for i, side in enumerate((BUY, SELL, BUY), 1):
        q.pool[q.add(i)].set_terms(side, 100, 10)
    q.pool[q.find(3)].on_cancelled()
    assert q.cancel_batch(ANY, ANY, BUY, 0) == 1
    assert q.cancel_batch(ANY, ANY, ANY, 0) == 1
    assert [q.pool[q.find(i)].ord_status for i in (1, 2, 3)] == [OrdStatus.PENDING_CANCEL] * 2 + [OrdStatus.CANCELLED]


def test_orders_retired_child_is_still_its_parents_and_dropped_parent_leaves_orphans():
    q = pool()
    parent = q.add(1)
    for i in (2, 3):
        assert q.adopt(q.add(i), 1)
    q.retire(q.find(2))
    assert children(q, parent) == [2, 3]
    q.drop(parent)
    assert [q.pool[q.find(i)].parent_slot for i in (2, 3)] == [-1, -1]
    assert q.count(ANY, ANY, ANY, 1) == 2  # they know whose they were


def test_orders_parent_of_an_algorithm_type_holds_its_terms_and_states():
    q = pool()
    p = q.pool[q.add(1)]
    p.set_terms(BUY, 100, 10)
    p.ord_type, p.participation_e9, p.start_ts_ns, p.end_ts_ns = 6, 10**8, 5, 9
    p.on_ack()
    child = q.pool[q.add(2)]
    child.set_terms(BUY, 100, 4)
    q.adopt(q.find(2), 1)
    child.on_fill(100, 3)
    assert (p.on_fill(100, 3), q.child_cum_lots(q.find(1)), q.child_leaves_lots(q.find(1))) == (OrdStatus.PARTIALLY_FILLED, 3, 1)
    assert (p.ord_type, p.participation_e9, p.start_ts_ns, p.end_ts_ns, p.leaves_qty_lots) == (6, 10**8, 5, 9, 7)

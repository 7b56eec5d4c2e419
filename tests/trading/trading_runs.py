"""Each trading part behind an entry point that plays rows of commands, so that one function drives the plain and the compiled run.

`play(run, "book", n)` steps the plain object and a packed copy, demands that both end in the same bytes, and returns what they returned.
"""

from functools import cache
from pathlib import Path

from streams.kernel import Struct, Table, addr_of, at, native
from streams.trading.book import Book
from streams.trading.contract import inverse_unit, lot_money, unit_of
from streams.trading.fee import fee_money
from streams.trading.id_set import IdSet
from streams.trading.instrument import InstrumentSpec
from streams.trading.order import Order
from streams.trading.orders import Orders
from streams.trading.position import Position
from streams.trading.wide import divide, share

ANSWERS = 11  # what play_book asks after each command: SlowBook.answers


class Row(Struct):
    """One command; `op` selects the method, the rest are its arguments."""

    op: int
    a: int
    b: int
    c: int
    d: int
    e: int


class BookRun(Struct):
    book: Book
    rows: Table[Row, "rows"]
    out: Table[int, "16 * rows"]
    ratios: Table[float, "2 * rows"]


class OrderRun(Struct):
    order: Order
    rows: Table[Row, "rows"]
    out: Table[int, "rows"]


class OrdersRun(Struct):
    orders: Orders
    rows: Table[Row, "rows"]
    out: Table[int, "rows"]


class PositionRun(Struct):
    spec: InstrumentSpec
    position: Position
    rows: Table[Row, "rows"]
    out: Table[int, "12 * rows"]


class FeeRun(Struct):
    rows: Table[Row, "rows"]
    out: Table[int, "rows"]


class IdSetRun(Struct):
    ids: IdSet
    rows: Table[Row, "rows"]
    out: Table[int, "rows"]


def play_book(p, n):
    r = at(BookRun, p)
    b = r.book
    for i in range(n):
        x = r.rows[i]
        if x.op == 0:
            b.apply(x.a, x.b, x.c)
        else:
            b.clear()
        o = 16 * i
        r.out[o] = b.bid()
        r.out[o + 1] = b.ask()
        r.out[o + 2] = b.bid_qty()
        r.out[o + 3] = b.ask_qty()
        r.out[o + 4] = b.touch(x.d)
        r.out[o + 5] = b.worse(x.d, x.e)
        r.out[o + 6] = b.qty(x.d, x.e)
        r.out[o + 7] = 1 if b.ready() else 0
        r.out[o + 8] = 1 if b.crossed() else 0
        r.out[o + 9] = 1 if b.locked() else 0
        r.out[o + 10] = b.mid2()
        if b.ready():
            r.ratios[2 * i] = b.microprice_ticks()
            r.ratios[2 * i + 1] = b.imbalance()
    return b.lost()


def play_order(p, n):
    r = at(OrderRun, p)
    o = r.order
    for i in range(n):
        x = r.rows[i]
        k = x.op
        y = -2
        if k == 0:
            y = o.on_ack()
        elif k == 1:
            y = o.on_fill(x.a, x.b)
        elif k == 2:
            y = o.on_cancel_request()
        elif k == 3:
            y = o.on_cancelled()
        elif k == 4:
            y = o.on_cancel_reject()
        elif k == 5:
            y = o.on_replace_request(x.c, x.a, x.b)
        elif k == 6:
            y = o.on_replaced(x.a, x.b)
        elif k == 7:
            y = o.on_replace_reject()
        elif k == 8:
            y = o.on_reject()
        elif k == 9:
            y = o.on_expire()
        elif k == 10:
            y = o.on_trigger()
        r.out[i] = y
    return o.open_qty_lots() * 1000 + o.open_px_ticks()


def play_orders(p, n):
    r = at(OrdersRun, p)
    q = r.orders
    for i in range(n):
        x = r.rows[i]
        s = q.find(x.a)
        if x.op == 0:
            s = q.add(x.a)
        elif s >= 0:
            if x.op == 1:
                q.drop(s)
            elif x.op == 2:
                q.retire(s)
            elif x.op == 3 and q.pool[s].list_number == -1:
                q.link(s, x.b)
            elif x.op == 4 and q.pool[s].list_number >= 0:
                q.unlink(s)
        r.out[i] = s
    return q.open_count


def play_position(p, n):
    r = at(PositionRun, p)
    for i in range(n):
        x = r.rows[i]
        p = r.position
        y = 0
        if x.op == 0:
            y = p.book(r.spec, x.a, x.b, x.c, x.d)
            p.charge(x.e)
        elif x.op == 1:
            p.take_mark(r.spec, x.a)
        else:
            y = p.settle_funding(r.spec, x.a, x.b)
        o = 12 * i
        r.out[o] = y
        r.out[o + 1] = p.qty_lots
        r.out[o + 2] = p.cost
        r.out[o + 3] = p.realized
        r.out[o + 4] = p.cash
        r.out[o + 5] = p.realized_fifo
        r.out[o + 6] = p.fifo_cost()
        r.out[o + 7] = p.spread2
        r.out[o + 8] = p.inventory2
        r.out[o + 9] = p.unrealized2()
        r.out[o + 10] = p.funding
        r.out[o + 11] = p.unrealized_at_mark(r.spec, x.e) if x.op == 1 else 0
    return r.position.qty_lots


def play_fee(p, n):
    r = at(FeeRun, p)
    for i in range(n):
        x = r.rows[i]
        if x.op == 0:
            r.out[i] = fee_money(x.a, x.b, x.c)
        elif x.op == 1:
            r.out[i] = unit_of(x.a, x.b, x.c, x.d)
        elif x.op == 2:
            r.out[i] = inverse_unit(x.a, x.b, x.c, x.d)
        elif x.op == 3:
            r.out[i] = lot_money(x.b, x.c, x.d)
        elif x.op == 4:
            r.out[i] = share(x.a, x.b, x.c)
        else:
            q, rest = divide(x.a, x.b, x.c)
            r.out[i] = q if x.op == 5 else rest
    return 0


def play_ids(p, n):
    r = at(IdSetRun, p)
    for i in range(n):
        r.out[i] = 1 if r.ids.add(r.rows[i].a, r.rows[i].b) else 0
    return r.ids.count


PLAYS = {"book": play_book, "order": play_order, "orders": play_orders, "position": play_position, "fee": play_fee, "ids": play_ids}


@cache
def compiled(name):
    """The entry as machine code: a function of two integers."""
    files = [*native.sources("streams.trading", "streams.slots"), Path(__file__)]
    return native.function(getattr(native.load("test_trading", lambda: {k: (f, 2) for k, f in PLAYS.items()}, files=files), name), 2)


def fill_rows(run, rows):
    """Write the commands, each a tuple of up to six integers, into the run's table."""
    for i, row in enumerate(rows):
        for field, value in zip(("op", "a", "b", "c", "d", "e"), row, strict=False):
            setattr(run.rows[i], field, value)
    return len(rows)


def play(run, name, rows):
    """Play the commands plain and compiled, demand equal ends; what the entry returned. The run object holds the end state."""
    n = fill_rows(run, rows)
    flat = run.pack()
    result = PLAYS[name](addr_of(run), n)
    native = compiled(name)(flat.ctypes.data, n)
    assert native == result, f"{name}: plain returned {result}, compiled {native}"
    assert flat.tobytes() == run.pack().tobytes(), f"{name}: plain and compiled states differ"
    return result

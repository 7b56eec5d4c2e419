"""Books behind entry points that play rows of commands, plain and compiled: `play(run, "depth", rows)` as in trading_runs."""

from functools import cache
from pathlib import Path

from streams.kernel import Struct, Table, addr_of, at, native
from streams.trading.book import NONE, Book
from streams.trading.book_snapshot import BookSnapshot
from streams.trading.l3_book import L3Book
from tests.trading.trading_runs import Row, fill_rows


class DepthRun(Struct):
    book: Book
    rows: Table[Row, "rows"]
    out: Table[int, "16 * rows"]
    ratios: Table[float, "4 * rows"]


class L3Run(Struct):
    book: L3Book
    flat: Book
    rows: Table[Row, "rows"]
    out: Table[int, "12 * rows"]


class ManyRun(Struct, align=64):
    """Many instruments in one block of memory."""

    books: Table[Book, "instruments"]
    rows: Table[Row, "rows"]
    out: Table[int, "4 * rows"]


class SnapshotRun(Struct):
    """`copy` is rebuilt from what `first` takes of `book`; `again` is taken of the copy."""

    book: Book
    copy: Book
    first: BookSnapshot
    again: BookSnapshot
    rows: Table[Row, "rows"]


def play_depth(p, n):
    """Rows: apply a, b, c; then ask for d levels, and for an order of e lots on side a with limit b."""
    r = at(DepthRun, p)
    book = r.book
    for i in range(n):
        x = r.rows[i]
        book.apply(x.a, x.b, x.c)
        o = 16 * i
        for side in range(2):
            lots, tick_lots, last = book.sweep(side, x.e)
            r.out[o] = book.depth_lots(side, x.d)
            r.out[o + 1] = book.depth_px(side, x.d)
            r.out[o + 2] = lots
            r.out[o + 3] = tick_lots
            r.out[o + 4] = last
            r.out[o + 5] = book.sweep_lots(side, x.b)
            r.ratios[4 * i + side] = book.sweep_px_ticks(side, x.e)
            o += 6
        r.out[o] = book.state()
        r.ratios[4 * i + 2] = book.imbalance_over(x.d)
        if book.ready():
            r.ratios[4 * i + 3] = book.weighted_mid_ticks(x.d)
    return book.lost()


def play_l3(p, n):
    """Rows: 0 add (id, side, px, lots), 1 modify (id, px, lots), 2 cancel, 3 execute (id, lots), 4 clear; then ask about order e.

    `flat` gets the lots of each level that changed, as an L2 feed would say it.
    """
    r = at(L3Run, p)
    book = r.book
    for i in range(n):
        x = r.rows[i]
        side, px = 0, NONE
        if x.op != 0 and x.op != 4 and book.px_of(x.a) != NONE:
            side, px = book.side_of(x.a), book.px_of(x.a)
        answer = 0
        if x.op == 0:
            answer = book.add(x.a, x.b, x.c, x.d)
            side, px = x.b, x.c
        elif x.op == 1:
            answer = book.modify(x.a, x.b, x.c)
            r.flat.apply(side, x.b, book.qty(side, x.b))
        elif x.op == 2:
            answer = book.cancel(x.a)
        elif x.op == 3:
            answer = book.execute(x.a, x.b)
        else:
            book.clear()
            r.flat.clear()
        if px != NONE:
            r.flat.apply(side, px, book.qty(side, px))
        o = 12 * i
        at_px = book.px_of(x.e)
        r.out[o] = answer
        r.out[o + 1] = book.touch(0)
        r.out[o + 2] = book.touch(1)
        r.out[o + 3] = at_px
        r.out[o + 4] = book.qty_of(x.e)
        r.out[o + 5] = book.queue_position(x.e)
        r.out[o + 6] = book.ahead_lots(x.e)
        r.out[o + 7] = book.next_id(x.e)
        r.out[o + 8] = -1 if at_px == NONE else book.first_id(book.side_of(x.e), at_px)
        r.out[o + 9] = book.count
    return book.refused


def play_many(p, n):
    """Rows: apply b, c, d to book a."""
    r = at(ManyRun, p)
    for i in range(n):
        x = r.rows[i]
        book = r.books[x.a]
        book.apply(x.b, x.c, x.d)
        r.out[4 * i] = book.bid()
        r.out[4 * i + 1] = book.bid_qty()
        r.out[4 * i + 2] = book.ask()
        r.out[4 * i + 3] = book.ask_qty()
    lost = 0
    for i in range(r.books.n):
        lost += r.books[i].lost()
    return lost


def play_snapshot(p, n):
    """Apply the rows to the book, copy it over a snapshot, take one of the copy; the number of slots, or minus it if there is no room."""
    r = at(SnapshotRun, p)
    for i in range(n):
        r.book.apply(r.rows[i].a, r.rows[i].b, r.rows[i].c)
        r.copy.apply(r.rows[i].a, r.rows[i].b + 1, 1)
    count = r.first.take(r.book)
    if count > 0:
        r.first.give(r.copy)
        r.again.take(r.copy)
    return count


PLAYS = {"depth": play_depth, "l3": play_l3, "many": play_many, "snapshot": play_snapshot}


@cache
def compiled(name):
    """The entry as machine code."""
    files = [*native.sources("streams.trading", "streams.slots"), Path(__file__), Path(__file__).with_name("trading_runs.py")]
    return native.function(getattr(native.load("test_books", lambda: {k: (f, 2) for k, f in PLAYS.items()}, files=files), name), 2)


def play(run, name, rows):
    """Play the commands plain and compiled, demand equal ends; what the entry returned. The run object holds the end state."""
    n = fill_rows(run, rows)
    flat = run.pack()
    result = PLAYS[name](addr_of(run), n)
    machine = compiled(name)(flat.ctypes.data, n)
    assert machine == result, f"{name}: plain returned {result}, compiled {machine}"
    assert flat.tobytes() == run.pack().tobytes(), f"{name}: plain and compiled states differ"
    return result

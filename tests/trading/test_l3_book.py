"""The book of orders against lists, plain and compiled, and its levels against an L2 book fed with the same changes."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading import l3_order
from streams.trading.book import NO_ASK, NO_BID, NONE
from streams.trading.codes import BUY, SELL
from streams.trading.l3_book import L3Book
from tests.trading.book_runs import L3Run, play
from tests.trading.slow_l3 import SlowL3

IDS = st.integers(1, 12)
PRICES = st.one_of(st.integers(995, 1005), st.integers(900, 1100), st.integers(1, 4000))
LOTS = st.integers(1, 9)
SIDES = st.sampled_from([BUY, SELL])
COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just(0), IDS, SIDES, PRICES, LOTS, IDS),
        st.tuples(st.just(0), IDS, SIDES, PRICES, LOTS, IDS),
        st.tuples(st.just(1), IDS, PRICES, LOTS, st.just(0), IDS),
        st.tuples(st.just(2), IDS, st.just(0), st.just(0), st.just(0), IDS),
        st.tuples(st.just(3), IDS, LOTS, st.just(0), st.just(0), IDS),
    ),
    max_size=80,
)


def sizes(rows, orders=32, levels=28):
    return {"window": 128, "far": 32, "orders": orders, "levels": levels, "rows": max(1, len(rows))}


def book_of(**more):
    book = L3Book({**sizes([]), **more})
    book.setup()
    return book


def step(slow, op, a, b, c, d):
    if op == 0:
        return slow.add(a, b, c, d)
    if op == 1:
        return slow.modify(a, b, c)
    return slow.cancel(a) if op == 2 else slow.execute(a, b)


def check(rows, orders=32, levels=28):
    """Play and compare every answer with the lists, and every level with the L2 book; the run."""
    run, slow = L3Run(sizes(rows, orders, levels)), SlowL3(orders, levels)
    run.book.setup()
    run.flat.setup()
    play(run, "l3", rows)
    for i, (op, a, b, c, d, asked) in enumerate(rows):
        answer = getattr(l3_order, step(slow, op, a, b, c, d))
        count = sum(map(len, slow.queues.values()))
        assert tuple(run.out[12 * i + k] for k in range(10)) == (answer, *slow.answers(asked), count), f"after command {i}"
    for side in (BUY, SELL):
        px, found = run.flat.touch(side), []
        assert run.book.touch(side) == px
        while px != NONE:
            found.append((px, run.flat.qty(side, px), run.book.orders_at(side, px)))
            assert run.book.qty(side, px) == found[-1][1]
            assert run.book.worse(side, px) == run.flat.worse(side, px)
            px = run.flat.worse(side, px)
        assert found == slow.levels(side)
    assert run.book.bids.lost == run.book.asks.lost == 0
    return run


@given(COMMANDS)
@settings(deadline=None, max_examples=80)
def test_l3_book_equals_lists_and_an_l2_book(rows):
    check(rows)


@given(COMMANDS)
@settings(deadline=None, max_examples=60)
def test_l3_book_with_little_room_refuses_and_keeps_the_rest(rows):
    check(rows, orders=4, levels=3)


@pytest.mark.parametrize("seed", [1, 2])
def test_l3_book_long_run_reuses_its_slots(seed):
    random, rows, live, centre = Random(seed), [], [], 10_000
    for i in range(1500):
        centre += random.choice((-3, -1, 0, 0, 1, 3))
        op = 0 if len(live) < 8 else random.choice((0, 0, 1, 2, 3, 3)) if len(live) < 30 else random.choice((2, 3))
        this = i + 1 if op == 0 else random.choice(live)
        side, lots = random.choice((BUY, SELL)), random.randint(1, 9)
        px = centre + (-1 if side == BUY else 1) * random.randint(0, 12)
        rows.append({0: (0, this, side, px, lots), 1: (1, this, px, lots, 0), 2: (2, this, 0, 0, 0), 3: (3, this, 9, 0, 0)}[op])
        if op == 0:
            live.append(this)
        elif op == 2:
            live.remove(this)
        rows[-1] += (random.choice(live or [0]),)
    run = check(rows)
    assert run.book.used_orders <= 32 < sum(row[0] == 0 for row in rows)


def test_l3_book_keeps_the_place_of_an_order_that_shrinks_only():
    book = book_of()
    for order_id in (1, 2, 3):
        book.add(order_id, BUY, 100, 5)
    book.modify(1, 100, 4)
    assert (book.first_id(BUY, 100), book.ahead_lots(3)) == (1, 9)
    book.modify(1, 100, 6)
    assert (book.first_id(BUY, 100), book.queue_position(1), book.ahead_lots(1), book.qty(BUY, 100)) == (2, 2, 10, 16)


def test_l3_book_execution_moves_the_queue_forward():
    book = book_of()
    for order_id in (1, 2):
        book.add(order_id, SELL, 100, 5)
    assert book.execute(1, 3) == l3_order.APPLIED
    assert (book.ahead_lots(2), book.qty(SELL, 100)) == (2, 7)
    assert book.execute(1, 2) == l3_order.APPLIED
    assert (book.ahead_lots(2), book.queue_position(2), book.first_id(SELL, 100), book.px_of(1)) == (0, 0, 2, NONE)


def test_l3_book_clear_takes_a_new_snapshot():
    book = book_of()
    for i in range(20):
        book.add(i + 1, i % 2, 100 + i, 5)
    book.clear()
    assert (book.count, book.bid(), book.ask(), book.ready(), book.qty_of(3)) == (0, NO_BID, NO_ASK, False, 0)
    assert book.add(3, BUY, 90, 7) == l3_order.APPLIED
    assert (book.bid(), book.qty(BUY, 90), book.orders_at(BUY, 90), book.count) == (90, 7, 1, 1)


def test_l3_book_expect_changes_nothing():
    book = book_of()
    book.add(1, BUY, 100, 5)
    before = book.pack().tobytes()
    book.expect(1)
    book.expect(77)
    assert book.pack().tobytes() == before


def test_l3_book_counts_what_it_refuses():
    book = book_of(orders=2, levels=2)
    answers = [book.add(1, BUY, 100, 5), book.add(1, BUY, 101, 5), book.cancel(9), book.execute(1, 6), book.modify(9, 1, 1)]
    answers += [book.add(2, BUY, 99, 1), book.add(3, BUY, 98, 1), book.modify(2, 97, 1)]
    o = l3_order
    assert answers == [o.APPLIED, o.DUPLICATE_ID, o.UNKNOWN_ID, o.TOO_MANY_LOTS, o.UNKNOWN_ID, o.APPLIED, o.NO_ROOM, o.APPLIED]
    assert (book.refused, book.count, book.bid(), book.worse(BUY, 100)) == (5, 2, 100, 97)


def test_l3_book_setup_refuses_more_levels_than_the_ladder_never_loses():
    with pytest.raises(ValueError, match="7/8 of far"):
        L3Book(sizes([], levels=29)).setup()

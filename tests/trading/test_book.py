"""The book against two dictionaries, plain and compiled."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import Struct
from streams.kernel.memory import aligned
from streams.slots import FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, LevelSlot
from streams.trading.book import NO_ASK, NO_BID, NONE, Book
from streams.trading.codes import BUY, SELL
from tests.trading.slow_book import SlowBook
from tests.trading.trading_runs import ANSWERS, BookRun, play

SIDES = st.sampled_from([BUY, SELL])
QTYS = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, (1 << 52) - 1))
NEAR = st.integers(980, 1020)
WIDE = st.one_of(NEAR, st.integers(700, 1300), st.integers(1, 3000), st.integers(1, (1 << 38) - 1))  # jumps over window ends and far beyond


def book_of(window=128, far=64):
    """An empty book; the smallest window makes every path happen soon."""
    b = Book({"window": window, "far": far})
    b.setup()
    return b


def run_of(rows, window=128, far=256):
    run = BookRun({"window": window, "far": far, "rows": max(1, len(rows))})
    run.book.setup()
    return run


def commands(prices):
    level = st.tuples(st.just(0), SIDES, prices, QTYS, SIDES, prices)
    clear = st.tuples(st.just(1), st.just(0), st.just(0), st.just(0), SIDES, prices)
    return st.lists(st.one_of(*[level] * 12, clear), max_size=120)


def check(rows, window=128, far=256):
    run, slow = run_of(rows, window, far), SlowBook()
    lost = play(run, "book", rows)
    for i, (op, side, px, qty, ask_side, ask_px) in enumerate(rows):
        if op == 0:
            slow.apply(side, px, qty)
        else:
            slow.clear()
        assert tuple(run.out[16 * i + k] for k in range(ANSWERS)) == slow.answers(ask_side, ask_px), f"after command {i}"
    assert lost == 0
    return run


@given(commands(NEAR))
@settings(deadline=None, max_examples=60)
def test_book_near_the_touch_equals_dictionaries(rows):
    check(rows)


@given(commands(WIDE))
@settings(deadline=None, max_examples=80)
def test_book_with_jumps_equals_dictionaries(rows):
    check(rows)


@given(commands(WIDE))
@settings(deadline=None, max_examples=30)
def test_book_with_a_larger_window_equals_dictionaries(rows):
    check(rows, window=512, far=256)


@given(commands(WIDE))
@settings(deadline=None, max_examples=60)
def test_book_with_a_full_hash_keeps_what_it_says_and_counts_the_rest(rows):
    run, slow = run_of(rows, 128, 8), SlowBook()
    lost = play(run, "book", rows)
    for op, side, px, qty, *_ in rows:
        if op == 0:
            slow.apply(side, px, qty)
        else:
            slow.clear()
    if lost == 0:
        assert run.book.bid() == slow.bid()
        assert run.book.ask() == slow.ask()
    for side in (BUY, SELL):  # what is kept is right, and the touch is a level that has a quantity
        px = run.book.touch(side)
        while px != NONE:
            assert run.book.qty(side, px) == slow.qty(side, px) > 0 or lost > 0
            assert run.book.qty(side, px) > 0
            px = run.book.worse(side, px)


@pytest.mark.parametrize("seed", [1, 2])
def test_book_that_walks_over_many_windows_equals_dictionaries(seed):
    random = Random(seed)
    rows, centre = [], 100_000
    for _ in range(2000):
        centre += random.choice((-9, -1, 0, 1, 9, random.choice((-300, 0, 0, 0, 300))))
        side = random.choice((BUY, SELL))
        px = centre + (-1 if side == BUY else 1) * int(random.expovariate(0.02)) + random.choice((0, 0, -40, 40))
        rows.append((0, side, px, random.choice((0, 0, 0, 1, 5, 9)), random.choice((BUY, SELL)), centre))
    run = check(rows, far=1024)
    assert run.book.bids.moves > 8


@given(commands(NEAR))
@settings(deadline=None, max_examples=40)
def test_book_ratios_equal_their_formulas(rows):
    run = run_of(rows)
    play(run, "book", rows)
    for i in range(len(rows)):
        bid, ask, bid_qty, ask_qty = (run.out[16 * i + k] for k in range(4))
        if run.out[16 * i + 7]:
            assert math.isclose(run.ratios[2 * i], (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty), rel_tol=1e-12)
            assert math.isclose(run.ratios[2 * i + 1], (bid_qty - ask_qty) / (bid_qty + ask_qty), abs_tol=1e-12)


def test_book_empty_answers_no_prices():
    b = book_of()
    assert (b.bid(), b.ask(), b.touch(BUY), b.touch(SELL)) == (NO_BID, NO_ASK, NONE, NONE)
    assert (b.bid_qty(), b.ask_qty(), b.mid2()) == (0, 0, 0)
    assert not b.ready()
    assert not b.crossed()
    assert not b.locked()
    assert b.worse(BUY, 1000) == b.worse(SELL, 1000) == NONE
    assert b.spread_ticks() >= 1 << 39


def test_book_one_sided_has_no_mid_and_is_not_crossed():
    b = book_of()
    b.apply(SELL, 100, 5)
    assert (b.ready(), b.mid2(), b.crossed(), b.ask(), b.ask_qty()) == (False, 0, False, 100, 5)


def test_book_removing_an_absent_level_changes_nothing():
    b = book_of()
    b.apply(BUY, 100, 5)
    b.apply(BUY, 101, 0)
    b.apply(BUY, 90_000, 0)
    assert (b.bid(), b.bid_qty()) == (100, 5)


def test_book_best_level_survives_a_full_hash():
    b = book_of(window=128, far=8)
    for i in range(60):
        b.apply(BUY, 1000 + 100 * i, i + 1)
        assert (b.bid(), b.bid_qty()) == (1000 + 100 * i, i + 1)
    assert b.lost() > 0


@pytest.mark.parametrize(
    "sizes",
    [
        {"window": 100, "far": 64},
        {"window": 64, "far": 64},
        {"window": 128, "far": 12},
        {"window": 128, "far": 4},
    ],
)
def test_book_setup_refuses_sizes_that_are_no_power_of_two(sizes):
    with pytest.raises(ValueError, match="power of two"):
        Book(sizes).setup()


def slots_of(*levels: LevelSlot) -> "tuple[int, object]":
    """Levels packed behind each other: their address, and the memory to keep."""
    mem = aligned(64 * len(levels))
    for i, level in enumerate(levels):
        level.pack(mem[64 * i : 64 * (i + 1)])
    return mem.ctypes.data, mem


def test_book_apply_levels_takes_update_and_sequence():
    b = book_of()
    addr, _kept = slots_of(
        LevelSlot(flags=FLAG_FIRST, side=BUY, px_ticks=100, qty_lots=3, last_seq=7),
        LevelSlot(flags=FLAG_LAST, side=SELL, px_ticks=102, qty_lots=4, last_seq=7),
    )
    b.apply_levels(addr, 2)
    assert (b.bid(), b.bid_qty(), b.ask(), b.ask_qty(), b.last_seq) == (100, 3, 102, 4, 7)


def test_book_apply_levels_snapshot_clears_at_its_first_level_only():
    b = book_of()
    b.apply(BUY, 90, 1)
    addr, _kept = slots_of(
        LevelSlot(flags=FLAG_FIRST | FLAG_SNAPSHOT, side=BUY, px_ticks=80, qty_lots=3, last_seq=9),
        LevelSlot(flags=FLAG_LAST | FLAG_SNAPSHOT, side=BUY, px_ticks=81, qty_lots=2, last_seq=9),
    )
    b.apply_levels(addr, 2)
    assert [b.bid(), b.worse(BUY, 81), b.worse(BUY, 80)] == [81, 80, NONE]


def test_book_apply_levels_without_a_level_only_moves_the_sequence():
    b = book_of()
    b.apply(BUY, 90, 1)
    addr, _kept = slots_of(LevelSlot(flags=FLAG_FIRST | FLAG_LAST, qty_lots=-1, last_seq=12))
    b.apply_levels(addr, 1)
    assert (b.bid(), b.last_seq) == (90, 12)


def test_book_apply_levels_empty_snapshot_empties_the_book():
    b = book_of()
    b.apply(BUY, 90, 1)
    addr, _kept = slots_of(LevelSlot(flags=FLAG_FIRST | FLAG_SNAPSHOT | FLAG_LAST, qty_lots=-1, last_seq=12))
    b.apply_levels(addr, 1)
    assert b.bid() == NO_BID


def test_level_slot_is_as_long_as_the_book_steps():
    assert issubclass(LevelSlot, Struct)
    assert LevelSlot().nbytes() == 64

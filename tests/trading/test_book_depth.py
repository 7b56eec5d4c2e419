"""Depth, sweeps, states, snapshots and resync of the book against dictionaries, plain and compiled; many books in one block."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.slots import FLAG_FIRST, FLAG_GAP, FLAG_LAST, FLAG_SNAPSHOT, LevelSlot
from streams.trading.book import CROSSED, EMPTY, LOCKED, NONE, NORMAL, ONE_SIDED, Book
from streams.trading.codes import BUY, SELL
from tests.trading.book_runs import DepthRun, ManyRun, SnapshotRun, play
from tests.trading.slow_book import SlowBook

SIDES = st.sampled_from([BUY, SELL])
SPREAD_OUT = st.one_of(st.integers(990, 1010), st.integers(800, 1200), st.integers(1, 5000))
COMMANDS = st.lists(
    st.tuples(st.just(0), SIDES, SPREAD_OUT, st.sampled_from([0, 1, 2, 5, 9]), st.integers(1, 8), st.integers(1, 40)), max_size=60
)


def book_of():
    book = Book({"window": 128, "far": 64})
    book.setup()
    return book


def run_of(cls, rows, **sizes):
    run = cls({"window": 128, "far": 128, "rows": max(1, len(rows)), **sizes})
    run.book.setup()
    return run


def other(side):
    return SELL if side == BUY else BUY


@given(COMMANDS)
@settings(deadline=None, max_examples=60)
def test_depth_and_sweep_equal_dictionaries(rows):
    run, slow = run_of(DepthRun, rows), SlowBook()
    assert play(run, "depth", rows) == 0
    for i, (_, side, px, qty, n, lots) in enumerate(rows):
        slow.apply(side, px, qty)
        o = 16 * i
        for asked in (BUY, SELL):
            depth, taken = slow.depth(asked, n), slow.taken(asked, lots)
            better = (lambda p, px=px: p >= px) if asked == SELL else (lambda p, px=px: p <= px)
            within = sum(q for p, q in slow.levels[other(asked)].items() if better(p))
            expected = (
                sum(q for _, q in depth),
                depth[-1][0] if len(depth) == n else NONE,
                len(taken),
                sum(taken),
                taken[-1] if taken else NONE,
                within,
            )
            assert tuple(run.out[o + k] for k in range(6)) == expected, f"after command {i}"
            assert run.ratios[4 * i + asked] == (sum(taken) / lots if len(taken) == lots else 0.0)
            o += 6
        assert run.out[o] == slow.state()


@given(COMMANDS)
@settings(deadline=None, max_examples=40)
def test_weighted_mid_and_imbalance_over_levels_equal_their_formulas(rows):
    run, slow = run_of(DepthRun, rows), SlowBook()
    play(run, "depth", rows)
    for i, (_, side, px, qty, n, _) in enumerate(rows):
        slow.apply(side, px, qty)
        bids, asks = slow.depth(BUY, n), slow.depth(SELL, n)
        b, a = sum(q for _, q in bids), sum(q for _, q in asks)
        assert run.ratios[4 * i + 2] == (float(Fraction(b - a, b + a)) if a + b else 0.0)
        if slow.ready():
            bid, ask = Fraction(sum(p * q for p, q in bids), b), Fraction(sum(p * q for p, q in asks), a)
            assert run.ratios[4 * i + 3] == pytest.approx(float((bid * a + ask * b) / (a + b)), rel=1e-12)


def test_weighted_mid_of_one_level_is_the_microprice():
    book = book_of()
    for side, px, qty in ((BUY, 100, 3), (BUY, 99, 50), (SELL, 104, 1), (SELL, 105, 50)):
        book.apply(side, px, qty)
    assert book.weighted_mid_ticks(1) == book.microprice_ticks() == 103.0
    assert book.imbalance_over(1) == book.imbalance() == 0.5


@pytest.mark.parametrize(
    ("levels", "state"),
    [
        ([], EMPTY),
        ([(BUY, 100)], ONE_SIDED),
        ([(SELL, 100)], ONE_SIDED),
        ([(BUY, 100), (SELL, 101)], NORMAL),
        ([(BUY, 100), (SELL, 100)], LOCKED),
        ([(BUY, 101), (SELL, 100)], CROSSED),
    ],
)
def test_state_names_what_the_touch_is(levels, state):
    book = book_of()
    for side, px in levels:
        book.apply(side, px, 1)
    assert book.state() == state
    assert (book.locked(), book.crossed()) == (state == LOCKED, state == CROSSED)


# ---- snapshot ----
def snapshot(rows, room=256):
    """The run after a snapshot, and the number of its slots."""
    run = run_of(SnapshotRun, rows, snapshot_levels=room)
    run.copy.setup()
    return run, play(run, "snapshot", rows)


@given(COMMANDS)
@settings(deadline=None, max_examples=40)
def test_snapshot_rebuilds_an_equal_book(rows):
    run, count = snapshot(rows)
    slow = SlowBook()
    for _, side, px, qty, *_ in rows:
        slow.apply(side, px, qty)
    taken = [run.first.slots[i] for i in range(count)]
    levels = [(s.side, s.px_ticks, s.qty_lots) for s in taken if s.qty_lots >= 0]
    assert levels == [(side, px, qty) for side in (BUY, SELL) for px, qty in slow.depth(side, None)]
    assert run.first.pack().tobytes() == run.again.pack().tobytes()
    assert (run.copy.stale, run.copy.lost()) == (0, 0)


def test_snapshot_of_an_empty_book_empties_the_copy():
    run, count = snapshot([])
    assert (count, run.first.slots[0].flags, run.first.slots[0].qty_lots) == (1, FLAG_FIRST | FLAG_SNAPSHOT | FLAG_LAST, -1)
    run.copy.apply(BUY, 100, 1)
    run.first.give(run.copy)
    assert run.copy.state() == EMPTY


def test_snapshot_without_room_copies_nothing_and_says_what_it_needs():
    run, count = snapshot([(0, BUY, 100, 1), (0, SELL, 101, 1), (0, SELL, 102, 1)], room=2)
    assert (count, run.first.count, run.first.slots[0].px_ticks) == (-3, 0, 0)


# ---- resync ----
def level(flags, seq, px=100, qty=1):
    return LevelSlot(flags=flags, side=BUY, px_ticks=px, qty_lots=qty, last_seq=seq)


def test_resync_gap_makes_stale_until_a_snapshot_begins():
    book = book_of()
    seen = []
    for e in (
        level(FLAG_FIRST | FLAG_LAST | FLAG_SNAPSHOT, 5),
        level(FLAG_FIRST | FLAG_LAST | FLAG_GAP, 9, 101),
        level(FLAG_FIRST | FLAG_LAST, 10, 102),
        level(FLAG_FIRST | FLAG_SNAPSHOT, 12, 90),
        level(FLAG_LAST | FLAG_SNAPSHOT, 12, 89),
    ):
        book.apply_level(e)
        seen.append((book.stale, book.bid(), book.last_seq))
    assert seen == [(0, 100, 5), (1, 101, 9), (1, 102, 10), (0, 90, 12), (0, 90, 12)]
    assert (book.gaps, book.worse(BUY, 90)) == (1, 89)


def test_resync_updates_the_snapshot_covers_are_skipped():
    book = book_of()
    book.apply_level(level(FLAG_FIRST | FLAG_LAST | FLAG_SNAPSHOT, 50))
    for seq, px in ((48, 120), (49, 121), (50, 101), (51, 102)):
        book.apply_level(level(FLAG_FIRST | FLAG_LAST, seq, px))
    assert (book.bid(), book.last_seq, book.skipped) == (102, 51, 2)
    assert book.worse(BUY, 102) == 101


def test_resync_gap_counts_however_old_its_sequence_is():
    book = book_of()
    book.apply_level(level(FLAG_FIRST | FLAG_LAST | FLAG_SNAPSHOT, 50))
    book.apply_level(level(FLAG_FIRST | FLAG_LAST | FLAG_GAP, 3, 101))
    assert (book.stale, book.gaps, book.skipped, book.last_seq) == (1, 1, 0, 3)


def test_resync_snapshot_may_go_back_after_a_venue_restarted():
    book = book_of()
    for seq in (50, 3):
        book.apply_level(level(FLAG_FIRST | FLAG_LAST | FLAG_SNAPSHOT, seq, 100 + seq))
    assert (book.bid(), book.last_seq) == (103, 3)


def test_resync_without_sequences_skips_nothing():
    book = book_of()
    book.apply_level(level(FLAG_FIRST | FLAG_LAST | FLAG_SNAPSHOT, 5))
    book.apply_level(level(FLAG_FIRST | FLAG_LAST, 0, 101))
    assert (book.bid(), book.skipped) == (101, 0)


# ---- many instruments ----
def test_250_books_in_one_block_equal_250_pairs_of_dictionaries():
    random, instruments = Random(5), 250
    slow, rows = [SlowBook() for _ in range(instruments)], []
    for _ in range(4000):
        i, side = random.randrange(instruments), random.choice((BUY, SELL))
        px = 1000 * (i + 1) + random.randrange(60) * (-1 if side == BUY else 1) + random.choice((0, 0, 0, 300))
        rows.append((0, i, side, px, random.choice((0, 1, 3, 7))))
    run = ManyRun({"instruments": instruments, "window": 128, "far": 32, "rows": len(rows)})
    for book in run.books:
        book.setup()
    assert play(run, "many", rows) == 0
    for n, (_, i, side, px, qty) in enumerate(rows):
        slow[i].apply(side, px, qty)
        touch = slow[i].answers(BUY, 0)
        assert tuple(run.out[4 * n + k] for k in range(4)) == (touch[0], touch[2], touch[1], touch[3])
    for i, book in enumerate(run.books):
        assert [(px, book.qty(SELL, px)) for px in slow[i].ordered(SELL)] == slow[i].depth(SELL, None)

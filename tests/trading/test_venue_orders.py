"""The order types and times in force of the simulated venue, one rule a test; every market is played on the slow venue too."""

import pytest

from streams.records import OrdType, Side, TimeInForce, VenueEventType
from tests.trading.slow_venue import DAY_NS
from tests.trading.venue_runs import Both

BUY, SELL = Side.BUY, Side.SELL
MARKET, LIMIT, STOP, STOP_LIMIT, ICEBERG, TWAP, VWAP, SHORTFALL, PEGGED = OrdType
GTC, IOC, FOK, DAY, GTD = TimeInForce
ACK, REJECT, FILL, CANCELLED, REPLACED, _, REPLACE_REJECT, EXPIRED, TRIGGERED = VenueEventType
QUOTED = [("level", BUY, 100, 5), ("level", SELL, 101, 7), ("level", SELL, 102, 9), ("update_end", 0)]


def order(id=1, side=BUY, px=100, qty=4, kind=LIMIT, tif=GTC, post_only=0, stop=0, expire=0, display=0, least=0, floor=0, peg=0, end=0):
    return ("new", id, side, kind, tif, post_only, px, qty, stop, expire, display, least, floor, peg, end)


def levels(*rows):
    """Levels (side, price, quantity) as one update."""
    return [*[("level", *row) for row in rows], ("update_end", 0)]


def answers(*calls, market=QUOTED):
    """(kind, order, price, quantity, leaves) of every answer, and the two venues agree."""
    made = Both()
    for name, *args in [*market, *calls]:
        made.call(name, *args)
        made.agree()
    return [(a[0], a[1], *a[3:6]) for a in made.answers]


def fills(*calls):
    """(order, price, quantity) of every fill."""
    return [a[1:4] for a in answers(*calls) if a[0] == FILL]


def reasons(*calls):
    """The reason of the last answer."""
    made = Both()
    for name, *args in [*QUOTED, *calls]:
        made.call(name, *args)
    made.agree()
    return made.answers[-1][0], made.answers[-1][-1]


# ---- stops ----
def test_stop_says_triggered_before_it_fills():
    done = answers(order(px=0, kind=STOP, stop=103), ("trade", BUY, 103, 1))
    assert done == [(ACK, 1, 0, 4, 4), (TRIGGERED, 1, 0, 4, 4), (FILL, 1, 101, 4, 0)]


def test_stop_that_the_last_trade_has_reached_triggers_at_once():
    done = answers(("trade", SELL, 99, 1), order(side=SELL, px=0, kind=STOP, stop=99, qty=2))
    assert [a[0] for a in done] == [ACK, TRIGGERED, FILL]


def test_stop_limit_takes_up_to_its_limit_and_its_rest_rests():
    done = answers(order(px=101, qty=9, kind=STOP_LIMIT, stop=103), ("trade", BUY, 103, 1), ("trade", SELL, 101, 9))
    assert done[1:] == [(TRIGGERED, 1, 101, 9, 9), (FILL, 1, 101, 7, 2), (FILL, 1, 101, 2, 0)]


def test_stop_limit_fill_or_kill_is_decided_when_it_triggers():
    done = answers(order(px=101, qty=9, kind=STOP_LIMIT, tif=FOK, stop=103), ("trade", BUY, 103, 1))
    assert [a[0] for a in done] == [ACK, TRIGGERED, EXPIRED]


def test_stop_that_waits_is_replaced_cancelled_and_expires():
    waiting = order(px=0, kind=STOP, stop=103, tif=GTD, expire=50)
    assert answers(("time", 1), waiting, ("replace", 1, 9, 0, 6))[-1] == (REPLACED, 1, 0, 6, 6)
    assert answers(("time", 1), waiting, ("cancel", 1, 9))[-1][0] == CANCELLED
    assert answers(("time", 1), waiting, ("time", 50))[-1][0] == EXPIRED


# ---- iceberg and max_floor ----
def test_iceberg_shows_one_piece_and_the_next_joins_the_end_of_the_queue():
    ice = order(px=100, qty=6, kind=ICEBERG, display=2)
    behind = order(id=2, px=100, qty=3)
    calls = [*levels((BUY, 100, 0)), ice, behind]
    assert fills(*calls, ("trade", SELL, 100, 2)) == [(1, 100, 2)]
    assert fills(*calls, ("trade", SELL, 100, 2), ("trade", SELL, 100, 3)) == [(1, 100, 2), (2, 100, 3)]
    assert fills(*calls, ("trade", SELL, 100, 8)) == [(1, 100, 2), (2, 100, 3), (1, 100, 2), (1, 100, 1)]


def test_iceberg_next_piece_stands_behind_the_market_that_is_displayed():
    calls = [*levels((BUY, 100, 0)), order(px=100, qty=6, kind=ICEBERG, display=2), *levels((BUY, 100, 5)), ("trade", SELL, 100, 2)]
    assert fills(*calls, ("trade", SELL, 100, 5)) == [(1, 100, 2)]
    assert fills(*calls, ("trade", SELL, 100, 6)) == [(1, 100, 2), (1, 100, 1)]


def test_limit_order_under_a_max_floor_shows_no_more_than_that():
    calls = [*levels((BUY, 100, 0)), order(px=100, qty=6, floor=4), order(id=2, px=100, qty=3)]
    assert fills(*calls, ("trade", SELL, 100, 6)) == [(1, 100, 4), (2, 100, 2)]


def test_iceberg_takes_with_all_of_it():
    assert fills(order(px=101, qty=9, kind=ICEBERG, display=2)) == [(1, 101, 7)]


def test_iceberg_of_more_pieces_than_allowed_is_rejected():
    assert answers(order(qty=20, kind=ICEBERG, display=2))[-1][0] == ACK
    assert reasons(order(qty=21, kind=ICEBERG, display=2)) == (REJECT, "quantity or notional outside the instrument's filters")


def test_iceberg_replaced_to_less_than_it_displays_is_rejected():
    assert reasons(order(kind=ICEBERG, display=3), ("replace", 1, 9, 100, 2))[0] == REPLACE_REJECT
    assert reasons(order(kind=ICEBERG, display=3), ("replace", 1, 9, 100, 3))[0] == REPLACED


# ---- least quantity ----
def test_min_qty_takes_nothing_where_there_is_less_and_rests():
    assert fills(order(px=101, qty=9, least=8)) == []
    assert fills(order(px=102, qty=9, least=8)) == [(1, 101, 7), (1, 102, 2)]


def test_min_qty_immediate_or_cancel_expires_where_there_is_less():
    assert [a[0] for a in answers(order(px=101, qty=9, least=8, tif=IOC))] == [ACK, EXPIRED]
    assert [a[0] for a in answers(order(px=101, qty=9, least=7, tif=IOC))] == [ACK, FILL, EXPIRED]


def test_min_qty_resting_is_not_filled_by_a_smaller_trade():
    calls = [*levels((BUY, 100, 0)), order(qty=4, least=3), order(id=2, qty=4)]
    assert fills(*calls, ("trade", SELL, 100, 2)) == [(2, 100, 2)]
    assert fills(*calls, ("trade", SELL, 100, 3)) == [(1, 100, 3)]
    assert fills(*calls, ("trade", SELL, 100, 3), ("trade", SELL, 100, 1)) == [(1, 100, 3), (1, 100, 1)]


# ---- pegs ----
def test_pegged_order_follows_its_sides_best_price_with_its_offset():
    peg = order(px=0, kind=PEGGED, peg=-1)
    assert fills(peg, ("trade", SELL, 99, 9)) == [(1, 99, 4)]
    assert fills(peg, *levels((BUY, 101, 3), (SELL, 101, 0)), ("trade", SELL, 99, 9)) == [(1, 100, 4)]


def test_pegged_order_stops_at_its_limit():
    moved = levels((BUY, 104, 3), (SELL, 101, 0), (SELL, 102, 0), (SELL, 105, 2))
    assert fills(order(px=102, kind=PEGGED), *moved, ("trade", SELL, 101, 9)) == [(1, 102, 4)]


def test_pegged_order_that_moves_loses_its_place():
    moved = [*levels((BUY, 99, 8), (BUY, 100, 0))]
    assert fills(order(px=0, kind=PEGGED), *moved, ("trade", SELL, 99, 8)) == []
    assert fills(order(px=0, kind=PEGGED), *moved, ("trade", SELL, 99, 9)) == [(1, 99, 1)]


def test_pegged_order_that_reaches_the_other_side_takes_unless_post_only():
    assert fills(order(px=0, kind=PEGGED, peg=1)) == [(1, 101, 4)]
    assert fills(order(px=0, kind=PEGGED, peg=1, post_only=1), ("trade", SELL, 99, 1)) == [(1, 100, 1)]


def test_pegged_order_stays_where_it_is_while_its_side_is_empty():
    assert fills(order(px=0, kind=PEGGED), *levels((BUY, 100, 0)), ("trade", SELL, 99, 9)) == [(1, 100, 4)]


def test_pegged_order_without_a_price_to_peg_to_is_rejected():
    assert answers(order(px=0, kind=PEGGED), market=[])[-1][0] == REJECT
    assert reasons(*levels((BUY, 100, 0)), order(px=0, kind=PEGGED)) == (REJECT, "book has no price to peg to")


def test_pegged_order_replaced_takes_a_new_limit():
    calls = [order(px=98, kind=PEGGED), ("replace", 1, 9, 0, 4), ("trade", SELL, 99, 9)]
    assert fills(*calls) == [(1, 100, 4)]
    assert answers(*calls)[1] == (REPLACED, 1, 0, 4, 4)


# ---- times in force ----
def test_immediate_or_cancel_takes_what_there_is_and_expires():
    assert answers(order(px=101, qty=9, tif=IOC))[1:] == [(FILL, 1, 101, 7, 2), (EXPIRED, 1, 101, 9, 0)]


def test_fill_or_kill_takes_all_or_expires():
    assert answers(order(px=101, qty=8, tif=FOK))[1:] == [(EXPIRED, 1, 101, 8, 0)]
    assert answers(order(px=102, qty=16, tif=FOK))[1:] == [(FILL, 1, 101, 7, 9), (FILL, 1, 102, 9, 0)]


def test_day_order_ends_at_the_next_midnight_utc():
    assert answers(("time", 5), order(tif=DAY), ("time", DAY_NS - 1))[-1][0] == ACK
    assert answers(("time", 5), order(tif=DAY), ("time", DAY_NS))[-1][0] == EXPIRED


def test_good_till_date_order_ends_at_its_instant():
    assert answers(("time", 5), order(tif=GTD, expire=60), ("time", 59))[-1][0] == ACK
    assert answers(("time", 5), order(tif=GTD, expire=60), ("time", 60))[-1][0] == EXPIRED
    assert reasons(("time", 60), order(tif=GTD, expire=60)) == (REJECT, "its time is over")


# ---- what is not worked here, and the bounds ----
@pytest.mark.parametrize("kind", [TWAP, VWAP, SHORTFALL])
def test_algorithm_types_are_rejected_as_not_worked(kind):
    assert reasons(order(px=0, kind=kind, end=99)) == (REJECT, "order type is not worked here")


BAD = (REJECT, "a field is missing, out of range or foreign to the order type")


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (order(px=(1 << 38) - 1, side=SELL), order(px=1 << 38, side=SELL)),
        (order(qty=(1 << 31) - 1, px=1), order(qty=1 << 31, px=1)),
        (order(px=0, kind=STOP, stop=(1 << 38) - 1), order(px=0, kind=STOP, stop=1 << 38)),
        (order(kind=ICEBERG, display=4), order(kind=ICEBERG, display=5)),
        (order(least=4), order(least=5)),
        (order(floor=4), order(floor=5)),
        (order(px=50, kind=PEGGED, peg=(1 << 38) - 1), order(px=50, kind=PEGGED, peg=1 << 38)),
    ],
)
def test_terms_at_the_bound_are_accepted_and_beyond_it_rejected(inside, outside):
    assert answers(inside)[0][0] == ACK
    assert reasons(outside) == BAD


def test_notional_at_the_bound_is_accepted_and_beyond_it_rejected():
    """10 money units a tick-lot: px x qty x 10 at most 2**62."""
    qty = (1 << 31) - 1
    px = (1 << 62) // 10 // qty
    assert answers(order(px=px, qty=qty, side=SELL), ("cancel", 1, 2))[0][0] == ACK
    assert reasons(order(px=px + 1, qty=qty, side=SELL)) == BAD

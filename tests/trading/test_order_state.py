"""The table of order states against a matrix written out by hand, and the laws that any such table must keep."""

import pytest

from streams.records import OrdStatus
from streams.trading import order_state
from streams.trading.order import Order
from streams.trading.order_state import EVENTS, NEXT, REFUSED, STATUSES, WORKING

PN, NEW, PF, FILLED, PC, PR, CANCELLED, REJECTED, EXPIRED = OrdStatus
TERMINAL = {FILLED, CANCELLED, REJECTED, EXPIRED}
OPEN = set(OrdStatus) - TERMINAL
NAMES = ["ACK", "FILL", "FILL_FULL", "CANCEL_REQUEST", "CANCEL", "CANCEL_REJECT", "REPLACE_REQUEST", "REPLACE", "REPLACE_REJECT"]
NAMES += ["REJECT", "EXPIRE", "TRIGGER"]
EVENT = {name: getattr(order_state, name) for name in NAMES}

# (status, event) -> status; what is not here is refused
EXPECTED = {
    # an acknowledgement opens a new order; once more it says nothing new, and it may arrive after the fill that it announced
    (PN, "ACK"): NEW,
    (NEW, "ACK"): NEW,
    (PF, "ACK"): PF,
    (PC, "ACK"): PC,
    (PR, "ACK"): PR,
    (FILLED, "ACK"): FILLED,
    (CANCELLED, "ACK"): CANCELLED,
    (EXPIRED, "ACK"): EXPIRED,
    # fills: pending requests stay pending, ended orders stay ended
    (PN, "FILL"): PF,
    (NEW, "FILL"): PF,
    (PF, "FILL"): PF,
    (PC, "FILL"): PC,
    (PR, "FILL"): PR,
    (FILLED, "FILL"): FILLED,
    (CANCELLED, "FILL"): CANCELLED,
    (REJECTED, "FILL"): REJECTED,
    (EXPIRED, "FILL"): EXPIRED,
    (PN, "FILL_FULL"): FILLED,
    (NEW, "FILL_FULL"): FILLED,
    (PF, "FILL_FULL"): FILLED,
    (PC, "FILL_FULL"): FILLED,
    (PR, "FILL_FULL"): FILLED,
    (FILLED, "FILL_FULL"): FILLED,
    (CANCELLED, "FILL_FULL"): CANCELLED,
    (REJECTED, "FILL_FULL"): REJECTED,
    (EXPIRED, "FILL_FULL"): EXPIRED,
    # a cancel can be asked for in every open status, again too
    (PN, "CANCEL_REQUEST"): PC,
    (NEW, "CANCEL_REQUEST"): PC,
    (PF, "CANCEL_REQUEST"): PC,
    (PC, "CANCEL_REQUEST"): PC,
    (PR, "CANCEL_REQUEST"): PC,
    (PN, "CANCEL"): CANCELLED,
    (NEW, "CANCEL"): CANCELLED,
    (PF, "CANCEL"): CANCELLED,
    (PC, "CANCEL"): CANCELLED,
    (PR, "CANCEL"): CANCELLED,
    (CANCELLED, "CANCEL"): CANCELLED,
    # a refused cancel puts the order back; where none is pending the answer is late and changes nothing
    (PC, "CANCEL_REJECT"): WORKING,
    (PN, "CANCEL_REJECT"): PN,
    (NEW, "CANCEL_REJECT"): NEW,
    (PF, "CANCEL_REJECT"): PF,
    (PR, "CANCEL_REJECT"): PR,
    (FILLED, "CANCEL_REJECT"): FILLED,
    (CANCELLED, "CANCEL_REJECT"): CANCELLED,
    (REJECTED, "CANCEL_REJECT"): REJECTED,
    (EXPIRED, "CANCEL_REJECT"): EXPIRED,
    # one replace at a time, of an order that the venue has accepted
    (NEW, "REPLACE_REQUEST"): PR,
    (PF, "REPLACE_REQUEST"): PR,
    (PR, "REPLACE"): WORKING,
    (NEW, "REPLACE"): WORKING,
    (PF, "REPLACE"): WORKING,
    (PC, "REPLACE"): PC,
    (PR, "REPLACE_REJECT"): WORKING,
    (PN, "REPLACE_REJECT"): PN,
    (NEW, "REPLACE_REJECT"): NEW,
    (PF, "REPLACE_REJECT"): PF,
    (PC, "REPLACE_REJECT"): PC,
    (FILLED, "REPLACE_REJECT"): FILLED,
    (CANCELLED, "REPLACE_REJECT"): CANCELLED,
    (REJECTED, "REPLACE_REJECT"): REJECTED,
    (EXPIRED, "REPLACE_REJECT"): EXPIRED,
    # the venue ends an open order; the same answer twice says nothing new
    (PN, "REJECT"): REJECTED,
    (NEW, "REJECT"): REJECTED,
    (PF, "REJECT"): REJECTED,
    (PC, "REJECT"): REJECTED,
    (PR, "REJECT"): REJECTED,
    (REJECTED, "REJECT"): REJECTED,
    (PN, "EXPIRE"): EXPIRED,
    (NEW, "EXPIRE"): EXPIRED,
    (PF, "EXPIRE"): EXPIRED,
    (PC, "EXPIRE"): EXPIRED,
    (PR, "EXPIRE"): EXPIRED,
    (EXPIRED, "EXPIRE"): EXPIRED,
    # a stop becomes active wherever it is open
    (PN, "TRIGGER"): PN,
    (NEW, "TRIGGER"): NEW,
    (PF, "TRIGGER"): PF,
    (PC, "TRIGGER"): PC,
    (PR, "TRIGGER"): PR,
}


def after(status, name):
    return int(NEXT[status * EVENTS + EVENT[name]])


@pytest.mark.parametrize("status", list(OrdStatus), ids=lambda s: s.name)
@pytest.mark.parametrize("name", NAMES)
def test_next_status_of_every_pair_is_as_written(status, name):
    assert after(status, name) == EXPECTED.get((status, name), REFUSED)


def test_table_covers_the_whole_product():
    assert sorted(EVENT.values()) == list(range(EVENTS))
    assert len(OrdStatus) == STATUSES
    assert len(NEXT) == STATUSES * EVENTS


@pytest.mark.parametrize("name", NAMES)
def test_terminal_status_has_no_way_back(name):
    assert all(after(status, name) in (status, REFUSED) for status in TERMINAL)


def test_fill_is_never_refused():
    assert all(after(status, name) != REFUSED for status in OrdStatus for name in ("FILL", "FILL_FULL"))


def test_every_status_but_the_first_is_reached_and_every_open_one_can_end():
    reached = {after(s, n) for s in OrdStatus for n in NAMES}
    assert set(OrdStatus) - {PN} <= reached
    for end in ("CANCEL", "REJECT", "EXPIRE", "FILL_FULL"):
        assert all(after(s, end) in TERMINAL for s in OPEN)


def test_only_its_answer_or_an_end_leaves_a_pending_request():
    stays = {"ACK", "FILL", "TRIGGER", "CANCEL_REQUEST"}
    assert all(after(PC, n) == PC for n in stays)
    assert all(after(PR, n) == PR for n in stays - {"CANCEL_REQUEST"})


METHODS = {  # event -> what happens to an order of 10 lots
    "ACK": lambda o: o.on_ack(),
    "FILL": lambda o: o.on_fill(100, 1),
    "FILL_FULL": lambda o: o.on_fill(100, max(1, o.leaves_qty_lots)),
    "CANCEL_REQUEST": lambda o: o.on_cancel_request(),
    "CANCEL": lambda o: o.on_cancelled(),
    "CANCEL_REJECT": lambda o: o.on_cancel_reject(),
    "REPLACE_REQUEST": lambda o: o.on_replace_request(77, 101, 12),
    "REPLACE": lambda o: o.on_replaced(101, 12),
    "REPLACE_REJECT": lambda o: o.on_replace_reject(),
    "REJECT": lambda o: o.on_reject(),
    "EXPIRE": lambda o: o.on_expire(),
    "TRIGGER": lambda o: o.on_trigger(),
}
PATHS = {  # status -> events that lead there
    PN: [],
    NEW: ["ACK"],
    PF: ["ACK", "FILL"],
    FILLED: ["ACK", "FILL_FULL"],
    PC: ["ACK", "CANCEL_REQUEST"],
    PR: ["ACK", "REPLACE_REQUEST"],
    CANCELLED: ["ACK", "CANCEL"],
    REJECTED: ["REJECT"],
    EXPIRED: ["ACK", "EXPIRE"],
}


def order_in(status):
    o = Order()
    o.reset(5)
    o.set_terms(0, 100, 10)
    for name in PATHS[status]:
        METHODS[name](o)
    assert o.ord_status == status
    return o


@pytest.mark.parametrize("status", list(OrdStatus), ids=lambda s: s.name)
@pytest.mark.parametrize("name", NAMES)
def test_order_moves_as_the_table_says_and_a_refused_event_changes_nothing(status, name):
    o = order_in(status)
    before = o.pack().tobytes()
    event = name
    if name == "FILL_FULL" and o.terminal():
        event = "FILL"  # nothing is open: the kinds of fill are one
    want = EXPECTED.get((status, event), REFUSED)
    got = METHODS[name](o)
    if want == REFUSED:
        assert got == REFUSED
        assert o.pack().tobytes() == before
    else:
        assert got == o.ord_status
        assert got == want or want == WORKING
        assert got in OPEN or o.leaves_qty_lots == 0

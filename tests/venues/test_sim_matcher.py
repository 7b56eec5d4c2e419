"""The matching engine fed with slots, plain and compiled, against the same records applied one by one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import EdgeError, KernelError
from streams.kernel.fault import FAULT
from streams.records import BookUpdate, Side
from streams.trading.venue_answer import VenueAnswer
from streams.venues.sim.exchange import SimExchange
from streams.venues.sim.matcher import Answer
from tests.venues.sim_orders import LOT_E9, TICK_E9, book, follow, instrument, new, trade

SMALL = {"window": 128, "far": 64, "orders": 16, "executions": 512, "answers": 64}
COMPILED = [False, pytest.param(True, marks=pytest.mark.slow)]


def exchange(compiled=False):
    made = SimExchange(1, [instrument(), instrument(symbol="ETHUSDT")], SMALL, compiled)
    follow(made, book([(1000, 5), (999, 9)], [(1001, 4), (1002, 9)], snapshot=True))
    return made


def slowly(made, record):
    """A record applied to the plain venue itself."""
    venue, row = made.matcher.venue, made.rows.get(record.symbol)
    if row is None or record.venue != "sim":
        return
    venue.on_time(record.recv_ts_ns)
    try:
        made.slots.edge.to_slots(record)
    except EdgeError:
        return
    if isinstance(record, BookUpdate):
        if record.snapshot:
            venue.on_snapshot(row)
        for level in record.levels:
            venue.on_level(row, int(level.side), level.px_e9 // TICK_E9, level.qty_e9 // LOT_E9)
        venue.on_update_end(row, int(record.snapshot))
    elif record.px_e9 > 0 and record.qty_e9 > 0:
        venue.on_trade(row, int(record.side), record.px_e9 // TICK_E9, record.qty_e9 // LOT_E9)
    made._collect(None)


def random_record(rng, now_ns):
    """Market data of every kind, some of it unusable or of others."""
    where = {"venue": "other" if rng.random() < 0.05 else "sim", "symbol": rng.choice(["BTCUSDT", "BTCUSDT", "ETHUSDT", "XRPUSDT"])}
    if rng.random() < 0.4:
        record = trade(Side(rng.randrange(2)), rng.randint(997, 1004), rng.randint(0, 9), now_ns, **where)
        return record._replace(px_e9=record.px_e9 + (rng.random() < 0.05))
    bids, asks = ([(px, rng.randint(0, 9)) for px in rng.sample(range(low, low + 6), rng.randint(0, 3))] for low in (996, 1000))
    return book(bids, asks, now_ns, snapshot=rng.random() < 0.1, **where)


def random_request(rng, number):
    """A message; most of them are good."""
    if number and rng.random() < 0.4:
        op, id = rng.choice(["cancel", "replace"]), f"c{rng.randrange(number)}"
        return {"op": op, "req": number, "cl_ord_id": id, "px": f"{rng.randint(997, 1004) / 10}", "qty": f"0.00{rng.randint(1, 9)}"}
    stop = {"stop_px": f"{rng.randint(997, 1004) / 10}", "px": None, "type": "STOP"} if rng.random() < 0.2 else {}
    more = {"tif": "GTD", "expire_ts_ns": rng.randint(1, 60)} if rng.random() < 0.2 else {}
    side, px = rng.choice(["BUY", "SELL"]), f"{rng.randint(997, 1004) / 10}"
    return new(number, f"c{number}", side, **{"px": px, "qty": f"0.00{rng.randint(1, 9)}", **stop, **more})


def play(seed, steps, compiled):
    """The same random run three ways: reports and state of the slow one and of the engine."""
    rng, slow, fast = random.Random(seed), exchange(), exchange(compiled)
    now_ns, number = 1, 0
    for _ in range(steps):
        records = []
        for _ in range(rng.randint(0, 20)):
            now_ns += rng.randint(0, 2)
            records.append(random_record(rng, now_ns))
        for record in records:
            slowly(slow, record)
        follow(fast, *records)
        message = random_request(rng, number)
        number += message["op"] == "new"
        slow.on_request("me", message, now_ns)
        fast.on_request("me", message, now_ns)
        assert fast.take_reports() == slow.take_reports()
    return slow, fast


@pytest.mark.parametrize("compiled", COMPILED)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), steps=st.integers(1, 12))
def test_follow_any_market_and_requests_equals_records_one_by_one(seed, steps, compiled):
    slow, fast = play(seed, steps, compiled)
    assert fast.matcher.pack() == slow.matcher.pack()


@pytest.mark.parametrize("compiled", COMPILED)
def test_follow_more_answers_than_the_queue_holds_are_all_reported(compiled):
    made = exchange(compiled)
    made.on_request("me", new(1, "a", qty="0.4"), 1)
    made.take_reports()
    follow(made, *(trade(Side.SELL, 1000, 1, n) for n in range(2, 300)))  # five lots lay ahead
    assert len([r for _, r in made.take_reports() if r["report"] == "FILL"]) == 293


@pytest.mark.slow
def test_entry_that_fails_is_an_error():
    made = exchange(True)
    with pytest.raises(ValueError, match="9223372036854775808 does not fit 64 bits"):
        made.matcher.cancel(1 << 63, 0)
    made.matcher._calls = {**made.matcher._calls, "venue_time": lambda *_: FAULT}
    with pytest.raises(KernelError, match="venue_time failed"):
        made.matcher.on_time(1)


def test_answer_has_the_kernels_fields():
    assert Answer._fields == tuple(VenueAnswer._fields_)

"""The simulated exchange: messages in, reports out."""

import pytest

from streams.errors import VenueError
from streams.records import InstrumentType, Side
from streams.venues.sim.exchange import SimExchange
from tests.venues.sim_orders import book, follow, instrument, new, trade

ME = "gateway/0"
SMALL = {"window": 128, "far": 64, "orders": 8, "executions": 8, "answers": 64}


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def exchange(request):
    made = SimExchange(7, [instrument()], SMALL, request.param)
    follow(made, book([(1000, 5), (999, 9)], [(1001, 4), (1002, 9)], snapshot=True))
    return made


def said(exchange):
    """Kind, client order id and request of every report since the last call."""
    return [(r["report"], r["cl_ord_id"], r.get("req")) for _, r in exchange.take_reports()]


def test_new_resting_order_fills_behind_the_queue(exchange):
    exchange.on_request(ME, new(1, "a"), 5)
    follow(exchange, trade(Side.SELL, 1000, 7))
    ack, fill = exchange.take_reports()
    assert ack == (ME, {"report": "ACK", "cl_ord_id": "a", "symbol": "BTCUSDT", "ts_ns": 5, "order_id": "1", "cum_qty": "0", "req": 1,
                        "px": "100", "qty": "0.005"})  # fmt: skip
    assert fill[1] == {"report": "FILL", "cl_ord_id": "a", "symbol": "BTCUSDT", "ts_ns": 5, "order_id": "1", "cum_qty": "0.002",
                       "exec_id": "7-1", "last_px": "100", "last_qty": "0.002", "maker": True, "fee": "0.00004000",
                       "fee_currency": "USDT"}  # fmt: skip


def test_new_taking_order_walks_the_book_and_its_rest_rests(exchange):
    exchange.on_request(ME, new(1, "a", px="100.1", qty="0.006"), 5)
    assert said(exchange) == [("ACK", "a", 1), ("FILL", "a", None)]
    assert exchange.order_state(ME, "a")["cum_qty"] == "0.004"
    assert exchange.order_state(ME, "a")["ended"] is None


def test_new_client_order_id_used_before_is_rejected_also_after_its_order_ended(exchange):
    for message in (new(1, "a"), {"op": "cancel", "req": 2, "cl_ord_id": "a"}, new(3, "a")):
        exchange.on_request(ME, message, 5)
    assert said(exchange) == [("ACK", "a", 1), ("CANCELLED", "a", 2), ("REJECT", "a", 3)]
    assert exchange.order_state(ME, "a")["ended"] == "CANCELLED"


def test_replace_gives_the_new_terms_and_cancel_of_an_ended_order_is_rejected(exchange):
    exchange.on_request(ME, new(1, "a"), 5)
    exchange.on_request(ME, {"op": "replace", "req": 2, "cl_ord_id": "a", "px": "99.9", "qty": "0.007"}, 6)
    assert (exchange.order_state(ME, "a")["px"], exchange.order_state(ME, "a")["qty"]) == ("99.9", "0.007")
    exchange.on_request(ME, {"op": "cancel_all"}, 7)
    exchange.on_request(ME, {"op": "cancel", "req": 3, "cl_ord_id": "a"}, 8)
    assert said(exchange) == [("ACK", "a", 1), ("REPLACED", "a", 2), ("CANCELLED", "a", None), ("CANCEL_REJECT", "a", 3)]


def test_new_that_cannot_be_read_is_rejected_with_its_reason(exchange):
    exchange.on_request(ME, new(1, "a", px="100.05"), 5)
    (_, report), *_ = exchange.take_reports()
    assert report["report"] == "REJECT"
    assert "100050000000 is not a multiple of the tick 100000000" in report["reason"]
    with pytest.raises(VenueError, match="op is 'nwe'"):
        exchange.on_request(ME, {"op": "nwe"}, 5)


def test_new_for_an_inverse_contract_is_rejected():
    contract = instrument()._replace(instrument_type=InstrumentType.INVERSE)
    made = SimExchange(7, [contract], SMALL)
    follow(made, book([(1000, 5)], [(1001, 4)], snapshot=True))
    made.on_request(ME, new(1, "a", px="100"), 5)
    (_, report), *_ = made.take_reports()
    assert (report["report"], report["reason"]) == ("REJECT", "instrument is not traded here")


def test_gtd_order_expires_when_time_has_passed(exchange):
    exchange.on_request(ME, new(1, "a", tif="GTD", expire_ts_ns=50), 5)
    exchange.on_time(49)
    assert exchange.open_orders(ME)
    exchange.on_time(50)
    assert said(exchange) == [("ACK", "a", 1), ("EXPIRED", "a", None)]
    assert exchange.open_orders(ME) == []


def test_sessions_see_their_own_orders_and_executions_only(exchange):
    exchange.on_request(ME, new(1, "a", px="100.1", qty="0.001"), 5)
    exchange.on_request("other", new(1, "b", px="100.1", qty="0.001"), 5)
    exchange.on_request(ME, new(2, "c", px="100.1", qty="0.001"), 5)
    assert [r["exec_id"] for r in exchange.executions_after(ME, None)] == ["7-1", "7-3"]
    assert [r["exec_id"] for r in exchange.executions_after(ME, "7-1")] == ["7-3"]
    with pytest.raises(VenueError, match="'7-2' is no execution"):
        exchange.executions_after(ME, "7-2")
    assert exchange.order_state("other", "a") is None


def test_market_record_of_another_venue_or_off_the_grid_changes_nothing(exchange):
    exchange.on_request(ME, new(1, "a"), 5)
    follow(exchange, trade(Side.SELL, 990, 99, venue="other"))
    follow(exchange, trade(Side.SELL, 990, 99)._replace(px_e9=99_012_345_678))
    assert said(exchange) == [("ACK", "a", 1)]
    assert exchange.slots.unusable == 1

"""Every term of a request reaches the simulated venue's order, through the client's message; triggers are told once."""

import asyncio
import json

import pytest

from streams.records import OrdType, Side, TimeInForce, VenueEventType
from streams.schema import ids
from streams.venues.gateway_state import GatewayState
from streams.venues.sim.client import SimClient
from streams.venues.sim.exchange import SimExchange
from tests.venues.sim_orders import LOT_E9, TICK_E9, book, follow, instrument, new, request, trade
from tests.venues.test_gateway_state import event

ME = "gateway/0"


class Saying(SimClient):
    """A client whose messages are kept instead of sent."""

    def __init__(self):
        super().__init__("", ME)
        self.said = []

    async def _say(self, *texts):
        self.said += [json.loads(text) for text in texts]


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def exchange(request):
    made = SimExchange(7, [instrument()], {"window": 128, "far": 64, "orders": 8, "executions": 8, "answers": 64}, request.param)
    follow(made, book([(1000, 5), (999, 9)], [(1001, 4), (1002, 9)], snapshot=True))
    return made


def sent(record):
    client = Saying()
    asyncio.run(client.send(record, "a"))
    return client.said[0]


TERMS = [  # of the request, and what the venue's order then has
    ({"ord_type": OrdType.ICEBERG, "display_qty_e9": 2 * LOT_E9, "min_qty_e9": LOT_E9}, {"display_qty_lots": 2, "min_qty_lots": 1}),
    ({"max_floor_qty_e9": 3 * LOT_E9, "post_only": True}, {"max_floor_qty_lots": 3, "post_only": 1}),
    ({"ord_type": OrdType.PEGGED, "peg_offset_e9": -TICK_E9}, {"peg_offset_ticks": -1, "peg_limit_ticks": 998, "px_ticks": 998}),
    ({"ord_type": OrdType.STOP_LIMIT, "stop_px_e9": 1005 * TICK_E9}, {"stop_px_ticks": 1005, "px_ticks": 998}),
    ({"ord_type": OrdType.STOP, "px_e9": None, "stop_px_e9": 1005 * TICK_E9}, {"stop_px_ticks": 1005, "px_ticks": 0}),
    ({"time_in_force": TimeInForce.GTD, "expire_ts_ns": 77}, {"expire_ts_ns": 77, "time_in_force": 4}),
    ({"time_in_force": TimeInForce.DAY}, {"time_in_force": 3, "expire_ts_ns": 86_400_000_000_000}),
]


@pytest.mark.parametrize(("terms", "expected"), TERMS)
def test_request_terms_reach_the_venues_order(exchange, terms, expected):
    exchange.on_request(ME, sent(request(1, px=998)._replace(**terms)), 5)
    assert [r["report"] for _, r in exchange.take_reports()] == ["ACK"]
    pool = exchange.matcher.venue.orders.pool
    found = next(pool[slot] for slot in range(len(pool)) if pool[slot].order_id == 1)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("qty", "2147483.648", "fewer than 2^31 are allowed"),
        ("px", "27487790694.4", "27487790694.4 x 10^9 does not fit 64 bits"),
        ("stop_px", "27487790694.4", "27487790694.4 x 10^9 does not fit 64 bits"),
        ("peg_offset", "-27487790694.4", "-27487790694.4 x 10^9 does not fit 64 bits"),
        ("display_qty", "2147483.648", "fewer than 2^31 are allowed"),
        ("min_qty", "2147483.648", "fewer than 2^31 are allowed"),
        ("max_floor_qty", "2147483.648", "fewer than 2^31 are allowed"),
        ("max_floor_qty", "0.0015", "not a multiple of the lot"),
    ],
)
def test_message_beyond_a_bound_is_rejected_with_value_and_bound(exchange, field, value, said):
    exchange.on_request(ME, new(1, "a", **{field: value}), 5)
    ((_, report),) = exchange.take_reports()
    assert report["report"] == "REJECT"
    assert said in report["reason"]


def test_triggered_stop_is_reported_unasked_and_written_once(exchange):
    exchange.on_request(ME, new(1, "a", type="STOP", px=None, stop_px="100.5"), 5)
    follow(exchange, trade(Side.BUY, 1005, 1))
    said = [(r["report"], r.get("req")) for _, r in exchange.take_reports()]
    assert said == [("ACK", 1), ("TRIGGERED", None), ("FILL", None), ("FILL", None)]
    state, order_id = GatewayState(), ids.make(9, 1)
    state.on_request(request(1), 10)
    assert state.is_news(VenueEventType.TRIGGERED, order_id, None, None)
    state.on_event(event(VenueEventType.TRIGGERED, 1))
    assert not state.is_news(VenueEventType.TRIGGERED, order_id, None, None)

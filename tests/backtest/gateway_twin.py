"""The events of a live gateway and simulated venue for the same market and requests: their own code, without socket and topics."""

import json
from typing import Any

from streams.records import VenueEvent
from streams.slots import KIND_REQUEST
from streams.venues.gateway import _Gateway as Gateway
from streams.venues.gateway_state import GatewayState
from streams.venues.sim.client import _report
from streams.venues.sim.exchange import SimExchange
from streams.venues.sim.request_text import request_text
from tests.backtest.world import SMALL_VENUE, T0
from tests.venues.sim_orders import follow


class Lane:
    """Makes the event that the gateway's lane would write."""

    def __init__(self) -> None:
        self.events: list[VenueEvent] = []

    def event(self, kind, request, cause_id, answers, raw, **more) -> VenueEvent:
        head = (len(self.events) + 1, cause_id, 1, T0, T0, kind, request.order_id, request.venue, request.symbol)
        self.events.append(VenueEvent(*head, raw=b"", **more))
        return self.events[-1]

    def flush(self) -> None:
        pass


def live_events(process, records, requests) -> list[VenueEvent]:
    """What would be written: market records in their order, and requests, which arrive at once."""
    exchange = SimExchange(1, process.instruments, SMALL_VENUE)
    gateway: Any = Gateway.__new__(Gateway)
    gateway.state, gateway.lane = GatewayState(), Lane()
    gateway.names, gateway.order_ids, gateway.epoch = {}, {}, 1

    def tell() -> None:
        for _, report in exchange.take_reports():
            gateway._on_report(_report(report, b""))

    def wait(until_ns) -> None:
        while exchange.next_expiry_ns() <= until_ns:
            exchange.on_time(exchange.next_expiry_ns())
            tell()

    waiting = list(requests)
    last_ns = records[-1].recv_ts_ns
    for record in [*records, None]:
        now_ns = last_ns + 1 if record is None else record.recv_ts_ns
        while waiting and waiting[0].ts_ns < now_ns:
            request = waiting.pop(0)
            wait(request.ts_ns)
            gateway.state.on_request(request, 0)
            text = request_text(request, gateway._cl_ord_id(request.order_id))
            exchange.on_request("me", json.loads(text), request.ts_ns)
            tell()
        wait(min(now_ns, last_ns))
        if record is not None:
            follow(exchange, record)
            tell()
    return gateway.lane.events


def requests_of(process, tape) -> list:
    """The requests on a tape, as records."""
    return [process.edge.from_slot(kind, slot, 1) for kind, slot, *_ in tape if kind == KIND_REQUEST]

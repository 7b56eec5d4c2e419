"""What the engine writes of a venue is what a live gateway writes of the simulated venue."""

import pytest

from streams.backtest.latencies import LatencyModels
from streams.slots import KIND_VENUE_EVENT, VenueEventSlot
from streams.trading.venue_answer import REASONS
from tests.backtest.gateway_twin import live_events, requests_of
from tests.backtest.world import Busy, engine_of, events_of, market, process_of, tapes

FREE = {"id", "ts_ns", "recv_ts_ns", "exec_hi", "exec_lo"}
"""Ids and times are of the writer, execution ids of the venue's run."""


def fields(slot) -> dict:
    return {name: getattr(slot, name) for name in VenueEventSlot._fields_ if name not in FREE}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_events_of_a_run_without_latency_are_those_of_a_live_gateway(seed):
    process = process_of(Busy, seed=seed)
    records = market(250, seed, least_ns=1)
    engine = engine_of(process, LatencyModels(0, 0, 0))
    tape = tapes(engine, [events_of(process.edge, records)])
    found = [(VenueEventSlot().unpack(slot), *rest) for kind, slot, *rest in tape if kind == KIND_VENUE_EVENT]
    expected = live_events(process, records, requests_of(process, tape))
    assert len({slot.event_type for slot, *_ in found}) >= 6, "the run should have events of many kinds"
    for (slot, exch_ts_ns, reason), event in zip(found, expected, strict=True):
        assert fields(slot) == fields(VenueEventSlot().unpack(process.edge.to_slots(event)))
        assert (exch_ts_ns, REASONS[reason]) == (event.exch_ts_ns, event.reason or "")

"""What a gateway on rings begins with where rings and checkpoint are lost: the topics of the run."""

import pytest

from streams.errors import LaneError
from streams.lanes.control import read_control
from streams.lanes.writers import dlq_topic
from streams.records import Name, NameKind, OrderAction, VenueEvent, VenueEventType
from streams.schema import ids
from streams.slots import KIND_REQUEST
from streams.venues.gateway_begin import begin
from streams.venues.gateway_lane import EVENTS
from streams.venues.gateway_out import WRITES
from tests.venues.sim_world import VenueWorld

pytestmark = [pytest.mark.broker, pytest.mark.slow]
NEW, CANCEL = OrderAction.NEW, OrderAction.CANCEL


@pytest.fixture
def world(stack, tmp_path):
    """A world whose names have what slots need."""
    made = VenueWorld(stack, tmp_path)
    wanted = {NameKind.INSTRUMENT: f"{made.venue}:BTCUSDT", NameKind.ACCOUNT: "maker-1", NameKind.STRATEGY: "maker"}
    for kind, text in wanted.items():
        known = read_control(made.kafka, made.wire, ("names.v1",)).numbers[kind]
        if text not in known:
            made._put("names.v1", Name(ids.make(0, 1), 0, 0, 0, 0, kind, len(known), text, 1), 0)
    made.add_names([f"gateway/{made.shard}/venue_events.dlq"])
    made._make_topics([dlq_topic(EVENTS)])
    made.wire.ids.register(dlq_topic(EVENTS))
    yield made
    made.close()


def test_begin_in_new_rings_has_what_the_topics_say(world):
    begun = begin_of(world)
    assert (begun.recovered, begun.state.orders, begun.counters[EVENTS].sequence) == (False, {}, 0)
    for action, order in ((NEW, None), (NEW, None), (CANCEL, 2), (NEW, None)):
        world.request(action, order)
    base = begun.counters[EVENTS].base
    for n, (kind, order, answers) in enumerate((("ACK", 1, 1), ("ACK", 2, 2), ("CANCELLED", 2, 3)), 1):
        world._put(EVENTS, event(world, base + n, VenueEventType[kind], order, answers))
    begun = begin_of(world)
    state, order_ids = begun.state, [ids.make(9, n) for n in (1, 2, 4)]
    assert (begun.recovered, begun.counters[EVENTS].sequence) == (True, 3)
    assert (list(state.orders), list(state.ended_values)) == ([order_ids[0], order_ids[2]], order_ids[1:2])
    assert list(state.pending) == order_ids[2:]
    assert (state.last_request, state.next_offset, state.pending[order_ids[2]].in_doubt) == (order_ids[2], 0, True)
    for order_id, value in [*state.ended_values.items(), *((i, o.value) for i, o in state.orders.items())]:
        assert begun.known.edge.from_slot(KIND_REQUEST, value, world.run_number).order_id == order_id
    with pytest.raises(LaneError, match="the rings are of run 99"):
        begin_of(world, 99)


def begin_of(world, run_number=None):
    return begin(world.kafka, world.wire, "gateway", world.shard, world.venue, run_number or world.run_number, WRITES)


def event(world, id, kind, order, answers):
    head = (id, 0, world.run_number, 0, 0, kind, ids.make(9, order), world.venue, "BTCUSDT", 0, "", b"")
    return VenueEvent(*head, request_id=ids.make(9, answers))

"""What a gateway on rings begins with where rings and checkpoint are lost: the topics of the run."""

import pytest

from streams.errors import LaneError
from streams.records import OrderAction, VenueEvent, VenueEventType
from streams.schema import ids
from streams.venues.gateway_begin import begin
from streams.venues.gateway_lane import EVENTS
from streams.venues.gateway_out import WRITES
from tests.venues.ring_world import RingVenueWorld
from tests.venues.sim_world import VenueWorld

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_begin_in_new_rings_has_what_the_topics_say(stack, tmp_path):
    world = RingVenueWorld(stack, tmp_path)
    try:
        begun = start(world)
        assert (begun.recovered, begun.state.orders, begun.counters[EVENTS].sequence) == (False, {}, 0)
        for action, order in ((OrderAction.NEW, None), (OrderAction.NEW, None), (OrderAction.CANCEL, 2), (OrderAction.NEW, None)):
            VenueWorld.request(world, action, order)  # on the topic
        writer = begun.counters[EVENTS].base
        for n, (kind, order, answers) in enumerate((("ACK", 1, 1), ("ACK", 2, 2), ("CANCELLED", 2, 3)), 1):
            world._put(EVENTS, event(world, writer + n, VenueEventType[kind], order, answers))
        begun = start(world)
        state, order_ids = begun.state, [ids.make(9, n) for n in (1, 2, 4)]
        assert begun.recovered
        assert begun.counters[EVENTS].sequence == 3
        assert (list(state.orders), list(state.ended_values)) == ([order_ids[0], order_ids[2]], order_ids[1:2])
        assert list(state.pending) == order_ids[2:]
        assert (state.last_request, state.next_offset, state.pending[order_ids[2]].in_doubt) == (order_ids[2], 0, True)
        for order_id, value in [*state.ended_values.items(), *((i, o.value) for i, o in state.orders.items())]:
            assert world.edge.from_slot(8, value, world.run_number).order_id == order_id
        with pytest.raises(LaneError, match="the rings are of run 99"):
            begin(world.kafka, world.wire, "gateway", world.shard, world.venue, 99, WRITES)
    finally:
        world.close()


def start(world):
    return begin(world.kafka, world.wire, "gateway", world.shard, world.venue, world.run_number, WRITES)


def event(world, id, kind, order, answers):
    head = (id, 0, world.run_number, 0, 0, kind, ids.make(9, order), world.venue, "BTCUSDT", 0, "", b"")
    return VenueEvent(*head, request_id=ids.make(9, answers))

"""A gateway's run read back in columns against the same records taken one by one."""

import random
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records import OrderAction, Request, VenueEvent, VenueEventType
from streams.schema import codec, ids
from streams.venues.gateway_load import Loader
from streams.venues.gateway_state import GatewayState
from tests.venues.sim_orders import LOT_E9, request

HEADER = b"\0\0\0\0\7"
WRITER = ids.make(20, 0)
KINDS = list(VenueEventType)


def decode(topic, value):
    return codec.decode(Request if topic == "requests.v1" else VenueEvent, value[5:])


WIRE: Any = SimpleNamespace(header=lambda topic: HEADER, decode=decode)


def random_run(rng, orders):
    """Requests and events of a run, some of others, in any order that a venue may answer in."""
    requests, events = [], []
    for sequence in range(1, orders + 1):
        order = rng.randint(1, sequence)
        action = OrderAction.NEW if order == sequence else rng.choice([OrderAction.CANCEL, OrderAction.REPLACE])
        others: dict[str, Any] = {"venue": "other"} if rng.random() < 0.1 else {"run": 2} if rng.random() < 0.1 else {}
        if action != OrderAction.NEW and not any(r.order_id == ids.make(9, order) and r.action == OrderAction.NEW for r in requests):
            action, order = OrderAction.NEW, sequence
        requests.append(request(sequence, action, order, **others))
    for number in range(rng.randint(0, 3 * orders)):
        asked = rng.choice(requests)
        kind, mine = rng.choice(KINDS), rng.random() < 0.9
        figures = {"exec_id": f"1-{number}", "last_qty_e9": rng.choice([1, 2, 5]) * LOT_E9} if kind == VenueEventType.FILL else {}
        terms = {"px_e9": 5, "qty_e9": rng.choice([None, 7 * LOT_E9])} if kind == VenueEventType.REPLACED else {}
        answer = {"request_id": asked.id} if kind not in (VenueEventType.FILL, VenueEventType.TRIGGERED) and rng.random() < 0.8 else {}
        head = ((WRITER if mine else ids.make(21, 0)) + number + 1, 0, 1 if rng.random() < 0.95 else 2, 0, 0)
        events.append(VenueEvent(*head, kind, asked.order_id, "sim", "BTCUSDT", 0, "", b"{}", **answer, **figures, **terms))
    return requests, events


def slowly(requests, events):
    """The state as the records give it one by one."""
    state = GatewayState()
    for offset, record in enumerate(requests, 100):
        if record.run_id == 1 and record.venue == "sim":
            state.on_request(record, offset, HEADER + codec.encode(record))
        else:
            state.skip(offset)
    for event in events:
        if event.run_id == 1 and event.id - ids.sequence(event.id) == WRITER:
            state.on_event(event)
    return state


def loaded(requests, events, step):
    loader = Loader(WIRE, 1, "sim", WRITER, lambda *_: None)
    for first in range(0, len(requests), step):
        values = [HEADER + codec.encode(r) for r in requests[first : first + step]]
        loader.add_requests([100 + first + n for n in range(len(values))], [5] * len(values), values)
    for first in range(0, len(events), step):
        loader.add_events([HEADER + codec.encode(e) for e in events[first : first + step]])
    return loader.state()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 30), st.sampled_from([1, 7, 100]))
def test_loader_any_run_gives_the_state_of_its_records(seed, orders, step):
    requests, events = random_run(random.Random(seed), orders)
    slow, fast = slowly(requests, events), loaded(requests, events, step)
    assert fast.live() == slow.live()
    assert {k: (p.request, p.offset) for k, p in fast.pending.items()} == {k: (p.request, p.offset) for k, p in slow.pending.items()}
    assert list(fast.pending) == list(slow.pending)
    assert (fast.executions, fast.last_exec_id) == (slow.executions, slow.last_exec_id)
    assert (fast.next_offset, fast.position()) == (slow.next_offset, slow.position())
    assert (fast.orders, fast.ended_values) == (slow.orders, slow.ended_values)


def test_loader_of_a_damaged_request_tells_it_and_reads_the_rest():
    told = []
    loader = Loader(WIRE, 1, "sim", WRITER, lambda *damage: told.append(damage))
    good = [HEADER + codec.encode(request(n)) for n in (1, 2)]
    loader.add_requests([3, 4, 5], [0, 0, 0], [good[0], HEADER + b"\1", good[1]])
    state = loader.state()
    assert [p.offset for p in state.pending.values()] == [3, 5]
    assert [(offset, value) for offset, value, _ in told] == [(4, HEADER + b"\1")]
    assert state.next_offset == 6

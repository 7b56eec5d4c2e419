"""Inputs at which the fast lane's process fails: buried as the Kafka lane buries them, once, whoever is killed when; the flow goes on."""

import random
import time

import pytest

from streams.agents.node import KIND_TICK, Node
from streams.agents.process import Process
from streams.kernel import at
from streams.lanes.fast_slots import KIND_CUT, KIND_RECORD, PASSED, TAKEN_CONTROL, TAKEN_EVENTS, TAKEN_MARKET, TAKEN_OWN
from streams.lanes.record_ring import RecordReader
from streams.lanes.writers import ALERTS, dlq_topic
from streams.records import Limit, Rule, VenueEvent
from streams.schema import ids
from streams.slots import FLAG_LAST, KIND_LEVEL, KIND_QUOTE, LevelSlot, QuoteSlot, Slot
from tests.agents.desk import limit, spec
from tests.lanes import test_fast_restart
from tests.lanes.fast_kit import WIRE, Journal
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import AGENTS, ROOM, market, pieces  # noqa: F401
from tests.lanes.test_fast_restart import Desk, again, without_kafka  # noqa: F401

NOWHERE = 9_999  # an instrument beyond the sizes of the process: the node fails at it
FAULTY = 9


def bad_quote(number):
    slot = QuoteSlot()
    slot.stamp(ids.make(FAULTY, number), 0, 1, 1, NOWHERE, KIND_QUOTE, -1)
    return slot.pack().tobytes().ljust(128, b"\0")


def bad_levels(number):
    """A book update of three slots, of which the node fails at the second."""
    found = b""
    for place, instrument in enumerate((0, NOWHERE, 0)):
        slot = LevelSlot(px_ticks=1_000 + place, qty_lots=5)
        slot.stamp(ids.make(FAULTY, number), 0, 1, 1, instrument, KIND_LEVEL, -1)
        slot.flags = FLAG_LAST if place == 2 else 0
        found += slot.pack().tobytes().ljust(128, b"\0")
    return found


def records_of(desk):
    """Dead letters and alerts of the lane's ring: (topic, a, record)."""
    reader = RecordReader(desk.rings.own.reader("letters", start="oldest", lossy=True))
    found, numbers = [], [n for n, step in enumerate(Journal(desk.rings.own)) if step.kind == KIND_RECORD]
    for number in numbers:
        reader.reader.state.next = number
        for one in reader.take(1):
            found.append((one.topic, one.a, WIRE.decode(one.topic, one.payload)))
    reader.reader.leave()
    return [one for one in found if one[0]]


def cuts(desk):
    return [(s.slot.ring, s.slot.count) for s in Journal(desk.rings.own) if s.kind == KIND_CUT and s.slot.count]


def assert_as_if_never_come(desk, saved):
    """The state and the outputs are those of a process that never saw what was passed over; each is written once."""
    process, outputs = again(desk.rings)
    assert Journal(desk.rings.own).outputs() == outputs
    assert len(outputs) > 5
    parts = process.snapshot()
    for name in parts:
        if name != "control":
            assert saved.parts[name][2] == parts[name][2], name
    letters = [(topic, record.id) for topic, _, record in records_of(desk)]
    for topic in {topic for topic, _ in letters}:
        of_topic = [id for found, id in letters if found == topic]
        assert of_topic == list(range(of_topic[0], of_topic[0] + len(of_topic))), topic


def buried(desk):
    return sum(topic == ALERTS for topic, _, _ in records_of(desk))


@pytest.mark.slow
def test_record_at_which_the_node_fails_is_buried_and_the_flow_goes_on(market, without_kafka, tmp_path):  # noqa: F811
    desk = Desk(tmp_path, market[0].recv_ts_ns)
    desk.start()
    for number, piece in enumerate(pieces(market[:800], 60)):
        desk.give(piece)
        if number in (3, 6):
            assert desk.rings.to_market.write(bad_quote(number) if number == 3 else bad_levels(number)) > 0
    desk.drained()
    until(lambda: buried(desk) == 2, "both are buried")
    desk.drained()
    saved = desk.stop()
    assert cuts(desk) == [(TAKEN_MARKET, 1), (TAKEN_MARKET, 3)]
    assert_as_if_never_come(desk, saved)
    found = [(topic, a) for topic, a, _ in records_of(desk)]
    letter = PASSED + TAKEN_MARKET
    assert found == [(dlq_topic("quotes.v1"), letter), (ALERTS, 0), (dlq_topic("book_updates.v1"), letter), (ALERTS, 0)]


@pytest.mark.slow
def test_faults_and_kills_at_any_moment_bury_each_input_once(market, without_kafka, tmp_path):  # noqa: F811
    desk, rng, bad = Desk(tmp_path, market[0].recv_ts_ns), random.Random(5), 0
    desk.start()
    for number, piece in enumerate(pieces(market, 60)):
        desk.give(piece)
        if number % 8 == 4:
            bad += 1
            assert desk.rings.to_market.write(bad_levels(number)) > 0
        if number % 4 == 0:
            time.sleep(rng.random() * 0.05)
            desk.child.kill()
            desk.start()
    until(lambda: buried(desk) == bad, "all are buried")
    desk.drained()
    saved = desk.stop()
    assert cuts(desk) == [(TAKEN_MARKET, 3)] * bad
    assert_as_if_never_come(desk, saved)


class Faults:
    """Lets plain nodes fail at inputs: events of these ids, and the n-th tick."""

    def __init__(self, monkeypatch, event_ids, tick_id):
        step = Node.step

        def faulty(node, address, nbytes):
            e = at(Slot, address)
            if e.id in event_ids or (e.kind == KIND_TICK and e.id == tick_id):
                raise IndexError("a fault of the node")
            return step(node, address, nbytes)

        monkeypatch.setattr(Node, "step", faulty)


@pytest.mark.slow
def test_event_tick_and_control_record_at_which_a_process_fails_are_passed_over(market, without_kafka, monkeypatch, tmp_path):  # noqa: F811
    records = market[:300]
    event = [r for r in records if isinstance(r, VenueEvent)][2]
    tight = limit("firm", Rule.ORDER_NOTIONAL, parent=None)._replace(id=ids.make(3, 77))

    def plain(_):
        process = Process(spec(*AGENTS, **ROOM), compiled=False)
        on_input = process.on_input

        def faulty(record):
            if isinstance(record, Limit) and record.id == tight.id:
                process.advance(1 << 61)  # half done
                raise KeyError("a fault of Python")
            on_input(record)

        process.on_input = faulty
        return process

    Faults(monkeypatch, {event.id}, ids.make(200, 5))
    monkeypatch.setattr(test_fast_restart, "build", plain)
    desk = Desk(tmp_path, records[0].recv_ts_ns)
    desk.start()
    *first, last = pieces(records, 60)
    for number, piece in enumerate(first):
        desk.give(piece)
        if number == 2:
            desk.forward(tight)
    until(lambda: buried(desk) == 3, "all are buried")
    desk.drained()
    desk.child.kill()
    desk.start()
    desk.give(last)
    desk.drained()
    saved = desk.stop()
    monkeypatch.undo()
    found = sorted((topic, a) for topic, a, _ in records_of(desk) if topic != ALERTS)
    passed = [(dlq_topic("limits.v1"), PASSED + TAKEN_CONTROL), (dlq_topic("venue_events.v1"), PASSED + TAKEN_EVENTS)]
    assert found == passed
    assert sorted(ring for ring, _ in cuts(desk)) == [TAKEN_EVENTS, TAKEN_CONTROL, TAKEN_OWN]
    assert_as_if_never_come(desk, saved)

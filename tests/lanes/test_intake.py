"""What a lane feeds, and in which order."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

from streams.errors import LaneError
from streams.lanes.intake import Intake
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Command, CommandType, Frame, Name, NameKind, Quote
from streams.schema import ids
from tests.lanes.stub_message import StubMessage
from tests.lanes.stub_registry import StubRegistry

RUN, OWN, FEED = 3, 9, 5
PLACES = {("names.v1", 0): 0, ("commands.v1", 0): 0, ("quotes.v1", 0): 0, ("frames.v1", 0): 0}


@pytest.fixture
def wire() -> Iterator[Wire]:
    stub = StubRegistry()
    known = SchemaIds(stub.url)
    known.register_all(topic for topic, _ in PLACES)
    yield Wire(known)
    stub.close()


def intake(wire: Wire) -> Intake:
    return Intake(None, "nowhere", wire, PLACES, [OWN], RUN)  # type: ignore[arg-type]  # the consumer is not asked


def message(wire: Wire, offset: int, record: Any) -> Any:
    topic = {Frame: "frames.v1", Quote: "quotes.v1", Name: "names.v1", Command: "commands.v1"}[type(record)]
    return StubMessage(topic, 0, offset, wire.encode(topic, record))


def frame(sequence: int, recv_ts_ns: int, run: int = RUN, writer: int = FEED) -> Frame:
    return Frame(ids.make(writer, sequence), 0, run, recv_ts_ns, recv_ts_ns, "sim", 0, sequence, b"")


def quote(sequence: int, recv_ts_ns: int) -> Quote:
    return Quote(ids.make(FEED + 1, sequence), 0, RUN, recv_ts_ns, recv_ts_ns, "sim", "X", 0, 1, 1, 1, 2, 1, 1, 0.0, 1.5)


def name(number: int) -> Name:
    return Name(ids.make(0, number), 0, 0, 10**18, 10**18, NameKind.VENUE, number, f"venue-{number}", 1)


def command(kind: CommandType, run_number: int | None = None) -> Command:
    return Command(ids.make(1, 77), 0, RUN, 10**18, 10**18, kind, "", "test", run_number)


def test_batch_orders_control_first_then_data_by_time_topic_and_id(wire: Wire) -> None:
    records = [frame(2, 200), frame(3, 100), quote(1, 200), name(1), command(CommandType.KILL), frame(1, 200), name(2)]
    batch = intake(wire).batch([message(wire, k, record) for k, record in enumerate(records)])
    assert [item.record for item in batch.inputs] == [
        name(1),
        name(2),
        command(CommandType.KILL),
        frame(3, 100),
        quote(1, 200),
        frame(1, 200),
        frame(2, 200),
    ]
    assert batch.bad == []


def test_batch_own_writer_and_other_runs_are_passed_over_but_consumed(wire: Wire) -> None:
    lane = intake(wire)
    batch = lane.batch(
        [message(wire, 7, frame(1, 1, writer=OWN)), message(wire, 8, frame(1, 1, run=RUN - 1)), message(wire, 9, frame(2, 1))]
    )
    assert [item.record for item in batch.inputs] == [frame(2, 1)]
    assert lane.positions["frames.v1", 0] == 10


def test_batch_undecodable_record_is_bad_with_its_reason_and_consumed(wire: Wire) -> None:
    lane, damaged = intake(wire), StubMessage("frames.v1", 0, 4, b"\x01garbage")
    batch = lane.batch([damaged, message(wire, 5, frame(1, 1))])  # type: ignore[list-item]
    assert [(m.offset(), "magic 0" in reason) for m, reason in batch.bad] == [(4, True)]
    assert len(batch.inputs) == 1
    assert lane.positions["frames.v1", 0] == 6


def test_batch_run_of_another_number_ends_before_it(wire: Wire) -> None:
    lane = intake(wire)
    batch = lane.batch(
        [
            message(wire, 3, command(CommandType.RUN, RUN)),
            message(wire, 4, command(CommandType.RUN, RUN + 1)),
            message(wire, 1, frame(1, 1)),
        ]
    )
    assert batch.new_run == RUN + 1
    assert lane.positions["commands.v1", 0] == 4
    assert [type(item.record) for item in batch.inputs] == [Command]


def test_batch_consumer_fault_says_what_it_was_doing(wire: Wire) -> None:
    fault = StubMessage("frames.v1", 0, 0, None, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    with pytest.raises(LaneError, match=r"reading frames\.v1\[0\]: topic or partition does not exist; `millrace apply"):
        intake(wire).batch([fault])  # type: ignore[list-item]


def test_batch_end_of_partition_and_broker_away_are_no_faults(wire: Wire) -> None:
    passed = [StubMessage("frames.v1", 0, 5, None, KafkaError(code)) for code in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT)]
    assert intake(wire).batch(passed).inputs == []  # type: ignore[arg-type]

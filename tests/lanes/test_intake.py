"""What a lane feeds, and in which order."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from streams.agents.batch import batch_of
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.intake import Intake, Taken
from streams.lanes.place import Place
from streams.lanes.registry import SchemaIds
from streams.lanes.told import ControlIntake
from streams.lanes.wire import Wire
from streams.records import Command, CommandType, Frame, Name, NameKind, Quote
from streams.schema import ids
from tests.lanes.lane_kit import Tally
from tests.lanes.stub_consumer import StubConsumer, messages_of
from tests.lanes.stub_registry import StubRegistry

RUN, OWN, FEED = 3, 9, 5
DATA: dict[Place, int] = {("quotes.v1", 0): 0, ("frames.v1", 0): 0}
CONTROL: dict[Place, int] = {("names.v1", 0): 0, ("commands.v1", 0): 0}
TOPICS = {Frame: "frames.v1", Quote: "quotes.v1", Name: "names.v1", Command: "commands.v1"}


@pytest.fixture
def wire() -> Iterator[Wire]:
    stub = StubRegistry()
    known = SchemaIds(stub.url)
    known.register_all([*(topic for topic, _ in (*DATA, *CONTROL)), "trades.v1", "alerts.v1"])
    yield Wire(known)
    stub.close()


def intake(wire: Wire, ends: Mapping[Place, int] | None = None) -> Intake:
    process = Tally({"trades.v1": OWN, "alerts.v1": OWN + 1})
    return Intake(cast(BulkConsumer, StubConsumer(ends=ends)), batch_of(process, wire), DATA, [OWN], RUN)


def told(wire: Wire, *waves: Any, ends: Any = None) -> ControlIntake:
    return ControlIntake(cast(BulkConsumer, StubConsumer(*waves)), wire, CONTROL, [OWN], RUN, ends)


def message(wire: Wire, offset: int, record: Any) -> tuple[int, int, bytes]:
    topic = TOPICS[type(record)]
    places = [name for name, _ in (DATA if isinstance(record, (Frame, Quote)) else CONTROL)]
    return places.index(topic), offset, wire.encode(topic, record)


def frame(sequence: int, recv_ts_ns: int, run: int = RUN, writer: int = FEED) -> Frame:
    return Frame(ids.make(writer, sequence), 0, run, recv_ts_ns, recv_ts_ns, "sim", 0, sequence, b"")


def quote(sequence: int, recv_ts_ns: int) -> Quote:
    return Quote(ids.make(FEED + 1, sequence), 0, RUN, recv_ts_ns, recv_ts_ns, "sim", "X", 0, 1, 1, 1, 2, 1, 1, 0.0, 1.5)


def name(number: int) -> Name:
    return Name(ids.make(0, number), 0, 0, 10**18, 10**18, NameKind.VENUE, number, f"venue-{number}", 1)


def command(kind: CommandType, run_number: int | None = None) -> Command:
    return Command(ids.make(1, 77), 0, RUN, 10**18, 10**18, kind, "", "test", run_number)


def records(taken: Taken) -> list[Any]:
    queue = taken.queue
    return [queue.sources[source].record(row) for source, row in zip(queue.source.tolist(), queue.row.tolist(), strict=True)]


def test_read_orders_by_time_topic_and_id(wire: Wire) -> None:
    wanted = [frame(3, 100), quote(1, 200), frame(1, 200), frame(2, 200)]
    shuffled = [wanted[3], wanted[0], wanted[1], wanted[2]]
    taken = intake(wire).read(messages_of([message(wire, k, record) for k, record in enumerate(shuffled)]))
    assert records(taken) == wanted
    assert taken.sequence.offset.tolist() == [1, 2, 3, 0]
    assert taken.sequence.id.tolist() == [record.id for record in wanted]
    assert taken.message.tolist() == [1, 2, 3, 0]
    assert taken.letters() == []


def test_read_own_writer_and_other_runs_are_passed_over_but_consumed(wire: Wire) -> None:
    lane = intake(wire)
    rows = [message(wire, 7, frame(1, 1, writer=OWN)), message(wire, 8, frame(1, 1, run=RUN - 1)), message(wire, 9, frame(2, 1))]
    assert records(lane.read(messages_of(rows))) == [frame(2, 1)]
    assert lane.positions["frames.v1", 0] == 10


def test_read_undecodable_and_null_become_letters_and_are_consumed(wire: Wire) -> None:
    lane = intake(wire)
    taken = lane.read(messages_of([(1, 4, b"\x01garbage"), message(wire, 5, frame(1, 1)), (1, 6, None)]))
    letters = taken.letters()
    assert [(letter.topic, letter.offset, letter.payload) for letter in letters] == [
        ("frames.v1", 4, b"\x01garbage"),
        ("frames.v1", 6, b""),
    ]
    assert "magic 0" in letters[0].reason
    assert "without a value" in letters[1].reason
    assert len(taken) == 1
    assert lane.positions["frames.v1", 0] == 7


def test_read_nothing_gives_nothing(wire: Wire) -> None:
    taken = intake(wire).read(messages_of([]))
    assert len(taken) == len(taken.queue) == 0


def test_read_the_same_again_for_another_process_keeps_the_order(wire: Wire) -> None:
    lane = intake(wire)
    taken = lane.read(messages_of([message(wire, 1, frame(2, 200)), message(wire, 0, quote(1, 100))]))
    before = records(taken)
    taken.read_again(batch_of(Tally({"trades.v1": OWN, "alerts.v1": OWN + 1}), wire))
    assert records(taken) == before == [quote(1, 100), frame(2, 200)]


def test_lag_counts_records_behind_the_end_and_the_age_of_the_last_one_taken(wire: Wire) -> None:
    lane = intake(wire, ends={("frames.v1", 0): 12, ("quotes.v1", 0): 5})
    lane.read(messages_of([message(wire, 9, frame(1, 1))], ends={("quotes.v1", 0): 5}))
    lag = lane.lag()
    assert lag.records == 2  # offsets 10 and 11; the quotes' end was met
    assert lag.seconds == pytest.approx(time.time() - 1.0, abs=60)  # the stub's messages are of 1970


def test_lag_behind_markers_alone_is_none(wire: Wire) -> None:
    lane = intake(wire, ends={("frames.v1", 0): 12})
    lane.read(messages_of([message(wire, 9, frame(1, 1))], ends={("frames.v1", 0): 12}))
    assert lane.lag() == (0, 0.0)


def test_control_is_in_order_of_topic_and_offset(wire: Wire) -> None:
    lane = told(wire, messages_of([message(wire, 0, command(CommandType.KILL)), message(wire, 1, name(2)), message(wire, 0, name(1))]))
    assert [item.record for item in lane.take()] == [name(1), name(2), command(CommandType.KILL)]
    assert lane.positions == {("names.v1", 0): 2, ("commands.v1", 0): 1}


def test_control_to_end_gathers_until_every_end_is_met(wire: Wire) -> None:
    first = messages_of([message(wire, 0, command(CommandType.KILL))], ends={("commands.v1", 0): 1})
    lane = told(wire, first, messages_of([message(wire, 0, name(1))]), messages_of([], ends={("names.v1", 0): 1}))
    assert [item.record for item in lane.to_end()] == [name(1), command(CommandType.KILL)]


def test_control_to_end_waits_for_no_partition_whose_known_end_is_met(wire: Wire) -> None:
    lane = told(wire, messages_of([message(wire, 1, name(1))]), ends={("names.v1", 0): 2, ("commands.v1", 0): 0})
    assert [item.record for item in lane.to_end()] == [name(1)]


def test_control_run_of_another_number_ends_before_it(wire: Wire) -> None:
    rows = [message(wire, 3, command(CommandType.RUN, RUN)), message(wire, 4, command(CommandType.RUN, RUN + 1))]
    lane = told(wire, messages_of([*rows, message(wire, 5, command(CommandType.KILL))]))
    assert [item.offset for item in lane.take()] == [3]
    assert lane.new_run == RUN + 1
    assert lane.positions["commands.v1", 0] == 4
    assert lane.take() == []


def test_control_undecodable_comes_with_its_reason(wire: Wire) -> None:
    (item,) = told(wire, messages_of([(0, 4, b"\x01garbage")])).take()
    letter = item.letter(item.reason)
    assert (letter.topic, letter.offset, letter.payload, letter.cause_id) == ("names.v1", 4, b"\x01garbage", 0)
    assert "magic 0" in letter.reason

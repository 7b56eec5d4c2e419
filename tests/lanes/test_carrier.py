"""A batch through a process: chunks, what acts between them, and inputs that make it fail."""

from collections.abc import Iterator
from typing import Any

import pytest

from streams.agents.batch import BatchProcess, batch_of
from streams.errors import StepError
from streams.lanes.carrier import Carrier
from streams.lanes.intake import Intake, Taken
from streams.lanes.registry import SchemaIds
from streams.lanes.told import Told
from streams.lanes.wire import Wire
from streams.records import Command, CommandType, Frame
from streams.schema import ids
from tests.lanes.lane_kit import Tally
from tests.lanes.stub_consumer import StubConsumer, messages_of
from tests.lanes.stub_registry import StubRegistry

RUN, OWN, FEED, TICKS = 3, 9, 5, 4
WRITERS = {"trades.v1": OWN, "alerts.v1": OWN + 1}


class Fragile(Tally):
    """Fails at some ticks and at a KILL too."""

    failing_ticks: tuple[int, ...] = ()

    def on_tick(self, id: int, ts_ns: int) -> None:
        super().on_tick(id, ts_ns)
        if ids.sequence(id) in self.failing_ticks:
            raise ZeroDivisionError

    def on_input(self, record: Any) -> None:
        if isinstance(record, Command) and record.kind == CommandType.KILL:
            raise ZeroDivisionError
        super().on_input(record)


class Desk:
    """A carrier with what a lane does for it."""

    def __init__(self, wire: Wire, process: Tally) -> None:
        self.wire, self.process = wire, process
        self.undone = self.restored = 0
        self.sent: list[int] = []
        batch = batch_of(process, wire)
        self.start = batch_of(Fragile(WRITERS), wire).mark()
        self.intake = Intake(StubConsumer(), batch, {("frames.v1", 0): 0}, [OWN], RUN)  # type: ignore[arg-type]
        self.carrier = Carrier(batch, self.send, self.undo, self.restore)

    def take(self, *payloads: bytes) -> Taken:
        frames = [Frame(ids.make(FEED, k + 1), 0, RUN, k, k, "sim", 0, k, payload) for k, payload in enumerate(payloads)]
        return self.intake.read(messages_of([(0, k, self.wire.encode("frames.v1", frame)) for k, frame in enumerate(frames)]))

    def send(self) -> None:
        written = self.carrier.batch.written()
        self.sent += [written.record(row).px_e9 - 1 for row in range(len(written)) if written.topics[written.topic[row]] == "trades.v1"]

    def undo(self) -> None:
        self.undone += 1
        self.sent.clear()

    def restore(self, error: StepError) -> BatchProcess:
        self.restored += 1
        batch = batch_of(Fragile(WRITERS), self.wire)
        batch.back(self.start)
        return batch


@pytest.fixture
def wire() -> Iterator[Wire]:
    stub = StubRegistry()
    known = SchemaIds(stub.url)
    known.register_all(["frames.v1", "commands.v1", "trades.v1", "alerts.v1"])
    yield Wire(known)
    stub.close()


def command(kind: CommandType) -> Told:
    record = Command(ids.make(1, 77), 0, RUN, 1, 1, kind, "", "test", None)
    return Told(0, 0, 12, "commands.v1", record, b"value")


def test_rows_are_carried_in_chunks_with_what_is_due_between_them(wire: Wire) -> None:
    desk, ticks = Desk(wire, Fragile(WRITERS)), iter(range(1, 100))

    def between() -> None:
        sequence = next(ticks)
        desk.carrier.tick(ids.make(TICKS, sequence), sequence)

    desk.carrier.rows(desk.take(*(b"%d" % k for k in range(100))), between)
    desk.send()
    assert desk.sent == [sum(range(k + 1)) for k in range(100)]
    runs = desk.carrier.log.runs()
    assert sum(run.count for run in runs if run.topic == "frames.v1") == 100
    assert {run.topic for run in runs[::2]} == {""}  # a tick, a chunk, a tick...
    assert len(runs) >= 4
    assert desk.restored == 0


def test_input_that_makes_the_process_fail_becomes_a_letter_and_the_flow_goes_on(wire: Wire) -> None:
    desk = Desk(wire, Fragile(WRITERS))
    desk.carrier.tick(ids.make(TICKS, 1), 1)
    desk.carrier.rows(desk.take(b"1", b"2", b"boom", b"3", b"bad", b"boom", b"4"), lambda: None)
    letters = desk.carrier.letters()
    desk.send()
    assert desk.sent == [1, 3, 6, 10]
    assert sorted((letter.offset, "fail" in letter.reason, letter.cause_id) for letter in letters) == [
        (2, True, ids.make(FEED, 3)),
        (4, False, ids.make(FEED, 5)),
        (5, True, ids.make(FEED, 6)),
    ]
    runs = desk.carrier.log.runs()
    assert [(run.topic, run.first_offset, run.last_offset) for run in runs] == [
        ("", -1, -1),
        ("frames.v1", 0, 1),
        ("frames.v1", 3, 4),
        ("frames.v1", 6, 6),
    ]
    assert desk.restored == 1  # once more from the last batch; then a copy in memory does


def test_failure_that_does_not_come_again_loses_nothing(wire: Wire) -> None:
    process = Fragile(WRITERS)
    process.failing_ticks = (2,)  # this one alone: the restored process has none
    desk = Desk(wire, process)
    desk.carrier.rows(desk.take(b"1", b"2"), lambda: None)
    for sequence in (1, 2, 3):
        desk.carrier.tick(ids.make(TICKS, sequence), sequence)
    desk.send()
    assert desk.sent == [1, 3]
    assert desk.carrier.letters() == []
    assert [(run.topic, run.count) for run in desk.carrier.log.runs()] == [("frames.v1", 2), ("", 3)]
    assert desk.carrier.log.tick_ts_ns == [1, 2, 3]


def test_control_record_that_makes_the_process_fail_becomes_a_letter(wire: Wire) -> None:
    desk = Desk(wire, Fragile(WRITERS))
    desk.carrier.rows(desk.take(b"1"), lambda: None)
    desk.carrier.tell(command(CommandType.KILL))
    (letter,) = desk.carrier.letters()
    desk.send()
    assert (letter.topic, letter.offset, letter.payload) == ("commands.v1", 12, b"value")
    assert desk.sent == [1]
    assert [run.topic for run in desk.carrier.log.runs()] == ["frames.v1"]


def test_tick_that_makes_the_process_fail_again_ends_it(wire: Wire) -> None:
    desk = Desk(wire, Fragile(WRITERS))
    Fragile.failing_ticks = (1,)
    try:
        with pytest.raises(StepError):
            desk.carrier.tick(ids.make(TICKS, 1), 1)
    finally:
        Fragile.failing_ticks = ()

"""What lane tests share: a small deterministic process, a world of topics with one shard for each test, and a child process to kill."""

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from confluent_kafka import TopicPartition

from streams.config import Endpoints
from streams.errors import FrameError, LaneError, RestoreError
from streams.lanes.bus import Sender, end_offset, open_admin, read_range
from streams.lanes.control import COMMANDS, CONTROL_TOPICS, Control, read_control
from streams.lanes.kafka import EXIT_FAILED, KafkaLane, run_lane
from streams.lanes.registry import SchemaIds
from streams.lanes.spec import LaneSpec, topics_of
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, LATENCY, SNAPSHOTS, dlq_topic, lane_writers, writer_name
from streams.records import Alert, Clock, Command, CommandType, Frame, Name, NameKind, Param, Severity, Side, StartPosition, Trade
from streams.schema import ids
from tests.stack_topics import make_topics

SHARDS = 8  # made at once
READS = (Name, Param, Command, Frame)
WRITES = ("trades.v1", "alerts.v1")
TOPICS = (*CONTROL_TOPICS, COMMANDS, "frames.v1", *WRITES, JOURNAL, SNAPSHOTS, LATENCY)
_shards = itertools.count(1)


class Tally:
    """A process that sums what frames say, and follows the API of streams.agents.process.Process.

    A frame's payload is a number: a trade with the sum so far. "bad" is refused; "boom" fails, with a wrong sum left behind; "big" gives
    an alert that no topic takes. Each 50th tick gives an alert. `twist` is added to every sum from `twist_at` on: "changed code".
    """

    reads, writes = READS, WRITES

    def __init__(self, writers: Mapping[str, int], twist: int = 0, twist_at: int = 0) -> None:
        self.spec = SimpleNamespace(writers=dict(writers))
        self.twist, self.twist_at = twist, twist_at
        self.run_id = self.now_ns = self.total = self.ticks = self.frames = 0
        self.sequences = dict.fromkeys(WRITES, 0)
        self.outputs: list[tuple[str, NamedTuple]] = []

    def on_input(self, record: Any) -> None:
        if isinstance(record, Command):
            self.run_id = record.run_number or self.run_id
        if not isinstance(record, Frame):
            return
        if record.payload == b"bad":
            raise FrameError("payload: b'bad' is no number")
        self.now_ns = max(self.now_ns, record.recv_ts_ns)
        if record.payload == b"boom":
            self.total += 1_000_000
            raise ZeroDivisionError
        if record.payload == b"big":
            self._alert(record.id, "x" * 1_100_000)
            return
        self.frames += 1
        self.total += int(record.payload) + (self.twist if self.frames >= self.twist_at else 0)
        trade = Trade(
            *self._stamp("trades.v1", record.id, record.recv_ts_ns),
            "sim",
            "X",
            record.recv_ts_ns,
            self.frames,
            Side.BUY,
            self.total + 1,
            10**9,
        )
        self.outputs.append(("trades.v1", trade))

    def on_tick(self, id: int, ts_ns: int) -> None:
        self.now_ns, self.ticks = max(self.now_ns, ts_ns), self.ticks + 1
        if self.ticks % 50 == 0:
            self._alert(id, f"{self.ticks} ticks at {ts_ns}")

    def take_outputs(self) -> list[tuple[str, NamedTuple]]:
        outputs, self.outputs = self.outputs, []
        return outputs

    def shown(self) -> dict[str, object]:
        return {}

    def counters(self) -> dict[str, int]:
        return dict(self.sequences)

    def set_counters(self, counters: Mapping[str, int]) -> None:
        self.sequences.update(counters)

    def snapshot(self) -> dict[str, tuple[str, str, bytes]]:
        state = [self.run_id, self.now_ns, self.total, self.ticks, self.frames]
        padding = bytes(2_000_000)  # three parts
        return {"tally": ("layout-1", "[]", json.dumps(state).encode()), "padding": ("layout-1", "[]", padding)}

    def restore(self, parts: Mapping[str, tuple[str, str, bytes]]) -> None:
        if parts["tally"][0] != "layout-1" or len(parts["padding"][2]) != 2_000_000:
            raise RestoreError("another layout")
        self.run_id, self.now_ns, self.total, self.ticks, self.frames = json.loads(parts["tally"][2])

    def _alert(self, cause_id: int, text: str) -> None:
        self.outputs.append(("alerts.v1", Alert(*self._stamp("alerts.v1", cause_id, self.now_ns), Severity.INFO, "tally", text)))

    def _stamp(self, topic: str, cause_id: int, recv_ts_ns: int) -> tuple[int, int, int, int, int]:
        self.sequences[topic] += 1
        return ids.make(self.spec.writers[topic], self.sequences[topic]), cause_id, self.run_id, self.now_ns, recv_ts_ns


def tally_of(control: Control, process: str, shard: int, twist: int = 0, twist_at: int = 0) -> Tally:
    """The empty process with its writers' numbers."""
    return Tally({topic: control.writer(writer_name(process, shard, topic)) for topic in WRITES}, twist, twist_at)


class World:
    """Topics, subjects, names and a run for one test, on an empty shard of its own."""

    def __init__(self, stack: Endpoints) -> None:
        self.kafka, self.registry, self.shard = stack.kafka, stack.registry, next(_shards)
        self.process = process = f"tally-{secrets.token_hex(4)}"
        self.wire = Wire(SchemaIds(stack.registry))
        letters = [dlq_topic(topic) for topic in (*topics_of(READS), *WRITES)]
        self._make_topics([*TOPICS, *letters])
        for topic in (*TOPICS, *letters):
            self.wire.ids.register(topic)
        self.sender = Sender(self.kafka)
        for topic in (*TOPICS, *letters):
            if topic not in (*CONTROL_TOPICS, COMMANDS) and end_offset(self.kafka, topic, self.shard):
                self.drop(topic)  # of a run of the tests before, on a stack that was kept
        self.feed = f"{process}-feed/{self.shard}/frames"
        self.add_names([*lane_writers(process, self.shard, (*topics_of(READS), *WRITES)).values()])
        self.add_names([*(writer_name(process, self.shard, topic) for topic in WRITES), self.feed, "tools"])
        self.feed_writer = read_control(self.kafka, self.wire, ("names.v1",)).writer(self.feed)
        self.sequence = 0
        self.run_number = 0
        self.open_run()

    def spec(self, **changes: Any) -> LaneSpec:
        return LaneSpec(
            **{"topology": "t", "process": self.process, "shard": self.shard, "kafka": self.kafka, "registry": self.registry, **changes}
        )

    def add_names(self, names: Iterable[str]) -> None:
        known = read_control(self.kafka, self.wire, ("names.v1",)).numbers[NameKind.WRITER]
        for name in names:
            if name not in known:
                known[name] = len(known) + 1
                record = Name(ids.make(0, known[name]), 0, 0, 0, 0, NameKind.WRITER, known[name], name, 1)
                self.sender.send("names.v1", 0, self.wire.encode("names.v1", record))
        self.sender.flush()

    def open_run(self) -> int:
        """A new run of the wall clock that begins at the ends of the topics."""
        last = read_control(self.kafka, self.wire, (COMMANDS,)).run
        self.run_number = ((last.run_number or 0) if last else 0) + 1
        starts = tuple(StartPosition(topic, self.shard, end_offset(self.kafka, topic, self.shard)) for topic in ("frames.v1", JOURNAL))
        now = time.time_ns()
        run = Command(
            *(ids.make(0, now & 0xFFFFFFFF), 0, self.run_number, now, now, CommandType.RUN, "", "test", self.run_number, "", "t"),
            *(Clock.WALL, 0, now, 1.0, starts),
        )
        self.sender.send(COMMANDS, 0, self.wire.encode(COMMANDS, run))
        self.sender.flush()
        return self.run_number

    def write(self, payloads: Iterable[bytes]) -> None:
        """Frames by the feed."""
        for payload in payloads:
            self.sender.send("frames.v1", self.shard, self.wire.encode("frames.v1", self.frame(payload)))
        self.sender.flush()

    def frame(self, payload: bytes) -> Frame:
        """The feed's next frame."""
        self.sequence += 1
        now = time.time_ns()
        return Frame(ids.make(self.feed_writer, self.sequence), 0, self.run_number, now, now, "sim", 0, self.sequence, payload)

    def trade(self) -> Trade:
        """A trade of nobody."""
        return Trade(ids.make(self.feed_writer, 1 << 40), 0, 0, 1, 1, "sim", "X", 1, 1, Side.BUY, 1, 1)

    def drop(self, topic: str, before: int | None = None) -> None:
        """Delete what the shard's partition of a topic holds, or what it holds before an offset, as retention does."""
        end = end_offset(self.kafka, topic, self.shard) if before is None else before
        admin = open_admin(self.kafka)
        for future in admin.delete_records([TopicPartition(topic, self.shard, end)]).values():
            future.result()

    def forget_offsets(self) -> None:
        """Delete the committed offsets of the process's group, as the broker does after a week."""
        admin = open_admin(self.kafka)
        for future in admin.delete_consumer_groups([self.spec().name]).values():
            future.result()

    def read(self, topic: str, partition: int | None = None) -> list[Any]:
        """Every committed record of the test's shard."""
        messages = read_range(self.kafka, topic, self.shard if partition is None else partition)
        return [self.wire.decode(topic, message.value()) for message in messages]

    def build(self, twist: int = 0, twist_at: int = 0):
        return lambda control: tally_of(control, self.process, self.shard, twist, twist_at)

    def run_until(
        self, trades: int = 0, alerts: int = 0, timeout_s: float = 60.0, twist: int = 0, twist_at: int = 0, **changes: Any
    ) -> KafkaLane:
        """A lane in this process until it has written so many trades and alerts since it started, stopped in order."""
        lane = KafkaLane(self.spec(**changes), self.build(twist, twist_at))
        lane.open()
        until, cycle = time.monotonic() + timeout_s, lane._cycle
        process = cast(Tally, lane.process)
        goal = {"trades.v1": process.sequences["trades.v1"] + trades, "alerts.v1": process.sequences["alerts.v1"] + alerts}

        def cycle_and_count() -> None:
            cycle()
            process = cast(Tally, lane.process)  # another one after a batch that failed
            lane.stop |= all(process.sequences[topic] >= count for topic, count in goal.items()) or time.monotonic() > until

        lane._cycle = cycle_and_count
        try:
            lane.run()
        finally:
            lane.close()
        assert time.monotonic() < until, "the lane did not write what was expected"
        return lane

    def child(self, **changes: Any) -> subprocess.Popen:
        """The lane as a process of its own."""
        spec = {"topology": "t", "process": self.process, "shard": self.shard, "kafka": self.kafka, "registry": self.registry, **changes}
        path = os.pathsep.join((str(Path(__file__).parents[2]), str(Path(__file__).parent)))
        return subprocess.Popen([sys.executable, __file__, json.dumps(spec)], env={**os.environ, "PYTHONPATH": path})

    def wait_for_trades(self, count: int, child: subprocess.Popen, timeout_s: float = 90.0) -> None:
        """Until the topic holds so many trades, written by a child that lives."""
        until = time.monotonic() + timeout_s
        while len(self.read("trades.v1")) < count:
            assert child.poll() is None, f"the lane ended with {child.returncode}"
            assert time.monotonic() < until, "the lane did not write what was expected"
            time.sleep(0.1)

    def supervise(self, child: subprocess.Popen, trades: int, timeout_s: float = 120.0) -> None:
        """Start the lane again whenever it fails, until the topic holds so many trades; then stop it in order."""
        until, found = time.monotonic() + timeout_s, 0
        try:
            while found < trades and time.monotonic() < until:
                if child.poll() is not None:
                    assert child.returncode == EXIT_FAILED
                    child = self.child()
                with suppress(LaneError):  # a broker that is just back knows of no leader
                    found = len(self.read("trades.v1"))
                time.sleep(0.3)
            child.send_signal(signal.SIGTERM)
            assert child.wait(30) == 0
        finally:
            child.kill()

    def _make_topics(self, topics: Iterable[str]) -> None:
        """With room for this shard, and for some of the tests to come."""
        make_topics(self.kafka, dict.fromkeys(topics, SHARDS * (1 + self.shard // SHARDS)))


def main(text: str) -> int:
    options = json.loads(text)
    paths = {name: Path(options[name]) for name in ("status_path", "lock_path") if options.get(name)}
    spec = LaneSpec(**{**options, **paths})
    return run_lane(spec, lambda control: tally_of(control, spec.process, spec.shard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

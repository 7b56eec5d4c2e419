"""`millrace kill` on the fast lane: its rings have the command before any broker is asked, and when there is none."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams.commands import kill
from streams.control import views
from streams.errors import LaneError
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_rings import FastShard, RingRun, rings_folder
from streams.lanes.kill_ring import tell
from streams.lanes.record_ring import RecordReader
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Clock, CommandType
from streams.schema import ids
from streams.topology.early import early_command

WRITER, RUN = 9, 4
WIRE = Wire(SchemaIds("http://127.0.0.1:1"))
WIRE.ids.trust({"commands.v1": 77})
FACTS = RingRun(
    RUN,
    "demo",
    int(Clock.WALL),
    commands_header=WIRE.header("commands.v1").hex(),
    writers={"command/0/commands": WRITER},
    targets={"desk:crypto": "SCOPE"},
)


@pytest.fixture
def shard(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    for name in ("KAFKA", "REGISTRY", "CLICKHOUSE"):
        monkeypatch.setenv(f"MILLRACE_{name}", "127.0.0.1:1" if name == "KAFKA" else "http://127.0.0.1:1")
    monkeypatch.setattr(kill, "_TOPIC_S", 0.05)
    made = FastShard(rings_folder(), 0, "feed", "trade", "gateway", ring_mib=1)
    made.create_all(FACTS)
    yield made
    made.remove_all()
    made.folder.rmdir()


def lane(shard):
    control, early = (RecordReader(shard.open(name).reader("trade")) for name in ("control", "kill"))
    return ControlRing(control, early, WIRE, {("commands.v1", 0): 0}, (), RUN)


def test_kill_without_a_broker_reaches_the_rings(shard):
    said = []
    kill.give(CommandType.KILL, "desk:crypto", "fat finger", said.append)
    (told,) = lane(shard).take()
    assert (told.topic, told.offset) == ("commands.v1", -1)
    record = told.record
    assert (record.kind, record.target, record.reason) == (CommandType.KILL, "desk:crypto", "fat finger")
    assert (record.run_id, ids.writer(record.id)) == (RUN, WRITER)
    assert said[0].startswith("KILL desk:crypto: shard 0 told by its ring within ")
    assert said[1].startswith("commands.v1 may not have it yet: kafka 127.0.0.1:1")
    assert len(said) == 2


@pytest.mark.parametrize("facts", [FACTS, replace(FACTS, commands_header=""), replace(FACTS, writers={})])
def test_command_that_the_rings_cannot_make_goes_the_way_of_the_topic(shard, facts):
    target = "desk:new" if facts == FACTS else ""
    assert early_command(facts, CommandType.KILL, target) is None


def test_ring_full_of_commands_says_so(shard, monkeypatch):
    monkeypatch.setattr("streams.lanes.kill_ring._PATIENCE_S", 0.001)
    ring = shard.open("kill")
    writer = ring.writer("kill")
    assert writer.write(bytes(ring.capacity * 256)) == ring.capacity
    writer.leave()
    assert "is full of commands that nobody takes" in tell(1, RUN, 1, b"x")[0].reason


def test_command_while_another_is_being_given_waits_for_its_turn(shard):
    ring = shard.open("kill")
    other = ring.writer("kill")
    (told,) = tell(1, RUN, 1, b"x")
    assert "writer 'kill' lives" in told.reason
    other.leave()
    assert [one.reason for one in tell(1, RUN, 1, b"x")] == [""]


class Page:
    """A control plane whose broker is away."""

    def __init__(self, folder, reached):
        made = early_command(FACTS, CommandType.KILL)
        assert made is not None
        self.record, self.value = made
        self.folder, self.reached = folder, reached
        self.desk = SimpleNamespace(author=SimpleNamespace(command=lambda *_: self.record))

    async def tell_rings(self, record):
        return tell(record.id, RUN if self.reached else 5, 1, self.value, self.folder)

    async def send(self, topic, record):
        raise LaneError("kafka: the broker does not answer")


async def posted(page):
    return await views._command(cast(Any, page))({"kind": "KILL"})


def test_page_without_a_broker_says_that_the_rings_have_it(shard):
    page = Page(shard.folder, reached=True)
    answer = asyncio.run(posted(page))
    assert (answer["offset"], answer["note"]) == (None, "the rings have it; kafka: the broker does not answer")
    assert [(one["shard"], one["reason"]) for one in answer["shards"]] == [(0, "")]
    assert [told.record for told in lane(shard).take()] == [page.record]


def test_page_without_broker_and_rings_fails(shard):
    with pytest.raises(LaneError, match="does not answer"):
        asyncio.run(posted(Page(shard.folder, reached=False)))

"""The Faust application in this process, without a broker: its agents, its settings, its faults."""

import asyncio
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.types import TP

from streams.control.codec import Unread
from streams.control.plane import Plane
from streams.control.settings import READS, ControlSettings
from streams.control.transport import CommittedTransport
from streams.errors import LaneError
from streams.lanes.wire import Wire
from streams.records import CommandType, OrdStatus
from tests.control.made import control, fill, order_command, position, report, run_command


class Sent:
    """Takes what a plane would write."""

    def __init__(self, plane: Plane) -> None:
        self.records: list[tuple[str, Any]] = []
        self.away = 0
        plane.send = self.send  # type: ignore[method-assign]

    async def send(self, topic: str, record: Any, partition: int = 0) -> int:
        if self.away:
            self.away -= 1
            raise LaneError("away")
        self.records.append((topic, record))
        return len(self.records) - 1


def made(wire: Wire, folder: Path) -> Plane:
    """A plane whose tables write no changelog."""
    found = Plane(ControlSettings("demo", "control", "127.0.0.1:1", wire.ids.url, 1, folder), wire, control())
    for table in found.tables.values():
        table.on_key_set = table.on_key_del = lambda *_: None
    return found


def run(test: Any) -> None:
    asyncio.run(test())


def test_settings_shut_the_traps(wire, tmp_path):
    async def test() -> None:
        plane = made(wire, tmp_path)
        conf = plane.app.conf
        assert {agent.concurrency for agent in plane.agents.values()} == {1}
        assert set(plane.agents) == set(READS)
        assert (conf.topic_allow_declare, conf.topic_disable_leader, conf.reply_create_topic) == (False, True, False)
        assert (conf.web_bind, conf.web_tables_enabled, conf.web_stats_enabled, conf.web_graph_enabled) == (
            "127.0.0.1",
            False,
            False,
            False,
        )
        assert (conf.processing_guarantee, conf.table_standby_replicas) == (faust.types.enums.ProcessingGuarantee.AT_LEAST_ONCE, 0)
        assert isinstance(plane.app.transport, CommittedTransport)
        topics = [*plane.topics.values(), *(table.changelog_topic for table in plane.tables.values())]
        assert not [topic for topic in topics if "pickle" in f"{topic.key_serializer}{topic.value_serializer}"]

    run(test)


def test_consumer_reads_committed_records(wire, tmp_path):
    async def test() -> None:
        plane = made(wire, tmp_path)
        thread = plane.app.consumer._new_consumer_thread()
        assert thread._create_worker_consumer(plane.app.transport)._isolation_level == "read_committed"

    run(test)


def test_consumer_positions_follow_what_was_taken_across_gaps(wire, tmp_path):
    async def test() -> None:
        consumer, place = made(wire, tmp_path).app.consumer, TP("fills.v1", 0)
        consumer._committed_offset[place] = 3
        await consumer._add_gap(place, 4, 8)
        assert consumer._new_offset(place) is None  # 8 is being worked on: nothing of it is committed
        consumer._acked[place].extend([8, 9, 12])  # 10 and 11 are the ends of transactions
        assert (consumer._new_offset(place), consumer._new_offset(place)) == (13, None)

    run(test)


def test_agents_take_records_into_the_tables(wire, tmp_path):
    async def test() -> None:
        plane = made(wire, tmp_path)
        records = {
            "commands.v1": [run_command(1), order_command(CommandType.KILL, "desk:crypto")],
            "reports.v1": [report(1, OrdStatus.NEW, 10, 0)],
            "fills.v1": [fill(1, 5)],
            "positions.v1": [position(1, 5, 0, 1)],
        }
        for topic, each in records.items():
            async with plane.agents[topic].test_context() as agent:
                for record in each:
                    await agent.put(record)
                await asyncio.wait_for(_taken(plane, len(each)), 5.0)
                plane.desk.taken = 0
        views = plane.desk.views()
        assert [row["qty"] for row in views["positions"]] == ["0.000000005"]
        assert [row["filled_qty"] for row in views["orders"]] == ["0.000000005"]
        assert [row["name"] for row in views["breakers"]] == ["desk:crypto"]
        assert [row["kind"] for row in views["commands"]] == ["KILL", "RUN"]

    run(test)


async def _taken(plane: Plane, count: int) -> None:
    while plane.desk.taken < count:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("value", "reason", "payload"),
    [
        (None, "fills.v1: a record without a value", b""),
        (Unread(b"xyz", "no header"), "no header", b"xyz"),
        (Unread(b"\x00\x00\x00\x0f\x0fabc", ""), "schema id 3855 is unknown to the registry", b"\x00\x00\x00\x0f\x0fabc"),
        (report(1, OrdStatus.NEW, 10, 0), "fills.v1: control: TypeError", b""),
    ],
)
def test_take_what_is_no_record_becomes_a_dead_letter_and_the_next_is_taken(wire, tmp_path, value, reason, payload):
    async def test() -> None:
        plane = made(wire, tmp_path)
        sent = Sent(plane)
        await plane.take("fills.v1", value, 0, 7)
        await plane.take("fills.v1", fill(1, 5), 0, 8)
        ((topic, letter),) = sent.records
        assert (topic, letter.topic, letter.offset, letter.payload) == ("fills.v1.dlq.v1", "fills.v1", 7, payload)
        assert letter.reason.startswith(reason)
        assert (plane.desk.taken, plane.desk.letters) == (1, 1)

    run(test)


def test_take_dead_letter_waits_for_the_broker(wire, tmp_path, monkeypatch):
    async def test() -> None:
        plane = made(wire, tmp_path)
        sent = Sent(plane)
        sent.away = 2
        monkeypatch.setattr("streams.control.plane._ASK_AGAIN_S", 0.0)
        await plane.take("fills.v1", None, 0, 7)
        assert [(topic, letter.offset) for topic, letter in sent.records] == [("fills.v1.dlq.v1", 7)]

    run(test)


def test_take_schema_that_is_new_here_waits_for_the_registry(wire, tmp_path, monkeypatch):
    async def test() -> None:
        plane = made(wire, tmp_path)
        sent, value = Sent(plane), wire.encode("fills.v1", fill(1, 5))
        answers = iter([LaneError("away"), fill(1, 5)])

        def decode(*_: Any) -> Any:
            found = next(answers)
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr("streams.control.plane._ASK_AGAIN_S", 0.0)
        monkeypatch.setattr(plane.wire, "decode", decode)
        await plane.take("fills.v1", Unread(value, ""), 0, 7)
        assert (sent.records, plane.desk.taken) == ([], 1)

    run(test)


def test_look_writes_alerts(wire, tmp_path):
    async def test() -> None:
        plane = made(wire, tmp_path)
        sent = Sent(plane)
        plane.desk.watch.bound_s = 0.0
        plane.desk.positions.on_position(position(1, 5, 0, 1))
        await plane._look()
        ((topic, alert),) = sent.records
        assert (topic, alert.severity.name, alert.source) == ("alerts.v1", "ERROR", "control")
        assert plane.desk.views()["reconciliation"] == [alert.text.removeprefix("reconciliation: ")]

    run(test)

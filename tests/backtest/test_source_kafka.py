"""One recorded sequence through a recording, a topic, ClickHouse and arrays: equal slots. Against a real broker and a real ClickHouse."""

import time
import uuid
from collections import defaultdict

import numpy as np
import pytest
from confluent_kafka import TopicPartition

from streams.backtest import store
from streams.backtest.runs_kept import RunsKept
from streams.backtest.source_clickhouse import ClickHouseSource
from streams.backtest.source_kafka import KafkaSource
from streams.backtest.source_recording import market_of
from streams.backtest.sources_of_runs import of_runs
from streams.backtest.tables import Tables
from streams.config import Endpoints
from streams.errors import ConfigError, FrameError
from streams.lanes.bus import Sender, end_offset, list_topics, open_admin
from streams.lanes.control import COMMANDS, CONTROL_TOPICS, read_control
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Clock, Command, CommandType, Frame, StartPosition
from streams.schema import bulk, ids
from streams.schema import clickhouse as ddl
from streams.schema.model import BY_KIND, for_topic
from streams.sinks.columns import block_of
from streams.sinks.inserter import ensure_tables
from streams.sinks.query import connect
from tests.backtest.market_kit import START_NS, digest, lines, names, recording, seen, write
from tests.stack_topics import make_topics

MARKET = ("book_updates.v1", "trades.v1", "quotes.v1", "funding.v1")
pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")


def bodies(some, run):
    """(topic, body) of what a live normalize writes of these lines, some milliseconds after they came."""
    market = market_of(names(), True)
    for number, line in enumerate(some, 1):
        stamp, _, payload = line.partition(b" ")
        market.advance(int(stamp) + 7_000_000)
        frame = Frame(ids.make(40, number), 0, run, int(stamp), int(stamp), "binance", 1, number, payload.strip())
        try:
            for kind, _, body, _ in market.bodies(frame, run):
                if BY_KIND[kind].topic in MARKET:
                    yield BY_KIND[kind].topic, body
        except FrameError:
            continue


class Live:
    """Runs whose market records stand in the topics of a stack."""

    def __init__(self, stack: Endpoints) -> None:
        self.stack, self.wire = stack, Wire(SchemaIds(stack.registry))
        make_topics(stack.kafka, dict.fromkeys((*MARKET, *CONTROL_TOPICS, COMMANDS), 1))
        for topic in (*MARKET, *CONTROL_TOPICS, COMMANDS):
            self.wire.ids.register(topic)
        self.sender = Sender(stack.kafka)

    def run(self, clock=Clock.RECORDING) -> int:
        """Open a run."""
        control = read_control(self.stack.kafka, self.wire, (COMMANDS,))
        number = 1 + max(control.runs, default=0)
        there = list_topics(self.stack.kafka)
        starts = [(topic, p, end_offset(self.stack.kafka, topic, p)) for topic in MARKET for p in range(there[topic])]
        now_ns = time.time_ns()
        head = ids.make(0, now_ns & 0xFFFFFFFF), 0, number, now_ns, now_ns, CommandType.RUN, "", "test", number, "", "t"
        record = Command(*head, clock, START_NS, now_ns, 1.0, tuple(StartPosition(*start) for start in starts))
        self.sender.send(COMMANDS, 0, self.wire.encode(COMMANDS, record))
        self.sender.flush()
        return number

    def write(self, records) -> None:
        """(topic, body) to the topics."""
        for topic, body in records:
            self.sender.send(topic, 0, self.wire.header(topic) + body)
        self.sender.flush()

    def source(self, run=None, **options) -> KafkaSource:
        found = of_runs(names(), self.stack, run, {"from_ns": None, "to_ns": None, **options})
        assert isinstance(found, KafkaSource)
        return found


@pytest.fixture
def live(stack):
    made = Live(stack)
    yield made
    made.sender.close()


@pytest.fixture
def database(stack):
    """A database of this test's."""
    name = f"b_{uuid.uuid4().hex[:8]}"
    yield Endpoints(stack.kafka, stack.registry, stack.clickhouse, name)
    with connect(stack.clickhouse) as client:
        client.command(f"DROP DATABASE IF EXISTS {name}")


def insert(where, records):
    """Bodies as rows of the tables, as the sink puts them in."""
    by_topic = defaultdict(list)
    for topic, body in records:
        by_topic[topic].append(body)
    with connect(where.clickhouse) as client:
        ensure_tables(client, where.database, [for_topic(topic) for topic in MARKET])
        for topic, values in by_topic.items():
            columns = bulk.decode(for_topic(topic), values)
            block = block_of(columns, 0, np.arange(len(values)), np.full(len(values), time.time_ns() // 10**6))
            table = f"`{where.database}`.`{for_topic(topic).plural}`"
            client.raw_insert(table, ddl.insert_columns(for_topic(topic)), block, fmt="Native")


def test_topic_and_clickhouse_give_the_slots_of_the_recording(live, database, tmp_path):
    some = lines(1, 1_500)
    file = recording(write(tmp_path / "a", some), cached=False)
    run = live.run()
    records = list(bodies(some, run))
    live.write(records)
    live.write([("trades.v1", b"\xff" * 9)])
    live.run()
    insert(database, records)
    expected = digest(file.pieces())
    topic = live.source(run)
    assert digest(topic.pieces()) == expected
    assert digest(live.source(run, cached=False).pieces()) == expected
    table = ClickHouseSource(names(), Tables(database), [run])
    assert digest(table.pieces()) == expected
    for source in (topic, table):
        assert source.findings()["records"] == file.findings()["records"]
        assert source.clock_offset_ns() == file.clock_offset_ns()
    assert topic.findings()["lost"]["refused"] == 1
    assert topic.findings()["faults"][0].startswith("trades.v1: ")


def test_topic_range_is_found_by_time_and_opens_with_the_books(live, tmp_path):
    some = lines(2, 800)
    run = live.run()
    live.write(bodies(some, run))
    whole = recording(write(tmp_path / "a", some), cached=False)
    times = [record.recv_ts_ns for record in seen(whole.pieces())]
    bounds = {"from_ns": times[len(times) // 3], "to_ns": times[-50]}
    expected = digest(recording(str(tmp_path / "a"), cached=False, **bounds).pieces())
    found = live.source(run, **bounds)
    assert digest(found.pieces()) == expected
    assert digest(live.source(**bounds).pieces()) == expected, "the newest run that has records in the range"
    with pytest.raises(ConfigError, match="no market record from 2023"):
        live.source(run, from_ns=times[-1] + 1, to_ns=times[-1] + 2).prepare()
    with pytest.raises(ConfigError, match="no run has market records in the range"):
        live.source(from_ns=1, to_ns=2)


def test_topic_of_another_instrument_and_another_run_is_passed_over(live, tmp_path):
    some = lines(3, 300)
    run = live.run()
    mine, other = list(bodies(some, run)), list(bodies(lines(4, 100), run + 1))
    live.write([*other[:50], *mine])
    source = live.source(run)
    fewer = names(source.names.instruments[:1])
    one = KafkaSource(fewer, source.bootstrap, source.wire, source.epoch, source.runs, names().instruments)
    found = one.findings()["lost"]
    assert found["other runs"] == 50
    assert found["other instruments"] > 50
    assert found["refused"] == 0
    assert {record.slots[32] for record in seen(one.pieces())} == {0}


def test_run_that_kafka_does_not_keep_is_read_from_clickhouse(live, database, tmp_path):
    some = lines(6, 400)
    run = live.run()
    records = list(bodies(some, run))
    start = end_offset(live.stack.kafka, "quotes.v1", 0)
    live.write(records)
    live.run()
    options = {"from_ns": None, "to_ns": None}
    assert of_runs(names(), database, run, options).name == "kafka"
    admin = open_admin(live.stack.kafka)
    for deleted in admin.delete_records([TopicPartition("quotes.v1", 0, start + 5)]).values():
        deleted.result()
    with pytest.raises(ConfigError, match=rf"run {run}: Kafka does not keep what it needs of quotes.v1\[0\] any more, and ClickHouse"):
        of_runs(names(), database, run, options)
    insert(database, records)
    times = [record.recv_ts_ns for record in seen(recording(write(tmp_path / "a", some), cached=False).pieces())]
    assert Tables(database).span(run) == (times[0], times[-1])
    assert Tables(database).span(run + 1) is None
    found = of_runs(names(), database, run, options)
    assert found.name == "clickhouse"
    assert digest(found.pieces()) == digest(recording(str(tmp_path / "a"), cached=False).pieces())
    bounds = {"from_ns": times[len(times) // 2], "to_ns": times[-20]}
    part = of_runs(names(), database, run, bounds)
    assert part.name == "clickhouse"
    assert digest(part.pieces()) == digest(recording(str(tmp_path / "a"), cached=False, **bounds).pieces())


def test_topic_end_is_taken_once(live, tmp_path):
    some = lines(5, 300)
    run = live.run()
    records = list(bodies(some, run))
    live.write(records[:150])
    source = live.source(run)
    live.write(records[150:])
    assert source.total == 0
    assert len(seen(source.pieces())) == source.total == 150


def test_runs_kept_names_the_runs_there_are(live):
    run = live.run()
    with pytest.raises(ConfigError, match=rf"run {run + 7}: commands.v1 has no such run; the last ones are .*{run}"):
        RunsKept(live.stack).chosen(run + 7, None, None)

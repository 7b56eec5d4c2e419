"""Two shards on the fast lane: each has rings of its own, trades on while the lane of the other is killed, and verifies."""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from streams.config import Endpoints
from streams.lanes.fast_rings import remove_rings, rings_folder
from streams.lanes.stages import FEED_STAGES, GATEWAY_STAGES, LANE_STAGES, MIRROR_STAGES
from streams.venues.binance.recording import Line, read_recording, write_recording
from streams.venues.binance.synthetic import SyntheticMarket
from tests.e2e.foreign import Record, read_topics, topic_names
from tests.e2e.ledger import VenueMemory, id_faults, position_faults, request_faults
from tests.e2e.run_kit import OUTLASTS_S, Desk, Running
from tests.e2e.test_fast_lane import CLOSED, FAST
from tests.e2e.witness import none

pytestmark = [pytest.mark.nightly, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

SYMBOLS = ("BTCUSDT", "ETHUSDT")  # of shard 0 and of shard 1
MARKET = ("book_updates.v1", "trades.v1", "quotes.v1")
TRADING = ("orders.v1", "decisions.v1", "requests.v1", "venue_events.v1", "reports.v1", "fills.v1", "positions.v1")
STAGES = {"feed": FEED_STAGES, "trade": LANE_STAGES, "gateway": GATEWAY_STAGES, "mirror": MIRROR_STAGES}


def two_shards(folder: Path) -> Path:
    """The fast topology with a second instrument, which another account trades, in a shard of its own; limits end at the desks."""
    page = yaml.safe_load(FAST.read_text())
    del page["firm"], page["sinks"]
    for key, one, other in (
        ("instruments", "binance:BTCUSDT", "binance:ETHUSDT"),
        ("desks", "crypto", "other"),
        ("accounts", "maker-1", "maker-2"),
        ("strategies", "maker", "other"),
    ):
        part = yaml.safe_dump(page[key][one])
        for old, new in (("BTC", "ETH"), ("desk: crypto", "desk: other"), ("maker-1", "maker-2")):
            part = part.replace(old, new)
        page[key][other] = yaml.safe_load(part)
    page["shards"] = {"binance:ETHUSDT": 1, "maker-2": 1}
    topology = folder / "two_shards.yaml"
    topology.write_text(yaml.safe_dump(page, sort_keys=False))
    return topology


def named(market: SyntheticMarket) -> Iterator[tuple[int, bytes]]:
    """Its frames; a snapshot names its symbol, without which it can be of either."""
    for recv_ts_ns, payload in market.frames():
        yield recv_ts_ns, re.sub(rb'^{"last', b'{"symbol":"%s","last' % market.symbol.encode(), payload)


@pytest.fixture
def desk(own_stack: tuple[Endpoints, Path], tmp_path: Path) -> Iterator[Desk]:
    """Two shards applied to a stack of their own: a topic never changes its partitions."""
    made = Desk(own_stack[0], tmp_path, two_shards(tmp_path))
    made.done("apply", str(made.topology))
    yield made
    remove_rings(rings_folder(made.home))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One file with both instruments."""
    both = [SyntheticMarket(symbol, seed=41 + k, seconds=OUTLASTS_S, events_per_s=60.0) for k, symbol in enumerate(SYMBOLS)]
    write_recording(tmp_path / "both.gz", heapq.merge(*map(named, both)))
    return tmp_path / "both.gz"


def test_fast_run_of_two_shards_trades_on_in_one_while_the_other_is_killed(desk: Desk, recording: Path) -> None:
    with desk.start(recording, speed=1.0) as running:
        for shard in (0, 1):
            wait_for_answers(running, shard)
        kill_one_lane(running)
        stop_all_and_go_on(desk, running)
        stop_one_and_go_on(desk, running)
        running.stop()
    assert re.findall(r"processes started again: (\d+)", running.text) == ["1"], running.told()
    topics = read_topics(desk.where.kafka, desk.where.registry, topic_names(desk.where.kafka))
    none(id_faults(topics, topics["names.v1"]))
    none(VenueMemory(desk.venue_log(running.number)).faults(topics["fills.v1"]))
    none(request_faults(topics["requests.v1"], topics["venue_events.v1"]))
    none(position_faults(topics["positions.v1"], topics["fills.v1"]))
    for shard, symbol in enumerate(SYMBOLS):
        check_shard(topics, shard, symbol, recording)
    shown = desk.done("verify", str(desk.topology))
    assert [f"{name}/{shard}" for name in ("market", "trade", "books") for shard in (0, 1)] == re.findall(r"(\S+) run 1: equal: ", shown)


def label(name: str, shard: int) -> str:
    return f"{name}.{shard}" if shard else name


def answers(running: Running, shard: int) -> int:
    """What the gateway of a shard has heard from the venue since it started."""
    return running.status(label("gateway", shard)).get("records_out", 0)


def wait_for_answers(running: Running, shard: int, more: int = 10) -> None:
    wanted, about = answers(running, shard) + more, [label(name, shard) for name in STAGES]
    running.wait(lambda: answers(running, shard) >= wanted, f"shard {shard} to trade", *about)


def kill_one_lane(running: Running) -> None:
    """The lane of shard 1 is killed; the other shard trades before it is back, which goes on afterwards."""
    before = answers(running, 0)
    running.kill("trade.1")
    running.wait(lambda: answers(running, 0) > before, "shard 0 to trade on", "trade", "gateway")
    assert not running.status("trade.1"), "shard 0 traded only when shard 1 was back"
    wait_for_answers(running, 1)


def stop_all_and_go_on(desk: Desk, running: Running) -> None:
    """`millrace kill` reaches both shards over their rings, and `resume` too."""
    told = desk.done("kill", "--reason", "both")
    assert [f"KILL all: shard {shard} told by its ring within" in told for shard in (0, 1)] == [True, True], told
    running.wait(lambda: open_symbols(desk) == set(), "every order to be closed", "trade", "trade.1", bound_s=30.0)
    desk.done("resume")
    for shard in (0, 1):
        wait_for_answers(running, shard)


def stop_one_and_go_on(desk: Desk, running: Running) -> None:
    """What is named stops; the other instrument is traded on, in its shard."""
    desk.done("kill", "binance:ETHUSDT", "--reason", "one")
    running.wait(lambda: "ETHUSDT" not in open_symbols(desk), "its orders to be closed", "trade.1", bound_s=30.0)
    before = answers(running, 1)
    wait_for_answers(running, 0)
    assert answers(running, 1) == before
    desk.done("resume", "binance:ETHUSDT")
    wait_for_answers(running, 1)


def open_symbols(desk: Desk) -> set[str]:
    """Instruments with an order that the last report does not close."""
    found = read_topics(desk.where.kafka, desk.where.registry, ["reports.v1"])["reports.v1"]
    last = {row["order_id"]: row for row in found}
    return {row["symbol"] for row in last.values() if row["ord_status"] not in CLOSED}


def check_shard(topics: dict[str, list[Record]], shard: int, symbol: str, recording: Path) -> None:
    """A shard has every frame of its instrument up to its last, and nothing of the other; its stages are told beside those of the other."""
    mine = {topic: [row for row in records if row["_partition"] == shard] for topic, records in topics.items()}
    for topic in (
        "book_updates.v1",
        "trades.v1",
        "quotes.v1",
        "orders.v1",
        "decisions.v1",
        "requests.v1",
        "reports.v1",
        "fills.v1",
        "positions.v1",
    ):
        assert {row["symbol"] for row in mine[topic]} == {symbol}, topic
    seqs = [row["source_seq"] for row in mine["frames.v1"]]
    lines = (line for line in read_recording(recording) if isinstance(line, Line))
    wanted = [n for n, line in enumerate(lines, 1) if symbol.encode() in line.payload and n <= max(seqs)]
    assert seqs == wanted
    stages = defaultdict(set)
    for row in mine["latency.v1"]:
        stages[row["process"]].add(row["stage"])
    assert {name: stages[name] for name in STAGES} == {name: set(found) for name, found in STAGES.items()}

"""The fast lane in a topology file: which processes run it, what they are told, and every refusal in a line."""

import pytest

from streams.errors import TopologyError
from streams.topology.instances import instances, journalled, normalizer, writer_names
from streams.topology.model import load
from streams.topology.processes import find
from streams.topology.routes import input_places
from tests.topology.files import DEMO, changed

FAST = DEMO.with_name("fast.yaml")
MARKET = ("market: {lane: kafka, agents: [normalize]}", "market: {lane: fast, agents: [normalize]}")
TRADE = ("trade: {lane: kafka, agents: [strategy, risk, execute]}", "trade: {lane: fast, agents: [strategy, risk, execute]}")
SPINS = (TRADE[0], "trade: {lane: fast, wait: spin, cpu: 3, agents: [strategy, risk, execute]}")
TWO_SHARDS = (
    ("instruments:\n  binance:BTCUSDT", "instruments:\n  binance:ETHUSDT:\n  binance:BTCUSDT"),
    ("name: demo", "name: demo\nshards: {binance:ETHUSDT: 1}"),
)
SECOND_VENUE = (
    "  binance: {kind: binance-usdm, mode: paper, feed: recording}",
    "  binance: {kind: binance-usdm, mode: paper, feed: recording}\n  other: {kind: binance-usdm, mode: paper, feed: recording}",
)


def told(path) -> str:
    with pytest.raises(TopologyError) as caught:
        load(path)
    return str(caught.value)


def labels(topology) -> list[str]:
    return [instance.label for instance in instances(topology)]


def test_fast_topology_is_the_demo_but_for_its_lanes_and_name():
    lines = [line for line in FAST.read_text().splitlines() if not line.startswith("#")]
    wanted = [line for line in DEMO.read_text().splitlines() if not line.startswith("#")]
    assert [(one, other) for one, other in zip(lines, wanted, strict=True) if one != other] == [
        ("name: fast", "name: demo"),
        (f"  {MARKET[1]}", f"  {MARKET[0]}"),
        (f"  {TRADE[1]}", f"  {TRADE[0]}"),
    ]


def test_instances_of_the_fast_lane_run_normalize_in_the_feed_and_add_a_mirror():
    topology = load(FAST)
    assert labels(topology) == ["feed", "trade", "books", "gateway", "mirror", "venue", "sink", "control"]
    assert {i.label for i in instances(topology) if i.lane == "fast"} == {"feed", "trade", "gateway", "mirror"}
    feed = instances(topology)[0]
    assert (feed.agents, normalizer(topology, feed).name) == (("normalize",), "market")
    assert [i.name for i in journalled(topology)] == ["market", "trade", "books"]
    assert "mirror" not in labels(load(DEMO))


def test_instances_of_two_fast_shards_are_one_of_each_a_shard(tmp_path):
    topology = load(changed(tmp_path, MARKET, TRADE, *TWO_SHARDS))
    found = labels(topology)
    assert [label for label in found if label.split(".")[0] in ("feed", "gateway", "mirror", "trade")] == [
        *("feed", "feed.1", "trade", "trade.1", "gateway", "gateway.1", "mirror", "mirror.1"),
    ]


def test_writers_of_the_fast_lane_are_those_of_the_kafka_lane_and_more():
    kafka, fast = set(writer_names(load(DEMO))), set(writer_names(load(FAST)))
    assert kafka < fast
    assert {"market/0/journal", "trade/0/ticks", "mirror/0/latency", "trade-lane/0/commands", "feed/0/latency"} <= fast
    assert "trade-lane/0/commands" not in kafka


def test_input_places_of_the_fast_lane_are_what_its_rings_hold():
    fast, kafka = ({topic for topic, _ in input_places(topology, find(topology, "trade"))} for topology in (load(FAST), load(DEMO)))
    assert fast == {"book_updates.v1", "trades.v1", "quotes.v1", "funding.v1", "venue_events.v1"}
    assert kafka - fast == {"positions.v1"}


def test_find_process_that_a_feed_runs_says_so():
    with pytest.raises(TopologyError, match="process 'market' is on the fast lane, where its feed runs it"):
        find(load(FAST), "market")


def test_load_seat_of_a_process_is_read(tmp_path):
    text = "trade: {lane: fast, wait: spin, cpu: [2, 3], nice: -5, scheduling: fifo, agents: [strategy, risk, execute]}"
    topology = load(changed(tmp_path, MARKET, (TRADE[0], text), ("sinks:", "fast: {ring: 1 GiB, gateway: {cpu: 1}}\nsinks:")))
    seat = topology.processes["trade"]
    assert (seat.wait, seat.cpu, seat.nice, seat.scheduling) == ("spin", (2, 3), -5, "fifo")
    assert (topology.fast.ring_mib, topology.fast.gateway.cpu, topology.fast.mirror.commit_ns) == (1024, (1,), 20_000_000)


@pytest.mark.parametrize(
    ("replacements", "wanted"),
    [
        (
            [TRADE],
            "processes.trade.lane: reads market data from a ring, but process 'market' writes it to topics; say `lane: fast` there too",
        ),
        ([MARKET], "processes.market.lane: nothing on the fast lane reads its ring; say `lane: fast` of the process that trades"),
        (
            [MARKET, (TRADE[0], "trade: {lane: fast, standby: true, agents: [strategy, risk, execute]}")],
            "processes.trade.standby: is of the Kafka lane",
        ),
        (
            [MARKET, (TRADE[0], "trade: {lane: fast, agents: [strategy, risk]}\n  send: {lane: fast, agents: [execute]}")],
            "processes.send.lane: a shard has one loop that trades, which is 'trade'",
        ),
        (
            [MARKET, (TRADE[0], "trade: {lane: fast, agents: [strategy, risk]}\n  send: {agents: [execute]}")],
            "processes.trade.agents: on the fast lane strategy, risk, execute are one process",
        ),
        (
            [(MARKET[0], "market: {lane: fast, agents: [normalize, strategy, risk, execute]}"), (f"  {TRADE[0]}\n", "")],
            "processes.market.agents: the feed runs normalize on the fast lane, without 'strategy' and 'risk' and 'execute'",
        ),
        (
            [MARKET, (TRADE[0], "trade: {lane: fast, agents: [risk, execute]}\n  ideas: {agents: [strategy]}")],
            "processes.ideas.agents: its orders would reach risk of 'trade' through a topic",
        ),
        (
            [MARKET, TRADE, SECOND_VENUE, ("instruments:\n", "instruments:\n  other:ETHUSDT:\n")],
            "processes.trade.lane: a shard has one venue on the fast lane, and shard 0 has binance, other",
        ),
        ([MARKET, (TRADE[0], "trade: {lane: fast, wait: doze, agents: [strategy, risk, execute]}")], "wait: 'doze' is not known"),
        ([MARKET, (TRADE[0], "trade: {lane: fast, cpu: -1, agents: [strategy, risk, execute]}")], "cpu: -1 names no core"),
        ([MARKET, (TRADE[0], "trade: {lane: fast, numa: [0, x], agents: [strategy, risk, execute]}")], "numa: [0, 'x'] names no NUMA node"),
        (
            [MARKET, *TWO_SHARDS, SPINS],
            "processes.trade.cpu: core 3 is that of trade.1 too, which would hardly run: trade spins and never gives it away",
        ),
        (
            [
                MARKET,
                (TRADE[0], "trade: {lane: fast, wait: spin, cpu: 3, agents: [strategy, risk, execute]}"),
                ("sinks:", "fast: {mirror: {cpu: 3}}\nsinks:"),
            ],
            "processes.trade.cpu: core 3 is that of mirror too",
        ),
        ([MARKET, TRADE, ("sinks:", "fast: {ring: 64}\nsinks:")], "fast.ring: 64 is no amount of memory"),
        (
            [MARKET, TRADE, ("sinks:", "fast: {ring: 1 MiB}\nsinks:")],
            "fast.ring: is too small for sizes.queue 1024 of 'trade'; write 2 MiB or more",
        ),
    ],
)
def test_load_fast_lane_that_cannot_be_is_refused_in_a_line(tmp_path, replacements, wanted):
    assert wanted in told(changed(tmp_path, *replacements))


def test_load_plain_strategy_beside_the_fast_lane_is_refused(tmp_path):
    plain = ("streams.strategies.avellaneda_stoikov:AvellanedaStoikov", "tests.strategies.modelled:Modelled")
    own = (TRADE[0], "trade: {lane: fast, agents: [risk, execute]}\n  maker: {agents: [strategy], strategies: [maker]}")
    assert "processes.maker.agents: its orders would reach risk of 'trade' through a topic" in told(changed(tmp_path, MARKET, plain, own))


def test_load_strategy_that_hears_positions_needs_the_account_beside_it(tmp_path):
    hears = ("streams.strategies.avellaneda_stoikov:AvellanedaStoikov", "tests.strategies.listening:Listening")
    path = changed(tmp_path, MARKET, TRADE, hears)
    assert "has on_position, and no account writes positions on the fast lane; move agent 'account' into 'trade'" in told(path)
    beside = (TRADE[0], "trade: {lane: fast, agents: [strategy, risk, execute, account]}")
    assert load(changed(tmp_path, MARKET, beside, hears, ("  books: {lane: kafka, agents: [account]}\n", ""))).fast_lane == "trade"

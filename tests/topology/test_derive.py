"""What follows from a topology: topics, names, records, processes, partitions."""

from decimal import Decimal

from streams.agents.model_file import hash_of
from streams.agents.roles import READS
from streams.lanes.control import Control
from streams.records import Fill, Limit, NameKind, Rule
from streams.schema import model
from streams.topology import derive
from streams.topology.catalog import AGENTS
from streams.topology.instances import instances, process_spec, writer_names
from streams.topology.model import load
from streams.topology.routes import input_places, partition_of
from tests.topology.files import DEMO, changed

APART = (
    ("trade: {lane: kafka, agents: [strategy, risk, execute]}", "quote: {agents: [strategy]}\n  trade: {agents: [risk, execute]}"),
    ("sinks: {clickhouse: all}", "sinks: {clickhouse: all}\nshards: {maker-1: 1}"),
)


def numbered(topology) -> Control:
    control = Control(epoch=1_700_000_000)
    for kind, name in derive.names(topology):
        control.numbers[kind][name] = len(control.numbers[kind])
    return control


def test_agents_catalog_holds_every_agent():
    assert set(AGENTS) == set(READS)


def test_topics_one_shard_has_one_partition_and_a_dead_letter_topic():
    topics = {topic.name: topic for topic in derive.topics(load(DEMO))}
    assert {name for name in topics if not name.endswith(model.DLQ)} == {name for name in model.BY_TOPIC if "*" not in name}
    assert all(f"{name}{model.DLQ}" in topics for name in model.BY_TOPIC if "*" not in name)
    assert {topic.partitions for topic in topics.values()} == {1}


def test_topics_two_shards_partition_data_and_not_control(tmp_path):
    topics = {topic.name: topic.partitions for topic in derive.topics(load(changed(tmp_path, *APART)))}
    assert (topics["orders.v1"], topics["frames.v1"], topics["journal.v1"]) == (2, 2, 2)
    assert (topics["names.v1"], topics["commands.v1"], topics["limits.v1"]) == (1, 1, 1)


def test_topics_only_snapshots_are_compacted():
    compacted = [topic.name for topic in derive.topics(load(DEMO)) if topic.configs["cleanup.policy"] == "compact"]
    assert compacted == ["snapshots.v1"]


def test_topics_control_is_kept_for_ever_and_data_as_the_schema_says():
    kept = {topic.name: topic.configs["retention.ms"] for topic in derive.topics(load(DEMO))}
    assert (kept["names.v1"], kept["frames.v1"], kept["fills.v1"]) == ("-1", str(7 * 86_400_000), str(7 * 365 * 86_400_000))


def test_names_scopes_come_root_first():
    scopes = [name for kind, name in derive.names(load(DEMO)) if kind == NameKind.SCOPE]
    assert scopes == ["firm", "desk:crypto", "account:maker-1"]


def test_writer_names_are_unique_and_say_agent_shard_topic():
    names = writer_names(load(DEMO))
    assert len(names) == len(set(names))
    assert {
        "normalize/0/trades",
        "risk/0/decisions",
        "market/0/ticks",
        "trade/0/journal",
        "feed/0/frames",
        "gateway/0/venue_events",
    } <= set(names)


def test_limits_position_gives_long_and_short_of_the_instrument():
    limits = derive.limits(load(DEMO))
    found = [(one.rule, one.venue, one.symbol, one.limit_qty_e9) for one in limits if one.rule in (Rule.LONG, Rule.SHORT)]
    assert found == [(Rule.LONG, "binance", "BTCUSDT", 500_000_000), (Rule.SHORT, "binance", "BTCUSDT", 500_000_000)]


def test_limits_rate_and_money_and_bps_are_exact():
    of = {one.rule: one for one in derive.limits(load(DEMO)) if one.scope == "account:maker-1"}
    assert (of[Rule.ORDER_RATE].limit_count, of[Rule.ORDER_RATE].interval_ns) == (50, 10**9)
    assert (of[Rule.DAILY_LOSS].limit_money, of[Rule.COLLAR].limit_bps) == (Decimal(2000), 100)


def test_limits_scope_without_limits_tells_its_parent(tmp_path):
    path = changed(tmp_path, ("  limits: {gross: 200000 USDT, daily_loss: 5000 USDT}", "  limits: {}"))
    firm = [one for one in derive.limits(load(path)) if one.scope == "firm"]
    assert firm == [Limit(0, 0, 0, 0, 0, scope="firm", rule=Rule.ORDER_SIZE)]


def test_params_take_the_type_of_the_strategys_field(tmp_path):
    path = changed(
        tmp_path, ("    account: maker-1\n    instruments", "    account: maker-1\n    params: {gamma: 1, size_lots: 5}\n    instruments")
    )
    found = {p.name: (p.value_double, p.value_long) for p in derive.params(load(path))}
    assert found == {"gamma": (1.0, None), "size_lots": (None, 5)}


def test_instances_demo_come_in_the_order_of_the_flow():
    assert [i.label for i in instances(load(DEMO))] == ["feed", "market", "trade", "books", "gateway", "venue", "sink", "control"]


def test_instances_two_shards_give_one_process_each(tmp_path):
    found = [i.label for i in instances(load(changed(tmp_path, *APART)))]
    assert found == ["feed", "market", "quote", "trade.1", "books.1", "gateway.1", "venue", "sink", "control"]


def test_process_spec_has_a_number_for_each_output():
    topology = load(DEMO)
    trade = next(i for i in instances(topology) if i.name == "trade")
    spec = process_spec(topology, trade, numbered(topology))
    assert set(spec.writers) == {"signals.v1", "orders.v1", "metrics.v1", "decisions.v1", "requests.v1", "reports.v1", "fills.v1"}
    assert len(set(spec.writers.values())) == len(spec.writers)
    assert spec.strategies[0].instruments == ("binance:BTCUSDT",)


def test_input_places_two_shards_read_quotes_of_the_instruments_they_value(tmp_path):
    topology = load(changed(tmp_path, *APART))
    by_name = {i.name: i for i in instances(topology)}
    assert set(input_places(topology, by_name["books"])) == {("fills.v1", 1), ("funding.v1", 0), ("quotes.v1", 0)}
    assert ("reports.v1", 1) in input_places(topology, by_name["quote"])
    assert ("trades.v1", 0) in input_places(topology, by_name["quote"])


def test_partition_of_account_and_instrument_and_control(tmp_path):
    topology = load(changed(tmp_path, *APART))
    route = partition_of(topology, 0)
    fill = Fill(*[0] * 5, 1, "binance", "BTCUSDT", "maker-1", "maker", *[0] * (len(Fill._fields) - 10))
    assert route("fills.v1", fill) == 1
    assert route("trades.v1", derive.instruments(topology)[0]) == 0
    assert route("commands.v1", fill) == 0


OWN_PROCESS = (
    (
        "\nprocesses:",
        "  model:\n    class: tests.strategies.modelled:Modelled\n    account: maker-1\n    instruments: [binance:BTCUSDT]\n\nprocesses:",
    ),
    ("books: {lane", "model: {agents: [strategy], strategies: [model]}\n  books: {lane"),
)


def test_strategy_with_a_process_of_its_own_has_own_writers_and_reads_what_others_write(tmp_path):
    topology = load(changed(tmp_path, *OWN_PROCESS))
    found = {i.name: i for i in instances(topology) if i.kind == "agents"}
    own = process_spec(topology, found["model"], numbered(topology))
    trade = process_spec(topology, found["trade"], numbered(topology))
    assert [s.name for s in own.strategies] == ["model"]
    assert [s.name for s in trade.strategies] == ["maker"]
    assert not set(own.writers.values()) & set(trade.writers.values())
    assert {"strategy/0/orders", "strategy-model/0/orders", "strategy-model/0/metrics"} <= set(writer_names(topology))
    reads = {name: {topic for topic, _ in input_places(topology, instance)} for name, instance in found.items()}
    assert {"orders.v1", "signals.v1"} <= reads["trade"]
    assert {"signals.v1", "reports.v1", "positions.v1", "book_updates.v1"} <= reads["model"]
    assert "orders.v1" not in reads["model"]


def test_strategies_of_one_process_share_no_topic_of_their_own():
    topology = load(DEMO)
    trade = next(i for i in instances(topology) if i.name == "trade")
    reads = {topic for topic, _ in input_places(topology, trade)}
    assert not reads & {"orders.v1", "signals.v1", "metrics.v1"}
    assert "positions.v1" in reads


def test_names_hold_each_metric_once(tmp_path):
    metrics = [name for kind, name in derive.names(load(changed(tmp_path, *OWN_PROCESS))) if kind == NameKind.METRIC]
    assert metrics.count("profit") == 1


def test_model_files_hash_is_a_parameter(tmp_path):
    model = tmp_path / "model.json"
    model.write_text("{}")
    path = changed(tmp_path, *OWN_PROCESS, ("modelled:Modelled\n", f"modelled:Modelled\n    model: {model}\n"))
    found = {(p.strategy, p.name): p.value_text for p in derive.params(load(path))}
    assert found["model", "model"] == hash_of(model)

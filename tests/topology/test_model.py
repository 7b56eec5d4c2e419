"""A topology file: read whole, or refused with every fault at its line."""

import pytest

from streams.errors import TopologyError
from streams.topology.model import load
from streams.topology.quantity import Amount
from tests.topology.files import DEMO, changed, line_of


def faults(path) -> list[str]:
    with pytest.raises(TopologyError) as caught:
        load(path)
    return str(caught.value).splitlines()


def test_load_demo_reads_exact_figures():
    topology = load(DEMO)
    assert topology.name == "demo"
    assert topology.instruments["binance:BTCUSDT"].tick_e9 == 100_000_000
    assert topology.accounts["maker-1"].limits.position == (Amount(500_000_000, "BTC"),)
    assert topology.shard_count == 1


def test_load_commit_interval_is_5_ms_unless_said(tmp_path):
    topology = load(changed(tmp_path, ("lane: kafka, agents: [normalize]", "lane: kafka, agents: [normalize], commit: 20ms")))
    assert [process.commit_ns for process in topology.processes.values()] == [20_000_000, 5_000_000, 5_000_000]


def test_load_is_frozen():
    topology = load(DEMO)
    with pytest.raises(ValueError, match="frozen"):
        topology.name = "other"


def test_load_missing_file_names_the_nearest():
    with pytest.raises(TopologyError, match=r"no such file; nearest is .*demo\.yaml"):
        load(DEMO.with_suffix(".yml"))


def test_load_unknown_key_names_line_path_and_nearest(tmp_path):
    path = changed(tmp_path, ("order_rate: 50/s", "order_rat: 50/s"))
    assert faults(path) == [
        f"{path}:{line_of(path, 'order_rat: 50/s')}: accounts.maker-1.limits.order_rat: is no key here; nearest is 'order_rate'"
    ]


def test_load_unknown_agent_names_line_path_and_nearest(tmp_path):
    path = changed(tmp_path, ("[strategy, risk, execute]", "[strategy, rsk, execute]"))
    line = line_of(path, "rsk")
    assert f"{path}:{line}: processes.trade.agents[1]: 'rsk' is no agent; nearest is 'risk'" in faults(path)


def test_load_several_faults_tells_all_in_order(tmp_path):
    path = changed(
        tmp_path,
        ("kind: binance-usdm", "kind: binance-usd"),
        ("tick: 0.1", "tick: 0.10000000001"),
        ("account: maker-1", "account: maker-2"),
        ("order_size: 0.05 BTC", "order_size: 0.05"),
        ("agents: [account]", "agents: [acount]"),
    )
    found = faults(path)
    told = "\n".join(found)
    assert "venues.binance.kind: 'binance-usd' is not known; nearest is 'binance-usdm'" in told
    assert "instruments.binance:BTCUSDT.tick: 0.10000000001 has more than nine decimals" in told
    assert "strategies.maker.account: 'maker-2' is no account; nearest is 'maker-1'" in told
    assert "accounts.maker-1.limits.order_size: '0.05' is no amount" in told or "order_size: Decimal" in told
    assert "processes.books.agents[0]: 'acount' is no agent; nearest is 'account'" in told
    lines = [int(fault.split(":")[1]) for fault in found if fault.startswith(str(path))]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("position: 0.5 BTC", "position: 0.5 ETH", "no instrument trades 'ETH'"),
        ("position: 0.5 BTC", "position: 0.0005 BTC", "is no multiple of the lot of binance:BTCUSDT"),
        ("daily_loss: 2000 USDT", "daily_loss: 2000 EUR", "no instrument settles in 'EUR'"),
        ("gross: 50000 USDT", "gross: 50000.000000001 USDT", "is finer than the money unit"),
        ("collar: 100 bps", "collar: 1%", "is no distance in basis points"),
        ("open_orders: 20", "open_orders: many", "is no count"),
        ("desk: crypto", "desk: cripto", "'cripto' is no desk; nearest is 'crypto'"),
        (
            "instruments: [binance:BTCUSDT]",
            "instruments: [binance:BTCUSD]",
            "'binance:BTCUSD' is no instrument; nearest is 'binance:BTCUSDT'",
        ),
        ("avellaneda_stoikov:Avell", "avelaneda_stoikov:Avell", "nearest is 'streams.strategies.avellaneda_stoikov'"),
        (":AvellanedaStoikov", ":AvellanedaStoikow", "has no class 'AvellanedaStoikow'; nearest is 'AvellanedaStoikov'"),
        (
            "books: {lane: kafka, agents: [account]}",
            "books: {lane: kafka, agents: [account, risk]}",
            "'risk' runs in process 'trade' already",
        ),
        ("agents: [strategy, risk, execute]", "agents: [strategy, risk]", "no process runs 'execute'"),
        ("market: {lane: kafka", "sink: {lane: kafka", "is a name of its own"),
        ("lane: kafka, agents: [normalize]", "lane: carrier, agents: [normalize]", "'carrier' is not known"),
        ("lane: kafka, agents: [normalize]", "lane: kafka, agents: [normalize], sizes: {order: 4}", "is no size; nearest is 'orders'"),
        ("lane: kafka, agents: [normalize]", "lane: kafka, agents: [normalize], commit: 5", "is no duration; write a number above 0"),
        (
            "lane: kafka, agents: [normalize]",
            "lane: kafka, agents: [normalize], commit: 2s",
            "is out of range; records may gather for 1 ms to 1 s",
        ),
        ("maker_fee: 0.0002", "maker_fee: 2", "is no fraction of the notional"),
    ],
)
def test_load_wrong_value_is_told(tmp_path, old, new, told):
    assert told in "\n".join(faults(changed(tmp_path, (old, new))))


def test_load_unknown_parameter_names_the_nearest(tmp_path):
    path = changed(
        tmp_path,
        ("    account: maker-1\n    instruments", "    account: maker-1\n    params: {gama: 0.2, size_lots: 1.5}\n    instruments"),
    )
    told = "\n".join(faults(path))
    assert "strategies.maker.params.gama: is no parameter of AvellanedaStoikov; nearest is 'gamma'" in told
    assert "strategies.maker.params.size_lots: 1.5 is no whole number" in told


def test_load_key_twice_is_told(tmp_path):
    path = changed(tmp_path, ("    base: BTC\n", "    base: BTC\n    base: ETH\n"))
    assert any("is written twice" in fault for fault in faults(path))


def test_load_no_yaml_names_the_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: demo\nvenues: {binance: [\n")
    assert faults(path)[0].startswith(f"{path}:3: is no YAML")


def test_load_empty_file_is_told(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert faults(path) == [f"{path}:1: holds no topology; it starts with 'name:'"]


def test_load_listed_instruments_takes_the_venues_figures(tmp_path):
    text = DEMO.read_text()
    start, end = text.index("  binance:BTCUSDT:\n"), text.index("firm:")
    path = tmp_path / "desk.yaml"
    path.write_text(text[:start].rstrip() + " [binance:BTCUSDT, binance:ETHUSDT]\n\n" + text[end:])
    topology = load(path)
    assert topology.instruments["binance:ETHUSDT"].tick_e9 == 10_000_000


def test_load_strategy_on_an_inverse_contract_refuses(tmp_path):
    told = "\n".join(faults(changed(tmp_path, ("type: LINEAR", "type: INVERSE"))))
    assert "strategies.maker.instruments[0]: 'binance:BTCUSDT' is INVERSE: its market data is taken, but it cannot be traded" in told


def test_load_fused_agents_on_different_shards_refuses(tmp_path):
    path = changed(tmp_path, ("sinks: {clickhouse: all}", "sinks: {clickhouse: all}\nshards: {maker-1: 1}"))
    assert "processes.trade.agents: cannot be fused: 'maker' has shards binance:BTCUSDT 0, maker-1 1" in "\n".join(faults(path))


def test_load_agents_of_different_shards_apart_is_well(tmp_path):
    path = changed(
        tmp_path,
        ("trade: {lane: kafka, agents: [strategy, risk, execute]}", "quote: {agents: [strategy]}\n  trade: {agents: [risk, execute]}"),
        ("sinks: {clickhouse: all}", "sinks: {clickhouse: all}\nshards: {maker-1: 1}"),
    )
    assert load(path).shard_count == 2


def with_plain(tmp_path, *more: tuple[str, str]):
    """The demo with a second strategy, `model`, whose class says compiled = False."""
    second = (
        "\nprocesses:",
        ("  model:\n    class: tests.strategies.modelled:Modelled\n    account: maker-1\n    instruments: [binance:BTCUSDT]\n\nprocesses:"),
    )
    return changed(tmp_path, second, *more)


def test_plain_strategy_without_a_process_of_its_own_is_refused_with_the_line_to_write(tmp_path):
    path = with_plain(tmp_path)
    line = line_of(path, "modelled:Modelled")
    assert faults(path) == [
        f"{path}:{line}: strategies.model.class: says compiled = False, so it needs a process of its own; add to processes: "
        "`model: {lane: kafka, agents: [strategy], strategies: [model]}`"
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "agents: [strategy, risk, execute]}",
            "agents: [strategy, risk, execute], strategies: [model, maker]}",
            "processes.trade.agents: cannot be fused: strategy 'model' says compiled = False, and 'risk' and 'execute' would wait",
        ),
        (
            "books: {lane: kafka, agents: [account]}",
            "books: {lane: kafka, agents: [account]}\n  both: {agents: [strategy], strategies: [model, maker]}",
            "processes.both.strategies: cannot be fused: strategy 'model' says compiled = False, and 'maker' would wait",
        ),
        (
            "books: {lane: kafka, agents: [account]}",
            "books: {lane: kafka, agents: [account], strategies: [model]}",
            "processes.books.strategies: are named where no agent `strategy` runs",
        ),
        (
            "books: {lane: kafka, agents: [account]}",
            "books: {lane: kafka, agents: [account]}"
            "\n  a: {agents: [strategy], strategies: [model]}\n  b: {agents: [strategy], strategies: [model]}",
            "processes.b.strategies[0]: 'model' runs in process 'a' already",
        ),
        (
            "books: {lane: kafka, agents: [account]}",
            "books: {lane: kafka, agents: [account]}\n  a: {agents: [strategy], strategies: [modl]}",
            "processes.a.strategies[0]: 'modl' is no strategy; nearest is 'model'",
        ),
    ],
)
def test_plain_strategy_in_the_wrong_process_is_refused(tmp_path, old, new, told):
    assert told in "\n".join(faults(with_plain(tmp_path, (old, new))))


def test_plain_strategy_in_its_own_process_is_read(tmp_path):
    path = with_plain(tmp_path, ("books: {lane", "model: {agents: [strategy], strategies: [model]}\n  books: {lane"))
    topology = load(path)
    assert list(topology.strategies_of("model")) == ["model"]
    assert list(topology.strategies_of("trade")) == ["maker"]
    assert topology.strategies_of("books") == {}
    assert topology.shared_agents == ("strategy",)


def test_model_file_that_is_missing_or_of_a_compiled_class_is_told(tmp_path):
    own = ("books: {lane", "model: {agents: [strategy], strategies: [model]}\n  books: {lane")
    path = with_plain(tmp_path, own, ("modelled:Modelled\n", "modelled:Modelled\n    model: no/such.json\n"))
    assert "strategies.model.model: no/such.json: no such file" in "\n".join(faults(path))
    path = changed(tmp_path, ("    account: maker-1\n", "    account: maker-1\n    model: some.json\n"))
    assert "strategies.maker.model: is only for a class that says compiled = False" in "\n".join(faults(path))

"""Limits of a topology file: every key gives its records, every wrong value is told with line, key, value and what is allowed."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from streams.errors import TopologyError
from streams.lanes.control import Control
from streams.records import NameKind, Rule
from streams.topology import derive
from streams.topology.changes import with_lifted
from streams.topology.limit_records import KEYS
from streams.topology.limits import Limits
from streams.topology.model import load

TEXT = """name: desk
venues: {binance: {kind: binance-usdm}}
instruments:
  binance:BTCUSDT: {sector: majors, cluster: coins}
  binance:ETHUSDT: {sector: majors, cluster: coins, beta: -1.5}
desks: {}
accounts:
  maker-1:
    limits: {LIMITS}
processes: {market: {lane: kafka, agents: [normalize]}}
"""


def written(folder, limits, **replaced):
    """A file with these limits on its account; other lines replaced."""
    text = TEXT.replace("LIMITS", limits)
    for old, new in replaced.items():
        assert f"{old}: {{}}" in text
        text = text.replace(f"{old}: {{}}", new)
    path = folder / "desk.yaml"
    path.write_text(text)
    return path


@dataclass(frozen=True)
class Key:
    """An example of a key, and the values of its records."""

    text: str
    values: tuple[dict, ...]


def money(value):
    return {"limit_money": Decimal(value)}


BTC, ETH = {"venue": "binance", "symbol": "BTCUSDT"}, {"venue": "binance", "symbol": "ETHUSDT"}
E9 = 10**9
EXAMPLES = {
    "order_size": Key("[0.5 BTC, 2 ETH]", ({**BTC, "limit_qty_e9": E9 // 2}, {**ETH, "limit_qty_e9": 2 * E9})),
    "order_notional": Key("5000 USDT", (money(5000),)),
    "collar": Key("100 bps", ({"limit_bps": 100},)),
    "position": Key("0.5 BTC", ({**BTC, "limit_qty_e9": E9 // 2},) * 2),
    "long": Key("[0.5 BTC, 40000 USDT]", ({**BTC, "limit_qty_e9": E9 // 2}, money(40000))),
    "short": Key("30000.5 USDT", (money("30000.5"),)),
    "net": Key("0.25 BTC", ({**BTC, "limit_qty_e9": E9 // 4},)),
    "gross": Key("50000 USDT", (money(50000),)),
    "sector": Key("{majors: 40000 USDT}", ({"sector": "majors", **money(40000)},)),
    "currency": Key("{BTC: 1 USDT, ETH: 2 USDT}", ({"currency": "BTC", **money(1)}, {"currency": "ETH", **money(2)})),
    "correlated": Key("{coins: 60000 USDT}", ({"cluster": "coins", **money(60000)},)),
    "concentration": Key("2500 bps", ({"limit_bps": 2500},)),
    "leverage": Key("2.5x", ({"limit_bps": 25_000},)),
    "margin": Key("{'binance:BTCUSDT': 500 bps, 'binance:ETHUSDT': 800 bps}", ({**BTC, "limit_bps": 500}, {**ETH, "limit_bps": 800})),
    "capital": Key("100000 USDT", (money(100_000),)),
    "var": Key("2000 USDT", (money(2000),)),
    "var_weight": Key("250 bps", ({"limit_bps": 250},)),
    "open_orders": Key("20", ({"limit_count": 20},)),
    "open_notional": Key("20000 USDT", (money(20_000),)),
    "order_rate": Key("50/s", ({"limit_count": 50, "interval_ns": E9},)),
    "messages_per_fill": Key("100", ({"limit_count": 100},)),
    "daily_trades": Key("5000", ({"limit_count": 5000},)),
    "daily_volume": Key("2000000 USDT", (money(2_000_000),)),
    "daily_loss": Key("2000 USDT", (money(2000),)),
    "drawdown": Key("3000 USDT", (money(3000),)),
    "stop_loss": Key("{'binance:ETHUSDT': 200 USDT}", ({**ETH, **money(200)},)),
    "restricted": Key("['binance:ETHUSDT']", ({**ETH, "limit_count": 1},)),
    "reduce_only": Key("true", ({"limit_count": 1},)),
    "reduce": Key("true", ({"limit_count": 1},)),
    "self_match": Key("true", ({"limit_count": 1},)),
    "repeated": Key("100 ms", ({"interval_ns": 100_000_000},)),
    "data_stale": Key("2 s", ({"interval_ns": 2 * E9},)),
    "latency": Key("50 ms", ({"interval_ns": 50_000_000},)),
    "price_move": Key("200 bps/min", ({"limit_bps": 200, "interval_ns": 60 * E9},)),
    "loss_rate": Key("500 USDT/10min", ({**money(500), "interval_ns": 600 * E9},)),
    "reject_rate": Key("20/min", ({"limit_count": 20, "interval_ns": 60 * E9},)),
}
BESIDE = {"concentration": "capital", "leverage": "capital", "margin": "capital", "var": "var_weight"}


def records_of(topology, scope="account:maker-1"):
    return [one for one in derive.limits(topology) if one.scope == scope]


@pytest.mark.parametrize("key", EXAMPLES)
def test_key_gives_a_record_of_each_of_its_rules_with_the_exact_value(key, tmp_path):
    beside = BESIDE.get(key)
    limits = f"{key}: {EXAMPLES[key].text}" + (f", {beside}: {EXAMPLES[beside].text}" if beside else "")
    found = [one for one in records_of(load(written(tmp_path, limits))) if one.rule in KEYS[key]]
    expected = [(rule, value) for rule in KEYS[key] for value in EXAMPLES[key].values[:: len(KEYS[key])]]
    fields = ("venue", "symbol", "sector", "currency", "cluster", "limit_qty_e9", "limit_money", "limit_count", "limit_bps", "interval_ns")
    said = [(one.rule, {name: value for name in fields if (value := getattr(one, name)) is not None}) for one in found]
    assert sorted(said, key=str) == sorted(expected, key=str)
    assert {one.parent for one in found} == {"desk:desk"}


def test_every_key_has_rules_and_an_example_and_every_rule_a_key():
    assert set(EXAMPLES) == set(KEYS) == set(Limits.model_fields)
    assert {rule for rules in KEYS.values() for rule in rules} == set(Rule)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("price_move: 2%/min", "price_move: '2%' is no distance in basis points; write 1 to 9999, such as '100 bps'"),
        ("price_move: 200 bps", "'200 bps' is no move per interval; write it with one of ms, s, min, h, d, such as '200 bps/min'"),
        ("loss_rate: 500/min", "loss_rate: '500' is no amount"),
        ("reject_rate: 20", "reject_rate: 20 is no rate"),
        ("repeated: 100", "repeated: 100 is no duration; write a number above 0 and one of ms, s, min, h, d, such as '250 ms'"),
        ("latency: 0 ms", "latency: '0 ms' is no duration"),
        ("data_stale: {'binance:BTCUSDT': 1 week}", "data_stale: binance:BTCUSDT: '1 week' is no duration"),
        ("data_stale: {'binance:BTCUSD': 1 s}", "'binance:BTCUSD' is no instrument; nearest is 'binance:BTCUSDT'"),
        ("leverage: 3", "leverage: 3 is no multiple; write 0x to 419x"),
        ("margin: 12000 bps, capital: 1 USDT", "margin: '12000 bps' is no share in basis points; write 0 to 10000"),
        ("margin: 500 bps", "margin: is a share of capital; say 'capital' beside it"),
        ("var: 10 USDT", "var: weighs nothing; say 'var_weight' here or in a scope above"),
        ("sector: {minors: 5 USDT}", "sector: no instrument is in sector 'minors'; nearest is 'majors'"),
        ("correlated: {coin: 5 USDT}", "correlated: no instrument is in cluster 'coin'; nearest is 'coins'"),
        ("currency: {SOL: 5 USDT}", "currency: no instrument trades 'SOL'"),
        ("sector: 5 USDT", "sector: '5 USDT' names nothing; write a mapping"),
        ("net: 5 EUR", "net: no instrument trades 'EUR'"),
        ("drawdown: 5 EUR", "drawdown: no instrument settles in 'EUR'"),
        ("stop_loss: 0.0000000001 USDT", "stop_loss: 0.0000000001 has more than nine decimals"),
        ("daily_volume: 6000000000 USDT", "daily_volume: is too large; at most 5764607523 USDT can be counted exactly"),
        ("restricted: binance:BTCUSDT", "restricted: 'binance:BTCUSDT' is neither true, false nor a list of instruments"),
        ("restricted: ['binance:X']", "restricted: 'binance:X' is no instrument"),
        ("self_match: 1", "self_match: 1 is neither true nor false"),
        ("selfmatch: true", "selfmatch: is no key here; nearest is 'self_match'"),
    ],
)
def test_wrong_limit_is_told_with_its_line_and_key(limits, told, tmp_path):
    path = written(tmp_path, limits)
    with pytest.raises(TopologyError) as caught:
        load(path)
    assert any(fault.startswith(f"{path}:9: accounts.maker-1.limits") and told in fault for fault in str(caught.value).splitlines()), caught


def test_limits_that_leave_the_file_are_lifted_each_by_itself(tmp_path):
    before = derive.limits(load(written(tmp_path, "sector: {majors: 5 USDT}, data_stale: {'binance:BTCUSDT': 1 s}, gross: 5 USDT")))
    found = with_lifted(load(written(tmp_path, "gross: 6 USDT")), Control(limits=before))
    said = [(one.rule, one.symbol, one.sector, one.limit_money, one.interval_ns) for one in found if one.scope == "account:maker-1"]
    assert said == [
        (Rule.GROSS, None, None, Decimal(6), None),
        (Rule.SECTOR, None, "majors", None, None),
        (Rule.DATA_STALE, "BTCUSDT", None, None, None),
    ]


def test_flags_that_are_false_are_no_limits(tmp_path):
    topology = load(written(tmp_path, "self_match: false, reduce: false, restricted: false"))
    assert [one.rule for one in records_of(topology)] == [Rule.ORDER_SIZE]  # the empty one, which tells of the parent


def test_instruments_carry_sector_cluster_and_beta(tmp_path):
    topology = load(written(tmp_path, ""))
    assert [(i.sector, i.cluster, i.beta_e9) for i in derive.instruments(topology)] == [
        ("majors", "coins", E9),
        ("majors", "coins", -1_500_000_000),
    ]
    names = derive.names(topology)
    assert (NameKind.SECTOR, "majors") in names
    assert names.count((NameKind.CLUSTER, "coins")) == 1


DEEP = """desks: {spot: {parent: crypto}, crypto: {parent: markets, limits: {gross: 9 USDT}}, markets: {}}
traders: {anna: {desk: spot, limits: {open_orders: 3}}}"""


def test_scopes_of_any_depth_come_parents_first(tmp_path):
    path = written(tmp_path, "", desks=DEEP)
    path.write_text(path.read_text().replace("  maker-1:\n", "  maker-2: {desk: markets}\n  maker-1:\n    trader: anna\n"))
    topology = load(path)
    assert [(scope, parent) for scope, parent, _ in derive.scopes(topology)] == [
        ("firm", None),
        ("desk:markets", "firm"),
        ("desk:crypto", "desk:markets"),
        ("desk:spot", "desk:crypto"),
        ("trader:anna", "desk:spot"),
        ("account:maker-2", "desk:markets"),
        ("account:maker-1", "trader:anna"),
    ]
    assert (NameKind.TRADER, "anna") in derive.names(topology)


@pytest.mark.parametrize(
    ("desks", "told"),
    [
        ("desks: {a: {parent: b}, b: {parent: a}}", "desks.a.parent: stands under itself: a < b < a; take one parent away"),
        ("desks: {a: {parent: c}}", "desks.a.parent: 'c' is no desk"),
        ("desks: {}\ntraders: {anna: {desk: b}, bob: {dsk: a}}", "traders.bob.dsk: is no key here; nearest is 'desk'"),
    ],
)
def test_tree_that_does_not_hold_together_is_told(desks, told, tmp_path):
    with pytest.raises(TopologyError) as caught:
        load(written(tmp_path, "", desks=desks))
    assert told in str(caught.value)


def test_account_of_a_trader_and_a_desk_is_told(tmp_path):
    path = written(tmp_path, "", desks="desks: {spot: {}}\ntraders: {anna: {desk: spot}}")
    path.write_text(path.read_text().replace("  maker-1:\n", "  maker-1:\n    trader: anna\n    desk: spot\n"))
    with pytest.raises(TopologyError, match="desk: is said by trader 'anna' already; leave one of them away"):
        load(path)


def test_account_of_an_unknown_trader_names_the_nearest(tmp_path):
    path = written(tmp_path, "", desks="desks: {spot: {}}\ntraders: {anna: {desk: spot}}")
    path.write_text(path.read_text().replace("  maker-1:\n", "  maker-1:\n    trader: ana\n"))
    with pytest.raises(TopologyError, match="'ana' is no trader; nearest is 'anna'"):
        load(path)

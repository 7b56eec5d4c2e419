"""`--set KEY=VALUE`: a value of the file replaced, then judged by its own loader."""

from decimal import Decimal

import pytest

from streams.errors import ConfigError, TopologyError
from streams.topology.model import load
from streams.topology.quantity import Amount
from streams.topology.runs import topology_hash
from tests.topology.files import DEMO, changed

AGENTS = "processes.trade.agents"
SEVERAL = DEMO.with_name("strategies.yaml")


def fault(*settings: str, path=DEMO) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, settings)
    return str(caught.value)


@pytest.mark.parametrize("key", ["strategies.maker.params.gamma", "maker.gamma", "strategy.gamma"])
def test_set_parameter_by_each_name_replaces_it(key):
    topology = load(DEMO, [f"{key}=0.2"])
    assert topology.strategies["maker"].params == {"gamma": Decimal("0.2")}
    assert topology_hash(topology) != topology_hash(load(DEMO))


def test_set_for_every_strategy_meets_those_that_have_the_parameter():
    topology = load(SEVERAL, ["strategy.gamma=0.5"])
    assert {name for name, strategy in topology.strategies.items() if strategy.params.get("gamma") == Decimal("0.5")} == {
        "maker",
        "steady-maker",
    }


def test_set_twice_keeps_the_last():
    assert load(DEMO, ["maker.gamma=1", "strategy.gamma=2"]).strategies["maker"].params == {"gamma": 2}


def test_set_limit_reads_its_unit():
    assert load(DEMO, ["accounts.maker-1.limits.position=1 BTC"]).accounts["maker-1"].limits.position == (Amount(10**9, "BTC"),)


def test_set_value_below_an_anchor_leaves_the_other_place():
    found = load(SEVERAL, ["instruments.binance:BTCUSDT.tick=0.5"]).instruments
    assert [found[f"{venue}:BTCUSDT"].tick_e9 for venue in ("binance", "second")] == [500_000_000, 100_000_000]


def test_set_value_of_a_listed_instrument_fills_the_rest(tmp_path):
    text = DEMO.read_text()
    start, end = text.index("instruments:\n"), text.index("firm:")
    path = tmp_path / "desk.yaml"
    path.write_text(f"{text[:start]}instruments: [binance:BTCUSDT]\n\n{text[end:]}")
    found = load(path, ["instruments.binance:BTCUSDT.maker_fee=-0.0001"]).instruments["binance:BTCUSDT"]
    assert (found.maker_fee_e9, found.tick_e9) == (-100_000, 100_000_000)


def test_set_small_number_with_exponent_is_a_number():
    assert load(DEMO, ["strategy.gamma=1e-3"]).strategies["maker"].params == {"gamma": Decimal("0.001")}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("strategy.gama=1", "no strategy has a parameter 'gama'; nearest is 'gamma'"),
        ("maker.gama=1", "is no parameter of AvellanedaStoikov; nearest is 'gamma'"),
        ("strategies.makr.params.gamma=1", "strategies has no 'makr'; nearest is 'maker'"),
        ("strategy.gamma=high", "'high' is no number, as AvellanedaStoikov.gamma is"),
        ("strategy.gamma=.nan", "nan is no parameter; write a number, true, false or a text"),
        ("strategy.gamma=[1, 2]", "[1, 2] is no parameter; write a number, true, false or a text"),
        ("strategy.gamma=1e400", "1E+400 is no number, as AvellanedaStoikov.gamma is"),
        ("accounts.maker-1.limits.positon=1 BTC", "is no key here; nearest is 'position'"),
        ("accounts.maker-1.limits.position=1", "1 is no amount; write number and currency, such as '0.5 BTC'"),
        ("acounts.maker-1.desk=x", "'acounts' is no key here; nearest is 'accounts'"),
        ("processes.trade.agents.1=rsk", "'rsk' is no agent; nearest is 'risk'"),
        (
            "processes.trade.agents.9=risk",
            f"{AGENTS} is a list of 3; set it whole, such as --set '{AGENTS}=[...]'",
        ),
        ("strategy.gamma=[1", "'[1' is no YAML value: expected ',' or ']', but got '<stream end>'; quote text that YAML reads otherwise"),
        ("strategy.gamma", "is no setting; write KEY=VALUE, such as --set strategy.gamma=0.2"),
        ("strategy.gamma=", "is no setting; write KEY=VALUE, such as --set strategy.gamma=0.2"),
    ],
)
def test_set_mistake_is_told_in_its_own_words(setting, message):
    assert fault(setting).splitlines()[0] == f"--set {setting}: {message}"


def test_set_below_a_plain_value_says_what_stands_there():
    assert "strategies.maker.account is maker-1, which has no keys" in fault("strategies.maker.account.name=x")


def test_set_on_a_file_with_faults_tells_those_with_their_lines(tmp_path):
    path = changed(tmp_path, ("tick: 0.1", "tick: 0"))
    with pytest.raises(TopologyError, match=r"desk\.yaml:\d+: instruments\.binance:BTCUSDT\.tick: 0 is out of range"):
        load(path, ["strategy.gamma=0.2"])

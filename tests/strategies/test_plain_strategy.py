"""compiled = False: plain Python in a process of its own, with a model file known by its hash."""

import json

import pytest

from streams.agents.build import build_node
from streams.agents.model_file import find_model, hash_of, keep_model
from streams.agents.process import Process
from streams.agents.runner import PlainNode
from streams.agents.spec import StrategySpec
from streams.errors import ConfigError, TopologyError
from streams.records import Metric, Order, Param, Side
from tests.agents.desk import SYMBOL, T0, book, control, spec

MODELLED = "tests.strategies.modelled:Modelled"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"bias": 0.5, "imbalance": 1.0}))
    return path


def process(model, kept="", digest=None) -> Process:
    """A running process of the strategy; compiled is asked for, and not done."""
    strategies = (StrategySpec("maker", MODELLED, "maker-1", (SYMBOL,), str(model), str(kept)),)
    made = Process(spec("strategy", strategies=strategies), compiled=True)
    for record in control():
        made.on_input(record)
    made.on_input(param(digest or hash_of(model)))
    return made


def param(digest: str) -> Param:
    return Param(id=1, cause_id=0, run_id=0, ts_ns=0, recv_ts_ns=0, strategy="maker", name="model", value_text=digest)


def fed(made: Process, n: int) -> list:
    made.on_input(book(n, "60000.0", "60000.1", T0 + n, snapshot=True))
    return [record for _, record in made.take_outputs()]


def test_plain_strategy_decides_by_its_model(model):
    made = process(model)
    assert isinstance(made.node, PlainNode)
    out = fed(made, 1)
    assert [(r.side, r.qty_e9) for r in out if isinstance(r, Order)] == [(Side.BUY, 1_000_000)]
    assert [r.value for r in out if isinstance(r, Metric)] == [0.5]


def test_plain_strategy_fused_with_anything_is_refused():
    for agents, more in ((("strategy", "risk"), ()), (("strategy",), ("tests.strategies.everything:Speaker",))):
        with pytest.raises(
            TopologyError, match=r"'maker' says compiled = False.*\{lane: kafka, agents: \[strategy\], strategies: \[maker\]\}"
        ):
            build_node(spec(*agents, cls=MODELLED, more=more), {"strategies": 4}, True)


def test_model_of_another_hash_stops_the_process(model):
    with pytest.raises(ConfigError, match=r"none has the hash 00ff of params\.v1; run `millrace apply`"):
        process(model, digest="00ff")


def test_changed_model_is_read_and_the_old_one_stays_for_verify(model, tmp_path):
    kept = tmp_path / "kept"
    old = keep_model(model, kept)
    made = process(model, kept)
    model.write_text(json.dumps({"bias": -2.0, "imbalance": 1.0}))
    new = keep_model(model, kept)
    made.on_input(param(new))
    assert [r.side for r in fed(made, 1) if isinstance(r, Order)] == [Side.SELL]
    assert find_model(str(model), str(kept), old) == str(kept / f"{old}.json")
    assert [r.side for r in fed(process(model, kept, old), 1) if isinstance(r, Order)] == [Side.BUY]


def test_restored_process_has_its_model_and_goes_on(model):
    made = process(model)
    fed(made, 1)
    twin = process(model)
    parts = made.snapshot()
    fresh = Process(twin.spec, compiled=True)
    fresh.restore(parts)
    assert fresh.snapshot() == parts
    assert fed(fresh, 2) == fed(made, 2)


def test_attribute_without_underscore_is_refused_as_in_any_struct(model):
    strategy = process(model).node.strategies[0]
    with pytest.raises(AttributeError, match="not a field"):
        strategy.weights = {}


def test_shown_tells_state_position_and_timers(model):
    made = process(model)
    fed(made, 1)
    shown = made.shown()["maker"]
    assert (shown["status"], shown["faults"], shown["now_ns"]) == ("running", 0, T0 + 1)
    assert shown["state"] == {"books": 1, "score": 0.5}
    assert shown["positions"] == {SYMBOL: {"qty": "0", "pnl": "0"}}

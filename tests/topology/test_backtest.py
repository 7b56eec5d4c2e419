"""A backtest from a topology and a recording: the same bytes however its market data is cut, kept or carried."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from streams.backtest import store
from streams.backtest.arrays import from_arrays
from streams.backtest.results_memory import Memory
from streams.errors import ConfigError
from streams.topology.backtest import Asked, Backtest, Played
from streams.topology.times import instant_ns
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.topology.files import DEMO, changed

QUICK = ("maker.k=2.0", "maker.gamma=0.001", "maker.requote_ticks=1")
"""Narrow quotes, so that a short recording has fills."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("market") / "synthetic.gz"
    write_synthetic(path, SyntheticMarket(seed=3, seconds=40.0, events_per_s=60.0))
    return str(path)


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Market data that was read is kept for one test; compiled kernels stay where they are."""
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def played(recording: str, *settings: str, path: Path = DEMO, **asked) -> tuple[Played, Backtest]:
    backtest = Backtest(Asked(str(path), (*QUICK, *settings), (recording,), **asked))
    return backtest.play(), backtest


def digest(*args, **asked) -> str:
    return played(*args, **asked)[0].outcome.digest


def test_backtest_trades_and_accounts_for_it(recording):
    memory = Memory()
    backtest = Backtest(Asked(str(DEMO), QUICK, (recording,)))
    done: list[float] = []
    found = backtest.play([memory], lambda share, count: done.append(share))
    assert found.records == backtest.source.total > 1_000
    assert found.fills == found.outcome.counts["fills.v1"] == memory.table("fills.v1").num_rows > 0
    assert found.orders == found.outcome.counts["orders.v1"]
    profit = found.profit["USDT"]
    assert profit.total == profit.spread + profit.inventory + profit.fees + profit.funding
    assert set(memory.columns("fills.v1")["run_id"]) == {backtest.manifest.run_id}
    assert (done[-1], found.halted, found.late) == (1.0, {}, 0)


def test_backtest_of_arrays_fills_a_bid_that_is_traded_through():
    second = 10**9
    books = {
        "recv_ts_ns": np.repeat(np.append(np.arange(1, 10), 12) * second, 2),  # the last one brings us beyond the answer
        "instrument": 0,
        "side": [0, 1] * 10,
        "px_ticks": [600_000, 600_010] * 10,
        "qty_lots": 50,
        "record": np.repeat(np.arange(10), 2),
        "snapshot": 1,
    }
    trades = {"recv_ts_ns": [11 * second], "instrument": 0, "side": [1], "px_ticks": [599_000], "qty_lots": [500]}
    memory = Memory()
    backtest = Backtest(Asked(str(DEMO), QUICK), lambda names: from_arrays(names, books=books, trades=trades))
    found = backtest.play([memory])
    assert (found.records, found.events, found.fills) == (12, 22, 1)  # ten books of two levels, the trade, the quote that the books imply
    fill = {name: values[0] for name, values in memory.columns("fills.v1").items()}
    assert (fill["side"], fill["last_px_e9"], fill["last_qty_e9"]) == ("BUY", 60_000 * 10**9, 10 * 10**6)
    assert backtest.manifest.sources["arrays"]["books"]["rows"] == 20


def test_backtest_of_arrays_and_a_recording_has_two_sources(recording):
    with pytest.raises(ConfigError, match="has one source: leave recordings"):
        Backtest(Asked(str(DEMO), recordings=(recording,)), lambda names: from_arrays(names))


def test_backtest_of_one_manifest_gives_the_same_bytes_from_the_file_and_from_the_cache(recording, own_store):
    cold, first = played(recording)
    assert list(own_store.rglob("slots.bin"))
    warm, second = played(recording)
    assert cold.outcome == warm.outcome
    assert first.manifest == second.manifest


@pytest.mark.slow
def test_backtest_plain_equals_compiled(recording):
    assert digest(recording, plain=True) == digest(recording)


def test_backtest_of_a_file_cut_into_ten_gives_the_same_bytes(recording, tmp_path):
    lines = gzip.decompress(Path(recording).read_bytes()).splitlines(keepends=True)
    parts = []
    for n in range(10):
        part = tmp_path / f"part{n}.gz"
        part.write_bytes(gzip.compress(b"".join(lines[n * len(lines) // 10 : (n + 1) * len(lines) // 10])))
        parts.append(str(part))
    whole = digest(recording)
    assert Backtest(Asked(str(DEMO), QUICK, tuple(parts))).play().outcome.digest == whole


def test_backtest_with_a_setting_is_another_run(recording):
    plain, before = played(recording)
    other, after = played(recording, "maker.gamma=0.01")
    assert before.manifest.run_id != after.manifest.run_id
    assert plain.outcome.digest != other.outcome.digest


def test_backtest_seed_draws_other_latencies(recording):
    drawn = "venues.binance.simulation.order_latency={median: 20 ms, sigma: 1}"
    one, again, two = (digest(recording, drawn, seed=seed) for seed in (1, 1, 2))
    assert one == again != two


def test_backtest_of_a_range_plays_what_was_received_in_it(recording):
    whole, backtest = played(recording)
    first_ns = backtest.source.findings()["first_ns"]
    found, half = played(recording, from_ns=first_ns + 10 * 10**9, to_ns=first_ns + 20 * 10**9)
    assert 0 < found.records < whole.records / 2
    assert half.manifest.from_ns == first_ns + 10 * 10**9


def test_backtest_of_an_empty_range_says_what_there_is(recording):
    with pytest.raises(ConfigError, match=r"no market record from .*; its records are from .* to "):
        _ = Backtest(Asked(str(DEMO), QUICK, (recording,), from_ns=instant_ns("1999-01-01"), to_ns=instant_ns("1999-01-02"))).manifest


def test_backtest_without_market_data_says_how_to_name_some():
    with pytest.raises(ConfigError, match=r"what is to be replayed\? name --recording FILE"):
        Backtest(Asked(str(DEMO)))


def test_backtest_uses_the_recordings_of_the_topology(recording, tmp_path):
    path = changed(tmp_path, ("feed: recording}", f"feed: recording, recordings: [{recording}]}}"))
    assert Backtest(Asked(str(path), QUICK)).play().outcome.digest == digest(recording)


def test_backtest_of_a_strategy_that_is_not_compiled_runs_plain(recording, tmp_path):
    path = changed(
        tmp_path,
        ("streams.strategies.avellaneda_stoikov:AvellanedaStoikov", "tests.strategies.modelled:Modelled"),
        (
            "  trade: {lane: kafka, agents: [strategy, risk, execute]}",
            "  ideas: {lane: kafka, agents: [strategy], strategies: [maker]}\n  trade: {lane: kafka, agents: [risk, execute]}",
        ),
    )
    backtest = Backtest(Asked(str(path), (), (recording,)))
    assert backtest.plain
    assert backtest.play().events > 1_000

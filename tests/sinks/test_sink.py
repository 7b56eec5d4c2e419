"""The sink against a real broker, registry and ClickHouse."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.sinks.conftest import T0_NS, Bench, trade

T = TypeVar("T")
pytestmark = [pytest.mark.broker, pytest.mark.slow]


def eventually(ask: Callable[[], T], wanted: T, bound_s: float = 30.0) -> float:
    """Ask until the answer is the wanted one; the seconds it took."""
    began_s = time.monotonic()
    found: object = None
    while time.monotonic() - began_s < bound_s:
        try:
            found = ask()
        except Exception as fault:
            found = fault
        if found == wanted:
            return time.monotonic() - began_s
        time.sleep(0.05)
    raise AssertionError(f"after {bound_s} s: {found!r}, wanted {wanted!r}")


def test_sink_records_become_rows_within_a_second(bench: Bench) -> None:
    sink = bench.sink()
    sink.start()
    bench.send("trades.v1", range(1, 2))
    eventually(lambda: bench.query("SELECT count() FROM trades"), [(1,)])
    began_s = time.monotonic()
    bench.send("trades.v1", range(2, 1001))
    eventually(lambda: bench.query("SELECT count() FROM trades"), [(1000,)])
    assert time.monotonic() - began_s < 1.0
    row = bench.query("SELECT id, run_id, toUnixTimestamp64Nano(ts), venue, side, px_e9, px, qty, _partition, _offset FROM trades WHERE id = 7")
    assert row == [(7, 1, T0_NS + 7, "binance", "BUY", trade(7).px_e9, trade(7).px_e9 / 1e9, 0.001, 0, 6)]
    assert sink.stop() == 0

"""Every signal over a made market and over the recording: plain and compiled end in the same bytes, and every value is a number."""

import gzip
import math
from functools import cache

import orjson
import pytest

from tests.real_recording import PATH, needs_real_recording
from tests.trading.recorded import LOTS_E9, TICKS_E9, grid
from tests.trading.signals_runs import RUNS, market, play

SECOND = 1_000_000_000
SETUPS = {
    "int_window": (100,),
    "float_window": (100,),
    "ofi": (200, SECOND),
    "trade_imbalance": (200, SECOND),
    "ewma": (0.05,),
    "time_ewma": (SECOND,),
    "volatility": (60, SECOND // 10),
    "microprice": (5, 3),
    "kyle": (50, SECOND // 4),
    "amihud": (50, SECOND // 4, 0.001),
    "roll": (200,),
    "vpin": (20, 200),
    "bulk_vpin": (20, 200, SECOND // 4, 50),
    "toxicity": (50, SECOND // 50, SECOND // 10),
    "pin": (10, 5 * SECOND),
}


@pytest.mark.parametrize("name", RUNS)
def test_signal_over_a_made_market_is_equal_plain_and_compiled(name):
    _, a, b = play(name, market(1500, seed=11), *SETUPS[name])
    assert all(map(math.isfinite, a + b))
    assert any(a)


@cache
def recorded_rows(n):
    """The first n trades of the recording, each with the touch before it."""
    touch, rows = None, []
    for line in gzip.decompress(PATH.read_bytes()).splitlines():
        now, _, frame = line.partition(b" ")
        data = orjson.loads(frame).get("data", {})
        if data.get("e") == "bookTicker":
            touch = [grid(data[k], TICKS_E9 if k in "ba" else LOTS_E9) for k in "bBaA"]
        elif data.get("e") == "trade" and touch:
            rows.append((int(now), *touch, int(data["m"]), grid(data["q"], LOTS_E9), grid(data["p"], TICKS_E9)))
            if len(rows) == n:
                break
    return rows


@needs_real_recording
@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_signal_over_the_recording_is_equal_plain_and_compiled(name):
    rows = [row for row in recorded_rows(3000) if row[6] > 0]
    _, a, b = play(name, rows, *SETUPS[name])
    assert all(map(math.isfinite, a + b))
    assert any(a)

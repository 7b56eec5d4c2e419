"""The recorded BTCUSDT feed beside the checkout, for tests of figures that only real data has."""

from pathlib import Path

import pytest

__all__ = ["PATH", "needs_real_recording"]

PATH = Path(__file__).parents[2] / "shared" / "data" / "binance-usdm" / "btcusdt_20240808.gz"

needs_real_recording = pytest.mark.skipif(not PATH.exists(), reason=f"the recorded feed is not at {PATH}")

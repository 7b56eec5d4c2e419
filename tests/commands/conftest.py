"""A recording to replay, and a state folder and cache of its own for each test that asks for them."""

from pathlib import Path

import pytest

from streams.backtest import store
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic


@pytest.fixture(scope="package")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fifteen seconds of a market that a maker trades in."""
    path = tmp_path_factory.mktemp("market") / "synthetic.gz"
    write_synthetic(path, SyntheticMarket(seed=3, seconds=15.0, events_per_s=60.0))
    return str(path)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found from earlier runs, nothing left behind."""
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")

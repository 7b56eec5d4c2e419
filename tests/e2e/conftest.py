"""One finished run of the demo's topology on a synthetic market, shared by the tests that only look at it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.config import Endpoints
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.conftest import running_stack
from tests.e2e.run_kit import CHECKOUT, Desk, Running

SPEED = 1.5


@pytest.fixture(scope="package")
def stack() -> Iterator[Endpoints]:
    """A stack of their own: `apply` owns the dictionary and the topics of a cluster."""
    with running_stack() as found:
        yield found


class Finished(NamedTuple):
    """A run that has ended: where, of which recording, and its number."""

    desk: Desk
    recording: Path
    run: int
    running: Running


@pytest.fixture(scope="package")
def desk(stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The demo's topology applied to the shared stack, with a state folder of its own."""
    made = Desk(stack, tmp_path_factory.mktemp("desk"))
    made.done("apply", str(made.topology))
    subprocess.run([sys.executable, "-m", "streams.topology.warm", str(made.topology)], cwd=CHECKOUT, check=True)
    return made


@pytest.fixture(scope="package")
def finished(desk: Desk) -> Finished:
    """A run from recording to ClickHouse, ended by itself."""
    recording = desk.folder / "market.gz"
    write_synthetic(recording, SyntheticMarket(seed=4, seconds=30.0, events_per_s=150.0))
    running = desk.run(recording, SPEED)
    return Finished(desk, recording, running.number, running)

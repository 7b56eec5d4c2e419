"""A world of its own for each lane test."""

from collections.abc import Iterator

import pytest

from streams.config import Endpoints
from tests.lanes.lane_kit import World


@pytest.fixture
def world(stack: Endpoints) -> Iterator[World]:
    made = World(stack)
    yield made
    made.sender.close()

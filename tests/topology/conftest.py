"""The stack that `apply` is tried on."""

from collections.abc import Iterator

import pytest

from streams.config import Endpoints
from tests.conftest import running_stack


@pytest.fixture(scope="package")
def stack() -> Iterator[Endpoints]:
    """A stack of their own: `apply` owns the dictionary and the topics of a cluster."""
    with running_stack() as found:
        yield found

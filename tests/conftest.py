"""One embedded stack for the whole run of the tests.

`MILLRACE_TEST_HOME=/some/folder` keeps the stack of that folder up between runs (stop it with `MILLRACE_HOME=/some/folder millrace down`).
"""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.config import Endpoints
from streams.local import services
from streams.local.processes import listeners
from streams.local.service import JVM_SHORT, OFFSETS

ADDRESSES = ("MILLRACE_KAFKA", "MILLRACE_REGISTRY", "MILLRACE_CLICKHOUSE", "MILLRACE_DATABASE", "MILLRACE_PORT", "MILLRACE_HOME")


def free_base() -> int:
    """A base port whose ports are free now, away from the default ones and from the system's ephemeral range."""
    while True:
        base = random.SystemRandom().randrange(20_100, 32_000, 100)
        if not listeners(tuple(base + offset for offset in OFFSETS.values())):
            return base


@pytest.fixture(scope="session")
def stack() -> Iterator[Endpoints]:
    """Broker, registry and ClickHouse, started at the first test that asks; addresses also in the environment, for child processes."""
    kept = os.environ.get("MILLRACE_TEST_HOME")
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as folder, pytest.MonkeyPatch.context() as environment:
        home = Path(kept or folder)
        for name in ADDRESSES:
            environment.delenv(name, raising=False)
        if not kept:
            environment.setenv("MILLRACE_PORT", str(free_base()))
        environment.setenv("MILLRACE_HOME", str(home))
        found = services.up(lambda _: None, home=home, jvm=JVM_SHORT)
        for name in ("kafka", "registry", "clickhouse", "database"):
            environment.setenv(f"MILLRACE_{name.upper()}", getattr(found, name))
        yield found
        if not kept:
            services.down(purge=True, progress=lambda _: None, home=home)

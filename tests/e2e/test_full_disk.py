"""A disk that is really full under ClickHouse: what it cannot store it refuses, and what it has taken is there."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.conftest import Store, free_base
from tests.e2e.foreign import first_row, open_client

pytestmark = [pytest.mark.slow]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(tmp_path)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_clickhouse_on_a_full_disk_refuses_and_takes_again_when_there_is_room(small_disk: Path) -> None:
    store, random = Store(small_disk, free_base()), Random(1)
    store.start()
    try:
        client = open_client(store.url, "default")
        client.command("CREATE TABLE x (a Int64) ENGINE = MergeTree ORDER BY a")

        def insert() -> None:
            client.insert("x", [[random.getrandbits(62)] for _ in range(3_000)], column_names=["a"])

        insert()
        ballast = small_disk / "ballast"
        fill(ballast)
        for _ in range(2):
            with pytest.raises(DatabaseError, match="not enough space"):
                insert()
        ballast.unlink()
        insert()
        assert first_row(client, "SELECT count(), uniqExact(a) FROM x") == (6_000, 6_000)
    finally:
        store.kill()


def fill(ballast: Path) -> None:
    """Write until nothing more goes onto the disk."""
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, bytes(65_536))
    except OSError:
        os.close(file)

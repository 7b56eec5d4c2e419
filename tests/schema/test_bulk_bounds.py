"""The bulk decoder looks at no byte that is not its own: bodies stand right before memory that may not be read."""

import ctypes
import mmap
import random

import numpy as np
import pytest

from streams.schema import bulk, codec
from streams.schema.model import SCHEMAS
from tests.schema.test_bulk import mutated
from tests.sinks.samples import sample

PAGE = mmap.PAGESIZE
SIZE = 16 * PAGE


@pytest.fixture(scope="module")
def walled() -> np.ndarray:
    """Memory whose last byte is followed by a page that cannot be read: a look at it ends the process."""
    area = mmap.mmap(-1, SIZE + PAGE)
    bytes_of = np.frombuffer(area, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(bytes_of.ctypes.data + SIZE), ctypes.c_size_t(PAGE), 0) == 0
    return bytes_of[:SIZE]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_decode_bodies_at_the_end_of_memory_reads_none_behind_it(name: str, walled: np.ndarray) -> None:
    schema, rng = SCHEMAS[name], random.Random(name)
    for round_ in range(60):
        body = codec.encode(sample(schema, round_))
        bodies = [mutated(body, rng), body[: rng.randrange(len(body))], mutated(body, rng) + b"\xff" * rng.randrange(3)]
        content = b"".join(bodies)
        place = walled[SIZE - len(content) - bulk.BEHIND :]
        place[: len(content)] = np.frombuffer(content, np.uint8)
        place[len(content) :] = rng.choice((0, 255))
        starts = np.cumsum([0, *map(len, bodies)]).astype(np.int64)
        assert len(bulk.decode_buffer(schema, place, starts).state) == len(bodies)

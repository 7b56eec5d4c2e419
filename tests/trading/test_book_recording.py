"""The recorded market through the book, plain and compiled: equal bytes, and after each diff the touch that the venue published."""

from pathlib import Path

import numpy as np
import pytest

from streams.kernel import Struct, Table, addr_of, at, native
from streams.trading.book import Book
from tests.real_recording import needs_real_recording
from tests.trading.recorded import Recorded, read_recorded

pytestmark = [pytest.mark.slow, needs_real_recording]


class Replay(Struct):
    book: Book
    ends: Table[int, "updates"]
    touch: Table[int, "4 * updates"]


def replay(p, levels, n):
    """Apply `n` updates and note the touch after each."""
    r = at(Replay, p)
    first = 0
    for i in range(n):
        r.book.apply_levels(levels + first * 64, r.ends[i] - first)
        first = r.ends[i]
        r.touch[4 * i] = r.book.bid()
        r.touch[4 * i + 1] = r.book.bid_qty()
        r.touch[4 * i + 2] = r.book.ask()
        r.touch[4 * i + 3] = r.book.ask_qty()
    return r.book.lost()


@pytest.fixture(scope="module")
def recorded():
    return read_recorded()


def replay_of(recorded: Recorded, updates: int) -> Replay:
    r = Replay({"window": 4096, "far": 8192, "updates": updates})
    r.book.setup()
    for i, end in enumerate(recorded.ends[:updates]):
        r.ends[i] = int(end)
    return r


def compiled():
    files = [*native.sources("streams.trading", "streams.slots"), Path(__file__)]
    return native.function(native.load("test_book_recording", lambda: {"replay": (replay, 3)}, files=files).replay, 3)


def touch_of(r: Replay) -> np.ndarray:
    return np.array(list(r.touch)).reshape(-1, 4)


def test_book_compiled_equals_the_venues_touch_after_every_diff(recorded):
    n = len(recorded.ends)
    r = replay_of(recorded, n)
    flat = r.pack()
    assert compiled()(flat.ctypes.data, recorded.levels.ctypes.data, n) == 0
    touch = touch_of(r.unpack(flat))
    said = recorded.touch[:, 0] > 0
    assert n == 1 + 6_547  # the snapshot and every diff after it
    assert int(said[1:].sum()) == 6_547
    np.testing.assert_array_equal(touch[1:], recorded.touch[1:])
    assert not (touch[:, 0] >= touch[:, 2]).any()


def test_book_plain_and_compiled_end_in_the_same_bytes(recorded):
    n = len(recorded.ends)
    r = replay_of(recorded, n)
    flat = r.pack()
    assert replay(addr_of(r), recorded.levels.ctypes.data, n) == 0
    assert compiled()(flat.ctypes.data, recorded.levels.ctypes.data, n) == 0
    assert r.pack().tobytes() == flat.tobytes()
    np.testing.assert_array_equal(touch_of(r)[1:], recorded.touch[1:])

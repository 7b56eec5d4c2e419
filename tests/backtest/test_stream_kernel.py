"""The loops over market records, compiled and plain: equal results over the same memory."""

import numpy as np
import pytest

from streams.backtest import stream_kernel as k
from streams.backtest.laid import entry
from streams.schema import codec
from streams.schema.bulk import BEHIND
from streams.schema.model import SCHEMAS
from tests.agents.market_flow import INSTRUMENTS
from tests.backtest.market_kit import lines, recording, seen, write
from tests.sinks.samples import sample

STAMPED = ("BookUpdate", "Trade", "Quote")


def both(name, make):
    """What an entry leaves in the arrays that `make` gives, compiled and plain; its arguments are their addresses and other ints."""
    found = []
    for call in (entry(name), k.ENTRIES[name][0]):
        arguments, arrays = make()
        result = call(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments))
        found.append((result, [array.tobytes() for array in arrays]))
    assert found[0] == found[1]
    return found[0]


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    """Some market records of three instruments."""
    file = write(tmp_path_factory.mktemp("stream") / "a", lines(1, 300))
    return next(recording(file, cached=False).pieces())


def test_survey_is_equal_compiled_and_plain(piece):
    columns = [np.ascontiguousarray(column) for column in piece[:4]]

    def arguments():
        venues, least, counts = np.zeros(len(INSTRUMENTS), np.int64), np.full(1, 1 << 62, np.int64), np.zeros(32, np.int64)
        return (*columns, piece.count, venues, len(venues), least, counts), (least, counts)

    assert both("survey", arguments)[0] == piece.count


def test_survey_stops_at_what_is_no_slot():
    slots = np.zeros(8, np.int64)
    slots[4] = 77 << 32
    address, counts = np.array([slots.ctypes.data], np.int64), np.zeros(32, np.int64)
    assert both("survey", lambda: ((address, address, address, address, 1, counts, 0, counts, counts), ()))[0] == 0


def test_set_now_is_equal_compiled_and_plain_and_stamps_every_slot(piece):
    def arguments():
        memory = np.frombuffer(b"".join(one.slots for one in seen([piece])), np.uint8).copy()
        ends = np.cumsum(piece.nbytes)
        address = memory.ctypes.data + ends - piece.nbytes
        return (address, np.ascontiguousarray(piece.nbytes), np.arange(piece.count), piece.count), (memory,)

    _, (memory,) = both("set_now", arguments)
    stamps = np.frombuffer(memory, np.int64)[2::8]
    assert set(stamps.tolist()) >= set(range(piece.count))


@pytest.mark.parametrize("header", [b"", b"\0abcd"])
def test_stamps_words_and_halves_are_equal_compiled_and_plain(header):
    records = [sample(SCHEMAS[name], n) for n in range(8) for name in STAMPED]
    values = [header + codec.encode(record) for record in records]
    memory = np.frombuffer(b"".join(values) + bytes(BEHIND), np.uint8)
    sizes = np.array([len(value) for value in values], np.int64)
    address = np.append(memory.ctypes.data + np.cumsum(sizes) - sizes, 0)
    out = np.empty(len(address), np.int64)
    _, (stamps,) = both("stamps", lambda: ((address, len(address), len(header), out), (out,)))
    assert np.frombuffer(stamps, np.int64).tolist() == [*(record.exch_ts_ns for record in records), 0]
    both("words", lambda: ((address, len(address), out), (out,)))
    both("halves", lambda: ((address, len(address) - 1, out), (out[:-1],)))

"""Market data in the slots of a ring: the slots of the edge, and from them the bodies that the slow normalize's records have."""

import numpy as np
import pytest

from streams.agents.market_record import record_of
from streams.agents.market_records import MarketRecords
from streams.agents.market_ring import RING_BYTES, put_record, slots_of
from streams.errors import EdgeError, FrameError
from streams.kernel.memory import aligned
from streams.schema import codec
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS
from tests.agents.market_desk import RUN, SIZES, MarketDesk
from tests.agents.market_flow import INSTRUMENTS, flow

ROOM = {"window": 256, "far": 1024, "levels": 64, "held": 256}


def put_each(seed: int, n: int) -> tuple[MarketDesk, np.ndarray, list]:
    """Frames at random through a plain market: (the market, the ring slots of its records, the records)."""
    desk = MarketDesk(*INSTRUMENTS, compiled=False, **ROOM)
    slots, records = [], []
    for payload in flow(seed, n):
        try:
            for _ in desk.node.steps(desk.frame(payload)):
                part = aligned(RING_BYTES * slots_of(desk.node.work))
                part[:] = 255  # what was in the ring before
                put_record(desk.node.work, part.ctypes.data)
                slots.append(part)
                records.append(record_of(desk.node, RUN))
        except FrameError:
            continue
    return desk, np.concatenate(slots), records


def test_ring_slots_of_any_flow_are_those_of_the_edge():
    desk, slots, records = put_each(1, 300)
    at = 0
    for record in records:
        size = layout(SCHEMAS[type(record).__name__]).size
        expected = np.frombuffer(desk.edge.to_slots(record), np.uint8).reshape(-1, size)
        found = slots[at : at + RING_BYTES * len(expected)].reshape(-1, RING_BYTES)
        at += found.size
        used = 72 if size == 128 else 64
        assert (found[:, :used] == expected[:, :used]).all(), record
    assert at == len(slots)


@pytest.mark.parametrize(("compiled", "n"), [(True, 1_500), (False, 150)])
def test_market_records_of_any_flow_are_written_as_normalize_writes_them(compiled, n):
    desk, slots, records = put_each(2, n)
    found = MarketRecords(desk.edge, SIZES | ROOM, compiled).read(slots.ctypes.data, len(slots) // RING_BYTES, RUN)
    bodies = [found.buffer[a : a + size].tobytes() for a, size in zip(found.start.tolist(), found.size.tolist(), strict=True)]
    assert bodies == [codec.encode(record) for record in records]
    assert found.id.tolist() == [record.id for record in records]
    assert found.slots == len(slots) // RING_BYTES
    assert {"BookUpdate", "Quote", "Trade", "Command"} <= {type(record).__name__ for record in records}
    assert n < 1_500 or any(type(record).__name__ == "Funding" for record in records)


def test_market_records_cut_within_a_record_stop_before_it():
    desk, slots, records = put_each(3, 200)
    starts = MarketRecords(desk.edge, SIZES | ROOM).read(slots.ctypes.data, len(slots) // RING_BYTES, RUN).slot
    wide = int(np.flatnonzero(np.diff(starts) > 1)[-1])
    found = MarketRecords(desk.edge, SIZES | ROOM).read(slots.ctypes.data, int(starts[wide]) + 1, RUN)
    assert (len(found.id), found.slots) == (wide, starts[wide])
    assert found.id.tolist() == [record.id for record in records[:wide]]


def test_market_records_of_an_unknown_instrument_are_refused():
    _, slots, _ = put_each(4, 50)
    other = MarketDesk(*INSTRUMENTS[:1])
    with pytest.raises(EdgeError, match="no rules here"):
        MarketRecords(other.edge, SIZES | ROOM).read(slots.ctypes.data, len(slots) // RING_BYTES, RUN)

"""The reader of slots looks at no byte that is not its own, and writes the same memory plain and compiled."""

import random

import numpy as np
import pytest

from streams.records import NameKind
from streams.schema import codec, slots_in
from streams.schema import slot_kernel as kernel
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS
from tests.schema.made import any_slots, edge
from tests.schema.test_bulk import mutated
from tests.schema.test_bulk_bounds import PAGE, SIZE, walled
from tests.schema.test_slots_in import READ, bytes_of, values_at

__all__ = ["walled"]
HEADER = b"\0\0\0\0\7"


def bodies_of(name: str, seed: int, count: int) -> list[bytes]:
    """Values of a topic, some of them damaged or of another writer."""
    made, schema, rng = edge(), SCHEMAS[name], random.Random(f"{name}{seed}")
    good = [codec.encode(made.from_slot(layout(schema).kind, any_slots(schema, rng.randrange(1 << 40)), run_id=7)) for _ in range(count)]
    return [(HEADER if rng.random() < 0.9 else b"\0\0\0\0\x08") + (mutated(b, rng) if i % 3 else b) for i, b in enumerate(good)]


@pytest.mark.parametrize("name", READ)
def test_read_values_at_the_end_of_memory_reads_none_behind_it(name: str, walled: np.ndarray) -> None:
    made, schema = edge(), SCHEMAS[name]
    reader = slots_in.SlotReader(made)
    for round_ in range(40):
        value = bodies_of(name, round_, 2)[round_ % 2]
        for cut in (value, value[: len(value) // 2], b""):
            place = walled[SIZE - len(cut) :]
            place[:] = np.frombuffer(cut, np.uint8)
            address, size = np.array([place.ctypes.data], np.int64), np.array([len(cut)], np.int64)
            there = bytes_of(reader.read(schema, address, size, HEADER))
            address, size, _kept = values_at([cut])
            assert there == bytes_of(reader.read(schema, address, size, HEADER))


def test_read_frame_over_the_end_of_a_page_keeps_its_payload_in_place(walled: np.ndarray) -> None:
    frame = codec.encode(SCHEMAS["Frame"].record(1, 0, 7, 3, 4, "binance", 1, 1, b"x" * PAGE))
    made = edge()
    made.dictionary.add(NameKind.VENUE, "binance")
    place = walled[SIZE - len(frame) :]
    place[:] = np.frombuffer(frame, np.uint8)
    found = slots_in.SlotReader(made).read_frames(np.array([place.ctypes.data]), np.array([len(frame)]))
    assert (found.state[0], found.start[0], found.nbytes[0]) == (slots_in.GOOD, walled.ctypes.data + SIZE - PAGE, PAGE)


@pytest.mark.parametrize("name", READ)
def test_read_plain_and_compiled_write_the_same_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, schema = edge(), SCHEMAS[name]
    values = bodies_of(name, 0, 9)
    address, size, _kept = values_at([*values, None])
    compiled = slots_in.SlotReader(made).read(schema, address, size, HEADER)
    monkeypatch.setattr(slots_in, "_entries", lambda: {name: function for name, (function, _) in kernel.ENTRIES.items()})
    plain = slots_in.SlotReader(made).read(schema, address, size, HEADER)
    assert bytes_of(plain) == bytes_of(compiled)
    for column in ("state", "id", "run_id", "recv_ts_ns", "nbytes"):
        assert getattr(plain, column).tolist() == getattr(compiled, column).tolist()
    assert slots_in.GOOD in compiled.state
    assert slots_in.REST in compiled.state

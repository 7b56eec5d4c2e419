"""Hostile bytes by the thousand, right before memory that may not be read: bulk reading points them out, as the codec does, and goes on."""

import random

import numpy as np
import pytest

from streams.schema import bulk, codec, slots_in
from streams.schema.damage import damage
from streams.schema.model import SCHEMAS
from tests.schema.made import edge
from tests.schema.made_writers import made_value, other_version
from tests.schema.test_bulk import mutated, read
from tests.schema.test_bulk_bounds import SIZE, walled
from tests.schema.test_evolution import OTHER, OURS, written
from tests.schema.test_slots_in import by_hand, bytes_of
from tests.sinks.samples import sample

__all__ = ["walled"]
COUNT, LOOKED_AT = 600, 40


def hostile(name: str, rng: random.Random) -> list[bytes]:
    """Bodies of a schema: damaged ones, noise, noise behind a good beginning, sizes and counts beyond all bounds."""
    schema, bodies = SCHEMAS[name], []
    great = (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", b"\x80" * 9 + b"\1", b"\xff" * 12)
    for n in range(COUNT):
        good = codec.encode(sample(schema, n % 50))
        at = rng.randrange(len(good) + 1)
        how = n % 5
        if how < 2:
            bodies.append(mutated(good, rng))
        elif how == 2:
            bodies.append(rng.randbytes(rng.randrange(200)))
        elif how == 3:
            bodies.append(good[:at] + rng.randbytes(rng.randrange(40)))
        else:
            bodies.append(good[:at] + rng.choice(great) + good[at:])
    return bodies


def placed(values: list[bytes], walled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Addresses and sizes of values, the last of which ends where memory ends."""
    content = b"".join(values)
    assert len(content) <= SIZE * 4
    content = content[-SIZE:]
    size = np.array([len(v) for v in values], np.int64)
    walled[SIZE - len(content) :] = np.frombuffer(content, np.uint8)
    end = np.cumsum(size)
    start = walled.ctypes.data + SIZE - (end[-1] - (end - size))
    inside = start >= walled.ctypes.data
    return start[inside], size[inside]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_hostile_bodies_are_pointed_out_as_the_codec_does(name: str, walled: np.ndarray) -> None:
    schema, rng, made = SCHEMAS[name], random.Random(name), edge()
    bodies = hostile(name, rng)
    address, size = placed(bodies, walled)
    bodies = bodies[-len(size) :]
    found = bulk.decode_at(schema, address, size)
    slots = bytes_of(slots_in.SlotReader(made).read(schema, address, size))
    for i in range(0, len(bodies), len(bodies) // LOOKED_AT):
        assert (read(name, bodies[i]) is not None) == (found.state[i] == bulk.GOOD)
        assert slots[i] is None or slots[i] == by_hand(made, schema, bodies[i])


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_hostile_bodies_of_another_version_are_read_without_harm(name: str, walled: np.ndarray) -> None:
    schema, rng, made = SCHEMAS[name], random.Random(name), edge()
    for _ in range(3):
        avro = other_version(schema, rng)
        bodies = [written(avro, made_value(avro, rng)) for _ in range(10)]
        values = [OTHER + rng.choice((mutated(rng.choice(bodies), rng), rng.randbytes(rng.randrange(90)))) for _ in range(200)]
        address, size = placed([*values, OTHER + bodies[0]], walled)
        state = bulk.decode_at(schema, address, size, OURS, {OTHER: avro}).state
        assert (state[-1] == bulk.GOOD) == (damage(schema, avro, bodies[0]) == "")
        assert len(slots_in.SlotReader(made).read(schema, address, size, OURS, {OTHER: avro})) == len(state)


def test_decode_at_is_decode_of_the_same_values() -> None:
    schema = SCHEMAS["BookUpdate"]
    values = [OURS + codec.encode(sample(schema, n)) for n in range(20)] + [b"", OURS]
    whole = np.frombuffer(b"".join(values), np.uint8)
    size = np.array([*map(len, values), 0], np.int64)
    address = whole.ctypes.data + np.cumsum(size) - size
    address[-1] = 0
    found, wanted = bulk.decode_at(schema, address, size, OURS), bulk.decode(schema, [*values, b""], OURS)
    assert found.state.tolist() == wanted.state.tolist() == [bulk.GOOD] * 20 + [bulk.FOREIGN, bulk.BAD, bulk.FOREIGN]
    assert found.buffer.tobytes()[: -bulk.BEHIND] == whole.tobytes()
    for name, column in wanted.columns.items():
        assert found.columns[name].values.tobytes() == column.values.tobytes()

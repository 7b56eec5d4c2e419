"""Bodies read straight into slots give what codec and edge give, byte for byte, and nothing where those refuse."""

import ctypes
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import DecodeError, EdgeError
from streams.records import BookLevel, BookUpdate, Frame, NameKind, Side
from streams.schema import codec, slots_in
from streams.schema.edge import Edge
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS, Schema
from tests.schema.made import any_record, any_slots, edge, instrument
from tests.schema.test_bulk import mutated
from tests.schema.test_edge import FILL, TRADE

READ = sorted(name for name, s in SCHEMAS.items() if slots_in.is_read(s))


def values_at(values: Sequence[bytes | None]) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Addresses and sizes of values, each in memory of its own, and what keeps them there."""
    kept = [None if v is None else ctypes.create_string_buffer(v, len(v) + 1) for v in values]
    address = [0 if v is None else ctypes.addressof(v) for v in kept]
    return np.array(address, np.int64), np.array([len(v or b"") for v in values], np.int64), kept


def read(made: Edge, schema: Schema, values: list[bytes | None], header: bytes = b"") -> tuple[slots_in.Slots, list[bytes | None]]:
    """The slots found, and the bytes of each row's; None where REST."""
    address, size, _kept = values_at(values)
    found = slots_in.SlotReader(made).read(schema, address, size, header)
    return found, bytes_of(found)


def bytes_of(found: slots_in.Slots) -> list[bytes | None]:
    rows = zip(found.state.tolist(), found.start.tolist(), found.nbytes.tolist(), strict=True)
    return [ctypes.string_at(start, size) if state == slots_in.GOOD else None for state, start, size in rows]


def by_hand(made: Edge, schema: Schema, body: bytes) -> bytes | None:
    """The slots of a body by codec and edge; None if one of them refuses it."""
    try:
        return made.to_slots(codec.decode(schema.record, body))
    except (DecodeError, EdgeError):
        return None


@pytest.mark.parametrize("name", READ)
@settings(max_examples=40, deadline=None)
@given(seeds=st.lists(st.integers(0, 1 << 40), max_size=6))
def test_read_records_of_slots_gives_the_same_slots(name: str, seeds: list[int]) -> None:
    made, schema = edge(), SCHEMAS[name]
    slots = [any_slots(schema, seed) for seed in seeds]
    records = [made.from_slot(layout(schema).kind, data, run_id=7) for data in slots]
    found, read_slots = read(made, schema, [b"\0\0\0\0\7" + codec.encode(record) for record in records], b"\0\0\0\0\7")
    assert read_slots == slots
    assert found.id.tolist() == [record.id for record in records]
    assert found.run_id.tolist() == [7] * len(records)
    assert found.recv_ts_ns.tolist() == [record.recv_ts_ns for record in records]


@pytest.mark.parametrize("name", READ)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 40))
def test_read_mutated_bodies_gives_what_the_edge_gives_or_rest(name: str, data: st.DataObject, seed: int) -> None:
    made, schema, rng = edge(), SCHEMAS[name], random.Random(seed)
    record = made.from_slot(layout(schema).kind, any_slots(schema, seed), run_id=7)
    other = data.draw(any_record(schema))
    mixed = [v if rng.random() < 0.5 else w for v, w in zip(record, other, strict=True)]
    bodies = [codec.encode(record), codec.encode(other), codec.encode(schema.record(*mixed))]
    bodies += [mutated(bodies[0], rng) for _ in range(15)]
    wanted = [by_hand(made, schema, body) for body in bodies]
    _, found = read(made, schema, list(bodies))
    assert [w for w, f in zip(wanted, found, strict=True) if f is not None] == [f for f in found if f is not None]
    assert found[0] == wanted[0] is not None


def test_read_frames_gives_columns_and_payloads_in_place() -> None:
    made, rng = edge(), random.Random(5)
    made.dictionary.add(NameKind.VENUE, "binance")
    payloads = [rng.randbytes(n) for n in (0, 1, 70, 3000)]
    frames = [Frame(n, 0, 7, 3, 50 + n, "binance", n, 100 + n, payload) for n, payload in enumerate(payloads)]
    frames.insert(2, frames[1]._replace(venue="nowhere"))
    bodies = [codec.encode(frame) for frame in frames]
    values: list[bytes | None] = [b"h" + body for body in bodies] + [None, b"", b"h", b"h" + bodies[0][:-1], b"g" + bodies[0]]
    address, size, _kept = values_at(values)
    found = slots_in.SlotReader(made).read_frames(address, size, b"h")
    good = found.state == slots_in.GOOD
    assert good.tolist() == [True, True, False, True, True] + [False] * 5
    columns = (found.id, found.run_id, found.recv_ts_ns, found.venue, found.connection, found.source_seq)
    assert [column[good].tolist() for column in columns] == [
        [0, 1, 2, 3],
        [7] * 4,
        [50, 51, 52, 53],
        [0] * 4,
        [0, 1, 2, 3],
        [100, 101, 102, 103],
    ]
    assert [ctypes.string_at(a, n) for a, n in zip(found.start[good].tolist(), found.nbytes[good].tolist(), strict=True)] == payloads
    inside = (found.start[good] >= address[good]) & (found.start[good] + found.nbytes[good] == address[good] + size[good])
    assert inside.all()


def test_read_update_of_more_levels_than_there_is_room_for_makes_room() -> None:
    made = edge()
    level = BookLevel(Side.BUY, 10**8, 10**6)
    update = BookUpdate(1, 0, 7, 0, 0, "binance", "BTCUSDT", 0, 0, 5, False, False, (level,))
    updates = [update._replace(levels=(level,) * n) for n in (3, 9_000, 0, 1, 1_025, 2)]
    _, found = read(made, SCHEMAS["BookUpdate"], [codec.encode(u) for u in updates])
    assert found == [made.to_slots(u) for u in updates]


def test_read_knows_what_the_edge_learns() -> None:
    made = edge()
    schema, reader = SCHEMAS["Trade"], slots_in.SlotReader(made)
    trade = TRADE._replace(symbol="ETHUSDT", px_e9=3 * 10**9)
    address, size, _kept = values_at([codec.encode(trade)])
    assert reader.read(schema, address, size).state.tolist() == [slots_in.REST]
    made.dictionary.add(NameKind.INSTRUMENT, "binance:ETHUSDT")
    assert reader.read(schema, address, size).state.tolist() == [slots_in.REST]
    made.on_instrument(instrument("ETHUSDT"))
    assert bytes_of(reader.read(schema, address, size)) == [made.to_slots(trade)]


def test_read_schema_that_is_read_by_hand_is_rest() -> None:
    for name in ("Command", "Instrument", "Alert"):
        assert not slots_in.is_read(SCHEMAS[name])
        found, _ = read(edge(), SCHEMAS[name], [b"\0" * 50, None])
        assert found.state.tolist() == [slots_in.REST] * 2


@pytest.mark.parametrize(
    "exec_id",
    ["", "9", "12345678", "123456789", "1234567890123456", "a\0b", "\0", "12345678\0", "é", "ééééééé", "é" * 17, "x" * 17]
    + ["x" * n for n in (111, 112, 113, 127, 128, 129, 143, 144, 145, 400)]
    + ["#" + "c0" * 16, "#" + "ff" * 16, "#" + "b0" * 16, "#" + "C0" * 16, "#" + "cg" * 16, "#" + "c0" * 15, "#" + "c0" * 17, "\x7f" * 16],
)
def test_read_execution_id_gives_the_words_of_the_edge(exec_id: str) -> None:
    made = edge()
    fill = FILL._replace(exec_id=exec_id)
    wanted = made.to_slots(fill)
    _, found = read(made, SCHEMAS["Fill"], [codec.encode(fill)])
    assert found == [wanted] or (found == [None] and len(exec_id.encode()) <= 16 and (not exec_id.isascii() or "\0" in exec_id))

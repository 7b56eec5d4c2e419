"""Slots become the bodies that the edge and the codec give, byte for byte; what those refuse is left to them."""

import itertools
import random
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import slots
from streams.errors import EdgeError, SchemaError
from streams.records import InstrumentType, NameKind
from streams.schema import codec, slots_out
from streams.schema import slots_out_kernel as kernel
from streams.schema.edge import Edge
from streams.schema.layout import NULL, layout
from streams.schema.model import SCHEMAS
from streams.schema.slots_out import SlotWriter
from tests.schema.made import NAMES, any_slots, edge, instrument

SLOTTED = sorted(name for name, s in SCHEMAS.items() if s.slot)
COMPILED = [name for name in SLOTTED if name not in slots_out.LEFT]
KIND = {name: layout(SCHEMAS[name]).kind for name in SLOTTED}


def wanted(made: Edge, kind: int, data: bytes, run_id: int = 7) -> bytes | None:
    """What Python writes; None where it refuses."""
    try:
        return codec.encode(made.from_slot(kind, data, run_id))
    except (EdgeError, SchemaError):
        return None


def write(writer: SlotWriter, kind: int, data: bytes, how: str, room: int = 4096, run_id: int = 7) -> Any:
    """The body that the compiled code writes, or FULL or REST; it touches nothing behind its room."""
    out, memory = np.full(room + 64, 0xA5, np.uint8), np.frombuffer(data, np.uint8)
    starts = np.zeros(2, np.int64)
    run = kernel.write_slots if how == "plain" else slots_out._entry()
    program = int(writer.programs[kind])
    done = run(program, memory.ctypes.data, len(data), 0, 1, run_id, out.ctypes.data, room, starts.ctypes.data)
    assert out[room:].tobytes() == b"\xa5" * 64
    assert done == (starts[1] >= 0)
    return out[: starts[1]].tobytes() if done else int(starts[1])


def wild(data: bytes, name: str, rng: random.Random) -> bytes:
    """A slot with a few fields anywhere in their type."""
    x = layout(SCHEMAS[name])
    out = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        f, at = rng.choice(list(zip(x.fields, x.offsets, strict=True)))
        size, code = {"int": (64, "q"), "float": (64, "q"), "I32": (32, "i"), "I8": (8, "b")}[f.type]
        value = rng.choice((rng.randrange(-(1 << size - 1), 1 << size - 1) >> rng.randrange(size), -1, 0, -(1 << size - 1)))
        if code == "q" and f.name != "recv_ts_ns":
            value = rng.choice((value, NULL, rng.randrange(1 << 40)))
        struct.pack_into("<" + code, out, at, value)
    return bytes(out)


@pytest.mark.parametrize("name", COMPILED)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_write_slot_any_slot_of_a_record_is_what_the_codec_writes(name: str, seed: int) -> None:
    made = edge()
    data = any_slots(SCHEMAS[name], seed)
    assert write(SlotWriter(made), KIND[name], data, "compiled") == wanted(made, KIND[name], data)


@pytest.mark.parametrize("name", COMPILED)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_write_slot_wild_slot_is_what_the_codec_writes_or_left_to_it(name: str, seed: int) -> None:
    made, rng = edge(), random.Random(seed)
    data = wild(any_slots(SCHEMAS[name], seed), name, rng)
    writer, run_id = SlotWriter(made), rng.choice((0, 7, (1 << 31) - 1, 1 << 31, -1))
    found = write(writer, KIND[name], data, "compiled", run_id=run_id)
    assert found in (kernel.REST, wanted(made, KIND[name], data, run_id))
    assert write(writer, KIND[name], data, "plain", run_id=run_id) == found


@pytest.mark.parametrize("name", COMPILED)
def test_write_slot_any_room_is_full_or_enough(name: str) -> None:
    made = edge()
    writer, data = SlotWriter(made), any_slots(SCHEMAS[name], 5)
    body = wanted(made, KIND[name], data)
    assert body is not None
    for room in range(700):
        assert write(writer, KIND[name], data, "compiled", room) in (kernel.FULL, body)
    texts = max(len(text) for names in NAMES.values() for text in names) * 5
    assert write(writer, KIND[name], data, "compiled", int(writer.most[KIND[name]]) + texts) == body


@pytest.mark.parametrize("name", SLOTTED)
def test_slot_writer_many_slots_are_the_bodies_one_after_the_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_out, "FIRST_ROOM", 0)  # room is made as it is needed
    made, rng = edge(), random.Random(11)
    records = [any_slots(SCHEMAS[name], seed) for seed in range(60)]
    if name in COMPILED:
        records += [d for d in (wild(r, name, rng) for r in records) if wanted(made, KIND[name], d) is not None]
        rng.shuffle(records)
    buffer, starts = SlotWriter(made).write(KIND[name], b"".join(records), 7)
    bodies = [buffer[first:last].tobytes() for first, last in itertools.pairwise(starts)]
    assert bodies == [wanted(made, KIND[name], data) for data in records]


def test_slot_writer_of_a_number_that_names_nothing_says_which() -> None:
    data = slots.TradeSlot()
    data.stamp(1, 2, 3, 4, 99, slots.KIND_TRADE, 0)
    with pytest.raises(EdgeError, match="INSTRUMENT number 99 is unknown here"):
        SlotWriter(edge()).write(slots.KIND_TRADE, data.pack(), 7)


@pytest.mark.parametrize(("kind", "size"), [(slots.KIND_TRADE, 63), (slots.KIND_ORDER, 128), (0, 64), (99, 64)])
def test_slot_writer_of_what_is_no_slot_says_so(kind: int, size: int) -> None:
    with pytest.raises(EdgeError, match=f"{size} bytes are no slots of kind {kind}"):
        SlotWriter(edge()).write(kind, bytes(size), 7)


def test_slot_writer_no_slots_are_no_bodies() -> None:
    buffer, starts = SlotWriter(edge()).write(slots.KIND_TRADE, b"", 7)
    assert (len(buffer), starts.tolist()) == (0, [0])


def test_slot_writer_writes_what_the_edge_learned_later() -> None:
    made = Edge()
    writer = SlotWriter(made)
    made.dictionary.epoch = 1_723_161_602
    for name in ("binance:BTCUSDT", "binance:ETHUSDT"):
        made.dictionary.add(NameKind.INSTRUMENT, name)
    for name in NAMES[NameKind.ACCOUNT]:
        made.dictionary.add(NameKind.ACCOUNT, name)
    made.dictionary.add(NameKind.STRATEGY, "a name " * 30)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        made.on_instrument(instrument(symbol))
        for number in range(2):
            slot = slots.RequestSlot()
            slot.stamp(1, 2, 3, 4, number, slots.KIND_REQUEST, 0)
            slot.account, slot.strategy, slot.order_id = 1, 0, 77
            data = slot.pack().tobytes()
            writer.refresh()
            assert write(writer, slots.KIND_REQUEST, data, "compiled") in (kernel.REST, wanted(made, slots.KIND_REQUEST, data))
    assert write(writer, slots.KIND_REQUEST, data, "compiled") == wanted(made, slots.KIND_REQUEST, data)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 1 << 40), how=st.sampled_from(["plain", "compiled"]))
def test_write_slot_position_of_any_contract_has_its_average_price(seed: int, how: str) -> None:
    rng, made = random.Random(seed), edge()
    inverse = rng.random() < 0.5
    steps = {"tick_e9": 10 ** rng.randrange(7, 11), "lot_e9": 10 ** rng.randrange(3, 10), "money_scale": rng.randrange(4, 9)}
    if inverse:
        steps |= {"instrument_type": InstrumentType.INVERSE, "tick_e9": 10**8, "lot_e9": 10**9, "multiplier_e9": 10**11, "money_scale": 8}
    made.dictionary.add(NameKind.INSTRUMENT, "binance:OTHER")
    made.on_instrument(instrument("OTHER", base="X", quote="Y", **steps))
    slot = slots.PositionSlot().unpack(bytearray(any_slots(SCHEMAS["Position"], seed)))
    slot.instrument = 2
    slot.cost = rng.choice((0, 1, -1)) * (rng.randrange(1 << 62) >> rng.randrange(62))
    slot.qty_lots = rng.choice((0, 1, -1)) * (rng.randrange(1 << 33) >> rng.randrange(33))  # its value x 10^9 fits
    data = slot.pack().tobytes()
    assert write(SlotWriter(made), slots.KIND_POSITION, data, how) == wanted(made, slots.KIND_POSITION, data)

"""Requests become the simulated venue's text, from their slots in compiled code as from their records."""

import json
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import EdgeError
from streams.records import NameKind, OrderAction, OrdType, Request, TimeInForce
from streams.schema import ids
from streams.schema.edge import Edge
from streams.schema.layout import NULL, layout
from streams.schema.model import SCHEMAS
from streams.slots import KIND_REQUEST
from streams.venues.sim import request_kernel as kernel
from streams.venues.sim.request_text import RequestTexts, _entry, request_text
from tests.schema.made import any_slots, edge, instrument
from tests.venues.sim_orders import request

FIELDS = layout(SCHEMAS["Request"])
EPOCH = 1_723_161_602


def slow_text(made: Edge, slot: bytes) -> str | None:
    """What Python says of a slot; None where it refuses it."""
    try:
        record = made.from_slot(KIND_REQUEST, slot, 1)
        return request_text(record, ids.cl_ord_id(made.dictionary.epoch, record.order_id))
    except EdgeError:
        return None


def write(made: Edge, slot: bytes, compiled: bool, room: int = 2048) -> str | int:
    """The text of one slot, FULL or REST; nothing is touched behind its room."""
    out, memory, starts = np.full(room + 64, 0xA5, np.uint8), np.frombuffer(slot, np.uint8), np.zeros(2, np.int64)
    run = _entry() if compiled else kernel.write_requests
    done = run(made.native.address, memory.ctypes.data, len(slot), 1, out.ctypes.data, room, starts.ctypes.data)
    assert out[room:].tobytes() == b"\xa5" * 64
    return out[: starts[1] - 1].tobytes().decode() if done else int(starts[1])


def wild(slot: bytes, rng: random.Random) -> bytes:
    """A slot with a few fields anywhere in their type."""
    out = bytearray(slot)
    for _ in range(rng.randrange(1, 4)):
        f, at = rng.choice(list(zip(FIELDS.fields, FIELDS.offsets, strict=True)))
        size, code = {"int": (64, "q"), "I32": (32, "i"), "I8": (8, "b")}[f.type]
        value = rng.choice((rng.randrange(-(1 << size - 1), 1 << size - 1) >> rng.randrange(size), -1, 0))
        struct.pack_into("<" + code, out, at, rng.choice((value, NULL)) if code == "q" else value)
    return bytes(out)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_write_request_any_slot_is_the_text_of_its_record(seed):
    made, slot = edge(), any_slots(SCHEMAS["Request"], seed)
    found = write(made, slot, True)
    assert found == slow_text(made, slot)
    assert found == write(made, slot, False)
    assert isinstance(found, str)
    assert json.loads(found)["symbol"] in ("BTCUSDT", "1000PEPEUSDT")


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_write_request_wild_slot_is_the_text_of_its_record_or_left_to_it(seed):
    made, slot = edge(), wild(any_slots(SCHEMAS["Request"], seed), random.Random(seed))
    found = write(made, slot, True)
    assert found == kernel.REST or slow_text(made, slot) in (found, None)  # names that the text does not say are not looked at
    assert write(made, slot, False) == found


@pytest.mark.parametrize("n", [0, 1, 9, 10, 99_999_999, 10**8, 10**8 + 7, 10**16 - 1, 10**16, 10**16 + 10**8, (1 << 63) - 1])
def test_write_request_digits_of_any_length_are_those_of_python(n):
    out = np.zeros(64, np.uint8)
    end = kernel._put_digits(out.ctypes.data, n)
    assert out[: end - out.ctypes.data].tobytes().decode() == str(n)


def test_write_request_any_room_is_full_or_enough():
    made, slot = edge(), any_slots(SCHEMAS["Request"], 5)
    text = write(made, slot, True)
    for room in range(0, 700, 3):
        assert write(made, slot, True, room) in (text, kernel.FULL)


def all_shapes() -> list[Request]:
    shapes = [request(n, action, 1, qty=3) for n, action in enumerate(OrderAction, 1)]
    for n, (kind, tif) in enumerate(((k, t) for k in OrdType for t in TimeInForce), 10):
        more = {"stop_px_e9": 99 * 10**9, "peg_offset_e9": -3 * 10**8, "min_qty_e9": 10**6, "max_floor_qty_e9": 2 * 10**6}
        shapes.append(request(n, venue="binance", expire_ts_ns=n)._replace(ord_type=kind, time_in_force=tif, post_only=n % 2 == 0, **more))
    return [r._replace(venue="binance", strategy="maker") for r in shapes]


@pytest.mark.parametrize("compiled", [True, False])
def test_request_texts_many_slots_are_the_texts_of_their_records(compiled):
    made, found = edge(), all_shapes()
    slots = np.frombuffer(b"".join(made.to_slots(r) for r in found), np.uint8).reshape(len(found), -1)
    wide = np.zeros((len(found), 256), np.uint8)
    wide[:, : slots.shape[1]] = slots
    wanted = [request_text(r, ids.cl_ord_id(EPOCH, r.order_id)) for r in found]
    assert RequestTexts(made, compiled).texts(wide, 1) == wanted
    assert RequestTexts(made, compiled).texts(slots, 1) == wanted
    assert RequestTexts(made, compiled).texts(slots[:0], 1) == []


def test_request_texts_symbol_that_json_must_escape_is_left_to_python():
    made, symbol = edge(), 'É"\\/' + "x" * 3_000
    made.dictionary.add(NameKind.INSTRUMENT, f"binance:{symbol}")
    made.on_instrument(instrument(symbol))
    found = [request(n, venue="binance")._replace(symbol=s) for n, s in enumerate(("BTCUSDT", symbol, symbol, "BTCUSDT"), 1)]
    slots = np.frombuffer(b"".join(made.to_slots(r) for r in found), np.uint8).reshape(len(found), -1)
    assert RequestTexts(made).texts(slots, 1) == [request_text(r, ids.cl_ord_id(EPOCH, r.order_id)) for r in found]


def test_request_texts_of_an_unknown_instrument_is_refused():
    slot = bytearray(any_slots(SCHEMAS["Request"], 1))
    struct.pack_into("<i", slot, 32, 77)
    with pytest.raises(EdgeError, match="77 is unknown"):
        RequestTexts(edge()).texts(np.frombuffer(bytes(slot), np.uint8).reshape(1, -1), 1)

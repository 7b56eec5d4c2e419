"""Primitives write what the codec's leaves write, plain and compiled, and touch nothing but their room."""

from decimal import Context, Decimal
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import load_word, native
from streams.kernel.raw import quotient_bits, swap_bytes
from streams.schema import blake2b as hashing
from streams.schema import bulk_put as put
from streams.schema import wire

WIDE = Context(prec=60)
INT64 = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1), st.builds(lambda n, k: n >> k, st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 63))
)
EDGES = sorted({s * ((1 << k) + d) for k in range(63) for d in (-1, 0, 1) for s in (1, -1)} | {-(1 << 63), (1 << 63) - 1})


def roll_rows(state: int, buffer: int, starts: int, count: int) -> int:
    """Roll bodies that lie one after another."""
    for i in range(count):
        hashing.roll(state, buffer + load_word(starts + 8 * i), load_word(starts + 8 * i + 8) - load_word(starts + 8 * i))
    return 0


ENTRIES = {
    "put_long": (put.put_long, 2),
    "put_size": (put.put_size, 2),
    "put_bytes": (put.put_bytes, 3),
    "put_padded": (put.put_padded, 3),
    "put_money": (put.put_money, 3),
    "put_decimal": (put.put_decimal, 3),
    "swap_bytes": (lambda word: swap_bytes(word), 1),
    "quotient_bits": (lambda x, y: quotient_bits(x, y), 2),
    "roll_rows": (roll_rows, 4),
}


@cache
def compiled() -> native.Native:
    files = [__file__, *native.sources("streams.schema.bulk_put", "streams.schema.blake2b")]
    return native.load("test_put", lambda: ENTRIES, files)


def entry(name: str, kind: str) -> Any:
    fn, nargs = ENTRIES[name]
    return native.function(getattr(compiled(), name), nargs) if kind == "compiled" else fn


def written(name: str, kind: str, *args: int) -> bytes:
    """What a primitive puts, and that the room behind its slack is left alone."""
    out = np.full(128, 0xA5, np.uint8)
    end = entry(name, kind)(out.ctypes.data, *args) - out.ctypes.data
    assert out[end + put.SLACK :].tobytes() == b"\xa5" * (128 - end - put.SLACK)
    return out[:end].tobytes()


KINDS = pytest.mark.parametrize("kind", ["plain", "compiled"])


@KINDS
def test_put_long_at_every_power_of_two_writes_what_the_codec_writes(kind: str) -> None:
    for n in EDGES:
        assert written("put_long", kind, n) == wire.long(n), n
        if n >= 0 and n < 1 << 62:
            assert written("put_size", kind, n) == wire.long(n), n


@KINDS
@given(n=INT64)
def test_put_long_any_number_writes_what_the_codec_writes(kind: str, n: int) -> None:
    assert written("put_long", kind, n) == wire.long(n)


@KINDS
@settings(max_examples=60)
@given(content=st.binary(max_size=70))
def test_put_bytes_any_content_touches_nothing_else(kind: str, content: bytes) -> None:
    source = np.frombuffer(content + bytes(8), np.uint8)
    assert written("put_bytes", kind, source.ctypes.data, len(content)) == wire.raw(content)
    assert written("put_padded", kind, source.ctypes.data, len(content)) == content


def money(n: int) -> bytes:
    return wire.money(Decimal(n).scaleb(-9, WIDE))


def words(n: int) -> tuple[int, int]:
    low = n & (1 << 64) - 1
    return n >> 64, low - (low >> 63 << 64)


@KINDS
def test_put_money_at_every_power_of_two_writes_what_the_codec_writes(kind: str) -> None:
    for k in range(127):
        for n in {s * ((1 << k) + d) for d in (-1, 0, 1) for s in (1, -1)}:
            if abs(n) < 10**38:
                assert written("put_money", kind, *words(n)) == money(n), n


@KINDS
@given(n=st.integers(-(10**38) + 1, 10**38 - 1), k=st.integers(0, 126))
def test_put_money_any_amount_writes_what_the_codec_writes(kind: str, n: int, k: int) -> None:
    assert written("put_money", kind, *words(n >> k)) == money(n >> k)


@KINDS
@given(n=INT64, digits=st.integers(0, 9))
def test_put_decimal_any_units_writes_what_the_codec_writes(kind: str, n: int, digits: int) -> None:
    assert written("put_decimal", kind, n, digits) == money(n * 10**digits)


@given(n=INT64, x=st.integers(-(1 << 53), 1 << 53), y=st.integers(1, 1 << 53))
def test_words_plain_and_compiled_are_equal(n: int, x: int, y: int) -> None:
    assert entry("swap_bytes", "plain")(n) == entry("swap_bytes", "compiled")(n)
    assert entry("quotient_bits", "plain")(x, y) == entry("quotient_bits", "compiled")(x, y)


def rolled(bodies: list[bytes], kind: str) -> bytes:
    buffer = np.frombuffer(b"".join(bodies) or b"\0", np.uint8)
    starts = np.cumsum([0, *map(len, bodies)], dtype=np.int64)
    state = np.zeros(hashing.STATE_BYTES, np.uint8)
    entry("roll_rows", kind)(state.ctypes.data, buffer.ctypes.data, starts.ctypes.data, len(bodies))
    return state[: hashing.DIGEST_BYTES].tobytes()


def by_hashlib(bodies: list[bytes]) -> bytes:
    digest = bytes(16)
    for body in bodies:
        digest = blake2b(digest + body, digest_size=16).digest()
    return digest


@pytest.mark.parametrize("size", [0, 1, 7, 8, 111, 112, 113, 119, 120, 239, 240, 241, 368, 369, 5000])
def test_roll_body_of_any_size_is_what_hashlib_computes(size: int) -> None:
    body = bytes(i * 37 & 255 for i in range(size))
    assert rolled([body], "plain") == rolled([body], "compiled") == by_hashlib([body])


@settings(max_examples=50)
@given(bodies=st.lists(st.binary(max_size=300), max_size=8))
def test_roll_bodies_one_after_another_is_what_hashlib_computes(bodies: list[bytes]) -> None:
    assert rolled(bodies, "compiled") == by_hashlib(bodies)

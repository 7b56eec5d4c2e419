"""Damaged bodies: DecodeError or a record, never another exception, an endless loop or more memory than the body has."""

import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import DecodeError
from streams.records import BookUpdate, Command, Fill, Frame, Side, Trade
from streams.schema import codec
from streams.schema.model import SCHEMAS
from tests.schema.made import any_record
from tests.schema.test_codec import TRADE

HEAD = b"\0" * 5 + b"\2v\2s" + b"\0" * 3 + b"\0\0"  # a book update up to its levels


def read_or_refuse(name: str, body: bytes) -> None:
    """A body that is read is a record whose own body reads the same."""
    cls = SCHEMAS[name].record
    try:
        record = codec.decode(cls, body)
    except DecodeError:
        return
    again = codec.decode(cls, codec.encode(record))
    assert repr(again) == repr(record)  # by text: NaN is not equal to itself


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=10, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 32))
def test_decode_mutated_body_is_a_record_or_refused(name: str, data: st.DataObject, seed: int) -> None:
    body, rng = codec.encode(data.draw(any_record(SCHEMAS[name]))), random.Random(seed)
    for _ in range(20):
        bad = bytearray(body)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(bad))
            what = rng.randrange(4)
            if what == 0:
                bad[at] = rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256)))
            elif what == 1:
                bad[at:at] = rng.randbytes(rng.randrange(1, 12))
            elif what == 2 and len(bad) > 2:
                del bad[at : at + rng.randrange(1, 9)]
                bad = bad or bytearray(b"\0")
            else:
                bad[at : at + 1] = b"\xff" * rng.randrange(1, 12)
        read_or_refuse(name, bytes(bad))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@given(body=st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_decode_random_bytes_is_a_record_or_refused(name: str, body: bytes) -> None:
    read_or_refuse(name, body)


def test_decode_body_cut_anywhere_is_refused_with_place() -> None:
    body = codec.encode(TRADE)
    for size in range(len(body)):
        with pytest.raises(DecodeError, match=r"^Trade\.\w+ at byte \d+: is cut off"):
            codec.decode(Trade, body[:size])


@pytest.mark.parametrize(
    ("cls", "body", "message"),
    [
        (Trade, b"", "Trade.id at byte 0: is cut off: the body has only 0 bytes"),
        (Trade, codec.encode(TRADE) + b"\0", "Trade: the record ends at byte 35, but the body has 36: bytes after the last field"),
        (Trade, b"\xff" * 11, "Trade.id at byte 0: is a number of more than 10 bytes"),
        (Trade, b"\xff" * 9 + b"\2", "Trade.id at byte 0: does not fit 64 bits"),
        (Trade, b"\0\0\x80\x80\x80\x80\x10" + b"\0" * 20, "Trade.run_id at byte 7: does not fit 32 bits"),
        (Trade, b"\0" * 5 + b"\1" + b"\0" * 20, "Trade.venue at byte 6: has a negative length"),
        (Trade, b"\0" * 5 + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", "Trade.venue at byte 15: is cut off: the body has only 15 bytes"),
        (Trade, b"\0" * 5 + b"\2\xff" + b"\0" * 20, "Trade.venue at byte 6: is no UTF-8"),
        (Trade, b"\0" * 5 + b"\2v\2s\0\0\4\0\0", "Trade.side at byte 11: has 4, which is none of its values"),
        (BookUpdate, HEAD[:-1] + b"\2", "BookUpdate.gap at byte 13: has 2, which is none of its values"),
        (BookUpdate, HEAD + b"\0\4", "BookUpdate.bid_px_e9 at byte 16: has no such branch of its union"),
        (BookUpdate, HEAD + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1" + b"\0", "BookUpdate.levels[].px_e9 at byte 25: is cut off"),
        (BookUpdate, HEAD + b"\2\4", "BookUpdate.levels[].side at byte 15: has 4"),
        (Fill, b"\0" * 10 + b"\0" + b"\0" * 4 + b"\x22" + b"\1" * 17, "Fill.fee at byte 15: has more than 38 digits"),
        (Fill, b"\0" * 10 + b"\0" + b"\0" * 4 + b"\x20" + b"\x7f" * 16, "Fill.fee at byte 15: has more than 38 digits"),
    ],
)
def test_decode_damaged_body_says_field_place_and_reason(cls: type, body: bytes, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(cls, body)
    assert str(caught.value)[: len(message)] == message


def test_decode_absurd_counts_ends_at_once_without_memory() -> None:
    huge = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"  # the largest int64
    tracemalloc.start()
    started = time.monotonic()
    for body in (HEAD + huge, HEAD + b"\x01" * 50, b"\0" * 5 + huge * 3):
        with pytest.raises(DecodeError):
            codec.decode(BookUpdate, body)
    with pytest.raises(DecodeError):
        codec.decode(Command, b"\0" * 13 + huge)
    assert time.monotonic() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_decode_oversized_body_is_refused_unread() -> None:
    with pytest.raises(DecodeError, match="Frame: body of 8388609 bytes; at most 8388608 are read"):
        codec.decode(Frame, bytes(codec.MAX_BODY + 1))


def test_decode_enum_gives_the_member() -> None:
    assert codec.decode(Trade, codec.encode(TRADE)).side is Side.SELL

"""Doubles of exact quotients are those that Python's division of integers gives."""

import struct
from functools import cache
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.kernel import native
from streams.schema import ratio as quotients

NUMBER = st.builds(lambda n, k: n >> k, st.integers(0, quotients.MOST - 1), st.integers(0, 61)) | st.integers(0, 3).map(
    lambda n: quotients.MOST - 1 - n
)
ENTRIES = {"ratio": (quotients.ratio, 5)}


@cache
def compiled() -> Any:
    return native.function(native.load("test_ratio", lambda: ENTRIES, native.sources("streams.schema.ratio")).ratio, 5)


def double(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<q", bits))[0]


@settings(max_examples=150, deadline=None)
@given(a=NUMBER, b=NUMBER, c=NUMBER, d=NUMBER, divisor=NUMBER, tie=st.sampled_from([0, 50, 53, 54, 55, 60]))
@example(quotients.MOST - 1, quotients.MOST - 1, quotients.MOST - 1, quotients.MOST - 1, 1, 0)
@example((1 << 54) + 1, 1, 0, 0, 2, 0)
@example((1 << 53) + 1, 1, 0, 0, 1, 0)
@example((1 << 53) + 3, 1, 0, 0, 1, 0)
@example((1 << 54) - 1, 1, 0, 0, 1, 0)
def test_ratio_any_numbers_is_pythons_quotient(a: int, b: int, c: int, d: int, divisor: int, tie: int) -> None:
    if tie:  # a quotient with so many bits lies near a half
        divisor = (a * b + c * d >> tie) % quotients.MOST
    divisor = max(1, divisor)
    found = quotients.ratio(a, b, c, d, divisor)
    assert double(found) == (a * b + c * d) / divisor
    assert compiled()(a, b, c, d, divisor) == found

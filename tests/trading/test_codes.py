"""Plain integers of the kernel code equal the enums of the records."""

import pytest

from streams import records
from streams.trading import codes

ENUMS = ["Side", "OrdType", "TimeInForce", "OrdStatus", "InstrumentType", "FeeRounding"]


@pytest.mark.parametrize("name", ENUMS)
def test_codes_equal_the_symbols_of_the_records(name):
    for symbol in getattr(records, name):
        assert getattr(codes, symbol.name) == symbol.value, f"{name}.{symbol.name}"


def test_codes_name_nothing_else():
    symbols = {symbol.name for name in ENUMS for symbol in getattr(records, name)}
    assert set(codes.__all__) == symbols | {"sign"}


def test_sign_of_a_side_is_plus_or_minus_one():
    assert (codes.sign(codes.BUY), codes.sign(codes.SELL)) == (1, -1)

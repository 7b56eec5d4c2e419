"""Instruments and names in flat memory are what the edge knows, found by number and by text, plain and compiled."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.kernel import load_word, native
from streams.records import NameKind
from streams.schema import native_rows as at
from streams.schema.dictionary import Dictionary
from streams.schema.edge import Edge
from streams.schema.native_tables import odd_inverse
from tests.schema.made import edge, instrument

ENTRIES = {
    "find_name": (at.find_name, 4),
    "find_instrument": (at.find_instrument, 5),
    "name_at": (at.name_at, 3),
    "instrument_at": (at.instrument_at, 2),
}


@pytest.fixture(params=["plain", "compiled"], scope="module")
def find(request: pytest.FixtureRequest) -> Any:
    """The functions that find rows."""
    if request.param == "plain":
        return lambda name, *args: ENTRIES[name][0](*args)
    loaded = native.load("native-rows-test", lambda: ENTRIES, native.sources("streams.schema.native_rows"))
    return lambda name, *args: native.function(getattr(loaded, name), ENTRIES[name][1])(*args)


def text_at(address: int, size: int) -> str:
    return bytes(load_word(address + i) & 255 for i in range(size)).decode()


def memory(text: str) -> tuple[np.ndarray, int]:
    """A text with room behind it, and its bytes."""
    data = text.encode()
    return np.frombuffer(data + b"\xa5" * 8, np.uint8), len(data)


def row_of_name(find: Any, tables: int, kind: NameKind, name: str) -> int:
    data, size = memory(name)
    return find("find_name", tables, kind, data.ctypes.data, size)


def row_of_instrument(find: Any, tables: int, venue: str, symbol: str) -> int:
    (first, first_size), (second, second_size) = memory(venue), memory(symbol)
    return find("find_instrument", tables, first.ctypes.data, first_size, second.ctypes.data, second_size)


def test_names_are_found_by_text_and_by_number(find: Any) -> None:
    made = edge()
    tables = made.native.address
    for kind in NameKind:
        for number, name in enumerate(made.dictionary.names(kind)):
            row = find("name_at", tables, kind, number)
            assert row == row_of_name(find, tables, kind, name) != 0
            assert (load_word(row + at.KIND), load_word(row + at.NAME_NUMBER)) == (kind, number)
            assert text_at(load_word(row + at.TEXT), load_word(row + at.TEXT_SIZE)) == name
            assert text_at(load_word(row + at.FORM), load_word(row + at.FORM_SIZE)) == chr(2 * len(name)) + name
        assert find("name_at", tables, kind, made.dictionary.counts()[kind]) == find("name_at", tables, kind, -1) == 0
    for kind, name in ((NameKind.ACCOUNT, "maker"), (NameKind.STRATEGY, "maker-1"), (NameKind.SCOPE, ""), (NameKind.SCOPE, "desk:crypt")):
        assert row_of_name(find, tables, kind, name) == 0


def test_instruments_are_found_by_venue_and_symbol_and_by_number(find: Any) -> None:
    made = edge()
    tables = made.native.address
    for number, symbol, figures in ((0, "BTCUSDT", (10**8, 10**6)), (1, "1000PEPEUSDT", (1400, 3 * 10**9))):
        row = find("instrument_at", tables, number)
        assert row == row_of_instrument(find, tables, "binance", symbol) != 0
        assert (load_word(row + at.NUMBER), load_word(row + at.TICK), load_word(row + at.LOT)) == (number, *figures)
        assert text_at(load_word(row + at.PAIR), load_word(row + at.PAIR_SIZE)) == f"{chr(14)}binance{chr(2 * len(symbol))}{symbol}"
    assert find("instrument_at", tables, 2) == find("instrument_at", tables, -1) == 0
    for venue, symbol in (("binance", "ETHUSDT"), ("binanc", "eBTCUSDT"), ("", ""), ("BTCUSDT", "binance")):
        assert row_of_instrument(find, tables, venue, symbol) == 0


def test_named_instrument_without_rules_is_not_found_until_they_come(find: Any) -> None:
    made = edge()
    made.dictionary.add(NameKind.INSTRUMENT, "binance:ETHUSDT")
    tables = made.native.address
    assert row_of_name(find, tables, NameKind.INSTRUMENT, "binance:ETHUSDT") == find("name_at", tables, NameKind.INSTRUMENT, 2) != 0
    assert find("instrument_at", tables, 2) == row_of_instrument(find, tables, "binance", "ETHUSDT") == 0
    assert not made.native.refresh()
    made.on_instrument(instrument("ETHUSDT", tick_e9=10**7))
    assert made.native.refresh()
    assert load_word(find("instrument_at", tables, 2) + at.TICK) == 10**7
    assert row_of_instrument(find, tables, "binance", "ETHUSDT") == find("instrument_at", tables, 2)
    made.on_instrument(instrument("ETHUSDT", tick_e9=10**6))
    assert made.native.refresh()
    assert load_word(find("instrument_at", tables, 2) + at.TICK) == 10**6


def test_instruments_that_share_a_number_keep_their_own_rules(find: Any) -> None:
    made = Edge()
    made.dictionary.epoch = 9
    made.dictionary.add(NameKind.INSTRUMENT, "a:b:c")
    made.on_instrument(instrument("c", venue="a:b", tick_e9=5))
    made.on_instrument(instrument("b:c", venue="a", tick_e9=7))
    tables = made.native.address
    assert load_word(row_of_instrument(find, tables, "a:b", "c") + at.TICK) == 5
    assert load_word(row_of_instrument(find, tables, "a", "b:c") + at.TICK) == 7
    assert load_word(find("instrument_at", tables, 0) + at.TICK) == 7


def test_tables_of_an_empty_edge_find_nothing(find: Any) -> None:
    tables = Edge().native.address
    assert row_of_name(find, tables, NameKind.SCOPE, "firm") == row_of_instrument(find, tables, "a", "b") == 0
    assert find("name_at", tables, NameKind.SCOPE, 0) == find("instrument_at", tables, 0) == 0


@given(names=st.sets(st.text(min_size=1, max_size=30), max_size=20))
def test_any_names_are_found_and_no_others(names: set[str]) -> None:
    made = Edge()
    made.dictionary = dictionary = Dictionary(9)
    made._tables.dictionary = dictionary
    for name in sorted(names)[::2]:
        dictionary.add(NameKind.SCOPE, name)
    for name in names:
        row = row_of_name(lambda name, *args: ENTRIES[name][0](*args), made.native.address, NameKind.SCOPE, name)
        number = dictionary.numbers(NameKind.SCOPE).get(name)
        assert (row and load_word(row + at.NAME_NUMBER)) == (0 if number is None else number)
        assert bool(row) == (number is not None)


@given(
    step=st.integers(1, (1 << 63) - 1) | st.sampled_from([1, 2, 10**6, 10**8, 1 << 62]),
    n=st.integers(-(1 << 63), (1 << 63) - 1),
    q=st.integers(-9, 9),
)
def test_odd_inverse_divides_multiples_and_tells_others(step: int, n: int, q: int) -> None:
    shift, inverse, most = odd_inverse(step)
    for number in (n, n // step * step, q * step):
        if -(1 << 63) <= number < 1 << 63:
            wrapped = ((number >> shift) * inverse) % (1 << 64)
            quotient = wrapped - (1 << 64) if wrapped >> 63 else wrapped
            exact = number % (1 << shift) == 0 and -most <= quotient <= most
            if number // step != -(1 << 63) // step:  # the lowest multiple may be one below -most
                assert exact == (number % step == 0)
            if exact:
                assert quotient * step == number

"""An edge's instruments and names as flat memory that compiled code reads, both ways: `NativeTables`. `native_rows` finds them in it.

The rows of all instruments, the rows of all names, two hash tables and the texts are each one array. Whatever is added to the edge later
is taken in by `refresh`, which lays all of it out anew: names and instruments are added rarely, mostly before the first record.
"""

from collections.abc import Callable, Iterable
from math import gcd

import numpy as np

from streams.errors import UnitError
from streams.kernel import hash64
from streams.records import NameKind
from streams.schema import native_rows as at
from streams.schema import wire
from streams.schema.edge_tables import Spec, Tables
from streams.schema.ids import cl_ord_id
from streams.schema.units import E9, MAX_BOOK_QTY_LOTS, MAX_ORDER_QTY_LOTS, MAX_PX_TICKS, MONEY_SCALE

__all__ = ["NativeTables", "fraction", "odd_inverse"]

TEXT_BEHIND = 8  # bytes that a load may reach behind a text
WORD = 1 << 64


class NativeTables:
    """The tables of one edge in memory.

    address : of the head, for `native_rows`; it stays the same. Rows move at a `refresh`: no address of one may be kept beyond it, and
              no compiled code may run during it.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._head = np.zeros(at.HEAD_BYTES // 8, np.int64)
        self._arrays: tuple[np.ndarray, ...] = ()
        self._known: tuple[int, ...] = ()
        self.address: int = self._head.ctypes.data
        self.refresh()

    def refresh(self) -> bool:
        """Take in what the edge learned since; whether there was anything."""
        known = self._tables.version, *self._tables.dictionary.counts()
        if known == self._known:
            return False
        self._lay_out()
        self._known = known
        return True

    def _lay_out(self) -> None:
        texts = _Texts()
        names, instruments = self._name_rows(texts), self._instrument_rows(texts)
        memory = texts.memory()
        for address in (at.FORM, at.TEXT):
            names[:, address // 8] += memory.ctypes.data
        known = np.flatnonzero(instruments[:, at.TICK // 8])
        for address in (at.PAIR, at.VENUE, at.SYMBOL):
            instruments[known, address // 8] += memory.ctypes.data
        by_name = _by_hash(names, range(len(names)), _name_hash)
        by_pair = _by_hash(instruments, known.tolist(), _pair_hash)
        self._arrays = memory, names, instruments, by_name, by_pair
        dictionary, head = self._tables.dictionary, self._head
        counts = dictionary.counts()
        _set(head, at.EPOCH, dictionary.epoch, self._tables.scale_of_all())
        _set(head, at.CL_ORD_PREFIX, _prefix(dictionary.epoch))
        _set(head, at.NAME_BITS, _bits(by_name), by_name.ctypes.data, _bits(by_pair), by_pair.ctypes.data)
        _set(head, at.INSTRUMENTS, instruments.ctypes.data, counts[NameKind.INSTRUMENT])
        for kind in NameKind:
            _set(head, at.NAMES + 16 * kind, names.ctypes.data + at.NAME_BYTES * sum(counts[:kind]), counts[kind])

    def _name_rows(self, texts: "_Texts") -> np.ndarray:
        """Rows of all names, kind by kind; addresses count from the texts' first byte."""
        names = [(kind, number, name) for kind in NameKind for number, name in enumerate(self._tables.dictionary.names(kind))]
        rows = np.zeros((len(names), at.NAME_BYTES // 8), np.int64)
        for row, (kind, number, name) in zip(rows, names, strict=True):
            form, size = wire.string(name), len(name.encode())
            start = texts.add(form)
            scale = self._tables.scale_of(name) if kind == NameKind.CURRENCY else MONEY_SCALE
            _set(row, at.KIND, kind, number, start, len(form), start + len(form) - size, size, scale)
        return rows

    def _instrument_rows(self, texts: "_Texts") -> np.ndarray:
        """Rows of instruments by number, then of those that share another's number: "a:b" with "c" has the name of "a" with "b:c"."""
        by_number, specs = self._tables.by_number, self._tables.specs
        apart = [spec for spec in specs.values() if by_number[spec[0]] is not spec]
        found = [by_number.get(number) for number in range(self._tables.dictionary.counts()[NameKind.INSTRUMENT])] + apart
        rows = np.zeros((len(found), at.INSTRUMENT_BYTES // 8), np.int64)
        for row, spec in zip(rows, found, strict=True):
            if spec is not None:
                _set_instrument(row, spec, texts)
        return rows


def odd_inverse(step: int) -> tuple[int, int, int]:
    """(k, 1 / d modulo 2^64 as an int64, the largest quotient by d in int64) of a step d x 2^k > 0, d odd.

    A multiple n of the step is (n >> k) / d, and n >> k times the inverse, which wraps, is that quotient. Of any other number the low k
    bits are not 0, or the product is beyond the largest quotient: it would be an exact quotient otherwise.
    """
    shift = (step & -step).bit_length() - 1
    odd = step >> shift
    inverse = pow(odd, -1, WORD)
    return shift, inverse - WORD if inverse >> 63 else inverse, (WORD // 2 - 1) // odd


def fraction(numerator: int, denominator: int) -> tuple[int, int]:
    """A positive fraction in its lowest terms; (0, 0) where one of them leaves 2^53: what is made of it is left to Python."""
    common = gcd(numerator, denominator)
    numerator, denominator = numerator // common, denominator // common
    return (numerator, denominator) if max(numerator, denominator) <= 1 << 53 else (0, 0)


def _prefix(epoch: int) -> int:
    """What every client order id of a dictionary begins with, as a word; 0 if it has an epoch that makes none."""
    try:
        return int.from_bytes(cl_ord_id(epoch, 0)[:-1].encode(), "little")
    except UnitError:
        return 0


class _Texts:
    """Bytes one after another, each with room behind it for a load."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, text: bytes) -> int:
        """Where it begins."""
        start = self._size
        self._parts.append(text + bytes(TEXT_BEHIND))
        self._size += len(self._parts[-1])
        return start

    def memory(self) -> np.ndarray:
        return np.frombuffer(b"".join(self._parts) or bytes(TEXT_BEHIND), np.uint8)


def _set_instrument(row: np.ndarray, spec: Spec, texts: _Texts) -> None:
    number, tick, lot, bound, scale, multiplier, venue, symbol, inverse = spec
    first, second = wire.string(venue), wire.string(symbol)
    venue_size, symbol_size, size = len(venue.encode()), len(symbol.encode()), len(first) + len(second)
    pair = texts.add(first + second)
    _set(row, at.NUMBER, number, tick, lot, bound, scale, multiplier, inverse, pair, size)
    _set(row, at.VENUE, pair + len(first) - venue_size, venue_size, pair + size - symbol_size, symbol_size)
    shift, odd, most = odd_inverse(tick)
    _set(row, at.TICK_SHIFT, shift, odd, min(most, MAX_PX_TICKS - 1))
    _set(row, at.TICKS_FIT, min((WORD // 2 - 1) // tick, MAX_PX_TICKS - 1), (WORD // 2 - 1) // lot)
    _set(row, at.PX_NUM, *fraction(tick, E9), *fraction(lot * multiplier * 10**scale, E9 * E9))
    shift, odd, most = odd_inverse(lot)
    _set(row, at.LOT_SHIFT, shift, odd, min(most, MAX_BOOK_QTY_LOTS - 1), min(most, MAX_ORDER_QTY_LOTS - 1), most)


def _set(words: np.ndarray, offset: int, *values: int) -> None:
    words[offset // 8 : offset // 8 + len(values)] = values


def _by_hash(rows: np.ndarray, places: Iterable[int], hash_of: Callable[[list[int]], int]) -> np.ndarray:
    """A table with the addresses of these rows by their hash; at least half of it is empty."""
    places = list(places)
    table = np.zeros(1 << max(3, (2 * len(places)).bit_length()), np.int64)
    for place in places:
        slot = hash64(hash_of(rows[place].tolist()), _bits(table))
        while table[slot]:
            slot = (slot + 1) % len(table)
        table[slot] = rows.ctypes.data + rows.strides[0] * place
    return table


def _bits(table: np.ndarray) -> int:
    return len(table).bit_length() - 1


def _name_hash(row: list[int]) -> int:
    return at.hash_text(row[at.TEXT // 8], row[at.TEXT_SIZE // 8], row[at.KIND // 8])


def _pair_hash(row: list[int]) -> int:
    venue = at.hash_text(row[at.VENUE // 8], row[at.VENUE_SIZE // 8], 0)
    return at.hash_text(row[at.SYMBOL // 8], row[at.SYMBOL_SIZE // 8], venue)

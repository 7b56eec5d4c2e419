"""Market records from arrays: for notebooks, benchmarks and markets that nobody recorded.

>>> import numpy as np
>>> source = from_arrays(
...     names,
...     books={"recv_ts_ns": [1, 1, 5], "instrument": 0, "side": [0, 1, 0], "px_ticks": [99, 101, 99], "qty_lots": [5, 7, 0],
...            "record": [1, 1, 2], "snapshot": [1, 1, 0]},
...     trades={"recv_ts_ns": [3], "instrument": 0, "side": [1], "px_ticks": [99], "qty_lots": [2]},
... )
>>> [piece.recv_ts_ns.tolist() for piece in source.pieces()]
[[1, 1, 3], [5]]

The second record of time 1 is a quote: the touch of the book, since no quotes were given.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from streams.backtest.events import Events
from streams.backtest.names import MarketNames
from streams.backtest.order import Part, in_order, joined
from streams.backtest.source import Source
from streams.backtest.touch import quotes_of
from streams.errors import ConfigError
from streams.kernel.memory import aligned
from streams.records import NameKind
from streams.schema import ids
from streams.slots import FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, KIND_LEVEL, KIND_QUOTE, KIND_TRADE

__all__ = ["ArraySource", "Columns", "from_arrays"]

Columns = Mapping[str, Any]
"""Arrays or sequences of int by name, of one length; a single int stands for all rows."""

_WORDS = {KIND_LEVEL: 8, KIND_TRADE: 8, KIND_QUOTE: 16}  # of a slot
_TOPICS = {KIND_LEVEL: "book_updates.v1", KIND_TRADE: "trades.v1", KIND_QUOTE: "quotes.v1"}
_NAMES = {KIND_LEVEL: "books", KIND_TRADE: "trades", KIND_QUOTE: "quotes"}
_COMMON = {"recv_ts_ns": None, "exch_ts_ns": 0, "instrument": None}
_FIELDS: dict[int, dict[str, int | None]] = {  # with what stands where none is given; None = it must be
    KIND_LEVEL: {**_COMMON, "side": None, "last_seq": 0, "px_ticks": None, "qty_lots": None, "record": -1, "snapshot": 0},
    KIND_TRADE: {**_COMMON, "side": None, "trade_id": 0, "px_ticks": None, "qty_lots": None},
    KIND_QUOTE: {**_COMMON, "bid_px_ticks": None, "bid_qty_lots": None, "ask_px_ticks": None, "ask_qty_lots": None},
}
_FIRST = 5  # word of a slot behind its header
_NO_SIDE = 255


class ArraySource(Source):
    """Market records in memory; see `from_arrays`."""

    name = "arrays"

    def __init__(self, names: MarketNames, columns: Mapping[int, Mapping[str, np.ndarray]], **range_and_clock: Any) -> None:
        super().__init__(names, cached=False, **range_and_clock)
        self._columns = columns
        self._parts = [_part(names, kind, found) for kind, found in columns.items()]

    def _described(self) -> dict[str, Any]:
        found = {}
        for kind, columns in self._columns.items():
            digest = blake2b(digest_size=16)
            for name in sorted(columns):
                digest.update(name.encode() + b"\0" + columns[name].tobytes())
            found[_NAMES[kind]] = {"rows": len(columns["recv_ts_ns"]), "blake2b": digest.hexdigest()}
        return {"arrays": found}

    def _read(self) -> Iterator[Events]:
        return in_order(iter([_sorted(self._parts)]))

    def _found(self) -> dict[str, Any]:
        return {"lost": {}, "faults": []}


def from_arrays(
    names: MarketNames,
    *,
    books: Columns | None = None,
    trades: Columns | None = None,
    quotes: Columns | None = None,
    **range_and_clock: Any,
) -> ArraySource:
    """A source of what stands in these columns, in ticks and lots; instruments are numbers of the dictionary. ConfigError: what is wrong.

    books  : a row a level: recv_ts_ns, instrument, side (0 bid, 1 ask), px_ticks > 0, qty_lots >= 0 (what rests there now); exch_ts_ns
             (0 = none), last_seq (0 = none), snapshot (1 = the whole book), record: consecutive rows of one number are one update; without
             it each row is one
    trades : recv_ts_ns, instrument, side (of the aggressor), px_ticks > 0, qty_lots > 0; exch_ts_ns, trade_id
    quotes : recv_ts_ns, instrument, bid_px_ticks, bid_qty_lots, ask_px_ticks, ask_qty_lots; exch_ts_ns. Positions are valued at quotes;
             without any (None) the books give them: one whenever the best price or size has changed, with the update's times, behind it
    range_and_clock : from_ns, to_ns, clock_offset_ns of a Source
    """
    given = {KIND_LEVEL: books, KIND_TRADE: trades, KIND_QUOTE: quotes}
    columns = {kind: _checked(names, kind, found) for kind, found in given.items() if found is not None}
    if quotes is None and books is not None:
        columns[KIND_QUOTE] = quotes_of(columns[KIND_LEVEL], _first_of_record(columns[KIND_LEVEL]))
    return ArraySource(names, columns, **range_and_clock)


def _checked(names: MarketNames, kind: int, given: Columns) -> dict[str, np.ndarray]:
    """The columns of a kind as int64 of one length."""
    what, fields = _NAMES[kind], _FIELDS[kind]
    for name in given:
        if name not in fields:
            raise ConfigError(f"{what}: no column {name!r}; the columns are {', '.join(fields)}")
    if missing := [name for name, default in fields.items() if default is None and name not in given]:
        raise ConfigError(f"{what}: the columns {', '.join(missing)} are missing")
    rows = len(given["recv_ts_ns"])
    found = {}
    for name, default in fields.items():
        column = np.asarray(given.get(name, default))
        if column.dtype.kind not in "iub" and column.size:
            raise ConfigError(f"{what}.{name}: {column.dtype} found; whole numbers are needed")
        if column.ndim and len(column) != rows:
            raise ConfigError(f"{what}.{name}: {len(column)} values, recv_ts_ns has {rows}")
        found[name] = np.ascontiguousarray(np.broadcast_to(column.astype(np.int64), rows))
    _check_range(what, found, "instrument", 0, len(names.edge.dictionary.names(NameKind.INSTRUMENT)) - 1)
    for name in fields:
        if name == "side":
            _check_range(what, found, name, 0, 1)
        elif name.endswith("px_ticks"):
            _check_range(what, found, name, 1, (1 << 40) - 1)
        elif name.endswith("qty_lots"):
            _check_range(what, found, name, 1 if kind == KIND_TRADE else 0, (1 << 47) - 1)
    return found


def _check_range(what: str, columns: Mapping[str, np.ndarray], name: str, least: int, most: int) -> None:
    wrong = np.flatnonzero((columns[name] < least) | (columns[name] > most))
    if len(wrong):
        raise ConfigError(f"{what}.{name}: {columns[name][wrong[0]]} in row {wrong[0]}; {least} to {most} is allowed")


def _part(names: MarketNames, kind: int, columns: Mapping[str, np.ndarray]) -> Part:
    """The records of one kind, in the order given."""
    rows, topic = len(columns["recv_ts_ns"]), _TOPICS[kind]
    memory = aligned(8 * _WORDS[kind] * rows)
    slots = memory.view(np.int64).reshape(rows, _WORDS[kind])
    first = _first_of_record(columns) if kind == KIND_LEVEL else np.ones(rows, bool)
    starts = np.flatnonzero(first)
    number = np.cumsum(first) - 1  # of each row's record
    id = ids.make(names.writers.get(topic, 0), 1) + np.arange(len(starts))
    slots[:, 0], slots[:, 2], slots[:, 3] = id[number], columns["recv_ts_ns"], columns["recv_ts_ns"]
    side = columns.get("side", np.full(rows, _NO_SIDE))
    slots[:, 4] = columns["instrument"] | kind << 32 | side << 40
    if kind == KIND_LEVEL:
        last = np.append(first[1:], True)[:rows]
        slots[:, 4] |= (first * FLAG_FIRST | last * FLAG_LAST | (columns["snapshot"] != 0) * FLAG_SNAPSHOT) << 48
    for place, name in enumerate([name for name in _FIELDS[kind] if name not in (*_COMMON, "side", "record", "snapshot")], _FIRST):
        slots[:, place] = columns[name]
    nbytes = np.diff(np.append(starts, rows)) * slots.strides[0]
    rank = np.full(len(starts), names.topics.index(topic), np.int64)
    address = memory.ctypes.data + starts * slots.strides[0]
    return Part(address, nbytes, columns["recv_ts_ns"][starts], columns["exch_ts_ns"][starts], rank, id, memory)


def _first_of_record(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which levels begin an update."""
    record = columns["record"]
    if not len(record) or record[0] < 0:
        return np.ones(len(record), bool)
    return np.append(True, record[1:] != record[:-1])


def _sorted(parts: list[Part]) -> Part:
    """All records by receive time; those of one time are `in_order`'s to sort."""
    part = joined(parts)
    return part.take(np.argsort(part.recv_ts_ns, kind="stable"))

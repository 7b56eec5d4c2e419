"""Values of market topics as market records: Avro bodies straight into slots, with the venue's stamps, which slots do not hold."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from streams.backtest.laid import entry
from streams.backtest.names import MarketNames
from streams.backtest.normalized import TOLD
from streams.backtest.order import Part
from streams.errors import DecodeError, EdgeError
from streams.kernel.memory import aligned
from streams.records import Instrument, Name, NameKind
from streams.schema.edge import Edge
from streams.schema.model import for_topic
from streams.schema.slots_in import GOOD, SlotReader, Slots

__all__ = ["Decode", "ValuesIn", "met"]

Decode = Callable[[int], Any]
"""Gives the record of a row that compiled code does not read; DecodeError: it is none."""

_KINDS = (NameKind.VENUE, NameKind.CURRENCY, NameKind.INSTRUMENT)
_INSTRUMENT = 32  # of a slot
_FUNDING = "funding.v1"


class ValuesIn:
    """Reads the values of one run.

    names : of the backtest: records of other instruments are passed over
    run   : the run whose records are taken
    more  : instruments that the topics carry, too: to pass over their records they are read, fast
    found : counted: refused (values that are no record, or none that memory holds), other instruments, other runs
    faults: the first TOLD of what was refused, with the reason
    """

    def __init__(self, names: MarketNames, run: int, more: Iterable[Instrument] = ()) -> None:
        self.run = run
        self.found: Counter[str] = Counter({"refused": 0, "other instruments": 0, "other runs": 0})
        self.faults: list[str] = []
        self._ranks = {topic: rank for rank, topic in enumerate(names.topics)}
        self._own = len(names.edge.dictionary.names(NameKind.INSTRUMENT))
        self._edge = _edge_with(names, more)
        self._reader = SlotReader(self._edge)

    def part(
        self,
        topic: str,
        address: np.ndarray,
        size: np.ndarray,
        decode: Decode,
        header: bytes = b"",
        writers: Mapping[bytes, dict[str, Any]] | None = None,
        exch_ts_ns: np.ndarray | None = None,
    ) -> Part:
        """The market records among the values of one topic, in the order given, in memory of their own.

        address, size  : int64, of the values; header, writers: as of SlotReader
        exch_ts_ns     : the venue's stamps; None: they are read from the values
        """
        slots = self._reader.read(for_topic(topic), address, size, header, writers or {})
        if exch_ts_ns is None:
            exch_ts_ns = self._stamps(topic, address, size, slots, header, decode)
        else:
            exch_ts_ns = exch_ts_ns.copy()
        kept: list[Any] = list(slots.kept)
        for row in np.flatnonzero(slots.state != GOOD).tolist():
            self._by_python(topic, slots, row, exch_ts_ns, decode, kept)
        wanted = self._wanted(slots)
        rank = np.full(len(wanted), self._ranks[topic], np.int64)
        return Part(slots.start[wanted], slots.nbytes[wanted], slots.recv_ts_ns[wanted], exch_ts_ns[wanted], rank, slots.id[wanted], kept)

    def _wanted(self, slots: Slots) -> np.ndarray:
        """Rows that are records of this run and of the backtest's instruments."""
        rows = np.flatnonzero(slots.nbytes > 0)
        mine = slots.run_id[rows] == self.run
        self.found["other runs"] += int(len(rows) - mine.sum())
        rows = rows[mine]
        number = np.empty(len(rows), np.int64)
        place = np.ascontiguousarray(slots.start[rows] + _INSTRUMENT)
        entry("halves")(place.ctypes.data, len(rows), number.ctypes.data)
        ours = (number >= 0) & (number < self._own)
        self.found["other instruments"] += int(len(rows) - ours.sum())
        return rows[ours]

    def _stamps(self, topic: str, address: np.ndarray, size: np.ndarray, slots: Slots, header: bytes, decode: Decode) -> np.ndarray:
        found = np.zeros(len(address), np.int64)
        if topic == _FUNDING or not len(address):
            return found
        good = slots.state == GOOD
        today = good & _begins_with(header, address)
        places = np.where(today, address, 0)
        entry("stamps")(places.ctypes.data, len(places), len(header), found.ctypes.data)
        for row in np.flatnonzero(good & ~today).tolist():
            found[row] = decode(row).exch_ts_ns
        return found

    def _by_python(self, topic: str, slots: Slots, row: int, exch_ts_ns: np.ndarray, decode: Decode, kept: list[Any]) -> None:
        """Read one value by the codec and the edge, or say why it is no record."""
        try:
            record = decode(row)
            data = self._edge.to_slots(record)
        except (DecodeError, EdgeError) as error:
            self.found["refused"] += 1
            if len(self.faults) < TOLD:
                self.faults.append(f"{topic}: {error}")
            return
        memory = aligned(len(data))
        memory[:] = np.frombuffer(data, np.uint8)
        kept.append(memory)
        slots.start[row], slots.nbytes[row] = memory.ctypes.data, len(data)
        slots.id[row], slots.run_id[row], slots.recv_ts_ns[row] = record.id, record.run_id, record.recv_ts_ns
        exch_ts_ns[row] = getattr(record, "exch_ts_ns", 0)


def met(values: Sequence[ValuesIn]) -> dict[str, Any]:
    """What the values of several runs met that is no market record: counts by kind, and the faults that were kept."""
    lost = {kind: sum(each.found[kind] for each in values) for kind in values[0].found} if values else {}
    return {"lost": lost, "faults": [fault for each in values for fault in each.faults]}


def _begins_with(header: bytes, address: np.ndarray) -> np.ndarray:
    """Which of the values at these addresses (0 = none) begin with the header."""
    if not header:
        return address != 0
    words = np.zeros(len(address), np.int64)
    entry("words")(address.ctypes.data, len(address), words.ctypes.data)
    mask = (1 << 8 * len(header)) - 1
    return (address != 0) & (words & mask == int.from_bytes(header, "little"))


def _edge_with(names: MarketNames, more: Iterable[Instrument]) -> Edge:
    """An edge with the numbers of the backtest's, and more instruments behind them."""
    edge, dictionary = Edge(), names.edge.dictionary
    epoch = dictionary.epoch
    for kind in _KINDS:
        for number, name in enumerate(dictionary.names(kind)):
            edge.on_name(Name(0, 0, 0, 0, 0, kind, number, name, epoch))
    for instrument in names.instruments:
        edge.on_instrument(instrument)
    known = {(i.venue, i.symbol) for i in names.instruments}
    for instrument in more:
        if (instrument.venue, instrument.symbol) not in known:
            edge.dictionary.add(NameKind.INSTRUMENT, f"{instrument.venue}:{instrument.symbol}")
            with suppress(EdgeError):  # then its records are refused one by one, and counted
                edge.on_instrument(instrument)
    return edge

"""Market records as the matching engine takes them: slots whose instrument is the venue's row."""

import struct
from collections.abc import Sequence

import numpy as np

from streams.errors import EdgeError, SchemaError
from streams.records import BookUpdate, Instrument, Name, NameKind, Trade
from streams.schema.edge import Edge

__all__ = ["MarketSlots"]

_HEADER = struct.Struct("<qqqqibbbb24x")  # the head of a slot, in the smallest one


class MarketSlots:
    """The way of a run's market records into memory.

    edge     : knows the venue's instruments by their rows, and behind them those of other venues, whose records are passed over
    unusable : records that do not fit their instrument's grid; of them only the time counts
    """

    def __init__(self, run: int, instruments: Sequence[Instrument], others: Sequence[Instrument] = ()) -> None:
        self.run, self.edge, self.unusable = run, Edge(), 0
        self._rows = {(i.venue, i.symbol): row for row, i in enumerate(instruments)}
        for instrument in [*instruments, *others]:
            number = len(self.edge.dictionary.numbers(NameKind.INSTRUMENT))
            name = Name(0, 0, 0, 0, 0, NameKind.INSTRUMENT, number, f"{instrument.venue}:{instrument.symbol}", 1)
            try:
                self.edge.on_name(name)
                self.edge.on_instrument(instrument)
            except (EdgeError, SchemaError):
                if number < len(instruments):
                    raise

    def of(self, record: BookUpdate | Trade | None) -> bytes:
        """The slots of a record; of one that is unusable a bare head with its time; none of what is of another run or venue."""
        row = None if record is None else self._rows.get((record.venue, record.symbol))
        if record is None or row is None or record.run_id != self.run:
            return b""
        try:
            return self.edge.to_slots(record)
        except EdgeError:
            self.unusable += 1
            return _HEADER.pack(record.id, 0, record.recv_ts_ns, record.recv_ts_ns, row, 0, -1, 0, 0)

    def arrays(self, records: list[BookUpdate | Trade | None]) -> tuple[np.ndarray, np.ndarray, bytes]:
        """Address and bytes of each record's slots, int64[n] each, and the memory they lie in, which must be kept as long."""
        slots = [self.of(record) for record in records]
        memory = b"".join(slots) or bytes(1)
        sizes = np.array([len(s) for s in slots], np.int64)
        starts = np.frombuffer(memory, np.uint8).ctypes.data + np.cumsum(sizes) - sizes
        return starts, sizes, memory

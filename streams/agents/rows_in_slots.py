"""Rows that were read into the kernel's slots; what is not read there is a record, or no record, as `wire` says."""

import ctypes
from typing import Any

import numpy as np

from streams.agents.rows import BAD, GOOD, RECORD, Rows
from streams.errors import DecodeError
from streams.schema import slots_in
from streams.schema.model import for_topic
from streams.schema.slots_in import SlotReader

__all__ = ["SlotRows"]


class SlotRows(Rows):
    """Rows of a topic whose records have slots.

    slot, slot_bytes : int64, address and bytes of each row's slots; address 0 where Python has to carry the row
    version          : of the names and instruments that the slots were made with
    """

    def __init__(self, topic: str, address: np.ndarray, size: np.ndarray, decode: Any, header: bytes, keep: Any = None) -> None:
        none = np.zeros(0, np.int64)
        super().__init__(topic, none, none, none, none.astype(np.uint8), {}, self._decode)
        self._address, self._size, self._header, self._keep = address, size, header, keep
        self._wire_decode = decode
        self.slot = self.slot_bytes = none
        self.version: Any = None

    def fill(self, reader: SlotReader, version: Any) -> None:
        """Read the values into slots, with the names and instruments that are known now."""
        first = self.version is None
        found = reader.read(for_topic(self.topic), self._address, self._size, self._header)
        good = found.state == slots_in.GOOD
        self.slot, self.slot_bytes, self._slots, self.version = found.start, found.nbytes, found, version
        if first:
            self.id, self.run_id, self.recv_ts_ns = found.id, found.run_id, found.recv_ts_ns
            self.state = np.where(good, GOOD, RECORD).astype(np.uint8)
            for row in np.flatnonzero(~good).tolist():
                self._fill_record(row)
        else:  # what could be read then can be read now
            self.state[self.state != BAD] = np.where(good, GOOD, RECORD)[self.state != BAD]

    def _fill_record(self, row: int) -> None:
        try:
            record = self._decode(row)
        except DecodeError as error:
            self.state[row], self.reasons[row] = BAD, str(error)
        else:
            self.id[row], self.run_id[row], self.recv_ts_ns[row] = record.id, record.run_id, record.recv_ts_ns

    def _decode(self, row: int) -> Any:
        address = int(self._address[row])
        return self._wire_decode(self.topic, ctypes.string_at(address, int(self._size[row])) if address else None)

"""Rows as compiled code carries them: in slots, or as frames; what is not read so is a record, or no record, as `wire` says."""

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from streams.agents.rows import BAD, GOOD, RECORD, Rows
from streams.errors import DecodeError
from streams.schema.bulk import Writers
from streams.schema.model import for_topic
from streams.schema.slots_in import GOOD as READ
from streams.schema.slots_in import Frames, SlotReader, Slots

__all__ = ["CompiledRows", "FrameRows", "SlotRows"]

Decode = Callable[[str, bytes | None], Any]


class CompiledRows(Rows, ABC):
    """Rows of a topic of which compiled code reads most.

    writers : other headers, and the schemas that the bodies behind them were written with
    version : of the names and instruments that they were read with
    """

    def __init__(
        self,
        topic: str,
        address: np.ndarray,
        size: np.ndarray,
        header: bytes,
        writers: Writers,
        decode: Decode,
        keep: Any = None,
    ) -> None:
        none = np.zeros(0, np.int64)
        super().__init__(topic, none, none, none, none.astype(np.uint8), {}, self._decode)
        self._address, self._size, self._header, self._writers = address, size, header, writers
        self._decode_value, self._keep = decode, keep
        self.version: Any = None
        self.found: Any = None

    def fill(self, reader: SlotReader, version: Any) -> None:
        """Read the values, with the names and instruments that are known now."""
        first = self.version is None
        self.version, self.found = version, self._read(reader)
        state = np.where(self.found.state == READ, GOOD, RECORD).astype(np.uint8)
        if not first:  # what could be read then can be read now
            self.state[self.state != BAD] = state[self.state != BAD]
            return
        self.id, self.run_id, self.recv_ts_ns, self.state = self.found.id, self.found.run_id, self.found.recv_ts_ns, state
        for row in np.flatnonzero(state == RECORD).tolist():
            self._fill_record(row)

    @abstractmethod
    def _read(self, reader: SlotReader) -> Any:
        """Columns with a row a value: state, id, run_id, recv_ts_ns and more."""

    def _fill_record(self, row: int) -> None:
        try:
            record = self._decode(row)
        except DecodeError as error:
            self.state[row], self.reasons[row] = BAD, str(error)
        else:
            self.id[row], self.run_id[row], self.recv_ts_ns[row] = record.id, record.run_id, record.recv_ts_ns

    def _decode(self, row: int) -> Any:
        address = int(self._address[row])
        return self._decode_value(self.topic, ctypes.string_at(address, int(self._size[row])) if address else None)


class SlotRows(CompiledRows):
    """Rows in slots: `found.start` and `found.nbytes` say where, 0 for a row that Python has to carry."""

    found: Slots

    def _read(self, reader: SlotReader) -> Slots:
        return reader.read(for_topic(self.topic), self._address, self._size, self._header, self._writers)


class FrameRows(CompiledRows):
    """Frames: `found.venue`, and where the payload is, `found.start` and `found.nbytes`; 0 for a row that Python has to carry."""

    found: Frames

    def _read(self, reader: SlotReader) -> Frames:
        return reader.read_frames(self._address, self._size, self._header, self._writers)

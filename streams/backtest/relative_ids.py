"""Ids of a run by their place among the run's own: topic and number of the record, whatever writer and sequence it began with."""

from typing import Any

import numpy as np

from streams.backtest.kept_rows import WRITTEN, KeptRows
from streams.schema import ids
from streams.schema.layout import NULL

__all__ = ["RelativeIds"]

_FIELDS = frozenset({"id", "cause_id", "order_id", "request_id", "parent_id"})
_BITS = ids.MAX_SEQUENCE.bit_length()
_WRITER_AT = _BITS - 8
_FOREIGN = -1


class RelativeIds:
    """Knows the first id of each writer of a run's topics; ids of inputs and ticks are all one to it."""

    def __init__(self, run: KeptRows) -> None:
        self._shifts: dict[int, int] = {}  # by writer, what is added to its sequences
        for rank, topic in enumerate(WRITTEN):
            writers = 0  # of this topic so far
            for table in run.tables(topic):
                found: Any = table.column("id").to_numpy()
                for id in found[np.unique(found >> _BITS, return_index=True)[1]].tolist():
                    if ids.writer(id) not in self._shifts:
                        self._shifts[ids.writer(id)] = (rank << _BITS) + (writers << _WRITER_AT) - ids.sequence(id) + 1
                        writers += 1

    @staticmethod
    def is_id(field: str) -> bool:
        """Whether a field holds ids."""
        return field in _FIELDS

    def places(self, values: np.ndarray) -> np.ndarray:
        """int64: equal for records of two runs that stand at the same place; -1 for ids of inputs; null and 0 stay."""
        writers, sequences = values >> _BITS, values & ids.MAX_SEQUENCE
        out = np.where((values == NULL) | (values == 0), values, _FOREIGN)
        for writer, shift in self._shifts.items():
            own = writers == writer
            out[own] = sequences[own] + shift
        return out

"""Memory: the results of a backtest as columns in memory, for notebooks, tests and the report."""

import numpy as np
import pyarrow as pa

from streams.backtest.arrow import empty_table
from streams.backtest.arrow_arrays import arrays_of
from streams.backtest.results import Batch
from streams.schema import model

__all__ = ["Memory"]


class Memory:
    """A sink that keeps everything.

    whole : False until the backtest has come to its end
    """

    def __init__(self) -> None:
        self.whole = False
        self._tables: dict[str, list[pa.Table]] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics that have rows."""
        return tuple(sorted(self._tables))

    def take(self, batch: Batch) -> None:
        """Keep these rows."""
        for schema in batch.held:
            self._tables.setdefault(schema.topic, []).append(batch.table(schema))

    def close(self, whole: bool) -> None:
        """The end."""
        self.whole = whole

    def table(self, topic: str) -> pa.Table:
        """The rows of a topic as an Arrow table, columns as in ClickHouse; without rows if nothing was written."""
        return pa.concat_tables([empty_table(model.for_topic(topic)), *self._tables.get(topic, ())])

    def columns(self, topic: str) -> dict[str, np.ndarray]:
        """The rows of a topic, a numpy array a field: see `arrow_arrays.arrays_of`."""
        return arrays_of(model.for_topic(topic), self._tables.get(topic, ()))

"""Parquet: the results of a backtest as files, one a topic, written as they come; and the same files read back."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streams.backtest.arrow import arrow_schema
from streams.backtest.arrow_arrays import arrays_of
from streams.backtest.results import Batch
from streams.errors import ConfigError
from streams.schema import model

__all__ = ["Parquet", "read_columns", "read_tables", "topics_of"]

ROWS = 1 << 16  # of a row group: what is held of a topic until it is written
SUFFIX = ".parquet"
SORTED: Any = ["id", "ts", "recv_ts", "_offset"]  # columns whose least and greatest values let a query skip row groups


class Parquet:
    """A sink that writes `<topic>.parquet` into a folder, which it makes; compressed with zstd, in row groups of 65,536 rows.

    The same rows give the same bytes. A backtest that fails leaves no files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._held: dict[str, list[pa.Table]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise ConfigError(f"{folder}: cannot be made ({fault.strerror}); name a folder that can be written") from None

    def take(self, batch: Batch) -> None:
        """Keep these rows, and write whole row groups."""
        for schema in batch.held:
            topic = schema.topic
            held = self._held.setdefault(topic, [])
            held.append(batch.table(schema))
            if sum(table.num_rows for table in held) >= ROWS:
                whole = pa.concat_tables(held)
                cut = whole.num_rows // ROWS * ROWS
                self._write(topic, whole.slice(0, cut))
                self._held[topic] = [whole.slice(cut)] if cut < whole.num_rows else []

    def close(self, whole: bool) -> None:
        """Write what is held and close the files, or remove them."""
        held, self._held = self._held, {}
        try:
            for topic, rows in held.items():
                if whole and rows:
                    self._write(topic, pa.concat_tables(rows))
            self._end()
        finally:
            with suppress(ConfigError):  # a full disk has been told of; what is open is closed all the same
                self._end()
            if not whole:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        """Close the files, which writes what they hold."""
        while self._writers:
            _, writer = self._writers.popitem()
            with self._told():
                writer.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            why = os.strerror(fault.errno) if fault.errno else fault
            raise ConfigError(f"{self.folder}: cannot be written ({why}); make room, or name another folder") from None

    def _write(self, topic: str, rows: pa.Table) -> None:
        writer = self._writers.get(topic)
        if writer is None:
            path = self.folder / f"{topic}{SUFFIX}"
            columns = arrow_schema(model.for_topic(topic))
            names: Any = [
                field.name for field in columns if pa.types.is_dictionary(field.type)
            ]  # a dictionary of numbers costs more than it saves
            with self._told():
                writer = pq.ParquetWriter(path, columns, compression="zstd", use_dictionary=names, write_statistics=SORTED)
            self._writers[topic] = writer
        with self._told():
            writer.write_table(rows.unify_dictionaries(), ROWS)


def topics_of(folder: Path) -> tuple[str, ...]:
    """Topics that a folder has files of."""
    return tuple(sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")))


def read_tables(folder: Path, topic: str) -> Iterator[pa.Table]:
    """The rows of a topic, row group by row group; none if there is no file. ConfigError if it is no file of ours."""
    path = folder / f"{topic}{SUFFIX}"
    if not path.exists():
        return
    schema = arrow_schema(model.for_topic(topic))
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(schema):
                raise ConfigError(f"{path}: its columns are not those of {topic} in this version; run the replay again")
            for group in range(file.num_row_groups):
                yield file.read_row_group(group)
    except (OSError, pa.ArrowInvalid) as fault:
        raise ConfigError(f"{path}: cannot be read ({fault}); run the replay again") from None


def read_columns(folder: Path, topic: str) -> dict[str, np.ndarray]:
    """The rows of a topic, a numpy array a field: see `arrow_arrays.arrays_of`."""
    return arrays_of(model.for_topic(topic), read_tables(folder, topic))

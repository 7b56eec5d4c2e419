"""To which partition each written record goes, found for a whole batch: partition = shard (contract 8)."""

from types import SimpleNamespace

import numpy as np

from streams.agents.batch import Written
from streams.lanes.spec import LaneSpec
from streams.schema import bulk, model

__all__ = ["partitions_of"]

_NAMES = ("account", "venue", "symbol")


def partitions_of(spec: LaneSpec, topic: str, written: Written, rows: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The rows of each partition, in order. rows: int64, of one topic. No Python object a record: the rule is asked once a name."""
    if spec.partition_of is None:
        return [(spec.partition(topic), rows)]
    schema = model.for_topic(topic)
    fields = [field.name for field in schema.fields if field.name in _NAMES]
    if not fields:
        return [(spec.partition_of(topic, SimpleNamespace()), rows)]
    code, named = _named(topic, fields, written, rows)
    partition = np.array([spec.partition_of(topic, SimpleNamespace(**names)) for names in named], np.int64)[code]
    return [(number, rows[partition == number]) for number in np.unique(partition).tolist()]


def _named(topic: str, fields: list[str], written: Written, rows: np.ndarray) -> tuple[np.ndarray, list[dict[str, str]]]:
    """Of each row the index of its names among the different ones, and those."""
    buffer, starts = _joined(written, rows)
    found = bulk.decode_buffer(model.for_topic(topic), buffer, starts)
    assert found.rows == len(rows)
    code, texts = np.zeros(len(rows), np.int64), []
    for name in fields:
        column = found.columns[name]
        assert column.names is not None
        texts.append([buffer[start : start + size].tobytes().decode() for start, size in column.names.tolist()])
        code = code * len(column.names) + column.values
    seen, first, code = np.unique(code, return_index=True, return_inverse=True)
    chosen = [found.columns[name].values[first] for name in fields]
    named = [{name: texts[k][int(chosen[k][i])] for k, name in enumerate(fields)} for i in range(len(seen))]
    return code, named


def _joined(written: Written, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bodies of these rows one after another, and where each begins and the last ends."""
    size = written.size[rows] - written.header_bytes
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(size)))
    where = np.repeat(written.start[rows] + written.header_bytes - starts[:-1], size) + np.arange(starts[-1])
    return np.concatenate((written.buffer[where], np.zeros(bulk.BEHIND, np.uint8))), starts

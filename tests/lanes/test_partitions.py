"""Where records go, found for a batch at once and for each record by itself."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agents.batch import Written
from streams.lanes.partitions import partitions_of
from streams.lanes.spec import LaneSpec
from streams.records import Alert, Quote, Severity
from streams.schema import codec

HEADER = b"\0\0\0\0\7"
SYMBOLS = ("X", "Y", "Long-Symbol-1")
SHARDS = {"v:X": 0, "v:Y": 3, "v:Long-Symbol-1": 1}


def quote(id: int, symbol: str) -> Quote:
    return Quote(id, 0, 1, 1, 1, "v", symbol, 0, 1, 1, 1, 2, 1, 1, 0.0, 1.5)


def written_of(records: list[Any], topic: str) -> Written:
    values = [HEADER + codec.encode(record) for record in records]
    size = np.array([len(value) for value in values], np.int64)
    start = np.cumsum(size) - size
    id = np.array([record.id for record in records], np.int64)
    return Written((topic,), np.zeros(len(values), np.int32), id, start, size, np.frombuffer(b"".join(values), np.uint8), len(HEADER))


def partition_of(topic: str, record: Any) -> int:
    return SHARDS[f"{record.venue}:{record.symbol}"] if hasattr(record, "symbol") else 2


def spec(**changes: Any) -> LaneSpec:
    return LaneSpec("t", "p", 5, "nowhere", "nowhere", **changes)


@given(st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=40), st.data())
def test_partitions_of_a_batch_are_those_of_each_record(symbols: list[str], data: st.DataObject) -> None:
    records = [quote(k, symbol) for k, symbol in enumerate(symbols)]
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(records) - 1), min_size=1))), np.int64)
    found = partitions_of(spec(partition_of=partition_of), "quotes.v1", written_of(records, "quotes.v1"), rows)
    slow: dict[int, list[int]] = {}
    for row in rows.tolist():
        slow.setdefault(partition_of("quotes.v1", records[row]), []).append(row)
    assert {partition: mine.tolist() for partition, mine in found} == slow


@pytest.mark.parametrize(("rule", "partition"), [(None, 5), (partition_of, 2)])
def test_partitions_without_names_are_one(rule: Any, partition: int) -> None:
    written = written_of([Alert(k, 0, 1, 1, 1, Severity.INFO, "s", "t") for k in range(3)], "alerts.v1")
    ((number, mine),) = partitions_of(spec(partition_of=rule), "alerts.v1", written, np.arange(3))
    assert (number, mine.tolist()) == (partition, [0, 1, 2])
    assert partition_of("alerts.v1", SimpleNamespace()) == 2

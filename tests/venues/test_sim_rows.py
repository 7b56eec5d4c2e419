"""Market messages as rows: compiled code and the codec give the same venue."""

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streams.errors import DecodeError
from streams.records import BookUpdate, Trade
from streams.schema import codec
from streams.venues.sim.exchange import SimExchange
from streams.venues.sim.market import RowReader
from tests.venues.sim_orders import instrument
from tests.venues.test_sim_matcher import SMALL, random_record

HEADER = b"\0\0\0\0\7"
TOPICS = {"book_updates.v1": BookUpdate, "trades.v1": Trade}


def decode(topic, value):
    if value is None or value[:5] != HEADER:
        raise DecodeError("not ours")
    return codec.decode(TOPICS[topic], value[5:])


class Values:
    """Messages that lie in Python's memory."""

    def __init__(self, values):
        self.values, self.offset = values, np.arange(10, 10 + len(values))
        self.kept = [np.frombuffer(value or b"\0", np.uint8) for value in values]
        self.address = np.array([k.ctypes.data if v is not None else 0 for k, v in zip(self.kept, values, strict=True)], np.int64)
        self.size = np.array([len(v or b"") for v in values], np.int64)

    def value(self, row):
        return self.values[row]


def some_values(rng, record_type, n):
    """Records of all kinds of one topic: some of another run, foreign, damaged, cut off or without a value."""
    found: list[Any] = []
    while len(found) < n:
        record = random_record(rng, 1 + len(found))
        if type(record) is not record_type:
            continue
        value = HEADER + codec.encode(record._replace(run_id=2 if rng.random() < 0.1 else 1, id=len(found)))
        damage = rng.random()
        found.append(None if damage < 0.03 else value[:-3] if damage < 0.06 else b"x" + value if damage < 0.09 else value)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("others", [False, True])
def test_rows_of_any_messages_give_the_venue_of_their_records(topic, others):
    rng, wire = random.Random(f"{topic} {others}"), SimpleNamespace(header=lambda topic: HEADER, decode=decode)
    mine, foreign = [instrument(), instrument(symbol="ETHUSDT")], [instrument("other"), instrument("other", "XRPUSDT")]
    fast, slow = (SimExchange(1, mine, SMALL, True, foreign if others else ()) for _ in range(2))
    values = some_values(rng, TOPICS[topic], 400)
    messages: Any = Values(values)
    rows = RowReader(wire, fast.slots).read(topic, 3, messages, np.arange(len(values)))  # type: ignore[arg-type]
    fast.on_market(rows.start, rows.size)
    records = []
    for value in values:
        try:
            records.append(decode(topic, value))
        except DecodeError:
            records.append(None)
    starts, sizes, kept = slow.slots.arrays(records)
    slow.on_market(starts, sizes)
    assert fast.matcher.pack() == slow.matcher.pack()
    assert fast.slots.unusable == slow.slots.unusable
    assert rows.recv_ts_ns.tolist() == [0 if r is None else r.recv_ts_ns for r in records]
    assert (rows.place == 3).all()
    assert rows.offset.tolist() == list(range(10, 10 + len(values)))
    assert kept

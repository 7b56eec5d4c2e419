"""Plain and compiled batches of one process, given the same random mixtures of values, ticks and records, do and say the same."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.agents.batch import BAD, Queue, batch_of
from streams.agents.process import Process
from streams.records import CommandType, Param
from streams.schema import codec, ids, model
from tests.agents.desk import T0, book, command, control, quote, spec
from tests.agents.test_batch import AGENTS, trading

pytestmark = pytest.mark.slow
HEADER = b"\0\0\0\0\7"
Value = tuple[str, bytes | None]
FOREIGN = b"\0\0\0\0\6"


class StubWire:
    """Two versions of every schema, of which the other one cannot be read."""

    def header(self, topic: str) -> bytes:
        return HEADER

    def writers(self, topic: str) -> dict[bytes, Any]:
        return {}

    def decode(self, topic: str, value: bytes | None) -> Any:
        if value is None or not value.startswith(HEADER):
            raise codec.DecodeError(f"{topic}: another version")
        return codec.decode(model.for_topic(topic).record, value[len(HEADER) :])


@dataclass
class Told:
    """What a batch was seen to do."""

    read: list = field(default_factory=list)
    written: list = field(default_factory=list)
    refused: list = field(default_factory=list)


def value_of(record: Any) -> Value:
    return model.SCHEMAS[type(record).__name__].topic, HEADER + codec.encode(record)


def strange(n: int, how: int) -> Value:
    """A value that is not as the others."""
    topic, value = value_of(quote(n, "60000", "60000.1", T0 + n))
    assert value is not None
    if how < 4:
        return topic, (None, value[:-3], FOREIGN + value[5:], value + b"\0")[how]
    records = (
        quote(n, "60000.05", "60000.2", T0 + n),  # off the grid
        quote(n, "60000", "60000.1", T0 + n)._replace(symbol="ETHUSDT"),
        book(n, "60000", "60000.1", T0 + n)._replace(levels=()),
        Param(id=1, cause_id=0, run_id=0, ts_ns=0, recv_ts_ns=0, strategy="maker", name="half_spread_ticks", value_text="wide"),
        command(CommandType.KILL, "nobody"),
        command(CommandType.KILL, "maker"),
        command(CommandType.RESUME, "maker"),
        coarser(n),
    )
    return value_of(records[(how - 4) % len(records)])


def coarser(n: int):
    """The instrument with another tick: what follows is read otherwise."""
    (instrument,) = (r for r in control() if type(r).__name__ == "Instrument")
    return instrument._replace(id=ids.make(2, n), tick_e9=200_000_000 if n % 2 else 100_000_000)


def play(compiled: bool, values: list[Value], cuts: list[int], chunk: int) -> tuple[Told, Any]:
    """Give a process the values, queue by queue, each in chunks with ticks between them; what it did, and its state."""
    batch, told = batch_of(Process(spec(*AGENTS), compiled=compiled), StubWire()), Told()
    ticks = 0
    for first, last in zip([0, *cuts], [*cuts, len(values)], strict=True):
        mine = values[first:last]
        topics = list(dict.fromkeys(topic for topic, _ in mine))
        sources = [batch.read_values(topic, [v for t, v in mine if t == topic]) for topic in topics]
        places = [i for topic in topics for i, (t, _) in enumerate(mine) if t == topic]
        good = np.flatnonzero(np.concatenate([rows.state != BAD for rows in sources])) if sources else np.zeros(0, np.int64)
        order = good[np.argsort(np.array(places, np.int64)[good], kind="stable")]
        queue = Queue.of(sources, order)
        told.read += [
            (r.topic, r.reasons, r.id.tolist(), r.run_id.tolist(), r.recv_ts_ns.tolist(), (r.state == BAD).tolist()) for r in sources
        ]
        at = 0
        while at < len(queue):
            at = batch.carry(queue, at, min(at + chunk, len(queue)))
            ticks += 1
            batch.tick(ticks, T0 + ticks * 10_000_000)
        told.refused += queue.refused
        written = batch.written()
        told.written += [(written.topics[t], written.value(row), int(written.id[row])) for row, t in enumerate(written.topic)]
        told.written.append(written.digest)
    return told, batch.process.snapshot()


TRADING = [value_of(record) for record in trading(3, 120)]
CONTROL = [value_of(record) for record in control()]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_plain_and_compiled_batches_of_any_mixture_do_the_same(data):
    first = data.draw(st.integers(0, len(TRADING) - 60))
    values = [*CONTROL, *TRADING[: data.draw(st.integers(0, 40))], *TRADING[first : first + data.draw(st.integers(0, 60))]]
    for n, how in enumerate(data.draw(st.lists(st.integers(0, 11), max_size=12))):
        values.insert(data.draw(st.integers(0, len(values))), strange(1000 + n, how))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    chunk = data.draw(st.integers(1, 50))
    (plain, state), (compiled, other) = (play(c, values, cuts, chunk) for c in (False, True))
    assert plain == compiled
    assert {part: data[2] for part, data in state.items()} == {part: data[2] for part, data in other.items()}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_plain_and_compiled_batches_of_damaged_values_do_the_same(data):
    values = [*CONTROL, *TRADING[:30]]
    for place in data.draw(st.lists(st.integers(len(CONTROL), len(values) - 1), min_size=20, max_size=40)):
        topic, value = values[place]
        assert value is not None
        at, bits = data.draw(st.integers(5, len(value) - 1)), data.draw(st.integers(1, 255))
        values.append((topic, value[:at] + bytes((value[at] ^ bits,)) + value[at + 1 :]))
    values.append(("quotes.v1", HEADER + data.draw(st.binary(max_size=60))))
    (plain, state), (compiled, other) = (play(c, values, [], len(values)) for c in (False, True))
    assert plain == compiled
    assert {part: data[2] for part, data in state.items()} == {part: data[2] for part, data in other.items()}

"""The processes of the demo, apart and fused, behind arrays: compiled batches write what plain ones write, byte for byte."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.agents.batch import BAD, BatchProcess, batch_of
from streams.agents.batch_compiled import CompiledBatch
from streams.agents.process import Process
from streams.records import CommandType, Frame
from streams.schema import codec, ids
from streams.schema.rolling import EMPTY_HASH, roll
from streams.venues.binance.synthetic import Faults, SyntheticMarket, write_synthetic
from tests.agents.desk import command, control, spec
from tests.agents.recorded_inputs import APART, FUSED, Values, inputs_of, played, queue_of, topic_of
from tests.real_recording import needs_real_recording

pytestmark = pytest.mark.slow
ROOM: dict[str, Any] = {"orders": 256, "window": 4096, "far": 8192, "executions": 4096}
FRAMES = 8_000  # of the recording
NOT_OURS = (
    b'{"e":"kline","s":"BTCUSDT"}',
    b"{}",
    b'{"stream":"x","data":{}}',
    b"",
    b"{",
    b'{"e":"trade"',
    b'{"result":null,"id":1}',
    b"\xff\x00",
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("market") / "btcusdt.gz"
    write_synthetic(path, SyntheticMarket(seconds=4.0, events_per_s=150.0, seed=5, faults=Faults(gap_s=2.0)))
    return path


def carried(batch: BatchProcess, records: list[Any], size: int) -> tuple[list[tuple[str, bytes]], list[tuple[int, str]], bytes]:
    """What a process writes, refuses and ends with, given the records in batches with ticks between them."""
    written, refused, done = [], [], 0
    for record in control():
        assert batch.carry_record(record) is None
    for number, (parts, order) in enumerate(Values(records).batches(size), 1):
        queue = queue_of(batch, parts, order)
        assert BAD not in np.concatenate([rows.state for rows in queue.sources])
        at = 0
        while at < len(queue):
            at = batch.carry(queue, at, len(queue))
        refused += [(done + at, reason) for at, reason in queue.refused]
        batch.tick(number, records[min(done + size, len(records)) - 1].recv_ts_ns)
        found = batch.written()
        written += [(found.topics[topic], found.value(row)) for row, topic in enumerate(found.topic)]
        done += len(queue)
    return written, refused, batch.digest


def strange(records: list[Any], seed: int) -> list[Any]:
    """The records with frames between them that say nothing, or nothing that can be used; and with a new run near the end."""
    rng, found = random.Random(seed), list(records)
    frames = [r for r in records if isinstance(r, Frame)]
    for n in range(30):
        like = rng.choice(frames)
        payload = rng.choice((*NOT_OURS, like.payload[:-2], like.payload.replace(b"BTC", b"ETH"), like.payload.replace(b'."', b'.05"')))
        place = rng.randrange(len(found))
        near = found[place]
        found.insert(place, like._replace(id=ids.make(77, n + 1), payload=payload, recv_ts_ns=near.recv_ts_ns))
    again = command(CommandType.RUN, run_number=7)
    found.insert(len(found) * 3 // 4, again._replace(recv_ts_ns=found[len(found) * 3 // 4].recv_ts_ns))
    return found


@pytest.mark.parametrize("agents", [FUSED, *APART], ids="+".join)
def test_compiled_batches_of_a_played_market_write_what_plain_ones_do(agents, recording):
    records = inputs_of(agents, path=recording)
    if "normalize" in agents:
        records = strange(records, 3)
    compiled = batch_of(Process(spec(*agents, **ROOM)))
    assert isinstance(compiled, CompiledBatch)
    ours, theirs = compiled, batch_of(Process(spec(*agents, **ROOM), compiled=False))
    (written, refused, digest), expected = carried(ours, records, 97), carried(theirs, records, 97)
    assert len(written) > 10
    assert (written, refused, digest) == expected
    state, other = (batch.process.snapshot() for batch in (ours, theirs))
    assert {part: data for part, (_, _, data) in state.items()} == {part: data for part, (_, _, data) in other.items()}


def test_compiled_batch_goes_back_over_frames(recording):
    records = inputs_of(FUSED, path=recording)
    batch = batch_of(Process(spec(*FUSED, **ROOM)))
    for record in control():
        batch.carry_record(record)
    values = Values(records)  # their memory has to stay until they have been carried
    queues = [queue_of(batch, *batch_) for batch_ in values.batches(len(records) // 3 + 1)]
    batch.carry(queues[0], 0, len(queues[0]))
    batch.mark()
    mark = batch.mark()
    batch.carry(queues[1], 0, len(queues[1]))
    expected = batch.digest
    batch.back(mark)
    batch.carry(queues[1], 0, 50)
    batch.carry(queues[1], 50, len(queues[1]))
    assert batch.digest == expected


@needs_real_recording
def test_compiled_batches_of_the_recording_write_what_the_process_wrote():
    records, topics = inputs_of(FUSED, FRAMES), set(Process(spec(*FUSED)).writes)
    expected = EMPTY_HASH
    for record in played(FRAMES):
        if topic_of(record) in topics:
            expected = roll(expected, codec.encode(record))
    batch = batch_of(Process(spec(*FUSED, **ROOM)))
    for record in control():
        batch.carry_record(record)
    for parts, order in Values(records).batches(5_000):
        queue = queue_of(batch, parts, order)
        batch.carry(queue, 0, len(queue))
        batch.written()
    assert batch.digest == expected

"""The loop itself: it runs plain as it runs compiled, goes on where it stopped, and calls no Python for a record."""

import ctypes
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streams.agents import drive as k
from streams.agents.batch import Queue, batch_of
from streams.agents.batch_compiled import CompiledBatch
from streams.agents.process import Process
from streams.kernel import addr_of, handle_of, native, store_word
from streams.schema import slots_out_kernel
from streams.schema.native_rows import HEAD_BYTES
from streams.slots import KIND_ORDER, KIND_POSITION
from streams.venues.binance.synthetic import Faults, SyntheticMarket, write_synthetic
from tests.agents.desk import control, spec
from tests.agents.recorded_inputs import FUSED, Values, inputs_of, queue_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def values(tmp_path_factory) -> Values:
    path: Path = tmp_path_factory.mktemp("market") / "btcusdt.gz"
    write_synthetic(path, SyntheticMarket(seconds=3.0, events_per_s=100.0, seed=8, faults=Faults(gap_s=1.5)))
    return Values(inputs_of(FUSED, path=path))


def ready() -> CompiledBatch:
    """The fused process of the demo after control."""
    batch = batch_of(Process(spec(*FUSED, executions=1024)))
    assert isinstance(batch, CompiledBatch)
    for record in control():
        assert batch.carry_record(record) is None
    return batch


def queue(batch: CompiledBatch, values: Values) -> Queue:
    ((parts, order),) = values.batches(values.count)
    return queue_of(batch, parts, order)


def word(words: np.ndarray, name: str) -> int:
    return int(words[k.Drive._fields_[name].offset // 8])


def plain(batch: CompiledBatch) -> Callable[[int], int]:
    """The loop as Python, on the memory of the compiled one; what it calls stays compiled."""
    words = batch.loop._words
    calls = {"step": 3, "empty": 1, "market_take": 3, "market_next": 2, "market_write": 4}
    handles = {name: handle_of(native.function(word(words, name), n)) for name, n in calls.items()}

    def run(address: int) -> int:
        drive = k.Drive()
        drive.unpack(batch.loop._memory)
        for name, handle in handles.items():
            setattr(drive, name, handle)
        stop = k.drive(addr_of(drive))
        real = {name: word(words, name) for name in handles}
        batch.loop._memory[:] = drive.pack()
        for name, address in real.items():
            words[k.Drive._fields_[name].offset // 8] = address
        return stop

    return run


def test_drive_plain_and_compiled_write_the_same(values):
    ours, theirs = ready(), ready()
    theirs.loop._drive = plain(theirs)
    for batch in (ours, theirs):
        mine = queue(batch, values)
        assert batch.carry(mine, 0, 200) == 200
    (a, b) = (batch.written() for batch in (ours, theirs))
    assert len(a) > 150
    assert a.digest == b.digest
    assert a.id.tolist() == b.id.tolist()
    assert a.buffer.tobytes() == b.buffer.tobytes()


def test_drive_with_little_room_goes_on_where_it_stopped(values):
    ours, theirs = ready(), ready()
    for name in ("topic", "id", "start", "size"):
        setattr(theirs.values, name, np.zeros(1, np.int64))
    theirs.values.buffer = np.zeros(16, np.uint8)
    theirs.values.grow(17)
    for batch in (ours, theirs):
        mine = queue(batch, values)
        assert batch.carry(mine, 0, len(mine)) == len(mine)
    assert ours.digest == theirs.digest


def test_drive_outputs_that_python_writes_are_the_same(values):
    ours, theirs = ready(), ready()
    empty, programs = np.zeros(HEAD_BYTES // 8, np.int64), k.Drive._fields_["programs"].offset // 8
    for kind in (KIND_ORDER, KIND_POSITION):  # their programs know no instrument
        program = int(theirs.loop.writer.programs[kind])
        store_word(program + slots_out_kernel.TABLES, empty.ctypes.data)
        assert theirs.loop._words[programs + kind] == program
    written, write = [], theirs.loop.write
    theirs.loop.write = lambda topic, record: written.append(topic) or write(topic, record)
    for batch in (ours, theirs):
        mine = queue(batch, values)
        batch.carry(mine, 0, len(mine))
    assert ours.digest == theirs.digest
    assert set(written) == {"orders.v1", "positions.v1"}


def test_drive_records_of_a_frame_that_python_writes_are_the_same(values):
    ours, theirs = ready(), ready()
    write = native.function(theirs.process.normalize.loaded.market_write, 4)
    every = iter(range(1 << 30))

    @ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)
    def sometimes(work, run_id, out, room):
        return -2 if next(every) % 2 else write(work, run_id, out, room)

    theirs.loop._words[k.Drive._fields_["market_write"].offset // 8] = ctypes.cast(sometimes, ctypes.c_void_p).value
    for batch in (ours, theirs):
        mine = queue(batch, values)
        batch.carry(mine, 0, len(mine))
    assert ours.digest == theirs.digest
    assert next(every) > 100


def test_carry_calls_no_python_for_a_record(values):
    calls = {}
    for rows in (100, 200):
        batch = ready()
        mine = queue(batch, values)
        batch.carry(mine, 0, 50)  # room grows
        batch.values.grow(1 << 20)
        batch.written()
        calls[rows] = called(lambda batch=batch, mine=mine, rows=rows: batch.carry(mine, 50, rows))
    assert calls[100] == calls[200]


def called(run: Callable[[], object]) -> Counter[str]:
    """How often each function was called."""
    seen: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, arg: seen.update([f"{event} {frame.f_code.co_name} {getattr(arg, '__name__', '')}"]))
    try:
        run()
    finally:
        sys.setprofile(None)
    return seen

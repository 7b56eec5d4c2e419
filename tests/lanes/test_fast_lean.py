"""A million events through the fast lane without a call of Python and without memory from anyone."""

import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from streams.agents.runner import node_sources
from streams.kernel import native
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_lane import lane_sources, prepare
from streams.records import VenueEvent
from tests.lanes.fast_kit import Rings, lane_of, market_bytes, shard_of
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import market, process_of  # noqa: F401

EVENTS = 1_000_000
OF_THE_SYSTEM = {"clock_gettime", "sched_yield", "syscall", "memcpy"}  # the last of the C library, which asks nobody


def asked_of_others(path: Path) -> set[str]:
    """Names that an object of machine code (ELF, 64 bits) takes from elsewhere."""
    data = path.read_bytes()
    start, size, count = (*struct.unpack_from("<Q", data, 40), *struct.unpack_from("<HH", data, 58))
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, start + i * size) for i in range(count)]
    symbols = next(s for s in sections if s[1] == 2)
    names = data[sections[symbols[6]][4] :]
    found = set()
    for at in range(symbols[4], symbols[4] + symbols[5], 24):
        name, _, _, section = struct.unpack_from("<IBBH", data, at)
        if section == 0 and name:
            found.add(names[name : names.index(b"\0", name)].decode())
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads objects of Linux")
def test_machine_code_of_loop_and_node_asks_the_system_for_time_and_sleep_only(market):  # noqa: F811
    prepare()
    process_of(True)
    for name, files, allowed in (("fast_lane", lane_sources(), OF_THE_SYSTEM), ("node", node_sources(), set())):
        path = native.cache_dir() / f"{name}-{native._key(files)}.o"
        assert asked_of_others(path) <= allowed


@pytest.mark.slow
def test_million_events_call_no_python_and_take_no_memory(market, tmp_path):  # noqa: F811
    rings, process = Rings(shard_of(tmp_path, 16)), process_of(True)
    lane = lane_of(rings, process, tick_ns=1_000_000)
    slots = market_bytes(process.edge, [r for r in market if not isinstance(r, VenueEvent)])
    slots = np.tile(slots, (100_000 // len(slots), 1))
    run, calls = prepare()["fast_run"], []

    def carried():
        lane.state.until_ns = monotonic_ns() + 50_000_000
        address = lane.address
        sys.setprofile(lambda frame, event, argument: calls.append((event, argument)))
        run(address)
        sys.setprofile(None)
        return lane.lag == 0

    lane.run(monotonic_ns() + 1_000_000)
    tracemalloc.start()
    used = []
    while lane.counters.inputs < EVENTS:
        assert rings.to_market.write(slots) == len(slots)
        until(carried, "the lane takes what there is")
        used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert [call for call in calls if call != ("c_call", sys.setprofile)] == []
    assert lane.counters.outputs > 0
    assert max(used) - min(used) < 20_000  # what the test itself keeps

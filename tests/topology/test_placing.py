"""A process takes the seat that its topology names; what the host refuses is a warning."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os
from streams.topology.placing import take_seat
from streams.topology.seat import Seat
take_seat(Seat(cpu={cpu}, nice={nice}, scheduling={scheduling!r}), "trade", {shard})
print(json.dumps([sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]))
"""


def seated(cpu="()", nice=0, scheduling="normal", shard=0) -> tuple[list, str]:
    """[cores, nice, policy] of a process that has taken a seat, and what it logged before."""
    script = SCRIPT.format(cpu=cpu, nice=nice, scheduling=scheduling, shard=shard)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *log, found = ended.stdout.splitlines()
    return json.loads(found), "\n".join(log)


def test_take_seat_pins_and_schedules_the_process():
    core = max(os.sched_getaffinity(0))
    found, log = seated(f"({core - 1 if core else core}, {core})", 3, "batch", shard=1)  # the second shard takes the second core
    assert (found, log) == ([[core], 3, os.SCHED_BATCH], "")


def test_take_seat_refused_warns_and_goes_on():
    found, log = seated("(1023,)")
    assert found[0] == sorted(os.sched_getaffinity(0))
    assert "seat refused" in log
    assert "this host lets it use cores" in log

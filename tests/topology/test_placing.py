"""A process takes the seat that its topology names; what the host refuses is a warning."""

import json
import os
import subprocess
import sys

import pytest

from streams.topology.numa import cores_of_nodes

pytestmark = pytest.mark.slow

SCRIPT = """
import ctypes, json, os
from streams.topology.placing import take_seat
from streams.topology.seat import Seat
take_seat(Seat(cpu={cpu}, numa={numa}, nice={nice}, scheduling={scheduling!r}), "trade", {shard})
print(json.dumps([sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]))
"""


def seated(cpu="()", numa="()", nice=0, scheduling="normal", shard=0) -> tuple[list, str]:
    """[cores, nice, policy] of a process that has taken a seat, and what it logged before."""
    script = SCRIPT.format(cpu=cpu, numa=numa, nice=nice, scheduling=scheduling, shard=shard)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *log, found = ended.stdout.splitlines()
    return json.loads(found), "\n".join(log)


def test_take_seat_pins_and_schedules_the_process():
    core = max(os.sched_getaffinity(0))
    cores = f"({core - 1 if core else core}, {core})"  # the second shard takes the second one
    found, log = seated(cores, nice=3, scheduling="batch", shard=1)
    assert (found, log) == ([[core], 3, os.SCHED_BATCH], "")


def test_take_seat_refused_warns_and_goes_on():
    found, log = seated("(1023,)")
    assert found[0] == sorted(os.sched_getaffinity(0))
    assert "seat refused" in log
    assert "this host lets it use cores" in log


POLICY = """
import ctypes
from streams.topology.numa import memory_on
def policy():
    mode, nodes = ctypes.c_int(), (ctypes.c_ulong * 16)()
    assert ctypes.CDLL(None).syscall({get_mempolicy}, ctypes.byref(mode), nodes, 1024, 0, 0) == 0
    return mode.value, nodes[0]
"""
GET_MEMPOLICY = {"x86_64": 239, "aarch64": 236}.get(os.uname().machine)


@pytest.fixture
def numa():
    """Skips where processes may not choose their memory, as in a container without CAP_SYS_NICE."""
    if GET_MEMPOLICY is None or 0 not in cores_of_nodes():
        pytest.skip("this host tells of no NUMA node 0")
    script = "from streams.topology.numa import take_memory_of; take_memory_of(0)"
    if subprocess.run([sys.executable, "-c", script], capture_output=True).returncode:
        pytest.skip("this host lets no process choose the node of its memory")


def policies(script: str) -> list:
    """What a process prints that asks for its memory policy by `policy()`."""
    whole = POLICY.format(get_mempolicy=GET_MEMPOLICY) + script
    return subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.usefixtures("numa")
def test_take_seat_of_a_node_takes_its_memory_and_its_cores():
    core = max(os.sched_getaffinity(0))
    script = f"""
import os
from streams.topology.numa import cores_of_nodes
from streams.topology.placing import take_seat
from streams.topology.seat import Seat
os.sched_setaffinity(0, cores_of_nodes()[0])
every = os.sched_getaffinity(0)  # that the host lets it have
os.sched_setaffinity(0, {{{core}}})
take_seat(Seat(numa=(0,)), "trade", 0)
print(policy(), os.sched_getaffinity(0) == every)
take_seat(Seat(numa=(0,), cpu=({core},)), "trade", 0)
print(policy(), os.sched_getaffinity(0))
"""
    assert policies(script) == ["(1, 1) True", f"(1, 1) {{{core}}}"]


@pytest.mark.usefixtures("numa")
def test_take_seat_of_a_node_that_is_not_there_warns_and_goes_on():
    found, log = seated(numa="(1023,)")
    assert found[0] == sorted(os.sched_getaffinity(0))
    assert "numa 1023" in log
    assert "this host has the nodes 0" in log


@pytest.mark.usefixtures("numa")
def test_memory_on_a_node_is_for_a_while():
    script = """
with memory_on(0):
    print(policy())
print(policy())
with memory_on(1023):
    print(policy())
"""
    assert policies(script) == ["(1, 1)", "(0, 0)", "(0, 0)"]

"""What `millrace doctor` finds, on made-up hosts: each question well answered, and each way in which it is not."""

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.errors import ConfigError
from streams.local.doctor import limits, memory, place, processor, program, stack
from streams.local.doctor.examine import QUESTIONS, examine
from streams.local.doctor.finding import BETTER, OK, WRONG, Finding
from streams.local.doctor.host import Host
from streams.local.services import Status
from streams.topology import processes
from tests.local.doctor_host import CPUS, MadeHost, good_host

GB = 1e9


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch):
    """Nothing of this machine's environment counts."""
    for name in ("KAFKA", "REGISTRY", "CLICKHOUSE", "DATABASE", "PORT"):
        monkeypatch.delenv(f"MILLRACE_{name}", raising=False)


@pytest.fixture
def host(tmp_path):
    return good_host(tmp_path)


def test_examine_good_host_finds_nothing_amiss_but_docker(host):
    found = list(examine(host))
    assert [one.name for one in found] == [name for name, _ in QUESTIONS]
    assert [one for one in found if one.state != OK] == [stack.docker(host)]
    assert all(bool(one.cost) == bool(one.remedy) == (one.state != OK) for one in found)


def test_examine_bare_host_answers_every_question(tmp_path):
    """Nothing can be read: no /proc, no /sys, no limits."""
    bare = MadeHost(tmp_path)
    bare.system, bare.limits = "Darwin", {}
    found = list(examine(bare))
    assert [one.name for one in found] == [name for name, _ in QUESTIONS]
    assert {one.state for one in found} <= {OK, BETTER}


def files(*pairs: tuple[str, str]) -> Callable[[MadeHost], object]:
    """Writes files below the root."""
    return lambda host: [host.write(path, text) for path, text in pairs]


def values(**changes: object) -> Callable[[MadeHost], object]:
    """Sets attributes; of a dict, entries."""

    def change(host: MadeHost) -> None:
        for name, value in changes.items():
            before = getattr(host, name)
            setattr(host, name, before | value if isinstance(before, dict) and isinstance(value, dict) else value)

    return change


CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"
HUGE = "sys/kernel/mm/transparent_hugepage"
SHORT = ("proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 3000000 kB")
EMPTY = ("proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 900000 kB")
LIMITED = (("sys/fs/cgroup/user.slice/memory.max", "2000000000"), ("sys/fs/cgroup/user.slice/memory.current", "1500000000"))
OLD = "sys/fs/cgroup/memory/docker"
OLD_LIMITED = (
    ("proc/self/cgroup", "4:memory:/docker/ab"),
    (f"{OLD}/memory.limit_in_bytes", "2000000000"),
    (f"{OLD}/memory.usage_in_bytes", "1500000000"),
)
V1 = (("proc/self/cgroup", "4:cpu,cpuacct:/docker/ab\n1:name=systemd:/x"), ("sys/fs/cgroup/cpu/docker/ab/cpu.cfs_quota_us", "150000"))
TWO_NODES = tuple((f"sys/devices/system/node/node{n}/cpulist", cpus) for n, cpus in ((0, "0-1"), (1, "2-3")))
CASES = [
    (program.python, values(python=(3, 10, 1)), WRONG, "3.10.1", "make setup PYTHON="),
    (program.lock_file, values(installed={"rich": None}), WRONG, "not installed: rich", "make setup"),
    (program.lock_file, values(installed={"hypothesis": None}), BETTER, "1 of 4 packages differ: not installed: hypothesis", "make setup"),
    (program.lock_file, values(installed={"numba": "0.60"}), BETTER, "numba 0.60 (lock file: 0.68.1)", "make setup"),
    (place.home, values(free={"home": 0.5 * GB}), WRONG, "500 MB free", "MILLRACE_HOME="),
    (place.home, values(free={"home": 5 * GB}), BETTER, "5.0 GB free", "MILLRACE_HOME="),
    (place.home, lambda host: host.locked.add(host.home), WRONG, "not writable", "MILLRACE_HOME="),
    (place.home, files(("proc/self/mountinfo", "1 0 0:1 / / rw - nfs4 a:/ rw")), BETTER, "nfs4", "MILLRACE_HOME="),
    (place.home, files(("proc/self/mountinfo", "1 0 0:1 / / rw - overlay o rw")), BETTER, "overlay", "docker run -v"),
    (place.home, files(("proc/self/mountinfo", "1 0 0:1 / / rw - tmpfs t rw")), BETTER, "tmpfs", "MILLRACE_HOME="),
    (place.cache, values(free={"cache": 0.1 * GB}), BETTER, "100 MB free", "MILLRACE_CACHE="),
    (place.cache, lambda host: host.locked.add(host.cache), BETTER, "not writable", "MILLRACE_CACHE="),
    (place.shared_memory, values(free={"shm": 64e6}), BETTER, "64 MB free of", "mount -o remount"),
    (place.shared_memory, values(free={"shm": 1e6}), WRONG, "1 MB free of", "mount -o remount"),
    (place.shared_memory, lambda host: host.write(".dockerenv", "").free.update(shm=64e6), BETTER, "64 MB", "docker run --shm-size"),
    (memory.memory, files(SHORT), BETTER, "3.1 GB available of 8.2 GB", "ps -eo"),
    (memory.memory, files(EMPTY), WRONG, "922 MB available", "MILLRACE_KAFKA="),
    (memory.memory, files(*LIMITED), WRONG, "container: 500 MB of 2.0 GB", "MILLRACE_KAFKA="),
    (memory.memory, files(*OLD_LIMITED), WRONG, "container: 500 MB of 2.0 GB", "MILLRACE_KAFKA="),
    (memory.huge_pages, files((f"{HUGE}/shmem_enabled", "never [deny]")), BETTER, "in shared memory: deny", "echo never | sudo tee"),
    (memory.huge_pages, files((f"{HUGE}/enabled", "madvise [never]")), BETTER, "transparent: never", "echo madvise | sudo tee"),
    (memory.huge_pages, files(("proc/sys/kernel/osrelease", "5.15.0-91")), BETTER, "Linux 5.15.0-91", "# Linux 6.1 or newer"),
    (limits.scheduling, values(limits={"RLIMIT_RTPRIO": (0.0, 0.0)}), BETTER, "no real-time class", "rtprio 95"),
    (limits.locked_memory, values(limits={"RLIMIT_MEMLOCK": (8e6, 8e6)}), BETTER, "up to 8 MB", "memlock unlimited"),
    (
        limits.open_files,
        values(limits={"RLIMIT_NOFILE": (1024.0, 524288.0)}),
        BETTER,
        "1,024 (may be raised to 524,288)",
        "ulimit -n 65536",
    ),
    (limits.open_files, values(limits={"RLIMIT_NOFILE": (64.0, 64.0)}), WRONG, "up to 64", "limits.d/millrace.conf"),
    (processor.cores, values(cores=[0, 1]), BETTER, "2 of 4 (affinity", "taskset -pc 0-3 $$"),
    (processor.cores, lambda host: values(cores=[0])(host.write(f"{CPUS}/online", "0")), BETTER, "1", "# a host with"),
    (processor.isolated, files((f"{CPUS}/isolated", "")), BETTER, "isolcpus none, nohz_full 2-3", "isolcpus=managed_irq,domain,2-3"),
    (processor.isolated, files((f"{CPUS}/nohz_full", "(null)")), BETTER, "isolcpus 2-3, nohz_full none", "nohz_full=2-3 rcu_nocbs=2-3"),
    (processor.isolated, files((f"{CPUS}/isolated", ""), (f"{CPUS}/online", "0-1")), BETTER, "isolcpus none", "# a host with"),
    (processor.governor, files((f"{CPUS}/cpu1/cpufreq/scaling_governor", "powersave")), BETTER, "performance, powersave", "cpupower"),
    (
        processor.smt,
        files((f"{CPUS}/smt/active", "1")),
        BETTER,
        "on: 0,2 1,3 share one core each",
        f"echo off | sudo tee /{CPUS}/smt/control",
    ),
    (processor.numa, files(*TWO_NODES), BETTER, "2: node 0 cores 0-1, node 1 cores 2-3", "# numa: 0 at the fast processes"),
    (processor.quota, files(("sys/fs/cgroup/user.slice/cpu.max", "200000 100000")), BETTER, "2 cores of 4", "CPUQuota="),
    (processor.quota, files(*V1, ("sys/fs/cgroup/cpu/docker/ab/cpu.cfs_period_us", "100000")), BETTER, "1.5 cores of 4", "docker update"),
    (processor.clock, files((CLOCK, "hpet")), BETTER, "hpet, resolution 1 ns, a reading from Python 50 ns", "echo tsc | sudo tee"),
    (processor.clock, values(reading=(1e6, 50.0)), BETTER, "resolution 1e+06 ns", "tsc=reliable"),
    (
        stack.ports,
        values(held={19_092: ("process 7 (java)", False, "")}),
        WRONG,
        "19092 (kafka) taken by process 7 (java)",
        "MILLRACE_PORT=29000",
    ),
    (stack.services, values(found=[Status("kafka", "silent", "a:1", given=True)]), WRONG, "kafka silent at a:1", "unset MILLRACE_KAFKA"),
    (stack.services, values(found=[Status("kafka", "dead", "a:1")]), BETTER, "kafka dead", "millrace up"),
    (stack.services, values(found=[Status("kafka", "up", "a:1"), Status("registry", "down")]), BETTER, "registry down", "millrace up"),
]


@pytest.mark.parametrize(("question", "change", "state", "found", "remedy"), CASES, ids=lambda one: getattr(one, "__name__", None))
def test_question_about_a_lesser_host_says_what_it_found_and_the_remedy(host, question, change, state, found, remedy):
    assert question(host).state == OK
    change(host)
    answer = question(host)
    assert (answer.state, found in answer.found, remedy in answer.remedy, bool(answer.cost)) == (state, True, True, True), answer


@pytest.mark.parametrize(
    ("question", "change", "found"),
    [
        (memory.memory, lambda host: files(EMPTY)(host) and started(host), "922 MB available"),
        (memory.huge_pages, files((f"{HUGE}/shmem_enabled", "[advise] never")), "rings take them by `fast: {huge_pages: true}`"),
        (limits.scheduling, files(("proc/self/status", "CapEff:\t0000000000800000")), "CAP_SYS_NICE"),
        (limits.locked_memory, files(("proc/self/status", "CapEff:\t0000000000004000")), "CAP_IPC_LOCK"),
        (processor.governor, lambda host: [path.unlink() for path in host.root.glob(f"{CPUS}/cpu*/cpufreq/*")], "not shown"),
        (processor.numa, lambda host: values(cores=[2, 3])(host) or files(*TWO_NODES)(host), "this process is on one"),
        (processor.quota, files(("sys/fs/cgroup/user.slice/cpu.max", "max 100000")), "none"),
        (processor.quota, files(("sys/fs/cgroup/user.slice/cpu.max", "800000 100000")), "8 cores of 4"),
        (stack.ports, lambda host: values(held={19_092: ("process 7 (java)", True, str(host.home))})(host), "5 of 6 free; the rest are"),
        (stack.ports, values(held={19_092: ("process 7 (java)", True, "/other")}), "the stack of /other: `up` takes the next free"),
        (stack.services, values(found=[Status("kafka", "up", "a:1")]), "kafka up at a:1"),
        (program.lock_file, lambda host: (host.checkout / "requirements.lock").unlink(), "none beside the package"),
        (program.lock_file, values(installed={"colorama": "1.0"}), "all 4 packages"),
    ],
)
def test_question_about_another_good_host_is_ok(host, question, change, found):
    change(host)
    answer = question(host)
    assert (answer.state, answer.cost, answer.remedy) == (OK, "", "")
    assert found in answer.found


def started(host: MadeHost) -> None:
    """As if `millrace up` had started its services."""
    host.home.mkdir()
    (host.home / "state.json").write_text('{"base": 19000, "services": {"kafka": {"address": "a:1"}}}')


def test_quota_says_how_often_it_was_used_up(host):
    host.write("sys/fs/cgroup/cpu.max", "100000 100000").write("sys/fs/cgroup/cpu.stat", "nr_periods 9\nnr_throttled 1234")
    assert processor.quota(host).found == "1 cores of 4, throttled 1,234 times"


def test_cache_not_writable_and_empty_is_wrong(host):
    (host.cache / "programs" / "kafka-4.3.0").rmdir()
    host.locked.add(host.cache)
    assert place.cache(host).state == WRONG
    assert program.downloads(host).state == BETTER


def test_kernels_of_a_prebuilt_layer_count(host, tmp_path):
    (host.cache / f"node-{'0' * 24}.o").unlink()
    assert program.kernels(host).state == BETTER
    (tmp_path / f"drive-{'1' * 24}.o").write_bytes(b"code")
    host.environ = {"MILLRACE_PREBUILT": str(tmp_path)}
    assert program.kernels(host).found == "1 compiled objects of 1 names, 0 MB"


def test_ports_asked_for_and_taken_by_another_stack_are_wrong(host, monkeypatch):
    monkeypatch.setenv("MILLRACE_PORT", "21000")
    host.held = {21_092: ("process 7 (java)", True, "/other"), 21_081: ("process 8 (java)", True, "/other")}
    answer = stack.ports(host)
    assert answer.state == WRONG
    assert "from 21000: 4 of 6 free; 21092 (kafka), 21081 (registry) taken by the stack of /other" in answer.found


def test_ports_of_services_given_by_address_are_not_asked_for(host, monkeypatch):
    monkeypatch.setenv("MILLRACE_KAFKA", "far:9092")
    host.held = {19_092: ("process 7 (java)", False, ""), 19_093: ("process 7 (java)", False, "")}
    assert stack.ports(host).found == "from 19000: 4 of 4 free"


def test_ports_are_those_that_a_run_takes():
    assert stack.PORTS["simulated venue"] == processes._VENUE_PORT
    assert stack.PORTS["page"] == processes._CONTROL_PORT


def test_file_system_is_that_of_the_longest_mount_point(host):
    mounts = ["1 0 0:1 / / rw - ext4 a rw", "2 1 0:2 / /data rw - xfs b rw", "3 1 0:3 / /data/my\\040disk rw,x shared:1 - nfs4 c rw"]
    host.write("proc/self/mountinfo", "\n".join(mounts))
    paths = ("/data/my disk/home", "/data/other", "/database", "/data")
    assert [host.file_system(Path(path)) for path in paths] == ["nfs4", "xfs", "ext4", "xfs"]


def engine(path: Path, answer: bytes) -> socket.socket:
    """A docker engine that answers one request."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return server


def test_docker_engine_that_answers_is_ok(host, tmp_path):
    path = tmp_path / "docker.sock"
    host.environ = {"DOCKER_HOST": f"unix://{path}"}
    with engine(path, b"HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nContent-Length: 2\r\n\r\nOK"):
        assert stack.docker(host) == Finding("docker", f"engine API 1.47 at {path}")


def test_docker_socket_without_an_engine_says_so(host, tmp_path):
    path = tmp_path / "docker.sock"
    host.environ = {"DOCKER_HOST": f"unix://{path}"}
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))  # and nobody listens
    answer = stack.docker(host)
    assert answer.state == BETTER
    assert answer.found == f"no answer at {path} ({os.strerror(errno.ECONNREFUSED)})"
    assert answer.remedy == "sudo systemctl start docker"


def test_docker_socket_of_something_else_says_so(host, tmp_path):
    path = tmp_path / "docker.sock"
    host.environ = {"DOCKER_HOST": f"unix://{path}"}
    with engine(path, b"hello"):
        assert "no HTTP" in stack.docker(host).found


def test_examine_a_mistake_of_the_user_is_a_finding(host, monkeypatch):
    def refuse(_: Host) -> Finding:
        raise ConfigError("MILLRACE_PORT='x': must be a whole number")

    monkeypatch.setattr("streams.local.doctor.examine.QUESTIONS", (("ports", refuse), ("python", program.python)))
    first, second = examine(host)
    assert (first.name, first.state, first.found) == ("ports", WRONG, "MILLRACE_PORT='x': must be a whole number")
    assert second.state == OK

"""A made-up host: its /proc, /sys, /dev and /etc are files that a test writes; limits, clocks and neighbours are values."""

from pathlib import Path

from streams.local.doctor.host import Host, Space
from streams.local.services import Status

__all__ = ["MadeHost", "good_host"]

CPUS = "sys/devices/system/cpu"
DOWN = [Status(name, "down") for name in ("kafka", "registry", "clickhouse")]


class MadeHost(Host):
    """Every answer is an attribute; files lie below `root`."""

    cores: list[int] = [0, 1, 2, 3]  # noqa: RUF012 - replaced, never changed

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "root", {})
        self.home, self.cache, self.checkout = folder / "home", folder / "cache", folder / "checkout"
        self.system, self.python = "Linux", (3, 11, 7)
        self.free = {"home": 100e9, "cache": 100e9, "shm": 1e9}
        self.limits = {"RLIMIT_RTPRIO": (95.0, 95.0), "RLIMIT_MEMLOCK": (float("inf"),) * 2, "RLIMIT_NOFILE": (65_536.0,) * 2}
        self.reading = (1.0, 50.0)
        self.installed: dict[str, str] = {}
        self.found = DOWN
        self.held: dict[int, tuple[str, bool, str]] = {}
        self.locked: set[Path] = set()

    def write(self, path: str, text: str) -> "MadeHost":
        """A file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        return self

    def space(self, path: Path) -> Space:
        return Space(int(200e9), int(self.free[path.name]), self.file_system(path))

    def writable(self, path: Path) -> bool:
        return path not in self.locked

    def limit(self, name: str) -> tuple[float, float] | None:
        return self.limits.get(name)

    def version(self, package: str) -> str | None:
        return self.installed.get(package)

    def clock(self) -> tuple[float, float]:
        return self.reading

    def services(self) -> list[Status]:
        return self.found

    def holders(self, ports: tuple[int, ...]) -> dict[int, tuple[str, bool, str]]:
        return {port: holder for port, holder in self.held.items() if port in ports}


def good_host(folder: Path) -> MadeHost:
    """One with which nothing is amiss, but that it has no docker."""
    host = MadeHost(folder)
    host.write("proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable: 60000000 kB").write("proc/sys/kernel/osrelease", "6.12.9-generic")
    host.write("proc/self/cgroup", "0::/user.slice/me").write("proc/self/status", "CapEff:\t0000000000000000")
    host.write("proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw")
    host.write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
    host.write("sys/kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force")
    host.write(f"{CPUS}/online", "0-3").write(f"{CPUS}/isolated", "2-3").write(f"{CPUS}/nohz_full", "2-3").write(f"{CPUS}/smt/active", "0")
    for cpu in range(4):
        host.write(f"{CPUS}/cpu{cpu}/cpufreq/scaling_governor", "performance")
        host.write(f"{CPUS}/cpu{cpu}/topology/thread_siblings_list", f"{cpu % 2},{cpu % 2 + 2}")
    host.write("sys/devices/system/node/node0/cpulist", "0-3")
    host.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc")
    host.write("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm")
    host.write("dev/shm/.keep", "")
    (host.cache / "programs" / "kafka-4.3.0").mkdir(parents=True)
    (host.cache / f"node-{'0' * 24}.o").write_bytes(b"code")
    host.checkout.mkdir()
    (host.checkout / "pyproject.toml").write_text('[project]\ndependencies = ["numba>=0.68,<0.69", "rich"]\n')
    lock = "numba==0.68.1 \\\n    --hash=sha256:0\nrich==14.0 \\\nhypothesis==6.1\ncolorama==1.0 ; sys_platform == 'win32' \\\n"
    (host.checkout / "requirements.lock").write_text(lock)
    host.installed = {"numba": "0.68.1", "rich": "14.0", "hypothesis": "6.1"}
    return host

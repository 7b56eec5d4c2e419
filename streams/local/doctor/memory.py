"""Memory: how much there is, how much of it a container may have, in pages of which size."""

import re

from streams.config import read_state
from streams.local.doctor.finding import BETTER, WRONG, Finding
from streams.local.doctor.host import Host
from streams.local.doctor.place import GB, bytes_text

__all__ = ["huge_pages", "memory"]

LEAST, GOOD = 1.5 * GB, 4 * GB  # the broker's heap alone is 1 GB, taken at its start
COLLAPSE = (6, 1)  # Linux that puts pages into huge ones when asked (MADV_COLLAPSE)
PAGES = "sys/kernel/mm/transparent_hugepage"


def memory(host: Host) -> Finding:
    """What is available, to the machine and to the container."""
    info = _info(host)
    free, total = info.get("MemAvailable", 0), info.get("MemTotal", 0)
    if not total:
        return Finding("memory", "not told by this system")
    found = f"{bytes_text(free)} available of {bytes_text(total)}"
    limit = _limit(host)
    if limit is not None and limit[0] < total:
        free = min(free, limit[0] - limit[1])
        found += f"; container: {bytes_text(limit[0] - limit[1])} of {bytes_text(limit[0])}"
    started = bool(read_state(host.home).get("services"))
    if free < LEAST and not started:
        cost = "the embedded stack does not start: its broker takes 1 GB at once"
        return Finding(
            "memory", found, WRONG, cost, "MILLRACE_KAFKA=host:port MILLRACE_REGISTRY=... MILLRACE_CLICKHOUSE=... millrace run ..."
        )
    if free < GOOD and not started:
        cost = "the embedded stack takes 1.7 GB and a run some more: the system may end one of them"
        return Finding("memory", found, BETTER, cost, "ps -eo rss,pid,args --sort=-rss | head")
    return Finding("memory", found)


def huge_pages(host: Host) -> Finding:
    """Whether rings can lie in huge pages where a topology asks for it, and whether the system puts other memory into them."""
    private, shared = (_chosen(host.read(f"{PAGES}/{name}")) for name in ("enabled", "shmem_enabled"))
    release = host.read("proc/sys/kernel/osrelease")
    found = f"Linux {release or 'not told'}; transparent: {private}, in shared memory: {shared}"
    cost = "books and rings lie in pages of 4 kB: more misses of the address cache where there are many instruments"
    if private == "never":
        return Finding("huge pages", found, BETTER, cost, f"echo madvise | sudo tee /{PAGES}/enabled")
    if shared == "deny":
        return Finding("huge pages", found, BETTER, cost, f"echo never | sudo tee /{PAGES}/shmem_enabled  # rings ask by themselves")
    if shared == "not told" or _version(release) < COLLAPSE:
        return Finding("huge pages", found, BETTER, cost, "# Linux 6.1 or newer, with transparent huge pages")
    return Finding("huge pages", f"{found}; rings take them by `fast: {{huge_pages: true}}`")


def _version(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)[:2]))


def _info(host: Host) -> dict[str, int]:
    """/proc/meminfo, in bytes and counts."""
    rows = re.findall(r"^(\w+):\s+(\d+)( kB)?$", host.read("proc/meminfo"), re.MULTILINE)
    return {name: int(value) * (1024 if unit else 1) for name, value, unit in rows}


def _limit(host: Host) -> tuple[int, int] | None:
    """Limit and use of the cgroup that has the least left; None without a limit."""
    found = []
    for folder in host.cgroups("memory"):
        for most, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            limit, use = host.read(f"{folder}/{most}"), host.read(f"{folder}/{used}")
            if limit.isdecimal() and use.isdecimal():
                found.append((int(limit), int(use)))
    return min(found, key=lambda one: one[0] - one[1], default=None)


def _chosen(text: str) -> str:
    """The bracketed one of `always [madvise] never`."""
    found = re.search(r"\[(\w+)\]", text)
    return found[1] if found else "not told"

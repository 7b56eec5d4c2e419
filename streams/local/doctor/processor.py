"""Cores: how many, for whom alone, how fast they wake, who else is on them; the clock."""

from streams.local.cpus import cpus_of
from streams.local.doctor.finding import BETTER, Finding
from streams.local.doctor.host import Host

__all__ = ["clock", "cores", "governor", "isolated", "numa", "quota", "smt"]

CPUS = "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0"
ENOUGH = 4  # feed with gateway, lane, mirror, and one for everything else
SLOW_CLOCKS = {"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies", "xen"}
SLOW_READING_NS, COARSE_NS = 1_000, 1_000


def cores(host: Host) -> Finding:
    """Cores that this process may use."""
    count, online = len(host.cores), len(cpus_of(host.read(f"{CPUS}/online"))) or len(host.cores)
    found = f"{count}" if count == online else f"{count} of {online} (affinity of this process)"
    if count >= ENOUGH:
        return Finding("cores", found)
    cost = "processes take turns: a lane must yield, not spin; two hops through rings then take about 8 us (p99.9 30 us) instead of 0.2 us"
    remedy = f"taskset -pc 0-{online - 1} $$" if online > count else f"# a host with {ENOUGH} cores or more"
    return Finding("cores", found, BETTER, cost, remedy)


def isolated(host: Host) -> Finding:
    """Cores that the scheduler leaves alone (isolcpus), and those without a tick (nohz_full)."""
    alone, tickless = cpus_of(host.read(f"{CPUS}/isolated")), cpus_of(host.read(f"{CPUS}/nohz_full"))
    found = f"isolcpus {_list(alone)}, nohz_full {_list(tickless)}"
    if alone and set(alone) <= set(tickless):
        return Finding("isolated", found)
    count = len(cpus_of(host.read(f"{CPUS}/online"))) or len(host.cores)
    cost = "whatever runs on a lane's core, and its timer tick, interrupts the lane: the tail of its latency, not the median"
    if alone:
        return Finding("isolated", found, BETTER, cost, _kernel_arguments(host, f"nohz_full={_list(alone)} rcu_nocbs={_list(alone)}"))
    if count < ENOUGH:
        return Finding("isolated", found, BETTER, cost, f"# a host with {ENOUGH} cores or more: two must be left for everything else")
    theirs = f"{count // 2}-{count - 1}"
    arguments = f"isolcpus=managed_irq,domain,{theirs} nohz_full={theirs} rcu_nocbs={theirs}"
    return Finding("isolated", found, BETTER, cost, _kernel_arguments(host, arguments))


def governor(host: Host) -> Finding:
    """What decides how fast the cores are clocked."""
    found = sorted({host.read(name) for name in host.names(f"{CPUS}/cpu[0-9]*/cpufreq/scaling_governor")} - {""})
    if not found:
        return Finding("governor", "not shown: the clock is fixed, or the host of this virtual machine decides")
    if found == ["performance"]:
        return Finding("governor", "performance")
    cost = "cores clock down while little happens: the first events after a pause take longer"
    return Finding("governor", ", ".join(found), BETTER, cost, "sudo cpupower frequency-set -g performance")


def smt(host: Host) -> Finding:
    """Whether two of the cores shown are one."""
    if host.read(f"{CPUS}/smt/active") != "1":
        return Finding("SMT", "off: no two cores shown are one")
    pairs = sorted({host.read(name) for name in host.names(f"{CPUS}/cpu[0-9]*/topology/thread_siblings_list")} - {""})
    found = f"on: {' '.join(pairs[:8])} share one core each" + (" ..." if len(pairs) > 8 else "")
    cost = "a lane shares its core's caches and units with whatever runs on the sibling"
    return Finding("SMT", found, BETTER, cost, f"echo off | sudo tee /{CPUS}/smt/control")


def numa(host: Host) -> Finding:
    """Memory nodes."""
    nodes = {name.rpartition("node")[2]: cpus_of(host.read(f"{name}/cpulist")) for name in host.names("sys/devices/system/node/node[0-9]*")}
    if len(nodes) < 2:
        return Finding("NUMA nodes", "1")
    found = f"{len(nodes)}: " + ", ".join(f"node {node} cores {_list(cpus)}" for node, cpus in nodes.items())
    if any(set(host.cores) <= set(cpus) for cpus in nodes.values()):
        return Finding("NUMA nodes", f"{found}; this process is on one")
    cost = "a ring between two nodes costs a trip over their link for each hop"
    first = min(nodes, key=int)
    return Finding("NUMA nodes", found, BETTER, cost, f"# numa: {first} at the fast processes of a shard (docs/fast-lane.md)")


def quota(host: Host) -> Finding:
    """The cgroup's share of processor time, on every level."""
    shares, throttled = [], 0
    for folder in host.cgroups("cpu"):
        share = _share(host.read(f"{folder}/cpu.max"))
        share = share or _share(f"{host.read(f'{folder}/cpu.cfs_quota_us')} {host.read(f'{folder}/cpu.cfs_period_us')}")
        if share:
            shares.append(share)
            throttled += _throttled(host.read(f"{folder}/cpu.stat"))
    if not shares:
        return Finding("cpu quota", "none")
    least = min(shares)
    found = f"{least:g} cores of {len(host.cores)}" + (f", throttled {throttled:,} times" if throttled else "")
    if least >= len(host.cores):
        return Finding("cpu quota", found)
    cost = "when it is used up every process stands still until the next period: up to 100 ms in the middle of trading"
    remedy = (
        f"docker update --cpus {len(host.cores)} CONTAINER  # on its host"
        if host.contained
        else "systemctl set-property user-$(id -u).slice CPUQuota="
    )
    return Finding("cpu quota", found, BETTER, cost, remedy)


def clock(host: Host) -> Finding:
    """Where time comes from, how fine it is and what asking costs."""
    source = host.read(f"{CLOCK}/current_clocksource")
    resolution_ns, reading_ns = host.clock()
    found = f"{source or host.system}, resolution {resolution_ns:g} ns, a reading from Python {reading_ns:.0f} ns"
    if source not in SLOW_CLOCKS and resolution_ns <= COARSE_NS and reading_ns <= SLOW_READING_NS:
        return Finding("clock", found)
    cost = "each stamp is a system call of about a microsecond, or too coarse to tell stages apart: the fast lane stamps five a record"
    if "tsc" in host.read(f"{CLOCK}/available_clocksource").split() and source != "tsc":
        return Finding("clock", found, BETTER, cost, f"echo tsc | sudo tee /{CLOCK}/current_clocksource")
    return Finding("clock", found, BETTER, cost, _kernel_arguments(host, "tsc=reliable") if source else "# another host")


def _kernel_arguments(host: Host, arguments: str) -> str:
    """How arguments reach the kernel at its next start, by distribution."""
    if host.exists("etc/default/grub.d") or host.exists("etc/debian_version"):
        line = f"""GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {arguments}\""""
        return f"echo '{line}' | sudo tee -a /etc/default/grub.d/millrace.cfg && sudo update-grub && sudo reboot"
    return f'sudo grubby --update-kernel=ALL --args="{arguments}" && sudo reboot'


def _list(cpus: list[int]) -> str:
    """The kernel's spelling.

    >>> _list([0, 1, 2, 5]), _list([])
    ('0-2,5', 'none')
    """
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts) or "none"


def _share(text: str) -> float:
    """`quota period` in cores; 0 for none."""
    words = text.split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal() and int(words[1]) else 0.0


def _throttled(text: str) -> int:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("nr_throttled ")), 0)

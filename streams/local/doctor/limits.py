"""What the system lets this process do: real-time scheduling, locked memory, open files."""

from streams.local.doctor.finding import BETTER, WRONG, Finding
from streams.local.doctor.host import Host
from streams.local.doctor.place import MB, bytes_text

__all__ = ["locked_memory", "open_files", "scheduling"]

CAP_IPC_LOCK, CAP_SYS_NICE = 14, 23
LOCKED_GOOD = 256 * MB
FILES_LEAST, FILES_GOOD, FILES_ASKED = 256, 4_096, 65_536
_LIMITS = "/etc/security/limits.d/millrace.conf"


def scheduling(host: Host) -> Finding:
    """Whether a lane may ask for a real-time class."""
    if host.capable(CAP_SYS_NICE):
        return Finding("scheduling", "real-time classes allowed (CAP_SYS_NICE)")
    limit = host.limit("RLIMIT_RTPRIO")
    if limit is not None and limit[0] > 0:
        return Finding("scheduling", f"real-time classes allowed up to priority {limit[0]:g} (RLIMIT_RTPRIO)")
    cost = "a lane runs in the class of everything else: each process that wakes may take its core, for milliseconds"
    remedy = (
        "docker run --cap-add SYS_NICE ..." if host.contained else f'echo "$USER - rtprio 95" | sudo tee -a {_LIMITS}  # then log in again'
    )
    return Finding("scheduling", "no real-time class (no CAP_SYS_NICE, RLIMIT_RTPRIO 0)", BETTER, cost, remedy)


def locked_memory(host: Host) -> Finding:
    """How much memory may be kept from being paged out."""
    limit = host.limit("RLIMIT_MEMLOCK")
    if host.capable(CAP_IPC_LOCK):
        return Finding("locked memory", "no limit (CAP_IPC_LOCK)")
    if limit is None or limit[0] == float("inf"):
        return Finding("locked memory", "no limit")
    if limit[0] >= LOCKED_GOOD:
        return Finding("locked memory", f"up to {bytes_text(limit[0])}")
    cost = "rings and state can be paged out: the next touch waits for the disk"
    raise_it = f'echo "$USER - memlock unlimited" | sudo tee -a {_LIMITS}  # then log in again'
    remedy = "docker run --ulimit memlock=-1 ..." if host.contained else raise_it
    return Finding("locked memory", f"up to {bytes_text(limit[0])}", BETTER, cost, remedy)


def open_files(host: Host) -> Finding:
    """How many files and sockets a process may have open."""
    limit = host.limit("RLIMIT_NOFILE")
    if limit is None or limit[0] >= FILES_GOOD:
        return Finding("open files", "no limit" if limit is None or limit[0] == float("inf") else f"up to {limit[0]:,.0f}")
    raise_it = f'echo "$USER - nofile {FILES_ASKED}" | sudo tee -a {_LIMITS}  # then log in again'
    remedy = f"ulimit -n {min(limit[1], FILES_ASKED):.0f}" if limit[1] >= FILES_GOOD else raise_it
    found = f"up to {limit[0]:,.0f} (may be raised to {limit[1]:,.0f})"
    if limit[0] < FILES_LEAST:
        return Finding("open files", found, WRONG, "the broker cannot open the files of its topics", remedy)
    cost = "the broker keeps three files a partition open: a topology of many shards reaches the limit"
    return Finding("open files", found, BETTER, cost, remedy)

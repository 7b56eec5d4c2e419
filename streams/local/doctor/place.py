"""Where millrace keeps things: the state folder, the cache, shared memory."""

from pathlib import Path

from streams.local.doctor.finding import BETTER, WRONG, Finding
from streams.local.doctor.host import Host

__all__ = ["bytes_text", "cache", "home", "shared_memory"]

GB, MB = 1e9, 1e6
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "fuse.sshfs", "ceph", "glusterfs", "lustre", "afs"}
HOME_LEAST, HOME_GOOD = 1 * GB, 10 * GB
CACHE_GOOD = 1 * GB  # broker, registry, kernels and normalized recordings
SHARED_LEAST, SHARED_GOOD = 16 * MB, 256 * MB


def home(host: Host) -> Finding:
    """The folder of logs, topics and tables."""
    space = host.space(host.home)
    found = _found(host.home, space.free, space.kind)
    elsewhere = "MILLRACE_HOME=/path/on/another/disk millrace up"
    if not host.writable(host.home):
        return Finding("state folder", f"{found}, not writable", WRONG, "no stack can be started", elsewhere)
    if space.free < HOME_LEAST:
        return Finding("state folder", found, WRONG, "the broker stops when its disk is full, and with it every run", elsewhere)
    if space.free < HOME_GOOD:
        cost = "topics are kept 7 to 30 days: a few runs fill it, and the broker stops when its disk is full"
        return Finding("state folder", found, BETTER, cost, elsewhere)
    return Finding("state folder", found, *_of_kind(space.kind, elsewhere))


def cache(host: Host) -> Finding:
    """The folder of downloads, kernels and normalized recordings."""
    space = host.space(host.cache)
    found, elsewhere = _found(host.cache, space.free, space.kind), "MILLRACE_CACHE=/path/on/another/disk millrace up"
    if not host.writable(host.cache):
        filled = any((host.cache / "programs").glob("*"))
        cost = "kernels are compiled again by each process" if filled else "broker and registry cannot be downloaded: no stack"
        return Finding("cache", f"{found}, not writable", BETTER if filled else WRONG, cost, elsewhere)
    if space.free < CACHE_GOOD:
        cost = "downloads and normalized recordings find no room; kernels are then compiled again by each process"
        return Finding("cache", found, BETTER, cost, elsewhere)
    return Finding("cache", found)


def shared_memory(host: Host) -> Finding:
    """/dev/shm, where rings and histograms of the fast lane lie."""
    path = host.root / "dev/shm"
    if host.system != "Linux" or not path.exists():
        state = WRONG if host.system == "Linux" else BETTER
        remedy = "sudo mount -t tmpfs -o size=1G tmpfs /dev/shm" if state == WRONG else "# a Linux host"
        return Finding("shared memory", "no /dev/shm", state, "the fast lane does not start; the Kafka lane and replay need none", remedy)
    space = host.space(path)
    found = f"/dev/shm {bytes_text(space.free)} free of {bytes_text(space.total)}"
    remedy = "docker run --shm-size=1g ..." if host.contained else "sudo mount -o remount,size=1G /dev/shm"
    if space.free < SHARED_LEAST:
        return Finding("shared memory", found, WRONG, "rings of the fast lane find no room: it does not start", remedy)
    if space.free < SHARED_GOOD:
        cost = "rings of the fast lane must be small: a reader that pauses stops its writer sooner"
        return Finding("shared memory", found, BETTER, cost, remedy)
    return Finding("shared memory", found)


def bytes_text(count: float) -> str:
    """A number of bytes for people.

    >>> bytes_text(67_800_000_000), bytes_text(2_500_000_000), bytes_text(64e6)
    ('68 GB', '2.5 GB', '64 MB')
    """
    if count < GB:
        return f"{count / MB:.0f} MB"
    return f"{count / GB:.1f} GB" if count < 10 * GB else f"{count / GB:.0f} GB"


def _found(path: Path, free: int, kind: str) -> str:
    return f"{path}: {bytes_text(free)} free" + (f", {kind}" if kind else "")


def _of_kind(kind: str, remedy: str) -> tuple[str, ...]:
    """State, cost and remedy of a file system's type; nothing where it is a disk's."""
    if kind in NETWORK:
        return BETTER, "a network's file system: each commit waits for the network, and file locks may not hold", remedy
    if kind == "tmpfs":
        return BETTER, "it is memory: topics and tables take it from everything else, and are gone after a restart", remedy
    if kind == "overlay":
        return (
            BETTER,
            "a container's own layer: slower, and gone with the container",
            "docker run -v millrace:/millrace -e MILLRACE_HOME=/millrace ...",
        )
    return ()

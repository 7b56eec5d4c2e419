"""NUMA nodes: memory beside some cores, farther from the others. Which there are, and whose memory this process takes."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.local.cpus import cpus_of

__all__ = ["cores_of_nodes", "memory_on", "take_memory_of"]

_NODES = Path("/sys/devices/system/node")
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}.get(os.uname().machine, -1)
_DEFAULT, _PREFERRED = 0, 1  # MPOL_DEFAULT: of the core that touches a page first; MPOL_PREFERRED: of a node, as long as it has some
_BITS = 1024
_LIBC = ctypes.CDLL(None, use_errno=True)


def cores_of_nodes() -> dict[int, set[int]]:
    """The cores of each node of this host, by its number; empty where the host does not tell."""
    folders = _NODES.glob("node[0-9]*")
    return {int(folder.name.removeprefix("node")): set(cpus_of((folder / "cpulist").read_text())) for folder in folders}


def take_memory_of(node: int) -> None:
    """Take memory of a node from now on, in this thread and those that it starts; OSError if the host has no such node."""
    mask = (ctypes.c_ulong * (_BITS // 64))()
    mask[node // 64] = 1 << node % 64
    _set(_PREFERRED, mask)


@contextmanager
def memory_on(node: int) -> Iterator[None]:
    """The same for a while, and not as well where the host refuses."""
    try:
        take_memory_of(node)
    except OSError:  # who sits there says so
        yield
        return
    try:
        yield
    finally:
        _set(_DEFAULT, None)


def _set(policy: int, mask: ctypes.Array[ctypes.c_ulong] | None) -> None:
    if _LIBC.syscall(_SET_MEMPOLICY, policy, mask, _BITS + 1 if mask is not None else 0):  # the kernel takes one less
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

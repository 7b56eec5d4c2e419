"""Put this process where its topology says: cores, urgency. What the host refuses is said once, and the process runs on without it."""

import os
from collections.abc import Callable

import structlog

from streams.topology.numa import cores_of_nodes, take_memory_of
from streams.topology.seat import Place

__all__ = ["take_seat"]

_FIFO_PRIORITY = 10  # above every ordinary process, below the kernel's own threads


def take_seat(seat: Place, label: str, shard: int) -> None:
    """Pin and schedule this process, and every thread that it starts later. Nothing is done that the seat does not name.

    shard : which of the seat's cores and nodes it takes; they are used in turn where there are fewer than shards
    """
    log = structlog.get_logger(label)
    core, node = seat.core(shard), seat.node(shard)
    if node is not None:
        _sit_on(log, node, alone=core is None)
    if core is not None:
        _try(log, f"cpu {core}", lambda: os.sched_setaffinity(0, {core}), f"this host lets it use {_told(os.sched_getaffinity(0))}")
    if seat.nice:
        _try(log, f"nice {seat.nice}", lambda: os.setpriority(os.PRIO_PROCESS, 0, seat.nice), "below 0 needs CAP_SYS_NICE")
    if seat.scheduling != "normal":
        policy, priority = (os.SCHED_FIFO, _FIFO_PRIORITY) if seat.scheduling == "fifo" else (os.SCHED_BATCH, 0)
        _try(
            log,
            f"scheduling {seat.scheduling}",
            lambda: os.sched_setscheduler(0, policy, os.sched_param(priority)),
            "fifo needs CAP_SYS_NICE, or a limit in /etc/security/limits.d (rtprio)",
        )


def _sit_on(log: structlog.stdlib.BoundLogger, node: int, alone: bool) -> None:
    """Take memory of a node, and its cores unless another part of the seat names some."""
    nodes = cores_of_nodes()
    have = f"this host has the nodes {', '.join(map(str, sorted(nodes)))}"
    _try(log, f"numa {node}", lambda: take_memory_of(node), have)
    if alone and node in nodes:
        _try(log, f"cores of node {node}", lambda: os.sched_setaffinity(0, nodes[node]), f"its cores are {sorted(nodes[node])}")


def _try(log: structlog.stdlib.BoundLogger, what: str, call: Callable[[], None], remedy: str) -> None:
    try:
        call()
    except OSError as error:
        log.warning("seat refused", asked=what, reason=error.strerror, remedy=remedy)


def _told(cores: set[int]) -> str:
    return f"cores {', '.join(map(str, sorted(cores)))}"

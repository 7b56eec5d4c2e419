"""Which core each process of a topology is pinned to, what cannot work of that, and which cores and nodes this host does not have."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from streams.topology.numa import cores_of_nodes
from streams.topology.seat import Place, Seat
from streams.topology.source import Keys, path_text

if TYPE_CHECKING:
    from streams.topology.model import Topology

__all__ = ["Pinned", "absent_cores", "absent_nodes", "faults_of_cores", "pinned"]


class Pinned(NamedTuple):
    """One process on a core. keys: where the topology says so; label: its name, with the shard beyond shard 0; spins: it owns the core."""

    keys: Keys
    label: str
    core: int
    spins: bool


def pinned(topology: "Topology") -> Iterator[Pinned]:
    """Every process that a topology pins, shard by shard."""
    for keys, label, place, shard in _sitting(topology):
        core = place.core(shard)
        if core is not None:
            yield Pinned((*keys, "cpu"), label, core, spins=isinstance(place, Seat) and place.wait == "spin")


def faults_of_cores(topology: "Topology") -> Iterator[tuple[Keys, str]]:
    """A process that spins never gives its core away, so nobody else is pinned there."""
    there: dict[int, list[Pinned]] = {}
    for one in pinned(topology):
        there.setdefault(one.core, []).append(one)
    for core, found in there.items():
        spinning = next((one for one in found if one.spins), None)
        if spinning is not None and len(found) > 1:
            others = ", ".join(one.label for one in found if one is not spinning)
            yield (
                spinning.keys,
                f"core {core} is that of {others} too, which would hardly run: {spinning.label} spins and never gives it away; "
                "give each a core of its own (a list has one a shard), or write wait: backoff",
            )


def absent_cores(topology: "Topology") -> list[str]:
    """A line for each process that is pinned to a core which this host does not let it have; it runs wherever the host puts it."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = os.sched_getaffinity(0)
    have = ", ".join(map(str, sorted(cores)))
    return [
        f"{topology.path}: {path_text(one.keys)}: this host has the cores {have}, and no {one.core} for {one.label}, which is not pinned"
        for one in pinned(topology)
        if one.core not in cores
    ]


def absent_nodes(topology: "Topology") -> list[str]:
    """A line for each process that asks for a NUMA node which this host has not; it takes memory wherever it is."""
    nodes = cores_of_nodes()
    have = f"this host has the NUMA nodes {', '.join(map(str, sorted(nodes)))}" if nodes else "this host tells of no NUMA nodes"
    return [
        f"{topology.path}: {path_text((*keys, 'numa'))}: {have}, and no {node} for {label}, whose memory is anywhere"
        for keys, label, place, shard in _sitting(topology)
        if (node := place.node(shard)) is not None and node not in nodes
    ]


def _sitting(topology: "Topology") -> Iterator[tuple[Keys, str, Place, int]]:
    """Every process, shard by shard: where the topology says its place, its label, the place, the shard."""
    shards = sorted({topology.shard(name) for name in topology.instruments})
    for keys, name, place in _places(topology):
        for shard in shards:
            yield keys, f"{name}.{shard}" if shard else name, place, shard


def _places(topology: "Topology") -> Iterator[tuple[Keys, str, Place]]:
    for name, process in topology.processes.items():
        shown = "feed" if name == topology.fast_market else name
        yield ("processes", name), shown, process if process.lane == "fast" else Place(cpu=process.cpu, numa=process.numa)
    if topology.fast_lane:
        yield ("fast", "gateway"), "gateway", topology.fast.gateway
        yield ("fast", "mirror"), "mirror", topology.fast.mirror

"""What the fast lane can run: one loop a shard that reads rings of its own shard, machine code only. Each refusal says what to write."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streams.agents.spec import DEFAULT_SIZES
from streams.topology.classes import load_class
from streams.topology.cores import faults_of_cores
from streams.topology.source import Keys

if TYPE_CHECKING:
    from streams.topology.model import Topology

__all__ = ["faults_of_fast"]

Found = Iterator[tuple[Keys, str]]
_NEEDED = ("strategy", "risk", "execute")
_SLOTS_PER_MIB, _SETS, _MARKS = 4_096, 4, 2  # of the lane's own ring; outputs of so many inputs, with their marks, have room in it


def faults_of_fast(topology: "Topology") -> Found:
    """Every reason why the processes on the fast lane cannot run there; nothing where there is none."""
    fast = [name for name, process in topology.processes.items() if process.lane == "fast"]
    if not fast:
        return
    market = [name for name in fast if "normalize" in topology.processes[name].agents]
    yield from _standbys(topology, fast)
    yield from _market(topology, fast, market)
    lanes = [name for name in fast if name not in market]
    for name in lanes[1:]:
        yield (
            ("processes", name, "lane"),
            f"a shard has one loop that trades, which is {lanes[0]!r}; put these agents there, or on the Kafka lane",
        )
    if len(market) == len(lanes) == 1:
        yield from _lane(topology, lanes[0])
        yield from _shards(topology, lanes[0])
        yield from _room(topology, lanes[0])
        yield from faults_of_cores(topology)


def _standbys(topology: "Topology", fast: list[str]) -> Found:
    for name in fast:
        if topology.processes[name].standby:
            yield (
                ("processes", name, "standby"),
                "is of the Kafka lane: on the fast lane a process starts again from its rings; take it away",
            )


def _market(topology: "Topology", fast: list[str], market: list[str]) -> Found:
    """Normalize is a process of its own, and both its lane and the trading one are fast or neither."""
    for name in market:
        others = [agent for agent in topology.processes[name].agents if agent != "normalize"]
        if others:
            yield (
                ("processes", name, "agents"),
                f"the feed runs normalize on the fast lane, without {' and '.join(map(repr, others))}; give it a process of its own: "
                "`market: {lane: fast, agents: [normalize]}`",
            )
        elif fast == market:
            yield (
                ("processes", name, "lane"),
                "nothing on the fast lane reads its ring; say `lane: fast` of the process that trades, or `lane: kafka` here",
            )
    if not market:
        owner = next((name for name, process in topology.processes.items() if "normalize" in process.agents), "")
        yield (
            ("processes", fast[0], "lane"),
            f"reads market data from a ring, but process {owner!r} writes it to topics; say `lane: fast` there too",
        )


def _lane(topology: "Topology", lane: str) -> Found:
    agents = topology.processes[lane].agents
    missing = [agent for agent in _NEEDED if agent not in agents]
    if missing:
        yield (
            ("processes", lane, "agents"),
            f"on the fast lane {', '.join(_NEEDED)} are one process, for records do not come back to it from topics; "
            f"add {' and '.join(map(repr, missing))}",
        )
    for name, process in topology.processes.items():
        if name != lane and "strategy" in process.agents:
            yield (
                ("processes", name, "agents"),
                f"its orders would reach risk of {lane!r} through a topic, and the fast lane reads rings only; name its strategies in "
                f"{lane!r}, or say `lane: kafka` there and of {topology.fast_market!r}",
            )
    for name, strategy in topology.strategies_of(lane).items():
        if "account" not in agents and _hears_positions(strategy.path):
            yield (
                ("strategies", name, "class"),
                f"has on_position, and no account writes positions on the fast lane; move agent 'account' into {lane!r}, after execute",
            )


def _hears_positions(path: str) -> bool:
    try:
        return hasattr(load_class(path), "on_position")
    except Exception:  # whatever is wrong with the file is told by `faults_of_strategy`
        return False


def _shards(topology: "Topology", lane: str) -> Found:
    """A shard of the fast lane has one venue: one feed, one gateway."""
    venues: dict[int, set[str]] = {}
    for name in topology.instruments:
        venues.setdefault(topology.shard(name), set()).add(name.partition(":")[0])
    for shard, found in sorted(venues.items()):
        if len(found) > 1:
            yield (
                ("processes", lane, "lane"),
                f"a shard has one venue on the fast lane, and shard {shard} has {', '.join(sorted(found))}; give each a shard of its own",
            )
    for name in topology.accounts:
        if topology.shard(name) not in venues:
            yield (
                ("shards", name),
                f"shard {topology.shard(name)} has no instrument, and so no feed on the fast lane; use another",
            )


def _room(topology: "Topology", lane: str) -> Found:
    """The lane's ring holds what one input may cause, some times over."""
    queue = topology.processes[lane].sizes.get("queue", DEFAULT_SIZES["queue"])
    needed_mib = -(-_SETS * (queue + _MARKS) // _SLOTS_PER_MIB)
    if topology.fast.ring_mib < needed_mib:
        yield ("fast", "ring"), f"is too small for sizes.queue {queue} of {lane!r}; write {needed_mib} MiB or more"

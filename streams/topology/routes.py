"""Which partitions an instance reads, and to which partition a record goes: partition = shard, always said (contract 8)."""

from collections.abc import Callable
from typing import Any

from streams.agents.roles import reads_of, writes_of
from streams.lanes.control import COMMANDS, CONTROL_TOPICS
from streams.lanes.journal import Place
from streams.lanes.spec import is_control, topics_of
from streams.topology.catalog import AGENTS
from streams.topology.instances import Instance
from streams.topology.model import Topology

__all__ = ["input_places", "partition_of"]

_MARKET = ("frames.v1", "book_updates.v1", "trades.v1", "quotes.v1", "funding.v1", "signals.v1")
_ONE_PARTITION = (*CONTROL_TOPICS, COMMANDS, "alerts.v1", "audit.v1")


def input_places(topology: Topology, instance: Instance) -> tuple[Place, ...]:
    """Every data partition that an instance reads, in the order of the topics it reads.

    Market data: its own shard, and for agents that value accounts the shards of all instruments those trade. Orders and what follows:
    the shards of the accounts. On the fast lane: what the rings of the shard hold.
    """
    kinds = {AGENTS[agent] for agent in instance.agents}
    traded = [s for s in topology.strategies.values() if topology.shard(s.account) == instance.shard] if "account" in kinds else []
    own = (
        [s for s in topology.strategies_of(instance.name).values() if topology.shard(s.instruments[0]) == instance.shard]
        if "strategy" in instance.agents
        else []
    )
    market = {topology.shard(name) for strategy in traded for name in strategy.instruments} | (
        {instance.shard} if "instrument" in kinds else set()
    )
    orders = {topology.shard(strategy.account) for strategy in own} | ({instance.shard} if "account" in kinds else set())
    topics = [topic for topic in topics_of(reads_of(instance.agents, instance.shared)) if not is_control(topic)]
    if instance.lane == "fast":
        topics = [topic for topic in topics if topic in _from_rings(topology)]
    return tuple((topic, shard) for topic in topics for shard in sorted((market if topic in _MARKET else orders) or {instance.shard}))


def _from_rings(topology: Topology) -> set[str]:
    """What reaches a process of the fast lane: what the shells and the other one of its shard write. The rest stays on topics."""
    return {"frames.v1", "venue_events.v1", *writes_of(topology.processes[topology.fast_market].agents)}


def partition_of(topology: Topology, shard: int) -> Callable[[str, Any], int]:
    """The partition of an output record: its account's shard, else its instrument's, else the writer's own."""

    def partition(topic: str, record: Any) -> int:
        if topic in _ONE_PARTITION:
            return 0
        account = getattr(record, "account", None)
        if account is not None:
            return topology.shard(account)
        venue, symbol = getattr(record, "venue", None), getattr(record, "symbol", None)
        return topology.shard(f"{venue}:{symbol}") if venue and symbol else shard

    return partition

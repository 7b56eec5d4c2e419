"""What runs: one instance for each process and shard, and the shells around them; who writes which topic."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from streams.agents.roles import reads_of, writes_of
from streams.agents.spec import DEFAULT_SIZES, ProcessSpec, StrategySpec
from streams.config import home_folder
from streams.control import settings as control_plane
from streams.lanes.control import COMMANDS, CONTROL_TOPICS, Control
from streams.lanes.spec import topics_of
from streams.lanes.writers import dlq_topic, lane_writers, writer_name
from streams.schema import model
from streams.topology.catalog import AGENTS
from streams.topology.model import Topology

__all__ = [
    "TOOLS",
    "Instance",
    "empty_spec",
    "fast_shards",
    "instances",
    "journalled",
    "models_folder",
    "normalizer",
    "process_spec",
    "shell_name",
    "sizes_of",
    "writer_names",
]

TOOLS = {
    "apply": CONTROL_TOPICS,
    "run": (COMMANDS,),
    "command": (COMMANDS,),
    control_plane.CONTROL: (*control_plane.WRITES, *map(dlq_topic, control_plane.READS)),
}
"""Writers of what people and their tools write, with their topics: random sequences of their own (contract 6)."""


@dataclass(frozen=True)
class Instance:
    """One operating-system process of a topology.

    name   : process or shell, as `millrace process NAME` takes it
    kind   : "agents", "feed", "venue", "gateway", "mirror", "sink" or "control"
    venue  : of a shell at a venue, else ""
    agents : of a process of agents, and those that a feed of the fast lane runs; else ()
    shared : those of its agents that run in other processes too
    named  : the process names its strategies, so what its agents write has writers of its own
    lane   : "kafka" or "fast"
    """

    name: str
    kind: str
    shard: int = 0
    venue: str = ""
    agents: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    named: bool = False
    lane: str = "kafka"

    @property
    def label(self) -> str:
        """Name and shard, unique in the topology: `trade`, or `trade.1` beyond shard 0."""
        return f"{self.name}.{self.shard}" if self.shard else self.name


def shell_name(topology: Topology, shell: str, venue: str) -> str:
    """`feed` where there is one venue, else `feed-binance`."""
    return shell if len(topology.venues) == 1 else f"{shell}-{venue}"


def instances(topology: Topology) -> list[Instance]:
    """Every process in the order of the flow: feeds, agents, gateways, mirrors, venues, sink; then who watches them."""
    agents = [instance for instance in journalled(topology) if instance.lane != "fast" or instance.name != topology.fast_market]
    return [
        *_shells(topology, "feed"),
        *agents,
        *_shells(topology, "gateway"),
        *_mirrors(topology),
        *_shells(topology, "venue"),
        *_sinks(topology),
        Instance(control_plane.CONTROL, "control"),
    ]


def journalled(topology: Topology) -> list[Instance]:
    """Every process of agents and shard, each with a journal; on the fast lane the one that normalizes runs in its feed."""
    return list(_processes(topology))


def normalizer(topology: Topology, feed: Instance) -> Instance:
    """The process of agents that a feed of the fast lane runs."""
    return next(one for one in journalled(topology) if one.name == topology.fast_market and one.shard == feed.shard)


def fast_shards(topology: Topology) -> dict[int, str]:
    """The venue of each shard of the fast lane; of a shard without instruments ""."""
    if not topology.fast_lane:
        return {}
    venues = {topology.shard(name): name.partition(":")[0] for name in topology.instruments}
    return {one.shard: venues.get(one.shard, "") for one in journalled(topology) if one.name == topology.fast_lane}


def _mirrors(topology: Topology) -> Iterator[Instance]:
    for shard, venue in fast_shards(topology).items():
        yield Instance("mirror", "mirror", shard, venue, lane="fast")


def _processes(topology: Topology) -> Iterator[Instance]:
    shared = topology.shared_agents
    by_kind = {"instrument": {topology.shard(i) for i in topology.instruments}, "account": {topology.shard(a) for a in topology.accounts}}
    for name, process in topology.processes.items():
        own = {topology.shard(s.instruments[0]) for s in topology.strategies_of(name).values()} if process.strategies else None
        for shard in sorted(set().union(*(own if own and agent == "strategy" else by_kind[AGENTS[agent]] for agent in process.agents))):
            both = tuple(agent for agent in process.agents if agent in shared)
            yield Instance(name, "agents", shard, "", process.agents, both, bool(process.strategies), process.lane)


def _shells(topology: Topology, shell: str) -> Iterator[Instance]:
    if topology.fast_lane and shell in ("feed", "gateway"):
        agents = topology.processes[topology.fast_market].agents if shell == "feed" and topology.fast_market else ()
        for shard, venue in fast_shards(topology).items():
            yield Instance(shell_name(topology, shell, venue), shell, shard, venue, agents, lane="fast")
        return
    for venue in topology.venues:
        symbols = [name for name in topology.instruments if name.startswith(f"{venue}:")]
        shards = (
            {topology.shard(name) for name in symbols} if shell == "feed" else {topology.shard(account) for account in topology.accounts}
        )
        for shard in sorted(shards) if shell != "venue" else [0]:
            yield Instance(shell_name(topology, shell, venue), shell, shard, venue)


def _sinks(topology: Topology) -> Iterator[Instance]:
    if topology.sinks.clickhouse:
        yield Instance("sink", "sink")


def writer_names(topology: Topology) -> list[str]:
    """Every writer that needs a number: one per (agent, process or shell, shard, topic), and the tools."""
    found = [writer_name(tool, 0, topic) for tool, topics in TOOLS.items() for topic in topics]
    for instance in dict.fromkeys((*instances(topology), *journalled(topology))):
        found += _writers_of(instance)
    return list(dict.fromkeys(found))


def _writers_of(instance: Instance) -> list[str]:
    name, shard = instance.name, instance.shard
    match instance.kind:
        case "agents":
            written = _agent_writers(instance)
            reads = topics_of(reads_of(instance.agents, instance.shared))
            own = [*written.values(), *lane_writers(name, shard, {*reads, *written}).values()]
            return [*own, writer_name(f"{name}-lane", shard, COMMANDS)] if instance.lane == "fast" else own
        case "feed":
            topics = ("frames.v1", dlq_topic("frames.v1"), "alerts.v1", *(("latency.v1",) if instance.lane == "fast" else ()))
            return [writer_name(name, shard, topic) for topic in topics]
        case "mirror":
            letters = [dlq_topic(topic) for topic in model.BY_TOPIC if "*" not in topic]
            return [writer_name(name, shard, topic) for topic in ("alerts.v1", "latency.v1", *letters)]
        case "gateway":
            topics = ("venue_events.v1", dlq_topic("venue_events.v1"), dlq_topic("requests.v1"), "alerts.v1", "latency.v1")
            return [writer_name(name, shard, topic) for topic in topics]
        case "sink":
            return [writer_name(name, shard, dlq_topic(topic)) for topic in model.BY_TOPIC if "*" not in topic]
    return []


def _agent_writers(instance: Instance) -> dict[str, str]:
    """Name of the writer by topic: the agent that writes it, and its process where the agent has several."""
    own = f"-{instance.name}" if instance.named else ""
    return {topic: writer_name(f"{agent}{own}", instance.shard, topic) for agent in instance.agents for topic in writes_of((agent,))}


def process_spec(topology: Topology, instance: Instance, control: Control) -> ProcessSpec:
    """The agents of an instance, with the numbers that the dictionary gives; LaneError for a name without one."""
    writers = {topic: control.writer(name) for topic, name in _agent_writers(instance).items()}
    return replace(empty_spec(topology, instance), writers=writers, epoch=control.epoch)


def empty_spec(topology: Topology, instance: Instance) -> ProcessSpec:
    """The agents of an instance before the dictionary: enough to compile them."""
    strategies = ()
    if "strategy" in instance.agents:
        kept = str(models_folder())
        strategies = tuple(
            StrategySpec(name, strategy.path, strategy.account, strategy.instruments, strategy.model or "", kept)
            for name, strategy in topology.strategies_of(instance.name).items()
            if topology.shard(strategy.instruments[0]) == instance.shard
        )
    sizes = sizes_of(topology, instance.name)
    return ProcessSpec(instance.name, instance.shard, instance.agents, strategies, sizes, shared=instance.shared)


def models_folder() -> Path:
    """Where `apply` keeps model files under their hashes: `.millrace/models`."""
    return home_folder() / "models"


def sizes_of(topology: Topology, *processes: str) -> dict[str, int]:
    """Room for what the topology names, and a little more; what the file says itself goes first, of several processes the most."""
    currencies = {c for i in topology.instruments.values() for c in (i.base, i.quote)}
    scopes = {scope for account in topology.accounts for scope in topology.chain(f"account:{account}")}
    scopes |= {f"desk:{desk}" for desk in topology.desks} | {f"trader:{trader}" for trader in topology.traders}
    counts = {
        "instruments": len(topology.instruments),
        "strategies": len(topology.strategies),
        "accounts": len(topology.accounts),
        "scopes": len(scopes),
        "currencies": len(currencies),
        "sectors": len({i.sector for i in topology.instruments.values()}),
        "clusters": len({i.cluster for i in topology.instruments.values()}),
    }
    room = {name: max(DEFAULT_SIZES[name], 1 << (count - 1).bit_length()) for name, count in counts.items() if count}
    said: dict[str, int] = {}
    for process in processes:
        for name, size in topology.processes[process].sizes.items():
            said[name] = max(size, said.get(name, 0))
    return room | said

"""A backtest's process: every agent of a topology but normalize in one, told all that `apply` and `run` would write. No broker.

process = world(topology, run_id)       # as a live process after its control records; market data comes next
process.spec.writers["venue_events.v1"] # the writer of the venue's answers; "" of ticks; normalize's topics too
feeds_of(topology, process)             # by venue, the writer of its frames
"""

from collections.abc import Iterator, Mapping
from typing import Any

from streams.agents.process import Process
from streams.agents.roles import WRITES
from streams.agents.spec import ProcessSpec, StrategySpec
from streams.errors import TopologyError
from streams.lanes.control import COMMANDS
from streams.lanes.writers import TICKS, writer_name
from streams.records import Clock, Command, CommandType, Name, NameKind
from streams.schema import ids
from streams.schema.dictionary import Dictionary
from streams.schema.model import SCHEMAS
from streams.topology import derive
from streams.topology.classes import is_compiled
from streams.topology.instances import models_folder, shell_name, sizes_of
from streams.topology.model import Topology

__all__ = ["NAME", "feeds_of", "is_plain", "world", "world_spec", "writers_of"]

NAME = "replay"
"""Name of the process of a backtest."""
_EPOCH_S = 1
"""Second in which a backtest's dictionary was created: the same one always, since client order ids hold it."""
_SHELLS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("venue_events.v1",),
    NAME: (TICKS,),
    "apply": ("names.v1", "instruments.v1", "shards.v1", "limits.v1", "params.v1"),
    "run": (COMMANDS,),
}


def world(topology: Topology, run_id: int, compiled: bool = True) -> Process:
    """The process of a backtest, with every name, instrument, limit and parameter fed, and the RUN record.

    Instruments have their numbers in the order of the topology. Its clock has not started: the first market record starts it.
    compiled : machine code; False = plain Python, which a topology with a strategy that says compiled = False needs (TopologyError)
    """
    if compiled and is_plain(topology):
        raise TopologyError(f"{topology.path}: a strategy says compiled = False, so the whole replay runs plain; ask for it with --plain")
    process = Process(world_spec(topology), compiled=compiled)
    for record in _control(topology, run_id):
        process.on_input(record)
    return process


def is_plain(topology: Topology) -> bool:
    """True if a strategy of the topology is not compiled, so that what replays it cannot be either."""
    return not all(is_compiled(strategy.path) for strategy in topology.strategies.values())


def world_spec(topology: Topology) -> ProcessSpec:
    """The agents of every process but normalize, in the topology's order, on one shard; all strategies in the order of the file."""
    agents = tuple(dict.fromkeys(agent for process in topology.processes.values() for agent in process.agents if agent != "normalize"))
    kept = str(models_folder())
    strategies = tuple(
        StrategySpec(name, strategy.path, strategy.account, strategy.instruments, strategy.model or "", kept)
        for name, strategy in topology.strategies.items()
    )
    return ProcessSpec(NAME, 0, agents, strategies, sizes_of(topology, *topology.processes), writers_of(_dictionary(topology)), _EPOCH_S)


def feeds_of(topology: Topology, process: Process) -> dict[str, int]:
    """Number of the writer of frames by venue."""
    return {venue: process.edge.number(NameKind.WRITER, name) for venue, name in _feeds(topology).items()}


def writers_of(dictionary: Dictionary) -> dict[str, int]:
    """Number of the writer by topic, "" = ticks: of the agents, of normalize, of the gateway, of the tools."""
    return {topic: dictionary.number(NameKind.WRITER, name) for topic, name in _writer_names().items()}


def _writer_names() -> dict[str, str]:
    """One writer a topic, whatever number of processes and venues the topology has."""
    agents = {SCHEMAS[record].topic: agent for agent, written in WRITES.items() for record in written if record != "Command"}
    shells = {topic: shell for shell, topics in _SHELLS.items() for topic in topics}
    return {topic: writer_name(owner, 0, topic) for topic, owner in (agents | shells).items()}


def _feeds(topology: Topology) -> dict[str, str]:
    return {venue: writer_name(shell_name(topology, "feed", venue), 0, "frames.v1") for venue in topology.venues}


def _dictionary(topology: Topology) -> Dictionary:
    dictionary = Dictionary(_EPOCH_S)
    for kind, name in derive.names(topology):
        if kind != NameKind.WRITER:
            dictionary.add(kind, name)
    for name in (*_writer_names().values(), *_feeds(topology).values()):
        dictionary.add(NameKind.WRITER, name)
    return dictionary


def _control(topology: Topology, run_id: int) -> Iterator[Any]:
    """What `apply` and `run` write, in the order in which a process reads it."""
    dictionary = _dictionary(topology)
    names = [
        Name(0, 0, 0, 0, 0, kind=kind, number=number, name=name, epoch=_EPOCH_S)
        for kind in NameKind
        for number, name in enumerate(dictionary.names(kind))
    ]
    writers = writers_of(dictionary)
    written = {
        "names.v1": names,
        "instruments.v1": derive.instruments(topology),
        "shards.v1": derive.shards(topology),
        "limits.v1": derive.limits(topology),
        "params.v1": derive.params(topology),
    }
    for topic, records in written.items():
        for sequence, record in enumerate(records, 1):
            yield record._replace(id=ids.make(writers[topic], sequence), run_id=run_id)
    yield Command(
        id=ids.make(writers[COMMANDS], 1),
        cause_id=0,
        run_id=run_id,
        ts_ns=0,
        recv_ts_ns=0,
        kind=CommandType.RUN,
        target="",
        reason="millrace replay",
        run_number=run_id,
        topology=topology.name,
        clock=Clock.RECORDING,
        clock_start_ns=0,
        wall_start_ns=0,
        speed=1.0,
    )

"""The rings of a topology's fast lane: where they are, having them there before anyone opens them, and removing them after a run."""

from pathlib import Path

from streams.config import Endpoints
from streams.control.targets import targets
from streams.lanes.control import COMMANDS, read_control
from streams.lanes.fast_rings import FastShard, RingRun, remove_rings, rings_folder
from streams.lanes.registry import SchemaIds
from streams.lanes.ring_seen import look
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.topology.instances import TOOLS, Instance, fast_shards, shell_name
from streams.topology.model import Topology
from streams.topology.runs import Run

__all__ = ["checkpoint_path", "drop_rings", "lay_rings", "rings_of", "unmirrored"]

_NOT_MIRRORED = ("control", "kill")
"""Rings whose records come from topics, or are commands that reach theirs by other ways too."""


def rings_of(topology: Topology, shard: int) -> FastShard:
    """The rings of one shard, whose processes the topology names."""
    venue = fast_shards(topology)[shard]
    feed, gateway = (shell_name(topology, shell, venue) for shell in ("feed", "gateway"))
    return FastShard(rings_folder(), shard, feed, topology.fast_lane, gateway, ring_mib=topology.fast.ring_mib)


def checkpoint_path(topology: Topology, instance: Instance) -> Path:
    """Where an instance on the fast lane keeps its state: beside the rings, so that they are lost together."""
    return rings_of(topology, instance.shard).checkpoint_path(instance.name)


def lay_rings(topology: Topology, where: Endpoints, run: Run) -> list[int]:
    """Have every ring of the topology there for a run, and no other; the shards whose rings were made anew."""
    shards = list(fast_shards(topology))
    remove_rings(keep=shards)  # those that another topology has left would still take commands
    if not shards:
        return []
    wire = Wire(SchemaIds(where.registry))
    control = read_control(where.kafka, wire, ("names.v1",))
    tools = [writer_name(tool, 0, COMMANDS) for tool, topics in TOOLS.items() if COMMANDS in topics]
    told = RingRun(
        run_number=run.number,
        topology=topology.name,
        clock=int(run.clock.clock),
        clock_start_ns=run.clock.clock_start_ns,
        wall_start_ns=run.clock.wall_start_ns,
        speed=run.clock.speed,
        commands_header=wire.header(COMMANDS).hex(),
        writers={name: control.writer(name) for name in tools},
        targets={name: kind.name for name, kind in targets(control.names).items()},
    )
    return [shard for shard in shards if rings_of(topology, shard).create_all(told)]


def unmirrored(folder: Path) -> int:
    """Slots of the rings in a folder that no topic has yet; 0 without rings."""
    behind = 0
    for path in folder.glob("*.ring"):
        name, _, shard = path.stem.rpartition(".")
        if name not in _NOT_MIRRORED:
            mirror = "mirror" if shard == "0" else f"mirror.{shard}"
            behind += sum(reader.behind for reader in look(path).readers if reader.name == mirror)
    return behind


def drop_rings(always: bool = False) -> str:
    """Remove the rings of this checkout when no process has them any more; what was done, in a line, "" if there were none.

    always : also if they hold what is in no topic yet
    """
    folder = rings_folder()
    if not any(folder.glob("*.ring")):
        return ""
    left = 0 if always else unmirrored(folder)
    if left:
        return f"kept: {left:,} slots are in no topic yet; `millrace run` goes on with them, `millrace down --purge` drops them"
    remove_rings(folder)
    return f"removed {folder}"

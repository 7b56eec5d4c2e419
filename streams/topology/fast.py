"""The rings of a topology's fast lane: where they are, having them there before anyone opens them, and removing them after a run."""

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import psutil

from streams.config import Endpoints, home_folder
from streams.control.targets import targets
from streams.errors import LaneError
from streams.lanes.control import COMMANDS, read_control
from streams.lanes.fast_rings import FastShard, RingRun, remove_rings, rings_folder
from streams.lanes.registry import SchemaIds
from streams.lanes.ring_seen import look
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.topology.instances import TOOLS, Instance, fast_shards, shell_name
from streams.topology.model import Topology
from streams.topology.numa import memory_on
from streams.topology.processes import run_folder
from streams.topology.runs import Run

__all__ = ["check_room", "checkpoint_path", "drop_rings", "follow_home", "lay_rings", "note_rings", "rings_of", "unmirrored"]

Say = Callable[[str], None]
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


def check_room(topology: Topology) -> None:
    """LaneError unless this host has the memory for the topology's rings; a host without would end processes when it is written."""
    shards = [rings_of(topology, shard) for shard in fast_shards(topology)]
    if not shards:
        return
    folder, needed = shards[0].folder, sum(shard.nbytes for shard in shards)
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    found, held = os.statvfs(there), sum(path.stat().st_blocks * 512 for path in folder.glob("*.ring"))
    free = found.f_bavail * found.f_frsize
    if there.is_relative_to("/dev/shm"):
        free = min(free, psutil.virtual_memory().available)
    if needed > free + held:
        some = f"write {fits} MiB or less" if (fits := topology.fast.ring_mib * (free + held) // needed // 2) else "free some"
        raise LaneError(
            f"{topology.path}: fast.ring: {topology.fast.ring_mib:,} MiB make {needed >> 20:,} MiB for all rings of {len(shards)} shards, "
            f"and {there} has {(free + held) >> 20:,} MiB free; {some}, or use fewer shards"
        )


def lay_rings(topology: Topology, where: Endpoints, run: Run, say: Say = print) -> list[int]:
    """Have every ring of the topology there for a run, and no other; the shards whose rings were made anew. say: what the host refuses."""
    shards = list(fast_shards(topology))
    follow_home()
    remove_rings(keep=shards)  # those that another topology has left would still take commands
    if not shards:
        return []
    note_rings()
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
    return [shard for shard in shards if _create(topology, shard, told, say)]


def _create(topology: Topology, shard: int, told: RingRun, say: Say) -> bool:
    """The rings of a shard, on the node of its lane, in the pages that the topology asks for; whether they were made anew."""
    rings, node = rings_of(topology, shard), topology.processes[topology.fast_lane].node(shard)
    with nullcontext() if node is None else memory_on(node):
        made = rings.create_all(told)
    if topology.fast.huge_pages and (refused := rings.collapse()):
        say(f"{topology.path}: fast.huge_pages: {refused}; rings lie in pages of 4 kB")
    return made


def note_rings() -> None:
    """Let the state folder say where it is, and where its rings are."""
    _note().parent.mkdir(parents=True, exist_ok=True)
    _note().write_text(json.dumps({"home": str(home_folder().resolve()), "rings": str(rings_folder())}))


def follow_home() -> None:
    """Let rings in memory follow a state folder that was moved: they are found by its path. Those of one that is still there stay."""
    try:
        before = json.loads(_note().read_text())
        old, new = Path(before["rings"]), rings_folder()
    except (OSError, ValueError, KeyError, TypeError):
        return
    if old != new and old.is_dir() and not new.exists() and not Path(before["home"]).exists():
        old.rename(new)


def _note() -> Path:
    """Where a state folder keeps its own path, and that of its rings."""
    return run_folder() / "rings"


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
    follow_home()
    folder = rings_folder()
    if not any(folder.glob("*.ring")):
        return ""
    left = 0 if always else unmirrored(folder)
    if left:
        return f"kept: {left:,} slots are in no topic yet; `millrace run` goes on with them, `millrace down --purge` drops them"
    remove_rings(folder)
    return f"removed {folder}"

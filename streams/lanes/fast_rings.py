"""The rings of one shard of the fast lane: names, files, slots, capacities, who writes and who reads; made before any of them starts.

A ring is the journal of its writer: what stands in it was given its id and published there, and stays until every blocking reader has
committed past it. The files survive processes, not the host: a folder of /dev/shm where the host has one of 1 GiB at least, else `rings`
of the state folder. `create_all` makes the line of each blocking reader too, so that no writer runs ahead of a reader still to come.

    shard = FastShard(rings_folder(), shard=0, feed="feed", lane="trade", gateway="gateway")
    shard.create_all(RingRun(run_number=7))                  # the supervisor; the rings of another run are made anew
    reader = shard.open(shard.market).reader(shard.lane_label)
"""

import os
import secrets
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from streams.agents.outbox import TABLES
from streams.config import home_folder
from streams.errors import LaneError
from streams.kernel.struct import StructMeta
from streams.lanes.fast_slots import FrameMark, RecordSlot, StampSlot, TakenSlot
from streams.lanes.record_ring import ABOUT
from streams.lanes.ring import Ring, ring_nbytes
from streams.lanes.ring_run import RingRun, live_run, read_run, shards_there, write_run
from streams.lanes.ring_seen import look
from streams.slots import SLOTS, CommandSlot, FundingSlot, LevelSlot, QuoteSlot, Slot, TradeSlot, VenueEventSlot

__all__ = ["FastShard", "RingPlan", "RingRun", "live_run", "remove_rings", "rings_folder", "shards_there"]

_SHM = Path("/dev/shm")
_SHM_NBYTES = 1 << 30
_MIB = 1 << 20
_OUTPUTS = tuple(SLOTS[kind] for kind in TABLES)
_OURS = (".ring", ".checkpoint", ".histograms", ".new", ".tmp")


class RingPlan(NamedTuple):
    """One ring of a shard. writer, readers: labels of processes, all readers blocking; about: see `Ring.create`."""

    name: str
    slots: tuple[StructMeta, ...]
    capacity: int
    writer: str
    readers: tuple[str, ...]
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FastShard:
    """Where the rings of a shard are, and the names of its processes.

    folder                    : see `rings_folder`
    feed, lane, gateway, mirror : names of the processes, without the shard; the lane's is that of its own ring
    ring_mib                  : MiB of each large ring (frames, market, the lane's, records); the others follow from it; > 0
    """

    folder: Path
    shard: int
    feed: str
    lane: str
    gateway: str
    mirror: str = "mirror"
    ring_mib: int = 64

    # ---- names of rings ----
    @property
    def frames(self) -> str:
        """Frames as they came, and the feed's dead letters and alerts: records."""
        return f"frames-{self.feed}"

    @property
    def market(self) -> str:
        """Market data: marks of frames, the slots of their records, what normalize takes of `control`: 128 bytes."""
        return f"market-{self.feed}"

    @property
    def own(self) -> str:
        """What the lane takes, its ticks and its outputs: 256 bytes. Also whole records: alerts, dead letters."""
        return self.lane

    @property
    def records(self) -> str:
        """What the gateway writes to topics: records."""
        return f"records-{self.gateway}"

    @property
    def events(self) -> str:
        """The venue's events as slots, 128 bytes, in the order of their records."""
        return f"events-{self.gateway}"

    @property
    def control(self) -> str:
        """Control topics, from the mirror: records."""
        return "control"

    @property
    def kill(self) -> str:
        """Commands before they reach their topic: records."""
        return "kill"

    # ---- names of readers ----
    def label(self, name: str) -> str:
        """A process of this shard as rings know it: its name, with the shard beyond shard 0."""
        return f"{name}.{self.shard}" if self.shard else name

    @property
    def feed_label(self) -> str:
        return self.label(self.feed)

    @property
    def lane_label(self) -> str:
        return self.label(self.lane)

    @property
    def gateway_label(self) -> str:
        return self.label(self.gateway)

    @property
    def mirror_label(self) -> str:
        return self.label(self.mirror)

    # ---- files ----
    def path(self, name: str) -> Path:
        """The file of a ring."""
        return self.folder / f"{name}.{self.shard}.ring"

    def checkpoint_path(self, name: str) -> Path:
        """The checkpoint of a process, beside the rings: they are lost together or not at all."""
        return self.folder / f"{name}.{self.shard}.checkpoint"

    @property
    def _marker(self) -> Path:
        return self.folder / f"{self.shard}.run"

    def plans(self) -> dict[str, RingPlan]:
        """Every ring of the shard by name."""
        feed, lane, gateway, mirror = self.feed_label, self.lane_label, self.gateway_label, self.mirror_label
        large = self.ring_mib * _MIB
        small = max(large // 8, 2 * _MIB)
        records: tuple[StructMeta, ...] = (RecordSlot,)
        market = (FrameMark, TakenSlot, LevelSlot, TradeSlot, QuoteSlot, FundingSlot, CommandSlot)
        own = (Slot, TakenSlot, StampSlot, RecordSlot, CommandSlot, *_OUTPUTS)
        found = (
            RingPlan(self.frames, records, large // 256, feed, (mirror, feed), ABOUT),
            RingPlan(self.market, market, large // 128, feed, (lane, mirror, feed), {}),
            RingPlan(self.own, own, large // 256, lane, (gateway, mirror, lane), ABOUT),
            RingPlan(self.records, records, large // 256, gateway, (mirror, gateway), ABOUT),
            RingPlan(self.events, (VenueEventSlot,), large // 128, gateway, (lane, mirror), {}),
            RingPlan(self.control, records, small // 256, mirror, (feed, lane, gateway, mirror), ABOUT),
            RingPlan(self.kill, records, 1024, "", (lane, gateway, mirror), ABOUT),
        )
        return {plan.name: plan for plan in found}

    @property
    def nbytes(self) -> int:
        """Bytes of all its rings, but for a few pages."""
        return sum(ring_nbytes(plan.slots, plan.capacity) for plan in self.plans().values())

    def open(self, name: str) -> Ring:
        """A ring of the shard, its pages at hand; LaneError if it is not there, or if its slots are laid out otherwise."""
        plan = self.plans()[name]
        ring = Ring.open(self.path(name), plan.slots, plan.about)
        ring.memory.populate()
        return ring

    def open_reader_lines(self, name: str) -> None:
        """Let the writer of a ring wait for every blocking reader that is still to come."""
        plan = self.plans()[name]
        ring = Ring.open(self.path(name), plan.slots, plan.about)
        try:
            known = {line.name for line in ring.readers()}
            for reader in plan.readers:
                if reader not in known:
                    ring.reader(reader, start="oldest", compiled=False).detach()
        finally:
            ring.close()

    # ---- all of them ----
    def create_all(self, run: RingRun) -> bool:
        """Have every ring there, with the lines of its readers; whether they were made anew now, so that all of them are empty.

        They are kept only if all of them are there, whole, of this run and laid out as here, and the host has not started since. No process
        of the shard may run meanwhile. LaneError without room, or if rings of another layout hold what is in no topic yet.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_uid != os.getuid():
            raise LaneError(f"{self.folder}: belongs to another user; remove it, or set MILLRACE_HOME to another folder")
        found = self.run()
        kept = found is not None and found.run_number == run.run_number and self._whole()
        generation = found.generation if found is not None and kept else 1 + secrets.randbelow((1 << 62) - 1)
        if not kept:
            self._create()
        write_run(self._marker, replace(run, generation=generation))
        return not kept

    def collapse(self) -> str:
        """Put the rings into huge pages (docs/fast-lane.md); why the host does not, "" = it has. Rings smaller than one stay."""
        for plan in self.plans().values():
            ring = Ring.open(self.path(plan.name), plan.slots, plan.about)
            try:
                if refused := ring.memory.collapse():
                    return f"{self.path(plan.name)}: {refused}"
            finally:
                ring.close()
        return ""

    def _whole(self) -> bool:
        """Whether every ring is there, laid out as here."""
        if not all(self.path(name).exists() for name in self.plans()):
            return False
        try:
            for plan in self.plans().values():
                Ring.open(self.path(plan.name), plan.slots, plan.about).close()
        except LaneError as error:
            if left := self.unmirrored():
                raise LaneError(
                    f"{error}; {left:,} slots are in no topic yet: run the version that wrote them once more, or `millrace run --fresh`"
                ) from None
            return False
        return True

    def _create(self) -> None:
        """All of them anew, or none."""
        self.remove_all()
        try:
            for plan in self.plans().values():
                Ring.create(self.path(plan.name), plan.slots, plan.capacity, plan.about).close()
                self.open_reader_lines(plan.name)
        except LaneError:
            self.remove_all()
            raise

    def unmirrored(self) -> int:
        """Slots of the shard's rings that the mirror has not put into topics yet; `control` and `kill` come from topics or go there."""
        names = (self.frames, self.market, self.own, self.records, self.events)
        seen = [look(self.path(name)) for name in names if self.path(name).exists()]
        return sum(reader.behind for ring in seen for reader in ring.readers if reader.name == self.mirror_label)

    def remove_all(self) -> None:
        """Remove the shard's rings, checkpoints and histograms, whatever they are called. Who has one open keeps what is open."""
        self._marker.unlink(missing_ok=True)  # first: half of them are none
        for path in self.folder.glob(f"*.{self.shard}.*"):
            if path.suffix in _OURS:
                path.unlink(missing_ok=True)

    def run(self) -> RingRun | None:
        """The run that the rings belong to; None if there are none, or the host has started since."""
        return read_run(self._marker)


def rings_folder(home: Path | None = None) -> Path:
    """Where the rings of a state folder are: memory where the host has enough of it, else `rings` in the folder itself."""
    home = (home or home_folder()).resolve()
    try:
        found = os.statvfs(_SHM)
        if found.f_blocks * found.f_frsize >= _SHM_NBYTES and os.access(_SHM, os.W_OK | os.X_OK):
            return _SHM / f"millrace-{blake2b(str(home).encode(), digest_size=4).hexdigest()}"
    except OSError:
        pass
    return home / "rings"


def remove_rings(folder: Path | None = None, keep: Collection[int] = ()) -> None:
    """Remove the rings, checkpoints and histograms of every shard of a state folder but those to keep."""
    folder = folder or rings_folder()
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    for path in folder.glob("*.*.*"):
        if path.suffix in _OURS and path.name.split(".")[-2] not in map(str, keep):
            path.unlink(missing_ok=True)
    for path in folder.glob("*.run"):
        if path.stem not in map(str, keep):
            path.unlink(missing_ok=True)

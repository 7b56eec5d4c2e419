"""FastLane: a process between rings. Its inputs are slots in rings, its outputs slots in its own; nothing of Kafka.

    lane = FastLane(process, {TAKEN_MARKET: market, TAKEN_EVENTS: events}, writer, clock=clock, wait=POLICIES["spin"])
    lane.step(process.take_slots())                # what control records have left for the node
    stop = lane.run(monotonic_ns() + 50_000_000)   # compiled until then; DONE, or what Python has to see to

It runs as its process does: compiled, or plain on the same rings, with the same bytes in its ring.
"""

import ctypes
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from streams.agents.process import Process
from streams.agents.runner import CompiledNode, PlainNode, node_sources
from streams.clock import RunClock
from streams.errors import ConfigError, LaneError, StepError
from streams.kernel import View, addr_of, at, handle_of, native
from streams.kernel.fault import FAULT, guard, last_fault
from streams.kernel.memory import aligned
from streams.kernel.system import monotonic_ns
from streams.lanes import fast_loop as k
from streams.lanes.fast_slots import KIND_RECORD, TAKEN_CONTROL, TAKEN_EVENTS, TAKEN_KILL, TAKEN_MARKET, TAKEN_OWN, RecordSlot
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.record_kernel import record_slots
from streams.lanes.record_ring import record_sources
from streams.lanes.ring_ends import Reader, ReaderGroup, Writer
from streams.lanes.waiting import POLICIES, Waiting
from streams.records import BookUpdate, Funding, Quote, Trade
from streams.slots import KIND_FUNDING, KIND_LEVEL, KIND_QUOTE, KIND_TRADE, KIND_VENUE_EVENT

__all__ = ["FastLane", "LaneCounters", "lane_sources", "prepare"]

_KINDS = {BookUpdate: KIND_LEVEL, Trade: KIND_TRADE, Quote: KIND_QUOTE, Funding: KIND_FUNDING}
_INPUTS = (TAKEN_MARKET, TAKEN_EVENTS, TAKEN_CONTROL, TAKEN_KILL)
_KEPT = ("ring", "at", "end", "begun", "inner", "mark_wire_ns", "mark_ring_ns", "last_ts_ns", "tick_id", "command_id", "behind")
_SETS = 4  # an input's outputs that a ring must hold at least
_NAMES = {TAKEN_MARKET: "market", TAKEN_EVENTS: "events", TAKEN_CONTROL: "control", TAKEN_KILL: "kill"}


class LaneCounters(NamedTuple):
    """Since the lane was made: input slots stepped, TAKEN slots and ticks written, output slots, requests among them, looks that found
    no room in the ring; behind: 1 = the mirror is."""

    inputs: int
    taken: int
    ticks: int
    outputs: int
    requests: int
    waits: int
    behind: int


class FastLane:
    """One process of one shard between rings; see the module. `address` is the FastLoop's, for a harness that calls `loop_entry` itself.

    inputs     : readers by TAKEN_...; a blocking reader each, compiled as the process is
    out        : writer of a ring of 256-byte slots
    clock      : of the run
    tick_id, command_id : ids before the first of the lane's own ticks and commands
    tick_ns    : from a tick to the next, ns of the host's clock; 0 = none
    watched    : addresses of the mirror's cursors in the lane's ring, and in that of market data; 0 = nobody looks
    histograms : where stages are counted (`stages.LANE_STAGES`); None = nowhere
    own        : reader of the lane's own ring: inputs are then kept until `commit` lets them go; None = they are let go as they are taken

    ConfigError for a process without compiled agents, or a ring too small for one of its inputs.
    """

    def __init__(
        self,
        process: Process,
        inputs: Mapping[int, Reader],
        out: Writer,
        *,
        clock: RunClock,
        wait: Waiting = POLICIES["backoff"],
        tick_id: int = 0,
        command_id: int = 0,
        tick_ns: int = 10_000_000,
        watched: tuple[int, int] = (0, 0),
        histograms: HistogramFile | None = None,
        own: Reader | None = None,
    ) -> None:
        if process.node is None:
            raise ConfigError(f"process {process.spec.name}: no agent of it runs on the fast lane; strategy, risk, execute or account do")
        self.process, self.inputs, self.out, self.own = process, dict(inputs), out, own
        self.clock, self.histograms = clock, histograms
        self.compiled = isinstance(process.node, CompiledNode)
        self.group = ReaderGroup([self.inputs[ring] for ring in _INPUTS if ring in self.inputs], wait)
        self._scratch = aligned(k.SLOT)
        self._slots = aligned(1 << 12)
        self._check()
        x: Any = k.FastLoop(most=process.sizes["queue"], group=self.group.address, out=out.address, scratch=self._scratch.ctypes.data)
        x.tick_ns, x.tick_id, x.command_id = tick_ns, tick_id, command_id
        x.mirror_own, x.mirror_market = watched
        x.reads = 1 << KIND_VENUE_EVENT | sum(1 << kind for cls, kind in _KINDS.items() if cls in process.compiled_reads)
        for ring, reader in self.inputs.items():
            x.inputs[ring] = reader.address
        if own is not None:
            x.keeps, x.own = 1, own.address
        if histograms is not None:
            for stage in histograms.stages:
                setattr(x, f"stage_{stage}", histograms.address(stage))
        self.state = self._placed(x)
        self.set_clock()

    # ---- work ----
    def run(self, until_ns: int) -> int:
        """Carry what comes until the host's clock shows `until_ns` (DONE), or Python is needed: TOLD (control or kill have a record),
        CROWDED (a checkpoint is due). StepError: the node failed."""
        self.state.until_ns = until_ns
        return self._known(self._entries["fast_run"](self.address))

    def replay(self, until_ns: int) -> int:
        """Step again what the own ring names, from where `own` stands, and compare. DONE: time is up, or all is done (`replaying` tells);
        CROWDED: a checkpoint is due; SKIPPED: what these name is passed over;
        TOLD: the record that `state.told_ring`, `told_first` and `told_end` name is to be read and stepped. LaneError where they differ."""
        self.state.until_ns = until_ns
        return self._known(self._entries["fast_replay"](self.address))

    def replay_from(self, upto: int | None = None) -> None:
        """Begin a replay: the own ring holds what was written, up to `upto` or its head."""
        assert self.own is not None
        self.state.own_end = self.own.ring.head if upto is None else upto

    @property
    def replaying(self) -> bool:
        """Whether a replay has not come to its end."""
        return self.state.own_end != 0

    @property
    def comparing(self) -> bool:
        """Whether what is stepped now stands in the ring already."""
        return self.state.own_end != 0 and self.own is not None and self.own.state.next < self.state.own_end

    def step(self, slots: bytes, waiting: Callable[[], None] = lambda: time.sleep(0.0005), ring: int = TAKEN_CONTROL) -> None:
        """Carry slots that Python has made of a record; `waiting` is called while there is no room. StepError, LaneError as above."""
        if len(slots) > len(self._slots):
            self._slots = aligned(2 * len(slots))
        self._slots[: len(slots)] = memoryview(slots)
        used, start = 0, self._slots.ctypes.data
        while used < len(slots):
            done = self._entries["fast_give"](self.address, start + used, len(slots) - used, ring)
            if done == FAULT or done < 0:
                self._known(-done if done != FAULT else done)
            used += done
            if done == 0:
                waiting()

    def take(self, ring: int, first: int, count: int, flags: int = 0) -> bool:
        """Write that Python takes a record of control or kill; false if the ring has no room."""
        return self._entries["fast_taken"](self.address, ring, first, count, flags) == 1

    def mark(self) -> bool:
        """Write that a checkpoint holds the state as it is here. False, and nothing is written: the ring has no room, or the loop is in a
        replay or within what it has taken."""
        between = self.state.at >= self.state.end and not self.replaying
        return between and TAKEN_MARKET in self.inputs and self.take(TAKEN_MARKET, self.position(TAKEN_MARKET), 0)

    def has_room(self, ring: int = TAKEN_CONTROL) -> bool:
        """Whether the ring has room for what a record of control or kill may cause; the last of it is for kills alone."""
        return self._entries["fast_room"](self.address, ring) == 1

    @property
    def crowded(self) -> bool:
        """Whether a ring wants room that only a checkpoint gives."""
        return self._entries["fast_crowded"](self.address) == 1

    # ---- what is not stepped ----
    @property
    def failed(self) -> tuple[int, int, int]:
        """The input at which the node failed: TAKEN_..., number of its first slot, slots. TAKEN_OWN: a tick or a command of its own."""
        x = self.state
        if x.doing >= 0:
            return int(x.doing), int(x.begun), self._entries["fast_extent"](self.address)
        after = int(self.own.state.next) if self.replaying and self.own is not None else self.written
        return TAKEN_OWN, after - 1, 1

    def cut(self, ring: int, first: int, count: int) -> bool:
        """Write that what was taken ends at a slot of an input and that `count` slots are passed over; false if there is no room."""
        return self._entries["fast_cut"](self.address, ring, first, count) == 1

    def says_cut(self, ring: int, first: int) -> bool:
        """Whether the own ring goes on with a cut there in a replay, and then it is past it."""
        return self.own is not None and self._entries["fast_says_cut"](self.address, ring, first) == 1

    def stop_here(self) -> bool:
        """Take back what was taken and not stepped; false if that cannot be: what the ring says was taken is not all stepped."""
        x = self.state
        if x.own_end != 0 or x.inner != 0:
            return False
        if x.at < x.end:
            if not self.cut(int(x.ring), int(x.at), 0):
                return False
            x.end = self.inputs[int(x.ring)].state.next = int(x.at)
        return True

    def passes_record(self) -> bool:
        """Whether a record that Python wrote stands next in a replay, and then it is past it."""
        if not self.comparing or self.own is None:
            return False
        own = self.own.state
        head = at(RecordSlot, int(own.data + (own.next & (own.capacity - 1)) * own.slot_nbytes))
        if head.kind != KIND_RECORD:
            return False
        own.next += record_slots(head.payload_nbytes)
        return True

    def set_clock(self) -> None:
        """Take the run's time anew from the host's wall clock."""
        self.state.clock_ns = monotonic_ns()
        self.state.clock_ts_ns, self.state.clock_speed = self.clock.now_ns(), self.clock.speed

    # ---- what is kept ----
    def kept(self) -> dict[str, int]:
        """What a checkpoint keeps of the loop beside its process, JSON."""
        return {name: int(getattr(self.state, name)) for name in _KEPT}

    def take_kept(self, kept: Mapping[str, int]) -> None:
        """Go on where `kept` was taken."""
        for name in _KEPT:
            setattr(self.state, name, kept.get(name, 0))

    def position(self, ring: int) -> int:
        """Number of the next slot of an input to be stepped."""
        x = self.state
        return int(x.at) if x.at < x.end and x.ring == ring else int(self.inputs[ring].state.next)

    @property
    def last_ts_ns(self) -> int:
        """The run's time at the last tick."""
        return int(self.state.last_ts_ns)

    @last_ts_ns.setter
    def last_ts_ns(self, ts_ns: int) -> None:
        self.state.last_ts_ns = ts_ns

    @property
    def written(self) -> int:
        """Slots of the own ring so far."""
        return int(self.out.state.next)

    @property
    def counters(self) -> LaneCounters:
        """What it has done."""
        x = self.state
        counts = [int(getattr(x, f"count_{name}")) for name in LaneCounters._fields[:-1]]
        return LaneCounters._make([*counts, int(x.behind)])

    @property
    def lag(self) -> int:
        """Slots of market data and events that have not been stepped."""
        rings = [ring for ring in (TAKEN_MARKET, TAKEN_EVENTS) if ring in self.inputs]
        return sum(max(0, self.inputs[ring].ring.head - self.position(ring)) for ring in rings)

    # ---- construction ----
    def _check(self) -> None:
        """ConfigError where the ring cannot hold what an input may cause, LaneError for ends that do not fit together."""
        ring, need = self.out.ring, _SETS * self.process.sizes["queue"]
        if ring.slot_nbytes != k.SLOT:
            raise LaneError(f"{ring.path}: slots of {ring.slot_nbytes} bytes; the lane's own ring has slots of {k.SLOT}")
        if ring.capacity < need:
            raise ConfigError(
                f"{ring.path}: room for {ring.capacity:,} slots; process {self.process.spec.name} needs {need:,} "
                f"(4 x sizes.queue): make the ring larger, or sizes.queue smaller"
            )
        for end in (*self.inputs.values(), self.out, *([self.own] if self.own else [])):
            if end.compiled != self.compiled:
                raise LaneError(f"{end.ring.path}: opened {'compiled' if end.compiled else 'plain'}, the process is not; open it as it is")

    def _placed(self, x: Any) -> Any:
        node = self.process.node
        if isinstance(node, CompiledNode):
            x.node, x.step, x.behind = node.address, node.loaded.node_step, int(node.view.risk.behind)
            self._memory = x.pack()
            self.address: int = self._memory.ctypes.data
            self._entries: Mapping[str, Callable[..., int]] = prepare()
            node.watch_orders(_address(self._entries["fast_decided"]), self.address, self._memory)
            return View(k.FastLoop, self._memory)
        assert isinstance(node, PlainNode)
        plain = node.node
        x.node, x.step = addr_of(plain), handle_of(guard(lambda _, address, nbytes: plain.step(address, nbytes)))
        x.behind = plain.risk.behind
        self.address = addr_of(x)
        self._entries = {name: entry for name, (entry, _) in k.ENTRIES.items()}
        node.watch_orders(handle_of(k.fast_decided), self.address, x)
        return x

    def _known(self, stop: int) -> int:
        if stop in (k.DONE, k.TOLD, k.CROWDED, k.SKIPPED):
            return stop
        x = self.state
        where = f"{_NAMES.get(int(x.doing), 'a tick or control')}, id {int(x.doing_id)}"
        if stop == k.DIFFERS:
            slot = int(self.own.state.next) if self.own is not None else 0
            raise LaneError(f"{self.out.ring.path}: slot {slot:,} is not what its inputs give now (input: {where}); start a fresh run")
        why = "run the process with --plain to see where" if self.compiled else last_fault()
        raise StepError(f"the node failed at an input of {where}; {why}", int(x.doing_id))


def _address(entry: Callable[..., int]) -> int:
    return ctypes.cast(cast(Any, entry), ctypes.c_void_p).value or 0


def lane_sources() -> list[Path]:
    """Every file that the loop's machine code depends on, beside the kernel itself."""
    own = native.sources(
        "streams.lanes.fast_step",
        "streams.lanes.fast_live",
        "streams.lanes.fast_loop",
        "streams.lanes.histogram",
        "streams.lanes.ring_ahead",
    )
    return [*node_sources(), *record_sources(), *own]


@cache
def prepare() -> Mapping[str, Callable[..., int]]:
    """The loop's entries as Python callables; compiled now, if that has not been done."""
    return native.functions("fast_lane", k.ENTRIES, lane_sources())

"""The loop of the fast lane: slots from rings through the node to a ring, without Python and without memory of its own.

Each round: a command or a control record that has come is Python's; else a clock tick when it is due; else up to MOST slots of one input,
whole records, are taken. What is taken is named in the ring before it is stepped, each tick stands there before it is stepped: with the
rings of its inputs that ring is the journal of the process. What an input causes is published in one piece before the next is stepped.

After a restart `replay` steps what the ring names and compares what comes out with what the ring holds; where the ring ends the loop
goes on writing. All times but `..._ts_ns` are monotonic.
"""

from streams.agents.codes import COMMAND_MIRROR_BEHIND, COMMAND_MIRROR_CAUGHT_UP
from streams.agents.node import KIND_TICK, SLOT_BYTES, Node
from streams.agents.outbox import Outbox
from streams.backtest.copying import copy_slot
from streams.kernel import Array, Struct, addr_of, at, bit, call3, load_word
from streams.kernel.atomics import load_acquire, load_relaxed
from streams.kernel.fault import FAULT
from streams.kernel.system import monotonic_ns, sleep_on
from streams.lanes.fast_slots import (
    KIND_FRAME,
    KIND_RECORD,
    KIND_STAMPS,
    KIND_TAKEN,
    TAKEN_CONTROL,
    TAKEN_EVENTS,
    TAKEN_KILL,
    TAKEN_MARKET,
    FrameMark,
    RecordSlot,
    StampSlot,
    TakenSlot,
)
from streams.lanes.histogram import record
from streams.lanes.record_kernel import record_slots
from streams.lanes.ring_ahead import ask_room, ask_slots
from streams.lanes.ring_group import RingGroup
from streams.lanes.ring_kernel import RingReader, RingWriter, look_again
from streams.lanes.ring_layout import CURSOR, HEAD, WRITER
from streams.slots import (
    FLAG_LAST,
    KIND_BALANCE,
    KIND_COMMAND,
    KIND_DECISION,
    KIND_FILL,
    KIND_LEVEL,
    KIND_METRIC,
    KIND_ORDER,
    KIND_POSITION,
    KIND_REPORT,
    KIND_REQUEST,
    KIND_SIGNAL,
    CommandSlot,
    Slot,
)

__all__ = ["CROWDED", "DIFFERS", "DONE", "ENTRIES", "FAILED", "INPUTS", "MARKS", "MOST", "TOLD", "FastLoop"]

DONE, TOLD, CROWDED, FAILED, DIFFERS, GO = range(6)
"""Why the loop stopped: `until_ns`, or the end of what is replayed; a record for Python has come; a ring is half used by what only a
checkpoint can let go; the node failed at `doing`; what was replayed is not what the ring holds at `own`. GO: it goes on."""

MOST = 64  # slots taken at once; more only where a book update has more
INPUTS = 4
MARKS = 2  # slots that may stand beside the outputs of an input
SLOT = 256  # bytes of a slot of the lane's ring
NEXT = 6  # slots whose cache lines are asked for before they are read or written
NAP_NS = 20_000
_FIRST_MARK = KIND_FRAME  # kinds from here on are no records


class FastLoop(Struct, align=64):
    """What the loop works on; addresses are of memory that the caller keeps.

    node, step, most : the node, its entry `node_step`, and how many slots one input may cause
    reads            : bit KIND_... of the market records that the process reads; all events of venues are read
    inputs           : addresses of RingReaders by TAKEN_..., 0 = there is none; group: of the RingGroup of all of them
    out              : address of the RingWriter of a ring of SLOT bytes a slot
    keeps            : 1 = inputs and own slots stay until a checkpoint covers them; asked: 1 = one is on its way
    until_ns         : the loop stops then
    ring, at, end    : input that is being carried, its next slot, and where it ends
    taken_ns         : when it was taken; of market data: when the first record of the frame was begun
    mark_...         : of the last FrameMark: when its first byte was there, and when its records were published
    tick_ns, tick_due_ns : from a tick to the next, 0 = none; when the next is due
    clock_...        : the run's time `clock_ts_ns` when the clock showed `clock_ns`; seconds of the run in one
    last_ts_ns       : time of the last tick
    tick_id, command_id : last ids used
    behind           : 1 = the mirror is said to be behind; mirror_...: address of its cursor in a ring, 0 = nobody looks
    own, own_end     : RingReader of the own ring, 0 = none; slots before `own_end` are compared, not written
    stage_...        : addresses of histograms, 0 = none
    doing, doing_id  : ring and id of the input being stepped, -1 = none of a ring
    told_...         : the record for Python in a replay: its ring, its first slot there, and where it ends
    scratch          : address of SLOT bytes
    """

    node: int
    step: int
    most: int
    reads: int
    inputs: Array[int, 4]
    group: int
    out: int
    keeps: int
    asked: int
    until_ns: int
    ring: int
    at: int
    end: int
    taken_ns: int
    mark_wire_ns: int
    mark_ring_ns: int
    tick_ns: int
    tick_due_ns: int
    clock_ns: int
    clock_ts_ns: int
    clock_speed: float = 1.0
    last_ts_ns: int
    tick_id: int
    command_id: int
    behind: int
    mirror_own: int
    mirror_market: int
    own: int
    own_end: int
    stage_ring_taken: int
    stage_taken_decided: int
    stage_wire_decided: int
    doing: int
    doing_id: int
    told_ring: int
    told_first: int
    told_end: int
    naps: int
    scratch: int
    count_inputs: int
    count_taken: int
    count_ticks: int
    count_outputs: int
    count_requests: int
    count_waits: int
    tick: Slot
    command: CommandSlot
    taken: TakenSlot
    stamps: StampSlot

    # ---- live ----
    def run(self) -> int:
        """Carry what comes until there is a reason to stop."""
        stop = GO
        while stop == GO:
            stop = self.carry() if self.at < self.end else self.look()
        return stop

    def look(self) -> int:
        """Find something to do, or wait for it."""
        now_ns = monotonic_ns()
        if now_ns >= self.until_ns:
            return DONE
        if self.ready(TAKEN_KILL) > 0 or self.ready(TAKEN_CONTROL) > 0:
            return TOLD
        if self.keeps != 0 and self.asked == 0 and self.crowded():
            return CROWDED
        if not self.has_room(2 * (self.most + MARKS)):
            return self.nap()
        if self.mirror_own != 0 and self.watch_mirror(now_ns) == FAILED:
            return FAILED
        if self.tick_ns != 0 and now_ns >= self.tick_due_ns:
            return self.on_tick(now_ns)
        for ring in (TAKEN_EVENTS, TAKEN_MARKET):
            ready = self.ready(ring)
            if ready > 0:
                return self.take(ring, ready, now_ns)
        self.wait(now_ns)
        return GO

    def ready(self, ring: int) -> int:
        """Slots of an input that can be read."""
        return at(RingReader, self.inputs[ring]).poll() if self.inputs[ring] != 0 else 0

    def wait(self, now_ns: int) -> None:
        """Until an input has something, or a tick is due, or the time is up."""
        ask_room(at(RingWriter, self.out), NEXT)
        upto_ns = self.until_ns
        if self.tick_ns != 0:
            upto_ns = min(upto_ns, self.tick_due_ns)
        at(RingGroup, self.group).wait(upto_ns - now_ns)

    def nap(self) -> int:
        """The ring is full: give its readers time."""
        group = at(RingGroup, self.group)
        self.naps += 1
        self.count_waits += 1
        if look_again(self.naps, group.spins, group.yields, group.sleeps) != 0:
            sleep_on(at(RingWriter, self.out).ring + WRITER, 0, NAP_NS)  # a word that is always 0
        return GO

    def has_room(self, n: int) -> bool:
        """Whether n slots of the ring are free."""
        w = at(RingWriter, self.out)
        if w.limit - w.next < n:
            w.limit = w.slowest() + w.capacity
        return w.limit - w.next >= n

    def crowded(self) -> bool:
        """Whether a ring is half full of what only a checkpoint of this process can let go."""
        found = False
        for ring in range(INPUTS):
            if self.inputs[ring] != 0:
                r = at(RingReader, self.inputs[ring])
                found = found or r.next - load_relaxed(r.line + CURSOR) > r.capacity // 2
        if self.own != 0:
            own = at(RingReader, self.own)
            found = found or at(RingWriter, self.out).next - load_relaxed(own.line + CURSOR) > own.capacity // 2
        return found

    # ---- what is taken ----
    def take(self, ring: int, ready: int, now_ns: int) -> int:
        """Say that slots of an input are stepped now."""
        r = at(RingReader, self.inputs[ring])
        ask_slots(r, min(ready, NEXT))
        n = whole(r, ready)
        if n > 0:
            self.publish_taken(ring, r.next, n, now_ns, 0)
            self.ring = ring
            self.at = r.next
            self.end = r.next + n
            self.taken_ns = now_ns
        return GO

    def publish_taken(self, ring: int, first: int, count: int, now_ns: int, flags: int) -> None:
        """Write a TAKEN slot; there is room."""
        e = self.taken
        e.stamp(0, 0, self.last_ts_ns, 0, -1, KIND_TAKEN, -1)
        e.flags = flags
        e.first = first
        e.taken_ns = now_ns
        e.ring = ring
        e.count = count
        self.write_one(addr_of(self.taken), 64)
        self.count_taken += 1

    def write_one(self, address: int, nbytes: int) -> None:
        """Publish one slot; there is room."""
        w = at(RingWriter, self.out)
        copy_slot(w.room(1), address, nbytes)
        w.publish(1)

    def carry(self) -> int:
        """Step what is taken, slot by slot."""
        r = at(RingReader, self.inputs[self.ring])
        stop = GO
        while self.at < self.end and stop == GO:
            address = r.slot(self.at)
            e = at(Slot, address)
            kind = e.kind
            if kind == KIND_FRAME:
                self.on_mark(at(FrameMark, address), self.at > r.next)
            elif kind < _FIRST_MARK and self.reads & bit(kind) != 0:
                if not self.again() and not self.has_room(self.most + MARKS):
                    return DONE if monotonic_ns() >= self.until_ns else self.nap()
                stop = self.give(address, int(SLOT_BYTES[kind]), self.ring)
            self.at += 1
        if stop == GO:
            r.next = self.end
            if self.keeps == 0:
                r.commit()
        return stop

    def on_mark(self, e: FrameMark, later: bool) -> None:
        """The records of a frame begin; later: not with the first slot that was taken."""
        self.mark_wire_ns = e.wire_ns
        self.mark_ring_ns = e.ring_ns
        if self.own_end == 0:
            if later:
                self.taken_ns = monotonic_ns()
            if self.stage_ring_taken != 0:
                record(self.stage_ring_taken, self.taken_ns - e.ring_ns)

    # ---- one input ----
    def give(self, address: int, nbytes: int, ring: int) -> int:
        """Let the node carry an input, and write what follows from it."""
        self.doing = ring
        self.doing_id = at(Slot, address).id
        self.count_inputs += 1
        if call3(self.step, self.node, address, nbytes) == FAULT:
            return FAILED
        return self.flush(address, ring) if at(Node, self.node).out.count > 0 else GO

    def flush(self, cause: int, ring: int) -> int:
        """Write what the outbox holds, and empty it."""
        out = at(Node, self.node).out
        stop = GO
        if self.again():
            stop = self.compare(out)
        else:
            self.publish(out, cause, ring)
        self.count_outputs += out.count
        self.count_requests += out.used[KIND_REQUEST]
        out.empty()
        return stop

    def publish(self, out: Outbox, cause: int, ring: int) -> None:
        """Publish the outbox in one piece; there is room."""
        w = at(RingWriter, self.out)
        stamped = 1 if out.used[KIND_REQUEST] > 0 else 0
        address = w.room(out.count + stamped)
        if address == 0:
            raise ValueError("an input has caused more than one input may")
        if stamped != 0:
            self.write_stamps(address, at(Slot, cause), ring)
        for i in range(out.count):
            copy_row(out, out.kinds[i], out.rows[i], address + SLOT * (i + stamped))
        w.publish(out.count + stamped)

    def write_stamps(self, address: int, cause: Slot, ring: int) -> None:
        """When the input that wrote a request passed each place."""
        e = self.stamps
        e.stamp(0, cause.id, self.last_ts_ns, cause.recv_ts_ns, cause.instrument, KIND_STAMPS, -1)
        e.wire_ns = self.mark_wire_ns if ring == TAKEN_MARKET else 0
        e.ring_ns = self.mark_ring_ns if ring == TAKEN_MARKET else 0
        e.taken_ns = self.taken_ns
        e.decided_ns = monotonic_ns()
        copy_slot(address, addr_of(self.stamps), 128)
        if self.stage_taken_decided != 0:
            record(self.stage_taken_decided, e.decided_ns - e.taken_ns)
            if e.wire_ns != 0:
                record(self.stage_wire_decided, e.decided_ns - e.wire_ns)

    # ---- ticks, and what the lane itself commands ----
    def now_ts_ns(self, now_ns: int) -> int:
        """The run's time when the clock shows `now_ns`."""
        return self.clock_ts_ns + int((now_ns - self.clock_ns) * self.clock_speed)

    def on_tick(self, now_ns: int) -> int:
        """Let the run's clock go on, never back."""
        self.tick_due_ns = now_ns + self.tick_ns
        ts_ns = self.now_ts_ns(now_ns)
        if ts_ns <= self.last_ts_ns:
            return GO
        self.last_ts_ns = ts_ns
        self.tick_id += 1
        self.taken_ns = now_ns
        self.tick.stamp(self.tick_id, 0, ts_ns, ts_ns, -1, KIND_TICK, -1)
        self.write_one(addr_of(self.tick), 64)
        self.count_ticks += 1
        return self.give(addr_of(self.tick), 64, -1)

    def watch_mirror(self, now_ns: int) -> int:
        """Tell the node, and whoever reads the ring, when the mirror falls behind by half a ring, and when it has caught up."""
        w = at(RingWriter, self.out)
        quarters = (w.next - load_acquire(self.mirror_own)) * 4 // w.capacity
        if self.mirror_market != 0:
            r = at(RingReader, self.inputs[TAKEN_MARKET])
            quarters = max(quarters, (load_acquire(r.ring + HEAD) - load_acquire(self.mirror_market)) * 4 // r.capacity)
        if self.behind == 0 and quarters >= 2:
            return self.on_command(COMMAND_MIRROR_BEHIND, now_ns)
        if self.behind != 0 and quarters == 0:
            return self.on_command(COMMAND_MIRROR_CAUGHT_UP, now_ns)
        return GO

    def on_command(self, command_type: int, now_ns: int) -> int:
        """Give a command of the lane's own."""
        self.behind = 1 if command_type == COMMAND_MIRROR_BEHIND else 0
        self.command_id += 1
        self.taken_ns = now_ns
        ts_ns = max(self.last_ts_ns, self.now_ts_ns(now_ns))
        e = self.command
        e.stamp(self.command_id, 0, ts_ns, ts_ns, -1, KIND_COMMAND, -1)
        e.command_type = command_type
        self.write_one(addr_of(self.command), 64)
        return self.give(addr_of(self.command), 64, -1)

    # ---- again after a restart ----
    def replay(self) -> int:
        """Step what the own ring names from `own` on, and compare; DONE at its end, TOLD for a record that Python has to read."""
        stop = GO
        own = at(RingReader, self.own)
        while stop == GO:
            if self.at < self.end:
                stop = self.carry()
            elif own.next >= self.own_end:
                self.own_end = 0
                stop = DONE
            else:
                stop = self.replay_one(own, own.slot(own.next))
        return stop

    def again(self) -> bool:
        """Whether what comes out is compared, not written."""
        return self.own_end != 0 and at(RingReader, self.own).next < self.own_end

    def replay_one(self, own: RingReader, address: int) -> int:
        """Take up one slot of the own ring that is no output."""
        e = at(Slot, address)
        aside = self.aside(address)
        if aside > 0:
            own.next += aside
            return GO
        own.next += 1
        if e.kind == KIND_TAKEN:
            return self.replay_taken(at(TakenSlot, address))
        if e.kind == KIND_TICK:
            self.last_ts_ns = e.ts_ns
            self.tick_id = e.id
            return self.give(address, 64, -1)
        if e.kind == KIND_COMMAND:
            self.behind = 1 if at(CommandSlot, address).command_type == COMMAND_MIRROR_BEHIND else 0
            self.command_id = e.id
            return self.give(address, 64, -1)
        own.next -= 1
        return DIFFERS

    def replay_taken(self, e: TakenSlot) -> int:
        """Take the same slots again."""
        r = at(RingReader, self.inputs[e.ring])
        self.taken_ns = e.taken_ns
        self.count_taken += 1
        if e.ring == TAKEN_CONTROL or e.ring == TAKEN_KILL:
            self.told_ring = e.ring
            self.told_first = e.first
            self.told_end = e.first + e.count
            return TOLD
        if e.first != r.next or e.first + e.count > load_acquire(r.ring + HEAD):
            return DIFFERS
        self.ring = e.ring
        self.at = e.first
        self.end = e.first + e.count
        return GO

    def aside(self, address: int) -> int:
        """Slots of what stands at an address, if it does not follow from the inputs: stamps, and records that Python wrote; else 0."""
        kind = at(Slot, address).kind
        if kind == KIND_RECORD:
            return record_slots(at(RecordSlot, address).payload_nbytes)
        return 1 if kind == KIND_STAMPS else 0

    def compare(self, out: Outbox) -> int:
        """Whether the own ring goes on with what the outbox holds."""
        own = at(RingReader, self.own)
        while own.next < self.own_end and self.aside(own.slot(own.next)) > 0:
            own.next += self.aside(own.slot(own.next))
        for i in range(out.count):
            kind = out.kinds[i]
            if own.next >= self.own_end:
                return DIFFERS
            copy_row(out, kind, out.rows[i], self.scratch)
            if not same(self.scratch, own.slot(own.next), int(SLOT_BYTES[kind])):
                return DIFFERS
            own.next += 1
        return GO


def whole(r: RingReader, ready: int) -> int:
    """Slots to take, MOST or fewer, that end with a record; more where a record has more; 0 = its end has not come."""
    n = min(ready, MOST)
    while n > 0 and inside(r, n):
        n -= 1
    if n == 0:
        n = min(ready, MOST)
        while n <= ready and inside(r, n):
            n += 1
        if n > ready:
            n = 0
    return n


def inside(r: RingReader, n: int) -> bool:
    """Whether a record goes on after the next n slots."""
    e = at(Slot, r.slot(r.next + n - 1))
    return e.kind == KIND_LEVEL and e.flags & FLAG_LAST == 0


def same(a: int, b: int, nbytes: int) -> bool:
    """Whether the bytes at two addresses are equal; nbytes: a multiple of 8."""
    equal = True
    for i in range(0, nbytes, 8):
        equal = equal and load_word(a + i) == load_word(b + i)
    return equal


def copy_row(out: Outbox, kind: int, row: int, to: int) -> None:
    """Copy a slot of the outbox to an address."""
    if kind == KIND_ORDER:
        copy_slot(to, addr_of(out.orders[row]), SLOT_BYTES[kind])
    elif kind == KIND_DECISION:
        copy_slot(to, addr_of(out.decisions[row]), SLOT_BYTES[kind])
    elif kind == KIND_REQUEST:
        copy_slot(to, addr_of(out.requests[row]), SLOT_BYTES[kind])
    elif kind == KIND_REPORT:
        copy_slot(to, addr_of(out.reports[row]), SLOT_BYTES[kind])
    elif kind == KIND_FILL:
        copy_slot(to, addr_of(out.fills[row]), SLOT_BYTES[kind])
    elif kind == KIND_POSITION:
        copy_slot(to, addr_of(out.positions[row]), SLOT_BYTES[kind])
    elif kind == KIND_BALANCE:
        copy_slot(to, addr_of(out.balances[row]), SLOT_BYTES[kind])
    elif kind == KIND_SIGNAL:
        copy_slot(to, addr_of(out.signals[row]), SLOT_BYTES[kind])
    elif kind == KIND_METRIC:
        copy_slot(to, addr_of(out.metrics[row]), SLOT_BYTES[kind])


# ---- entry points ----
def fast_run(loop: int) -> int:
    """Run the FastLoop at an address; why it stopped."""
    return at(FastLoop, loop).run()


def fast_replay(loop: int) -> int:
    """Replay its own ring; why it stopped."""
    return at(FastLoop, loop).replay()


def fast_give(loop: int, address: int, nbytes: int) -> int:
    """Step slots that Python has made, as far as there is room; the bytes used, or FAULT: the node failed, or DIFFERS below 0."""
    x = at(FastLoop, loop)
    used = 0
    while used < nbytes and (x.again() or x.has_room(x.most + MARKS)):
        size = int(SLOT_BYTES[at(Slot, address + used).kind])
        stop = x.give(address + used, size, -1)
        if stop != GO:
            return -stop
        used += size
    return used


def fast_taken(loop: int, ring: int, first: int, count: int, flags: int) -> int:
    """Say that Python takes a record now; 1, or 0: there is no room."""
    x = at(FastLoop, loop)
    if not x.has_room(x.most + MARKS):
        return 0
    x.taken_ns = monotonic_ns()
    x.publish_taken(ring, first, count, x.taken_ns, flags)
    return 1


ENTRIES = {"fast_run": (fast_run, 1), "fast_replay": (fast_replay, 1), "fast_give": (fast_give, 3), "fast_taken": (fast_taken, 5)}
"""Entry points: name -> (function, number of arguments)."""

"""One step of the fast lane's loop: an input goes through the node, and what it causes goes to the ring in one piece.

In a replay what comes out is compared with what the ring holds instead. All times but `..._ts_ns` are monotonic.
"""

from streams.agents.copying import copy_slot, copy_whole
from streams.agents.node import SLOT_BYTES, Node
from streams.agents.outbox import ROOM, Outbox
from streams.kernel import Array, Struct, addr_of, at, call3, load_word, store_word
from streams.kernel.fault import FAULT
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_slots import (
    KIND_CUT,
    KIND_RECORD,
    KIND_STAMPS,
    KIND_TAKEN,
    TAKEN_CONTROL,
    TAKEN_KILL,
    TAKEN_MARKET,
    RecordSlot,
    StampSlot,
    TakenSlot,
)
from streams.lanes.histogram import record
from streams.lanes.record_kernel import record_slots
from streams.lanes.ring_kernel import RingReader, RingWriter
from streams.slots import (
    KIND_REQUEST,
    CommandSlot,
    Slot,
)

__all__ = ["CROWDED", "DIFFERS", "DONE", "FAILED", "GO", "INPUTS", "MARKS", "SKIPPED", "SLOT", "TOLD", "FastStep"]

DONE, TOLD, CROWDED, FAILED, DIFFERS, GO, SKIPPED = range(7)
"""Why the loop stopped: `until_ns`, or the end of what is replayed; a record for Python has come; a ring is half used by what only a
checkpoint can let go; the node failed at `doing`; what was replayed is not what the ring holds at `own`. GO: it goes on. SKIPPED: a
replay has come to an input that is passed over, at `told_...`."""

INPUTS = 4
MARKS = 2  # slots that may stand beside the outputs of an input
BESIDE = 4  # the same, with what names a command and ends what was taken before it
SLOT = 256  # bytes of a slot of the lane's ring
_CHECKED: int = StampSlot._fields_["checked_ns"].offset


class FastStep(Struct, align=64):
    """What the loop works on, and how it carries one input; addresses are of memory that the caller keeps.

    node, step, most : the node, its entry `node_step`, and how many slots one input may cause
    reads            : bit KIND_... of the market records that the process reads; all events of venues are read
    inputs           : addresses of RingReaders by TAKEN_..., 0 = there is none; group: of the RingGroup of all of them
    out              : address of the RingWriter of a ring of SLOT bytes a slot
    keeps            : 1 = inputs and own slots stay until a checkpoint covers them; asked: 1 = one is on its way
    until_ns         : the loop stops then
    ring, at, end    : input that is being carried, its next slot, and where it ends
    begun, inner     : first slot of the record being stepped; 1 = it has further slots
    taken_ns         : when it was taken; of market data: when the first record of the frame was begun
    mark_...         : of the last FrameMark: when its first byte was there, and when its records were published
    care_due_ns      : when time, rings and mirror are to be seen to
    tick_ns, tick_due_ns : from a tick to the next, 0 = none; when the next is due
    clock_...        : the run's time `clock_ts_ns` when the clock showed `clock_ns`; seconds of the run in one
    last_ts_ns       : time of the last tick
    tick_id, command_id : last ids used
    behind           : 1 = the mirror is said to be behind; mirror_...: address of its cursor in a ring, 0 = nobody looks
    own, own_end     : RingReader of the own ring, 0 = none; slots before `own_end` are compared, not written
    stage_...        : addresses of histograms, 0 = none
    decided_ns       : when the first order of the input being stepped was asked for, 0 = none was
    doing, doing_id  : ring and id of the input being stepped, -1 = none of a ring
    told_...         : the record for Python in a replay, or the one passed over: its ring, its first slot there, and where it ends
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
    begun: int
    inner: int
    taken_ns: int
    mark_wire_ns: int
    mark_ring_ns: int
    care_due_ns: int
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
    stage_decided_checked: int
    stage_wire_checked: int
    decided_ns: int
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

    def has_room(self, n: int) -> bool:
        """Whether n slots of the ring are free."""
        w = at(RingWriter, self.out)
        if w.limit - w.next < n:
            w.limit = w.slowest() + w.capacity
        return w.limit - w.next >= n

    def room_for(self, ring: int) -> int:
        """Slots that must be free before a record of an input is taken: a kill finds room where a control record finds none any more, and
        that where ticks and data find none."""
        if ring == TAKEN_KILL:
            return self.most + BESIDE
        return (2 if ring == TAKEN_CONTROL else 3) * (self.most + BESIDE)

    def write_one(self, address: int, nbytes: int) -> None:
        """Publish one slot; there is room."""
        w = at(RingWriter, self.out)
        copy_slot(w.room(1), address, nbytes)
        w.publish(1)

    def publish_cut(self, ring: int, first: int, count: int) -> None:
        """Write a cut; there is room."""
        self.publish_mark(KIND_CUT, ring, first, count, monotonic_ns(), 0)

    def publish_taken(self, ring: int, first: int, count: int, now_ns: int, flags: int) -> None:
        """Write a TAKEN slot; there is room."""
        self.publish_mark(KIND_TAKEN, ring, first, count, now_ns, flags)
        self.count_taken += 1

    def publish_mark(self, kind: int, ring: int, first: int, count: int, now_ns: int, flags: int) -> None:
        e = self.taken
        e.stamp(0, 0, self.last_ts_ns, 0, -1, kind, -1)
        e.flags = flags
        e.first = first
        e.taken_ns = now_ns
        e.ring = ring
        e.count = count
        self.write_one(addr_of(self.taken), 64)

    def give(self, address: int, nbytes: int, ring: int, whole: bool) -> int:
        """Let the node carry a slot, and write what follows once its record is whole: of one at which the node fails nothing is seen."""
        self.doing = ring
        self.doing_id = at(Slot, address).id
        self.count_inputs += 1
        if call3(self.step, self.node, address, nbytes) == FAULT:
            return FAILED
        out = at(Node, self.node).out
        return self.flush(address, ring) if out.count > 0 and (whole or out.room() < ROOM) else GO

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
        self.decided_ns = 0
        return stop

    def publish(self, out: Outbox, cause: int, ring: int) -> None:
        """Publish the outbox in one piece; there is room."""
        w = at(RingWriter, self.out)
        stamped = 1 if out.used[KIND_REQUEST] > 0 else 0
        address = w.room(out.count + stamped)
        if address == 0:
            raise ValueError("an input has caused more than one input may")
        if stamped != 0:
            self.fill_stamps(at(Slot, cause), ring)
        for i in range(out.count):
            kind = out.kinds[i]
            copy_whole(address + SLOT * (i + stamped), out.slot(kind, out.rows[i]), int(SLOT_BYTES[kind]))
        if stamped != 0:
            self.write_stamps(address)
        w.publish(out.count + stamped)
        if stamped != 0 and self.stage_taken_decided != 0:  # nobody waits for it any more
            self.count_stages(self.stamps)

    def fill_stamps(self, cause: Slot, ring: int) -> None:
        """When the input that wrote a request passed each place, but the last."""
        e = self.stamps
        e.stamp(0, cause.id, self.last_ts_ns, cause.recv_ts_ns, cause.instrument, KIND_STAMPS, -1)
        e.wire_ns = self.mark_wire_ns if ring == TAKEN_MARKET else 0
        e.ring_ns = self.mark_ring_ns if ring == TAKEN_MARKET else 0
        e.taken_ns = self.taken_ns
        e.decided_ns = self.decided_ns

    def write_stamps(self, address: int) -> None:
        """Write them, once the outputs are there: what was stored a word at a time just now could not be copied without waiting for it."""
        copy_slot(address, addr_of(self.stamps), 128)
        self.stamps.checked_ns = monotonic_ns()
        store_word(address + _CHECKED, self.stamps.checked_ns)

    def count_stages(self, e: StampSlot) -> None:
        """Count what stamps say."""
        if e.decided_ns != 0:
            record(self.stage_taken_decided, e.decided_ns - e.taken_ns)
            record(self.stage_decided_checked, e.checked_ns - e.decided_ns)
        if e.wire_ns != 0:
            record(self.stage_wire_checked, e.checked_ns - e.wire_ns)

    def again(self) -> bool:
        """Whether what comes out is compared, not written."""
        return self.own_end != 0 and at(RingReader, self.own).next < self.own_end

    def aside(self, address: int) -> int:
        """Slots of what stands at an address, if it does not follow from the inputs: stamps, and records that Python wrote; else 0."""
        kind = at(Slot, address).kind
        if kind == KIND_RECORD:
            return record_slots(at(RecordSlot, address).payload_nbytes)
        return 1 if kind == KIND_STAMPS else 0

    def next_own(self) -> int:
        """The slot of the own ring that is compared next, without what is aside; `own_end` = there is none."""
        own = at(RingReader, self.own)
        n = own.next
        while n < self.own_end and self.aside(own.slot(n)) > 0:
            n += self.aside(own.slot(n))
        return n

    def says_cut(self, ring: int, first: int) -> int:
        """Whether the own ring goes on with a cut there: 0 or 1, and then it is past it, and `told_...` say what is passed over."""
        n = self.next_own() if self.again() else self.own_end
        if n >= self.own_end:
            return 0
        own = at(RingReader, self.own)
        e = at(TakenSlot, own.slot(n))
        if e.kind != KIND_CUT or e.ring != ring or e.first != first:
            return 0
        own.next = n + 1
        self.told_ring = ring
        self.told_first = first
        self.told_end = first + e.count
        return 1

    def compare(self, out: Outbox) -> int:
        """Whether the own ring goes on with what the outbox holds."""
        own = at(RingReader, self.own)
        own.next = self.next_own()
        for i in range(out.count):
            kind = out.kinds[i]
            if own.next >= self.own_end:
                return DIFFERS
            copy_whole(self.scratch, out.slot(kind, out.rows[i]), int(SLOT_BYTES[kind]))
            if not same(self.scratch, own.slot(own.next), int(SLOT_BYTES[kind])):
                return DIFFERS
            own.next += 1
        return GO


def same(a: int, b: int, nbytes: int) -> bool:
    """Whether the bytes at two addresses are equal; nbytes: a multiple of 8."""
    equal = True
    for i in range(0, nbytes, 8):
        equal = equal and load_word(a + i) == load_word(b + i)
    return equal

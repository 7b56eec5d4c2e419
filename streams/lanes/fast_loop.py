"""The loop of the fast lane: slots from rings through the node to a ring, without Python and without memory of its own.

Each round: a command or a control record that has come is Python's; else a clock tick when it is due; else up to MOST slots of one input,
whole records, are taken. What is taken is named in the ring before it is stepped, each tick stands there before it is stepped: with the
rings of its inputs that ring is the journal of the process. What an input causes is published in one piece before the next is stepped.

A kill ends what was taken, at once: a cut says where, and the rest is taken anew behind it. So is an input that makes the node fail: the
process starts again from its checkpoint, and passes it over where a cut says so.

After a restart `replay` steps what the ring names and compares what comes out with what the ring holds; where the ring ends the loop
goes on writing. All times but `..._ts_ns` are monotonic.
"""

from streams.agents.codes import COMMAND_MIRROR_BEHIND
from streams.agents.node import KIND_TICK, SLOT_BYTES, Node
from streams.kernel import at
from streams.kernel.atomics import load_acquire
from streams.kernel.system import monotonic_ns
from streams.lanes.fast_live import FastLive, inside
from streams.lanes.fast_slots import KIND_TAKEN, TAKEN_CONTROL, TAKEN_KILL, TAKEN_OWN, TakenSlot
from streams.lanes.fast_step import CROWDED, DIFFERS, DONE, FAILED, GO, SKIPPED, SLOT, TOLD
from streams.lanes.ring_kernel import RingReader
from streams.lanes.ring_layout import HEAD
from streams.slots import KIND_COMMAND, CommandSlot, Slot

__all__ = ["CROWDED", "DIFFERS", "DONE", "ENTRIES", "FAILED", "SKIPPED", "SLOT", "TOLD", "FastLoop"]


class FastLoop(FastLive, align=64):
    """The loop, and how it takes up again what its ring names."""

    def replay(self) -> int:
        """Step what the own ring names, and compare; DONE at its end, TOLD for a record that Python has to read, SKIPPED behind one that is
        passed over, or as `run`."""
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
            return SKIPPED if self.says_cut(TAKEN_OWN, own.next - 1) != 0 else self.give(address, 64, -1, True)
        if e.kind == KIND_COMMAND:
            self.behind = 1 if at(CommandSlot, address).command_type == COMMAND_MIRROR_BEHIND else 0
            self.command_id = e.id
            return SKIPPED if self.says_cut(TAKEN_OWN, own.next - 1) != 0 else self.give(address, 64, -1, True)
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


# ---- entry points ----
def fast_run(loop: int) -> int:
    """Run the FastLoop at an address; why it stopped."""
    return at(FastLoop, loop).run()


def fast_drain(loop: int) -> int:
    """Run the FastLoop at an address until nothing is left to take; why it stopped."""
    return at(FastLoop, loop).drain()


def fast_replay(loop: int) -> int:
    """Replay its own ring; why it stopped."""
    return at(FastLoop, loop).replay()


def fast_give(loop: int, address: int, nbytes: int, ring: int) -> int:
    """Step slots that Python has made of a record of an input, as far as there is room; the bytes used, or FAULT: the node failed, or
    DIFFERS below 0."""
    x = at(FastLoop, loop)
    out = at(Node, x.node).out
    used = 0
    while used < nbytes and (x.again() or out.count > 0 or x.has_room(x.room_for(ring) - 2)):
        size = int(SLOT_BYTES[at(Slot, address + used).kind])
        stop = x.give(address + used, size, -1, used + size == nbytes)
        if stop != GO:
            return -stop
        used += size
    return used


def fast_room(loop: int, ring: int) -> int:
    """Whether there is room for what a record of an input may cause, and for its TAKEN: 1 or 0."""
    x = at(FastLoop, loop)
    return 1 if x.has_room(x.room_for(ring) - 1) else 0


def fast_crowded(loop: int) -> int:
    """Whether a ring has less room than it should for want of a checkpoint: 1 or 0."""
    return 1 if at(FastLoop, loop).crowded() else 0


def fast_taken(loop: int, ring: int, first: int, count: int, flags: int) -> int:
    """Say that Python takes a record now; 1, or 0: there is no room."""
    x = at(FastLoop, loop)
    if not x.has_room(x.room_for(ring) - 1):
        return 0
    x.taken_ns = monotonic_ns()
    x.publish_taken(ring, first, count, x.taken_ns, flags)
    return 1


def fast_decided(loop: int) -> int:
    """Note when the first order of an input is asked for: what the node calls at each."""
    x = at(FastLoop, loop)
    if x.decided_ns == 0:
        x.decided_ns = monotonic_ns()
    return 0


def fast_cut(loop: int, ring: int, first: int, count: int) -> int:
    """Say that what was taken of an input ends at a slot, and that the next `count` are passed over; 1, or 0: there is no room."""
    x = at(FastLoop, loop)
    if not x.has_room(1):
        return 0
    x.publish_cut(ring, first, count)
    return 1


def fast_says_cut(loop: int, ring: int, first: int) -> int:
    """Whether the own ring goes on with a cut there: 1, and it is past it, or 0."""
    return at(FastLoop, loop).says_cut(ring, first)


def fast_extent(loop: int) -> int:
    """Slots of the record that is, or was, being stepped."""
    x = at(FastLoop, loop)
    r = at(RingReader, x.inputs[x.ring])
    n = 1
    while inside(r, x.begun + n - r.next):
        n += 1
    return n


ENTRIES = {
    "fast_run": (fast_run, 1),
    "fast_drain": (fast_drain, 1),
    "fast_replay": (fast_replay, 1),
    "fast_give": (fast_give, 4),
    "fast_room": (fast_room, 2),
    "fast_crowded": (fast_crowded, 1),
    "fast_taken": (fast_taken, 5),
    "fast_decided": (fast_decided, 1),
    "fast_cut": (fast_cut, 4),
    "fast_says_cut": (fast_says_cut, 3),
    "fast_extent": (fast_extent, 1),
}
"""Entry points: name -> (function, number of arguments)."""

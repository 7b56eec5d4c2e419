"""The fast lane's loop at work: it looks for commands, ticks, events and market data, takes them, and waits while there is nothing."""

from streams.agents.codes import COMMAND_MIRROR_BEHIND, COMMAND_MIRROR_CAUGHT_UP
from streams.agents.node import KIND_TICK, SLOT_BYTES, Node
from streams.kernel import addr_of, at, bit
from streams.kernel.atomics import load_acquire, load_relaxed
from streams.kernel.system import monotonic_ns, sleep_on
from streams.lanes.fast_slots import KIND_FRAME, TAKEN_CONTROL, TAKEN_EVENTS, TAKEN_KILL, TAKEN_MARKET, FrameMark
from streams.lanes.fast_step import CROWDED, DONE, FAILED, GO, INPUTS, SKIPPED, TOLD, FastStep
from streams.lanes.histogram import record
from streams.lanes.ring_ahead import ask_room, ask_slots
from streams.lanes.ring_group import RingGroup
from streams.lanes.ring_kernel import RingReader, RingWriter, look_again
from streams.lanes.ring_layout import CURSOR, HEAD, WRITER
from streams.slots import FLAG_LAST, KIND_COMMAND, KIND_LEVEL, Slot

__all__ = ["MOST", "FastLive"]

MOST = 64  # slots taken at once; more only where a book update has more
NEXT = 6  # slots whose cache lines are asked for before they are read or written
NAP_NS = 20_000
CARE_NS = 1_000_000
NEVER_NS = 1 << 62
_FIRST_MARK = KIND_FRAME  # kinds from here on are no records


class FastLive(FastStep, align=64):
    """The loop while it runs: what it looks at, in which order, and how it waits."""

    def run(self) -> int:
        """Carry what comes until there is a reason to stop."""
        stop = GO
        while stop == GO:
            stop = self.carry() if self.at < self.end else self.look()
        return stop

    def drain(self) -> int:
        """The same without waiting: DONE also when nothing is left of market data and events."""
        stop = GO
        while stop == GO and (self.at < self.end or self.ready(TAKEN_EVENTS) > 0 or self.ready(TAKEN_MARKET) > 0):
            stop = self.carry() if self.at < self.end else self.look()
        return DONE if stop == GO else stop

    def look(self) -> int:
        """Find something to do: what is told first, then what came, and each millisecond, or when nothing came, what is due."""
        self.ask(TAKEN_EVENTS)
        self.ask(TAKEN_MARKET)  # while the clock is read
        now_ns = monotonic_ns()
        if self.ready(TAKEN_KILL) > 0 or self.ready(TAKEN_CONTROL) > 0:
            return TOLD
        if now_ns < self.care_due_ns and self.has_room(self.room_for(TAKEN_MARKET)):
            for ring in (TAKEN_EVENTS, TAKEN_MARKET):
                ready = self.ready(ring)
                if ready > 0:
                    self.care_due_ns = min(self.care_due_ns, now_ns + CARE_NS)
                    return self.take(ring, ready, now_ns)
        return self.care(now_ns)

    def care(self, now_ns: int) -> int:
        """See to the time, the rings and the mirror, then wait if nothing has come."""
        self.care_due_ns = now_ns + CARE_NS
        if now_ns >= self.until_ns:
            return DONE
        if self.keeps != 0 and self.asked == 0 and self.crowded():
            return CROWDED
        if not self.has_room(self.room_for(TAKEN_MARKET)):
            return self.nap()
        if self.mirror_own != 0 and self.watch_mirror(now_ns) == FAILED:
            return FAILED
        if self.tick_ns != 0 and now_ns >= self.tick_due_ns:
            return self.on_tick(now_ns)
        if self.ready(TAKEN_EVENTS) == 0 and self.ready(TAKEN_MARKET) == 0:
            self.wait(now_ns)
            self.care_due_ns = NEVER_NS  # what has come goes first
        return GO

    def ready(self, ring: int) -> int:
        """Slots of an input that can be read."""
        return at(RingReader, self.inputs[ring]).poll() if self.inputs[ring] != 0 else 0

    def ask(self, ring: int) -> None:
        """Ask for the first slots of an input that can be read."""
        ready = self.ready(ring)
        if ready > 0:
            ask_slots(at(RingReader, self.inputs[ring]), min(ready, NEXT))

    def wait(self, now_ns: int) -> None:
        """Until an input has something, or a tick is due, or the time is up."""
        ask_room(at(RingWriter, self.out), NEXT)
        upto_ns = self.until_ns
        if self.tick_ns != 0:
            upto_ns = min(upto_ns, self.tick_due_ns)
        at(RingGroup, self.group).wait(upto_ns - now_ns)

    def stuck(self) -> int:
        """There is no room for what the next input may cause."""
        if self.keeps != 0 and self.asked == 0 and self.crowded():
            return CROWDED
        return DONE if monotonic_ns() >= self.until_ns else self.nap()

    def nap(self) -> int:
        """The ring is full: give its readers time."""
        group = at(RingGroup, self.group)
        self.naps += 1
        self.count_waits += 1
        if look_again(self.naps, group.spins, group.yields, group.sleeps) != 0:
            sleep_on(at(RingWriter, self.out).ring + WRITER, 0, NAP_NS)  # a word that is always 0
        return GO

    def crowded(self) -> bool:
        """Whether a ring is half full of what only a checkpoint of this process can let go, or has no room for that."""
        found = False
        for ring in range(INPUTS):
            if self.inputs[ring] != 0:
                r = at(RingReader, self.inputs[ring])
                found = found or r.next - load_relaxed(r.line + CURSOR) > r.capacity // 2
        if self.own != 0:
            own = at(RingReader, self.own)
            most = min(own.capacity // 2, own.capacity - self.room_for(TAKEN_MARKET))
            found = found or at(RingWriter, self.out).next - load_relaxed(own.line + CURSOR) > most
        return found

    def take(self, ring: int, ready: int, now_ns: int) -> int:
        """Say that slots of an input are stepped now."""
        r = at(RingReader, self.inputs[ring])
        n = whole(r, ready)
        if n > 0:
            self.publish_taken(ring, r.next, n, now_ns, 0)
            self.ring = ring
            self.at = r.next
            self.end = r.next + n
            self.taken_ns = now_ns
        else:
            r.head = load_acquire(r.ring + HEAD)  # the rest of a record may have come; a reader that has something does not look again
        return GO

    def carry(self) -> int:
        """Step what is taken, slot by slot."""
        r = at(RingReader, self.inputs[self.ring])
        stop = GO
        while self.at < self.end and stop == GO:
            if self.inner == 0:  # between two records
                if self.says_cut(self.ring, self.at) != 0:
                    return self.cut(r, self.told_end - self.at)
                if self.ready(TAKEN_KILL) > 0 and not self.again() and self.has_room(self.room_for(TAKEN_KILL)):
                    self.publish_cut(self.ring, self.at, 0)
                    return self.cut(r, 0)
            address = r.slot(self.at)
            e = at(Slot, address)
            kind = e.kind
            if kind == KIND_FRAME:
                self.on_mark(at(FrameMark, address), self.at > r.next)
            elif kind < _FIRST_MARK and self.reads & bit(kind) != 0:
                if not self.again() and at(Node, self.node).out.count == 0 and not self.has_room(self.room_for(self.ring)):
                    return self.stuck()
                if self.inner == 0:
                    self.begun = self.at
                whole = kind != KIND_LEVEL or e.flags & FLAG_LAST != 0
                stop = self.give(address, int(SLOT_BYTES[kind]), self.ring, whole)
                self.inner = 0 if whole else 1
            self.at += 1
        if stop == GO:
            r.next = self.end
            if self.keeps == 0:
                r.commit()
        return stop

    def cut(self, r: RingReader, skipped: int) -> int:
        """Leave the rest of what was taken, to take it anew behind so many slots that are passed over."""
        self.at += skipped
        self.end = self.at
        r.next = self.at
        if self.keeps == 0:
            r.commit()
        return SKIPPED if skipped > 0 else GO

    def on_mark(self, e: FrameMark, later: bool) -> None:
        """The records of a frame begin; later: not with the first slot that was taken."""
        self.mark_wire_ns = e.wire_ns
        self.mark_ring_ns = e.ring_ns
        if self.own_end == 0:
            self.taken_ns = monotonic_ns() if later else max(self.taken_ns, e.ring_ns)  # it may have come after the look at the clock
            if self.stage_ring_taken != 0:
                record(self.stage_ring_taken, self.taken_ns - e.ring_ns)

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
        return self.give(addr_of(self.tick), 64, -1, True)

    def watch_mirror(self, now_ns: int) -> int:
        """Tell the node, and whoever reads the ring, when the mirror falls behind by half a ring, and when it has caught up."""
        w = at(RingWriter, self.out)
        own = w.next - load_acquire(self.mirror_own)
        late = 2 * own >= w.capacity
        well = 4 * own < w.capacity
        if self.mirror_market != 0:
            r = at(RingReader, self.inputs[TAKEN_MARKET])
            market = load_acquire(r.ring + HEAD) - load_acquire(self.mirror_market)
            late = late or 2 * market >= r.capacity
            well = well and 4 * market < r.capacity
        if self.behind == 0 and late:
            return self.on_command(COMMAND_MIRROR_BEHIND, now_ns)
        if self.behind != 0 and well:
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
        return self.give(addr_of(self.command), 64, -1, True)


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

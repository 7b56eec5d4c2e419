"""FastFeed: a feed and its normalize in one process: opened where it was, told what control says, kept in checkpoints.

A frame or control record at which normalize fails sends it back to its checkpoint, as a restart does, for the memory of what failed cannot
be trusted; one at which it fails again is passed over: a dead letter in the ring of frames says so, and the flow goes on.
"""

import time
from collections.abc import Callable
from threading import Event

import numpy as np
import structlog

from streams.agents.process import Process
from streams.agents.rows import REFUSALS
from streams.agents.state_copy import StateCopy
from streams.clock import RunClock
from streams.errors import ConfigError, LaneError, MillraceError, StepError
from streams.kernel.fault import describe
from streams.kernel.system import monotonic_ns
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_slots import KIND_FRAME, KIND_TAKEN, TAKEN_CONTROL, TakenSlot
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.kept_control import kept_control
from streams.lanes.stages import FEED_STAGES, histogram_path
from streams.lanes.status import StatusFile
from streams.lanes.told import Told
from streams.lanes.wire import Wire
from streams.records import Command, CommandType
from streams.schema import ids
from streams.venues.binance import fast_feed_kernel as k
from streams.venues.binance.fast_feed_again import Again, execute_again
from streams.venues.binance.fast_feed_ends import FeedEnds
from streams.venues.binance.fast_feed_letters import FeedLetters
from streams.venues.binance.fast_feed_loop import FrameLane
from streams.venues.binance.fast_feed_settings import FastFeedSettings
from streams.venues.binance.fast_feed_start import Build, Start, find_start
from streams.venues.binance.frames import Place

__all__ = ["SLICE_NS", "FastFeed"]

SLICE_NS = 50_000_000
"""A wait for a frame ends so often, so that signals and checkpoints are looked at."""
_NAP_S = 0.0002  # while a ring has no room
_TURN_S = 0.002  # while there is no END of control
_RETRY_S = 0.2  # between two checkpoints for want of room
_STOP_S = 5.0  # a feed that is to stop waits so long for room
_MOST_FAILING = 100  # inputs; if there are more, it is not the inputs
_LOG = structlog.get_logger("feed")


class FastFeed:
    """One feed of one shard, whose rings are there. `open`, then frames through `lane`, `between` now and then, then `close`. After a
    StepError of any of them: `start_anew`, then `open` again.

    clock     : of the run
    lane      : frames to slots; give it frames only when it is idle or through `carry`
    at_damage : place of the last dead letter of the feed; `at`: of the last frame
    resync    : is told the symbols for which a snapshot is wanted
    """

    def __init__(self, settings: FastFeedSettings, start: Start, wire: Wire, clock: RunClock, stop: Event, build: Build) -> None:
        feed, shard = settings.feed, settings.shard
        self.settings, self.clock, self.stop, self._wire, self._build = settings, clock, stop, wire, build
        self.ends = FeedEnds(shard, start.process, settings.waiting)
        self.run_number = start.control.last_run().run_number or 0
        self.status = StatusFile(settings.status_path, feed.process, feed.shard)
        self.resync: Callable[[str], None] = lambda symbol: None
        self.checkpoint = Checkpoint(settings.checkpoint_path)
        self.histograms = HistogramFile.create(histogram_path(shard.folder, feed.process, feed.shard), FEED_STAGES)
        self._due_s = self._retry_s = self._stop_s = 0.0
        self._failed: tuple[int, int] | None = None  # where normalize failed last
        self._failures = 0
        self._counts: tuple[int, int, int] | None = None
        self._take_over(start)

    def _take_over(self, start: Start) -> None:
        """Stand where a start says."""
        settings, feed, wire = self.settings, self.settings.feed, self._wire
        self._start, self._whole = start, False
        self.process: Process = start.process
        self._doing: tuple[int, Told] | None = None
        self._error: StepError | None = None
        self.letters = FeedLetters(wire, start.control, feed.process, settings.market, self._write, start.letters)
        self.letters.now_ns = self.clock.now_ns
        own = set(start.process.spec.writers.values())
        self.control = ControlRing(self.ends.control, None, wire, start.positions, own, self.run_number, start.told)
        self.lane = FrameLane(
            start.process,
            self.ends.frames,
            self.ends.market,
            self.clock,
            self.letters,
            feed.venue,
            start.writer,
            start.sequence,
            feed.shard,
            settings.waiting,
            self.ends.control_head,
            self.histograms.address(FEED_STAGES[0]),
            self._asked,
        )
        self.lane.state.sent_connection, self.lane.state.sent_seq = start.at.connection, start.at.source_seq
        self.at_damage = start.at_damage
        self._copy, self._kept_control = StateCopy(start.process), kept_control(start.control)

    @property
    def at(self) -> Place:
        """Place of the last frame in the ring."""
        return Place(int(self.lane.state.sent_connection), int(self.lane.state.sent_seq))

    @property
    def new_run(self) -> int:
        """Number of the run that has begun since, 0 if none."""
        return self.control.new_run

    def open(self) -> Again:
        """Execute again what the rings hold beyond the start, then take control to its end. RestoreError: a difference. StepError."""
        self.ends.seek(self._start.slots)
        if self._start.fresh:
            self.begin()
        again = execute_again(self)
        self._whole = True
        self._go_on_counting()
        self.take_control()  # what is passed over there, before a checkpoint lets its letter go
        self.status.write(run=self.run_number, restored_batches=again.frames)
        while not (self.control.ended or self.new_run or self.stop.is_set()):
            self.between()
            if not self.control.ended:
                self.stop.wait(_TURN_S)
        self.save()
        return again

    def begin(self) -> None:
        """The checkpoint before the first slot: what the rings hold from here on can be executed again."""
        if self.ends.market.ring.head or self.ends.frames.writer.ring.head:
            raise LaneError(f"{self.checkpoint.path}: is gone, and the rings beside it are not empty; start a fresh run")
        self.save_now(self.ends.positions())

    def save_now(self, positions: dict[str, int]) -> None:
        """A checkpoint of the state now, in which what stands before these slots of the rings is, whole when this returns. LaneError."""
        self.save(positions)
        self.checkpoint.wait()
        self._release()
        if self.checkpoint.failed:
            raise LaneError(f"{self.checkpoint.failed}; the feed cannot go on without its checkpoint")

    # ---- between two frames ----
    def between(self) -> None:
        """What acts between two frames: control records; and checkpoints, counters. The lane is idle."""
        self.take_control()
        self._release()
        now_s = time.monotonic()
        if (self.ends.held > 0.5 and now_s >= self._retry_s) or now_s >= self._due_s:
            self.save()
        if self.status.due:
            self.report()

    def carry(self, stop: int) -> bool:
        """Go on until the frames given are carried; False if the feed is to stop before, and it is given no more."""
        while stop != k.DONE:
            if self.lane.idle:
                self.between()
                if (self.stop.is_set() or self.new_run) and self.lane.give_up():
                    return False
            elif not self._may_wait():
                return False  # the frame in hand is in its ring: the next instance carries it
            if stop in (k.FULL, k.HALF):
                self.stop.wait(_NAP_S)
            stop = self.lane.go_on(monotonic_ns() + SLICE_NS)
        return True

    def finish(self, stop: int) -> None:
        """The same of frames that are in the ring already: all of them are carried."""
        while stop != k.DONE:
            self._wait_for_room()
            time.sleep(_NAP_S)
            stop = self.lane.go_on()

    def take_control(self) -> int:
        """Carry the control records that are there; how many. What normalize has learned is named in the ring (contract 24) before anything
        follows from it."""
        if self._error is not None:
            raise self._error
        self.lane.state.control_head = self.ends.control.next
        if self.ends.control.reader.poll() == 0 or self.new_run:
            return 0
        told: list[tuple[int, Told]] = []
        count = 0
        while self.ends.control.reader.poll() and not self.new_run:
            number = self.ends.control.next
            found = self.control.take_control(number + 1)
            if number in self.letters.control_over:
                found = []
            if told and not found:
                count += self._carry_told(told, number)
                told = []
            told += [(number, one) for one in found]
        count += self._carry_told(told, self.ends.control.next)
        self.lane.state.control_head = self.ends.control.next
        return count

    def tell(self, told: list[tuple[int, Told]], named: Callable[[], None] = lambda: None) -> None:
        """Give normalize control records, each with its slot; those that it cannot use become dead letters. named: writes down that it was
        given them, when the letters are there: who reads that finds them. StepError: it failed at one."""
        whole, self._whole = self._whole, False
        refused = [(one, why) for slot, one in told if (why := self._give(slot, one))]
        for one, why in refused:
            self.letters.refused_control(one, why)
        named()
        self._whole = whole
        for _, one in told:
            if isinstance(one.record, Command) and one.record.kind == CommandType.RESYNC:
                self._asked(one.record.target)
        self.lane.learned()

    def wait_for_room(self) -> bool:
        """Wait a moment while a ring is full, and look at what may give room; whether something did. LaneError: the feed was to stop."""
        before = self.ends.own_market.committed
        self._wait_for_room()
        time.sleep(_NAP_S)
        return self.ends.own_market.committed > before

    def report(self) -> None:
        """Write the counters."""
        state, now = self.lane.state, self.status.now
        now.records_in, now.records_out = int(state.count), int(state.records)
        now.dead_letters = self.letters.count
        self.status.write()

    def close(self) -> None:
        """A last checkpoint, if no frame is in hand and nothing has failed, and everything let go."""
        try:
            if self._whole and self.lane.idle:
                self.checkpoint.wait()
                self.save()
                self.checkpoint.wait()
                self._release()
        finally:
            self.ends.close()

    # ---- an input at which normalize fails ----
    def start_anew(self, error: StepError) -> None:
        """The feed as its checkpoint has it; what normalize failed at twice is passed over. The error again after too many."""
        self._failures += 1
        if self._failures > _MOST_FAILING:
            raise error
        failed = (KIND_FRAME, self.lane.failed[0]) if self._doing is None else (KIND_TAKEN, self._doing[0])
        again = failed == self._failed
        said = "an input makes normalize fail again: passed over" if again else "normalize failed; once more from the checkpoint on"
        _LOG.error(said, feed=self.settings.feed.process, reason=str(error))
        self._failed = None if again else failed
        if again and self._doing is None:
            self.letters.frame_over(*self.lane.failed, str(error))
        elif again and self._doing is not None:
            self.letters.told_over(self._doing[1], self._doing[0], str(error))
        self.checkpoint.wait()
        self._release()
        state, letters = self.lane.state, self.letters.count
        self._counts = self._counts or (int(state.count), int(state.records), int(state.slots))
        self._take_over(find_start(self.settings, self._wire, self._build))
        self.letters.count = letters

    def _go_on_counting(self) -> None:
        """What was executed again since a failure has been counted."""
        state = self.lane.state
        if self._counts is not None:
            state.count, state.records, state.slots = self._counts
        self._counts = None

    # ---- inside ----
    def _carry_told(self, told: list[tuple[int, Told]], end: int) -> int:
        if not told:
            return 0
        first = told[0][0]
        slot = TakenSlot(kind=KIND_TAKEN, first=first, count=end - first, ring=TAKEN_CONTROL)
        slot.ts_ns = slot.recv_ts_ns = self.lane.node.now_ns
        self.tell(told, lambda: self._name(slot))
        return len(told)

    def _name(self, slot: TakenSlot) -> None:
        """Write down which control records normalize has been given."""
        slot.taken_ns = monotonic_ns()
        data = np.zeros(128, np.uint8)
        data[:64] = slot.pack()
        while self.ends.market.write(data, 1_000_000) == 0:
            self._wait_for_room()

    def _give(self, slot: int, told: Told) -> str:
        """Give normalize one; why it refuses it, else "". StepError if it fails."""
        if told.record is None:
            return told.reason
        self._doing, why = (slot, told), ""
        try:
            self.process.on_input(told.record)
        except REFUSALS as error:
            why = str(error) or repr(error)
        except (ConfigError, LaneError):  # of the process as a whole, not of this input
            raise
        except Exception as error:
            text = str(error) if isinstance(error, MillraceError) else describe(error)
            self._error = StepError(f"normalize failed at a record of {told.topic}, id {ids.text(told.record.id)}: {text}")
            raise self._error from error
        self._doing = None
        return why

    def _write(self, id: int, topic: str, partition: int, value: bytes, recv_ts_ns: int, a: int, b: int) -> None:
        """Write a letter or an alert into the ring of frames."""
        head = {"recv_ts_ns": recv_ts_ns, "ts_ns": self.clock.now_ns(), "partition": partition, "a": a, "b": b}
        while self.ends.frames.write(id, topic, value, **head, patience_ns=1_000_000) < 0:
            self._wait_for_room()

    def _may_wait(self) -> bool:
        """While a ring is full: what may give room; False if the feed was to stop, and there was none for a while."""
        self._release()
        if self.status.due:
            self.report()
        if self.stop.is_set():
            self._stop_s = self._stop_s or time.monotonic() + _STOP_S
        return not self._stop_s or time.monotonic() < self._stop_s

    def _wait_for_room(self) -> None:
        """The same, LaneError for False."""
        if not self._may_wait():
            path = self.ends.market.ring.path
            raise LaneError(f"{path}: no room for {_STOP_S:.0f} s; the feed ends, and goes on there when it starts again")

    def _release(self) -> None:
        """Let the rings have what a checkpoint now holds."""
        done = self.checkpoint.done()
        if done is not None:
            self.ends.commit(done)
            self.lane.state.frames_limit, self.lane.state.market_limit = self.ends.limits()

    def save(self, positions: dict[str, int] | None = None) -> None:
        """Begin a checkpoint of the state now, if none is being written. positions: of the rings, if not where they end."""
        if self.checkpoint.busy:
            return
        self._release()
        self._due_s, self._retry_s = time.monotonic() + self.settings.snapshot_s, time.monotonic() + _RETRY_S
        self.process.advance(self.lane.node.now_ns)
        self._copy.take()
        saved = positions or self.ends.positions()
        if positions is None:
            self._mark(saved[self.settings.shard.frames])
        extra = {
            "control": self._kept_control,
            "schemas": self._wire.ids.known(),
            "told": self.control.state(),
            "sequence": int(self.lane.state.sequence),
            "letters": {str(writer): n for writer, n in self.letters.sequences.items()},
            "at": [self.at.connection, self.at.source_seq],
            "at_damage": self.at_damage.source_seq,
        }
        self.checkpoint.save(self.run_number, saved, self._copy.parts, extra)

    def _mark(self, frames: int) -> None:
        """Say in the ring of market data that a checkpoint holds the state here, if there is room: the mirror can make it a snapshot."""
        slot = TakenSlot(kind=KIND_TAKEN, first=frames, ring=TAKEN_CONTROL, taken_ns=monotonic_ns())
        slot.ts_ns = slot.recv_ts_ns = self.lane.node.now_ns
        self.ends.market.write(slot.pack().tobytes().ljust(128, b"\0"), 0)

    def _asked(self, target: str) -> None:
        venue, _, symbol = target.partition(":")
        if venue == self.settings.feed.venue and symbol in self.settings.feed.symbols:
            self.resync(symbol)

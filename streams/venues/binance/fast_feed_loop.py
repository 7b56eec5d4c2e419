"""FrameLane: frames of a venue through normalize into the rings `frames` and `market`, with what the compiled loop leaves to Python.

lane = FrameLane(process, frames, market, clock, feed_writer, letters)
stop = lane.give(connection, times, seqs, starts, sizes, wires)     # all of them, or as far as the rings have room: then `go_on`
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np

from streams.agents.market import ENTRIES as MARKET
from streams.agents.market_node import CompiledMarket, MarketNode, beyond, market_sources
from streams.agents.process import Process
from streams.clock import RunClock
from streams.errors import ConfigError, FrameError, KernelError, LaneError, RestoreError, StepError
from streams.kernel import View, addr_of, handle_of, native
from streams.kernel.fault import describe, guard, last_fault
from streams.kernel.system import monotonic_ns
from streams.lanes.record_ring import RecordWriter, record_sources, topic_number
from streams.lanes.ring_ends import Writer
from streams.lanes.waiting import POLICIES, Waiting
from streams.records import NameKind
from streams.schema import ids
from streams.venues.binance import fast_feed_kernel as k
from streams.venues.binance.frames import FRAMES, PAYLOAD_LIMIT_BYTES

__all__ = ["FrameLane", "Letters", "fast_feed_sources", "loop_entry", "prepare"]

_EARLY_NS = 20_000  # a sleep that may spin afterwards ends so long before a frame is due
_NEVER = (1 << 63) - 1


class Letters(Protocol):
    """Where a lane writes frames that cannot be used."""

    def too_large(self, recv_ts_ns: int, source_seq: int, payload: bytes, why: str) -> None:
        """A frame that no ring takes."""
        ...

    def refused(self, frame_id: int, recv_ts_ns: int, payload: bytes, why: str) -> None:
        """A frame, in its ring already, that normalize cannot use."""
        ...


class FrameLane:
    """The loop of one feed, plain or compiled as its process; one thread's.

    process       : with normalize, which knows names and instruments
    clock         : of the run; writer, sequence: number of the writer of frames, and the last sequence it used
    wait          : while a frame is not due yet
    control       : address of the HEAD word of the ring `control`: news there end a wait; 0 = none
    histogram     : address of the stage `wire_ring`, 0 = not counted
    on_resync     : told the instrument, "venue:symbol", that needs a snapshot
    state         : the FeedLoop; address: for compiled harnesses
    failure       : why normalize failed at the frame in hand, if it did: its state cannot be trusted, and nothing is carried any more
    failed        : that frame, which is in its ring: id, receive time, payload
    """

    def __init__(
        self,
        process: Process,
        frames: RecordWriter,
        market: Writer,
        clock: RunClock,
        letters: Letters,
        venue: str,
        writer: int,
        sequence: int = 0,
        partition: int = 0,
        wait: Waiting = POLICIES["backoff"],
        control: int = 0,
        histogram: int = 0,
        on_resync: Callable[[str], None] = lambda _: None,
    ) -> None:
        node = process.normalize
        if node is None:
            raise LaneError(f"process {process.spec.name}: a fast feed needs normalize among its agents")
        self.process, self.frames, self.market, self.clock, self.venue = process, frames, market, clock, venue
        self.node: MarketNode = node
        self.letters, self.on_resync = letters, on_resync
        self.compiled = isinstance(node, CompiledMarket)
        if {frames.writer.compiled, market.compiled} != {self.compiled}:
            raise LaneError("a fast feed's rings and its process are all compiled or all plain")
        loop = k.FeedLoop(
            frames=frames.writer.address,
            market=market.address,
            state=node.address,
            work=node.work_address,
            row=node.columns.ctypes.data,
            topic=topic_number(FRAMES),
            partition=partition,
            first_id=ids.make(writer, 0),
            sequence=sequence,
            speed=clock.speed,
            control=control,
            frames_limit=_NEVER,
            market_limit=_NEVER,
            early_ns=_EARLY_NS if wait.spins + wait.yields > 200 else 0,
            sleeps=int(wait.sleeps),
            yields=int(wait.yields > 0),
            largest=PAYLOAD_LIMIT_BYTES,
            histogram=histogram,
        )
        self._place(loop)
        self._run = self._entries["feed_frames"]
        self.failure: StepError | None = None
        self.failed = (0, 0, b"")
        self._kept: Any = ()
        self._respelled = (0, b"", b"")  # id of a frame, as it was spelled anew, as it came
        self.learned()

    def _place(self, loop: k.FeedLoop) -> None:
        """Put the loop where its code finds it, compiled or plain, and let it call normalize."""
        node = self.node
        if isinstance(node, CompiledMarket):
            loop.take, loop.next = node.loaded.market_take, node.loaded.market_next
            self._memory = loop.pack()
            self.state: Any = View(k.FeedLoop, self._memory)
            self.address: int = self._memory.ctypes.data
            self._entries = _compiled()
        else:
            loop.take, loop.next = (handle_of(guard(MARKET[name][0])) for name in ("market_take", "market_next"))
            self.state, self.address = loop, addr_of(loop)
            self._entries = {name: entry for name, (entry, _) in k.ENTRIES.items()}

    # ---- frames ----
    def give(
        self,
        connection: int,
        times: np.ndarray,
        seqs: np.ndarray,
        starts: np.ndarray,
        sizes: np.ndarray,
        wires: np.ndarray,
        paced: bool = False,
        until_ns: int = 0,
    ) -> int:
        """Carry frames of one connection, int64[n] each: receive time, source_seq, address and bytes of the payload, and when its first
        byte was there (monotonic; 0 = not known). paced: each is carried when it is due by `wires`, not before.

        DONE, or why `go_on` is to be called: LATER, HALF or FULL of the kernel. What is given must stay where it is until DONE. StepError:
        normalize failed at the frame in hand, of which nothing is in the ring `market`.
        """
        return self._begin(0, connection, times, seqs, starts, sizes, wires, paced, until_ns)

    def again(self, frame_ids: np.ndarray, times: np.ndarray, starts: np.ndarray, sizes: np.ndarray, wires: np.ndarray) -> int:
        """The same of frames that are in the ring `frames` already: only normalize takes them. RestoreError: what it makes of them now is
        not what stands in the ring `market`."""
        return self._begin(frame_ids.ctypes.data, 0, times, times, starts, sizes, wires, False, 0, frame_ids)

    def go_on(self, until_ns: int = 0) -> int:
        """Carry on after a stop; until_ns: monotonic, how long to wait for a frame that is not due."""
        if self.failure is not None:
            raise self.failure
        s = self.state
        s.until_ns = until_ns
        s.clock_at_ns = monotonic_ns()
        s.clock_ns = self.clock.now_ns()
        while True:
            stop = self._run(self.address)
            if stop == k.REST:
                self._look()
            elif stop == k.RESYNC:
                self.on_resync(self.node.edge.name(NameKind.INSTRUMENT, int(s.book)))
            elif stop == k.TOO_LARGE:
                self._too_large()
            elif stop in (k.DONE, k.LATER, k.HALF, k.FULL):
                return stop
            elif stop == k.DIFFERS:
                raise RestoreError(
                    f"{self.process.spec.name}: frame {ids.text(int(s.id))} now gives other records than stand in {self.market.ring.path} "
                    f"from slot {int(s.check):,} on; the code that wrote them can go on, or start a fresh run"
                )
            elif stop == k.FAILED:
                self._fail("run it with --plain to see where" if self.compiled else last_fault())
            else:
                raise KernelError(
                    f"{self.process.spec.name}: the loop failed at frame {ids.text(int(s.id))}; run it with --plain to see where"
                )

    def give_up(self) -> bool:
        """Forget the frames that are not in their ring yet; False if one is in hand whose records have no room: `go_on` first."""
        s = self.state
        if s.at < s.last and s.stage != k.NEW:
            return False
        s.at = s.last
        return True

    @property
    def pending(self) -> bool:
        """Whether frames that were given have not been carried."""
        return int(self.state.at) < int(self.state.last)

    @property
    def idle(self) -> bool:
        """Whether no frame is in hand: what was given has been carried whole, so far."""
        return int(self.state.stage) == k.NEW

    def learned(self) -> None:
        """Names or instruments have come: call it before the next frame."""
        self.node.edge.native.refresh()
        self.state.venue = self.node.edge.dictionary.numbers(NameKind.VENUE).get(self.venue, -1)

    def _begin(self, frame_ids: int, connection: int, *columns: Any) -> int:
        times, seqs, starts, sizes, wires, paced, until_ns, *kept = columns
        s = self.state
        if s.at < s.last:
            raise LaneError("frames were given before those given last were carried")
        self._kept = (times, seqs, starts, sizes, wires, *kept)
        s.ids = frame_ids
        s.times, s.seqs, s.starts, s.sizes, s.wires = (column.ctypes.data for column in self._kept[:5])
        s.connection, s.paced, s.at, s.last = connection, int(paced), 0, len(times)
        return self.go_on(until_ns)

    # ---- what Python does ----
    def _in_hand(self) -> tuple[int, int, bytes]:
        """The frame in hand, which is in its ring: id, receive time, payload."""
        frame_id, recv_ts_ns, _, start, size = self.node.columns.tolist()
        payload = self._respelled[2] if self._respelled[0] == frame_id else ctypes.string_at(start, size)
        return frame_id, recv_ts_ns, payload

    def _look(self) -> None:
        """Look at a frame that compiled code does not read: it is not ours, it is spelled otherwise, or it cannot be used."""
        frame_id, recv_ts_ns, payload = self._in_hand()
        again = b""
        try:
            if self._respelled[0] == frame_id:
                raise beyond(self.node.sizes)
            again = self.node.explained(self.venue, payload)
        except FrameError as error:
            self.letters.refused(frame_id, recv_ts_ns, payload, str(error))
        except (ConfigError, LaneError):  # of the process as a whole, not of this frame
            raise
        except Exception as error:
            self._fail(describe(error))
        if not again:
            self._entries["feed_skip"](self.address)
            return
        self._respelled = (frame_id, again, payload)
        place = ctypes.cast(ctypes.c_char_p(again), ctypes.c_void_p).value or 0
        self._entries["feed_respelled"](self.address, place, len(again))

    def _fail(self, why: str) -> NoReturn:
        s, path = self.state, self.market.ring.path
        text = f"{self.process.spec.name}: normalize failed at frame {ids.text(int(s.id))}: {why}"
        if s.check < s.check_end:
            raise LaneError(f"{path}: {text}; it did not when the ring was written: start a fresh run")
        if s.shown:
            raise KernelError(f"{text}; records of it are in {path} already, for all of them take more than half of it (fast.ring)")
        self.failure, self.failed = StepError(text), self._in_hand()
        raise self.failure

    def _too_large(self) -> None:
        s = self.state
        if s.stage != k.NEW:
            raise LaneError(
                f"{self.market.ring.path}: the records of frame {ids.text(int(s.id))} take more than half of its "
                f"{self.market.ring.capacity:,} slots; give it more (fast.ring)"
            )
        times, seqs, starts, sizes = self._kept[:4]
        row = int(s.at)
        if sizes[row] > PAYLOAD_LIMIT_BYTES:
            why = f"frame of {sizes[row]} bytes; a record holds {PAYLOAD_LIMIT_BYTES}, the rest is cut off here"
        else:
            why = f"frame of {sizes[row]} bytes; {self.frames.writer.ring.path} takes half of its own bytes: give it more (fast.ring)"
        self.letters.too_large(int(times[row]), int(seqs[row]), ctypes.string_at(int(starts[row]), int(sizes[row])), why)
        s.at = row + 1


def fast_feed_sources() -> list[Path]:
    """Every file that the loop's machine code depends on, beside the kernel itself."""
    here = native.sources("streams.venues.binance.fast_feed_kernel", "streams.agents.market_ring", "streams.lanes.histogram")
    return [*here, *market_sources(), *record_sources()]


def loop_entry() -> Callable[[int], int]:
    """The compiled loop, for harnesses: called with `FrameLane.address`."""
    return _compiled()["feed_frames"]


def prepare() -> None:
    """Compile the loop, or load it from disk, now and not at the first frame."""
    _compiled()


@cache
def _compiled() -> dict[str, Callable[..., int]]:
    return native.functions("fast_feed", k.ENTRIES, fast_feed_sources())

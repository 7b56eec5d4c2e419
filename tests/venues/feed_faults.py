"""Faults of normalize in a fast feed, as tests want them: at frames, at records of frames, at control records; kills between two tries."""

import ctypes
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from streams.agents.process import Process
from streams.kernel import handle_of
from streams.kernel.fault import FAULT, guard
from streams.lanes.fast_slots import PASSED
from streams.schema import ids
from streams.venues.binance.fast_feed_letters import FeedLetters
from streams.venues.binance.fast_feed_loop import FrameLane

__all__ = ["Faults"]

_SPOILT_NS = 1 << 61


@dataclass
class Faults:
    """What normalize fails at, in this process. Each failure leaves its memory spoilt.

    takes    : frames that it fails to read, by sequence; nexts: frames and which of their records (from 1) it fails to make
    told     : sequences of control records
    most     : tries of each that fail; then it works
    die_at   : the process is killed at the n-th try of one: frame, or 0 for a control record, and n
    die_over : it is killed once a letter says that something is passed over
    tries    : so far, of each frame; 0: of control records
    """

    takes: Iterable[int] = ()
    nexts: Iterable[tuple[int, int]] = ()
    told: Iterable[int] = ()
    most: int = 1 << 30
    die_at: Iterable[int] = ()
    die_over: bool = False
    tries: Counter[int] = field(default_factory=Counter)

    def install(self, set_attribute: Callable[[Any, str, Any], None] = setattr) -> "Faults":
        """Let every feed of this process have them."""
        place, on_input, write = FrameLane._place, Process.on_input, FeedLetters._letter

        def placed(lane: FrameLane, loop: Any) -> None:
            place(lane, loop)
            self._into(lane)

        def told(process: Process, record: Any) -> None:
            if process.normalize is not None and ids.sequence(record.id) in self.told and self._fails(0):
                process.normalize.market.now_ns = _SPOILT_NS
                raise KeyError("a fault of Python")
            on_input(process, record)

        def letter(letters: FeedLetters, *args: Any) -> None:
            write(letters, *args)
            if self.die_over and args[-2] >= PASSED:
                os.kill(os.getpid(), signal.SIGKILL)

        set_attribute(FrameLane, "_place", placed)
        set_attribute(FeedLetters, "_letter", letter)
        set_attribute(Process, "on_input", told)
        return self

    def _fails(self, what: int) -> bool:
        self.tries[what] += 1
        if (what, self.tries[what]) == tuple(self.die_at):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.tries[what] <= self.most

    def _into(self, lane: FrameLane) -> None:
        node, made, nexts = lane.node, Counter[int](), {(number, record) for number, record in self.nexts}
        take, following = node.entries["market_take"], node.entries["market_next"]

        def spoil() -> int:
            node.market.now_ns = _SPOILT_NS
            if lane.compiled:
                return FAULT
            raise IndexError("a fault of the kernel")

        def faulty_take(state: int, work: int, row: int) -> int:
            number = ids.sequence(int(node.columns[0]))
            made[number] = 0
            return spoil() if number in self.takes and self._fails(number) else take(state, work, row)

        def faulty_next(state: int, work: int) -> int:
            number = ids.sequence(int(node.columns[0]))
            made[number] += 1
            return spoil() if (number, made[number]) in nexts and self._fails(number) else following(state, work)

        lane.state.take, lane.state.next = self._entry(lane, faulty_take, 3), self._entry(lane, faulty_next, 2)

    def _entry(self, lane: FrameLane, function: Callable[..., int], arguments: int) -> int:
        if not lane.compiled:
            return handle_of(guard(function))
        entry = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * arguments)(function)
        vars(lane).setdefault("faulty_entries", []).append(entry)  # it lives as long as the lane
        return ctypes.cast(entry, ctypes.c_void_p).value or 0

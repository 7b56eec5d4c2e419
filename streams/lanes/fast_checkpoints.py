"""Checkpoints of a lane between rings: the loop stands still while its state is copied, the rest is done beside it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from streams.agents.state_copy import StateCopy
from streams.lanes.checkpoint import Checkpoint
from streams.lanes.fast_lane import FastLane

__all__ = ["LaneCheckpoints"]


class LaneCheckpoints:
    """When and how a lane's checkpoint is written, and what its rings may then let go.

    lane       : whose state it is, with a reader of its own ring
    checkpoint : the file
    run_number : of the run
    inputs     : names of its rings by TAKEN_...; own: name of its own ring
    kept       : what else its process wants to know again, JSON
    """

    def __init__(
        self,
        lane: FastLane,
        checkpoint: Checkpoint,
        run_number: int,
        inputs: Mapping[int, str],
        own: str,
        kept: Callable[[], dict[str, Any]],
    ) -> None:
        self.lane, self.checkpoint = lane, checkpoint
        self._run_number, self._inputs, self._own, self._kept = run_number, dict(inputs), own, kept
        self._copy = StateCopy(lane.process)
        self._saved_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return self.checkpoint.busy

    @property
    def age_s(self) -> float:
        """Seconds since the last one was begun."""
        return time.monotonic() - self._saved_s

    def save(self, marked: bool = True) -> None:
        """Begin to write one, after the one under way. marked: the ring says where, so that the mirror can make it a snapshot."""
        lane = self.lane
        self.checkpoint.wait()  # its thread still reads the copy
        lane.process.advance(lane.last_ts_ns)
        self._copy.take()
        positions = {name: lane.position(ring) for ring, name in self._inputs.items()} | {self._own: lane.written}
        extra = self._kept() | {"loop": lane.kept()}
        lane.state.asked = 1
        if marked:
            lane.mark()  # behind the positions: what is stepped again begins with it
        self.checkpoint.save(self._run_number, positions, self._copy.parts, extra)
        self._saved_s = time.monotonic()

    def commit(self) -> None:
        """Let slots go that a checkpoint has made needless."""
        if self.checkpoint.busy:
            return
        done = self.checkpoint.done()
        if done is not None:
            for ring, name in self._inputs.items():
                self.lane.inputs[ring].commit_to(done[name])
            assert self.lane.own is not None
            self.lane.own.seek(self.lane.written)  # it reads in a replay only
            self.lane.own.commit_to(done[self._own])
        self.lane.state.asked = 0

    def finish(self) -> None:
        """The last one, whole when this returns."""
        self.checkpoint.wait()
        self.commit()
        self.save()
        self.checkpoint.wait()
        self.commit()

"""The clock of a run: wall time, or recorded time that passes `speed` times as fast (contract 10)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from streams.errors import ConfigError
from streams.records import Clock

__all__ = ["RunClock"]


@dataclass(frozen=True, slots=True)
class RunClock:
    """Now, as the run sees it. Every shell of a run builds it from the RUN record, so that all of them agree.

    clock          : WALL, or RECORDING
    clock_start_ns : RECORDING: the first receive time of the recording; WALL: not used
    wall_start_ns  : wall time of the RUN record
    speed          : recorded seconds per wall second, > 0; WALL: 1
    """

    clock: Clock
    clock_start_ns: int = 0
    wall_start_ns: int = 0
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ConfigError(f"run clock: speed {self.speed} is not above 0; 1 is real time, 20 is twenty times as fast")

    def now_ns(self) -> int:
        """The instant now, ns since 1970 UTC, in the run's time."""
        return self.at_wall_ns(time.time_ns())

    def at_wall_ns(self, wall_ns: int) -> int:
        """The run's time when the wall clock shows `wall_ns`."""
        if self.clock == Clock.WALL:
            return wall_ns
        return self.clock_start_ns + int(self.speed * (wall_ns - self.wall_start_ns))

    def wall_ns_at(self, ts_ns: int) -> int:
        """What the wall clock shows when the run's time is `ts_ns`: the instant to wait for."""
        if self.clock == Clock.WALL:
            return ts_ns
        return self.wall_start_ns + int((ts_ns - self.clock_start_ns) / self.speed)

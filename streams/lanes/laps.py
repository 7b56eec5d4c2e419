"""What a start takes, step by step: for the log line that tells of it."""

import os
import time

__all__ = ["Laps"]


class Laps:
    """Wall ms of each step since the one before, the first since the process was started: Python, and what it imports."""

    def __init__(self) -> None:
        self.ms: dict[str, int] = {}
        self._last_s = _started_s()

    def lap(self, step: str) -> None:
        """The step is done; several of one name add up."""
        now_s = time.time()
        self.ms[step] = self.ms.get(step, 0) + round(1000 * (now_s - self._last_s))
        self._last_s = now_s

    def __str__(self) -> str:
        return ", ".join(f"{step} {ms}" for step, ms in self.ms.items())


def _started_s() -> float:
    """When this process was started, s since 1970; now where the system does not tell."""
    try:
        with open("/proc/self/stat") as stat, open("/proc/uptime") as uptime:
            ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
            return time.time() - float(uptime.read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return time.time()

"""Bars of equal time: when one ends."""

from streams.kernel import Struct

__all__ = ["BarClock"]


class BarClock(Struct):
    """Bars of `interval_ns` on a grid that begins with the first event. Each event lies in the bar [start, start + interval_ns).

    interval_ns : 0 = each event is a bar of its own, and none ends by time
    end_ns      : end of the open bar
    """

    interval_ns: int
    begun: int
    end_ns: int

    def setup(self, interval_ns: int) -> int:
        """Set the length of a bar and begin anew; 1, or 0 where it is negative."""
        if interval_ns < 0:
            return 0
        self.interval_ns = interval_ns
        self.begun = 0
        return 1

    def ended(self, now_ns: int) -> bool:
        """An event at `now_ns` is the first after the open bar, which ends before it; bars without events are passed over."""
        if self.begun == 0:
            self.begun = 1
            self.end_ns = now_ns + self.interval_ns
            return False
        if self.interval_ns == 0 or now_ns < self.end_ns:
            return False
        self.end_ns += ((now_ns - self.end_ns) // self.interval_ns + 1) * self.interval_ns
        return True

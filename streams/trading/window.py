"""Sliding windows in constant memory and constant time: the largest value, and the number of events, within the last interval.

Time is cut into GRANULES steps an interval. What happened counts as long as its step is one of the newest GRANULES, the current one
included: nothing older than the interval ever counts, and what is younger than (GRANULES - 1) / GRANULES of it always does.
"""

from streams.kernel import NULL, Array, Struct

__all__ = ["GRANULES", "WindowCount", "WindowMax"]

GRANULES: int = 16


class WindowMax(Struct):
    """Largest value within an interval: the decreasing queue of Lemire (2006, "Streaming maximum-minimum filter"), one entry a step.

    step_ns : length of a step, 0 = not set
    head, count, granule, value : a ring of the values that are larger than everything after them
    """

    step_ns: int
    head: int
    count: int
    granule: Array[int, 16]
    value: Array[int, 16]

    def set(self, interval_ns: int) -> int:
        """Set the interval, at least GRANULES ns, and forget everything; 1, or 0 where it is too short."""
        if interval_ns < GRANULES:
            return 0
        self.step_ns = interval_ns // GRANULES
        self.clear()
        return 1

    def clear(self) -> None:
        """Forget every value."""
        self.head = 0
        self.count = 0

    def put(self, value: int, now_ns: int) -> None:
        """Take a value at `now_ns`, which never decreases."""
        granule = now_ns // self.step_ns
        self.expire(granule)
        while self.count > 0 and self.value[(self.head + self.count - 1) % GRANULES] <= value:
            self.count -= 1
        tail = (self.head + self.count - 1) % GRANULES
        if self.count > 0 and self.granule[tail] == granule:
            return  # a larger one of the same step lives as long
        self.granule[(tail + 1) % GRANULES] = granule
        self.value[(tail + 1) % GRANULES] = value
        self.count += 1

    def expire(self, granule: int) -> None:
        """Drop what has left the window."""
        while self.count > 0 and self.granule[self.head] <= granule - GRANULES:
            self.head = (self.head + 1) % GRANULES
            self.count -= 1

    def largest(self, now_ns: int) -> int:
        """Largest value within the interval, NULL if there is none."""
        self.expire(now_ns // self.step_ns)
        return self.value[self.head] if self.count > 0 else NULL


class WindowCount(Struct):
    """Events within an interval.

    step_ns : length of a step, 0 = not set
    newest  : step of the newest event; total: events in `counts`
    counts  : events by step, modulo GRANULES
    """

    step_ns: int
    newest: int
    total: int
    counts: Array[int, 16]

    def set(self, interval_ns: int) -> int:
        """Set the interval, at least GRANULES ns, and forget everything; 1, or 0 where it is too short."""
        if interval_ns < GRANULES:
            return 0
        self.step_ns = interval_ns // GRANULES
        self.clear()
        return 1

    def clear(self) -> None:
        """Forget every event."""
        self.total = 0
        for i in range(GRANULES):
            self.counts[i] = 0

    def add(self, now_ns: int) -> int:
        """Count an event at `now_ns`, which never decreases; the events within the interval, this one included."""
        granule = now_ns // self.step_ns
        if self.total > 0:
            for step in range(max(self.newest + 1, granule - GRANULES + 1), granule + 1):
                self.total -= self.counts[step % GRANULES]
                self.counts[step % GRANULES] = 0
        self.newest = granule
        self.counts[granule % GRANULES] += 1
        self.total += 1
        return self.total

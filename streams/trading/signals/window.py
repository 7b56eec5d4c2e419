"""Sums over the last n values, without an error that grows: exact for integers, as good as a fresh sum for floats."""

from streams.kernel import Array, Struct

__all__ = ["MAX_WINDOW", "FloatWindow", "IntWindow"]

MAX_WINDOW = 1024  # inline, so that a signal is a field of a strategy and needs no size from the topology


class IntWindow(Struct):
    """Sum of the last `window` integers, exact. |value| < 2**52, so that no sum passes 2**62.

    window : how many values count, 1..MAX_WINDOW
    count  : values held, 0..window
    next   : where the next value goes
    total  : their sum
    """

    window: int = MAX_WINDOW
    count: int
    next: int
    total: int
    values: Array[int, 1024]

    def setup(self, window: int) -> int:
        """Set the length and forget what was held; 1, or 0 where it is out of range and nothing changed."""
        if window < 1 or window > MAX_WINDOW:
            return 0
        self.window = window
        self.clear()
        return 1

    def clear(self) -> None:
        """Forget every value."""
        self.count = 0
        self.next = 0
        self.total = 0

    def push(self, value: int) -> None:
        """Add a value; the oldest leaves where the window is full."""
        if self.count == self.window:
            self.total -= self.values[self.next]
        else:
            self.count += 1
        self.values[self.next] = value
        self.total += value
        self.next = self.next + 1 if self.next + 1 < self.window else 0

    def oldest(self) -> int:
        """Place of the oldest value. count > 0."""
        first = self.next - self.count
        return first if first >= 0 else first + self.window

    def drop(self) -> None:
        """Take the oldest value out. count > 0."""
        self.total -= self.values[self.oldest()]
        self.count -= 1

    def full(self) -> bool:
        """`window` values are held."""
        return self.count == self.window


class FloatWindow(Struct):
    """Sum of the last `window` floats, formed by additions of held values only: nothing is ever subtracted.

    A running sum that adds what comes and subtracts what leaves keeps each rounding error for ever, and one large value swallows the small
    ones beside it. Here the ring holds the new values below `next` and, from `next` on, sums of the old values up to the ring's end, made
    once a round. The total is one old sum plus the sum of the new: the error is that of summing `window` values afresh.

    window : how many values count, 1..MAX_WINDOW
    count  : values held, 0..window
    next   : where the next value goes
    recent : sum of the values below `next`
    """

    window: int = MAX_WINDOW
    count: int
    next: int
    recent: float
    values: Array[float, 1024]

    def setup(self, window: int) -> int:
        """Set the length and forget what was held; 1, or 0 where it is out of range and nothing changed."""
        if window < 1 or window > MAX_WINDOW:
            return 0
        self.window = window
        self.clear()
        return 1

    def clear(self) -> None:
        """Forget every value."""
        self.count = 0
        self.next = 0
        self.recent = 0.0
        for i in range(self.window):
            self.values[i] = 0.0

    def push(self, value: float) -> None:
        """Add a value; the oldest leaves where the window is full."""
        self.values[self.next] = value
        self.recent += value
        self.next += 1
        if self.count < self.window:
            self.count += 1
        if self.next == self.window:
            self.turn()

    def turn(self) -> None:
        """Begin a new round: every value becomes the sum of itself and those after it."""
        later = 0.0
        for i in range(self.window - 1, -1, -1):
            later += self.values[i]
            self.values[i] = later
        self.next = 0
        self.recent = 0.0

    def total(self) -> float:
        """Sum of the values held."""
        return self.recent + self.values[self.next]

    def full(self) -> bool:
        """`window` values are held."""
        return self.count == self.window

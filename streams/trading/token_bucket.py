"""A token bucket in integers: at most `count` orders at once, refilled at `count` per interval."""

from streams.kernel import Struct

__all__ = ["NO_RATE", "TokenBucket"]

NO_RATE = -1  # count of a bucket that never refuses
_MAX_CREDIT = 1 << 61


class TokenBucket(Struct):
    """Rate of orders of one scope: `count` orders per `interval_ns`, burst `count`.

    A token is worth `interval_ns` credits and every nanosecond earns `count` credits, so that nothing is ever rounded. Over any window
    of w ns at most count + floor(count x w / interval_ns) tokens are given.

    count       : NO_RATE = no limit, 0 = never a token; count x interval_ns < 2**61
    interval_ns : > 0 where count is set
    credit      : credits held at `stamp_ns`, 0 .. count x interval_ns
    stamp_ns    : when `credit` was right
    per_full    : 1 / (count x interval_ns), 0 where that is no number above 0
    """

    count: int = NO_RATE
    interval_ns: int = 1
    credit: int
    stamp_ns: int
    per_full: float

    def set(self, count: int, interval_ns: int) -> int:
        """Set the rate and fill the bucket; 1, or 0 where the pair is out of range. NO_RATE takes the limit away."""
        if count == NO_RATE:
            self.count = NO_RATE
            self.per_full = 0.0
            return 1
        if count < 0 or interval_ns <= 0 or count > _MAX_CREDIT // interval_ns:
            return 0
        self.count = count
        self.interval_ns = interval_ns
        self.credit = count * interval_ns
        self.per_full = 1.0 / float(self.credit) if count > 0 else 0.0
        return 1

    def credit_at(self, now_ns: int) -> int:
        """Credits held at `now_ns`. Time that runs backward earns nothing."""
        elapsed_ns = min(max(now_ns - self.stamp_ns, 0), self.interval_ns)  # an interval fills an empty bucket: no product overflows
        return min(self.credit + elapsed_ns * self.count, self.count * self.interval_ns)

    def free_tokens(self, now_ns: int) -> int:
        """Whole tokens held at `now_ns`; 1 where there is no limit."""
        if self.count < 0:
            return 1
        return self.credit_at(now_ns) // self.interval_ns

    def allows(self, now_ns: int) -> int:
        """1 where a token is there to take at `now_ns`."""
        if self.count < 0:
            return 1
        if self.count == 0:
            return 0
        return 1 if self.credit_at(now_ns) >= self.interval_ns else 0

    def share(self, credit: int) -> float:
        """Share of the tokens that is used up with one more taken, where `credit` is held; 0 without a limit."""
        return float((self.count + 1) * self.interval_ns - credit) * self.per_full

    def take(self, now_ns: int) -> None:
        """Take one token; the caller has seen `allows`."""
        if self.count > 0:
            self.credit = self.credit_at(now_ns) - self.interval_ns
            self.stamp_ns = max(now_ns, self.stamp_ns)

"""Microprice: where the mid is expected to be, given the imbalance and the spread; learned from the quotes as they come."""

from streams.kernel import Array, Struct
from streams.trading.book import Book

__all__ = ["MAX_STATES", "Microprice", "weighted_mid_ticks"]

MAX_STATES = 40  # imbalance classes of one side x spread classes

_SINGULAR = 1e-12  # a pivot below it: rows are probabilities, so that a smaller one is a rounding error


def weighted_mid_ticks(bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int) -> float:
    """(bid x ask lots + ask x bid lots) / (bid lots + ask lots), ticks; the lots are not both 0."""
    return bid_px_ticks + (ask_px_ticks - bid_px_ticks) * (bid_qty_lots / (bid_qty_lots + ask_qty_lots))


class Microprice(Struct):
    """Stoikov's micro-price: mid + G(imbalance, spread), the limit of the expected mid over more and more mid changes.

    Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018), its finite Markov chain: the
    states are imbalance and spread, Q the steps without a change of the mid, R those with one, r the expected change of the mid in a
    step. Then G^1 = (I - Q)^-1 r, B = (I - Q)^-1 R, and G = sum of B^k G^1 for k = 0, 1, ..., which solves (I - Q - R) G = r.

    As in the paper each quote also counts mirrored (bid and ask swapped, the change of the mid negated). Then G(mirror x) = -G(x): only one
    half is kept and solved, and a balanced book has G = 0, which also picks the one solution that the sum converges to.

    The imbalance has 2 x imbalance_classes + 1 classes of equal width, the middle one balanced; the last spread class takes all wider
    spreads. A state is (side of the imbalance, its class, the spread class); the counts have no window, `clear` begins anew.

    visits : steps that began in a state or its mirror
    drift2 : sum of twice the change of the mid in those steps, ticks, toward the heavier side
    flow   : [from * states + to] steps between states of one side less steps to the mirror
    adjust : G of each state, ticks, toward the heavier side
    """

    imbalance_classes: int
    spread_classes: int
    states: int
    seen: int
    steps: int
    solved: int
    last_state: int
    last_side: int
    last_mid2: int
    visits: Array[int, 40]
    drift2: Array[int, 40]
    flow: Array[int, 1600]
    adjust: Array[float, 40]
    matrix: Array[float, 1640]

    def setup(self, imbalance_classes: int, spread_classes: int) -> int:
        """Set the classes, each at least 1, their product at most MAX_STATES, and begin anew; 1, or 0 where they are out of range."""
        if imbalance_classes < 1 or spread_classes < 1 or imbalance_classes > MAX_STATES // spread_classes:
            return 0
        self.imbalance_classes = imbalance_classes
        self.spread_classes = spread_classes
        self.states = imbalance_classes * spread_classes
        self.solved = 0
        for i in range(self.states):
            self.adjust[i] = 0.0
        self.clear()
        return 1

    def clear(self) -> None:
        """Forget what was counted; the adjustments stay until the next solve."""
        self.seen = 0
        self.steps = 0
        for i in range(self.states):
            self.visits[i] = 0
            self.drift2[i] = 0
            for j in range(self.states):
                self.flow[i * self.states + j] = 0

    def imbalance_class(self, bid_qty_lots: int, ask_qty_lots: int) -> int:
        """0 balanced, 1..imbalance_classes one-sided. Lots below 2**52, not both 0."""
        both = bid_qty_lots + ask_qty_lots
        classes = 2 * self.imbalance_classes + 1
        return min((abs(bid_qty_lots - ask_qty_lots) * classes + both) // (2 * both), self.imbalance_classes)

    def state(self, bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int) -> int:
        """State of one half, -1 for a balanced book."""
        one_sided = self.imbalance_class(bid_qty_lots, ask_qty_lots)
        if one_sided == 0:
            return -1
        spread = min(max(ask_px_ticks - bid_px_ticks, 1), self.spread_classes) - 1
        return spread * self.imbalance_classes + one_sided - 1

    def on_book(self, book: Book) -> None:
        """Take the touch of a book; one with an empty side begins a new sequence."""
        if book.ready():
            self.update(book.bid(), book.bid_qty(), book.ask(), book.ask_qty())
        else:
            self.seen = 0

    def update(self, bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int) -> None:
        """Count the step from the touch before to this one. Lots not both 0."""
        state = self.state(bid_px_ticks, bid_qty_lots, ask_px_ticks, ask_qty_lots)
        side = 1 if bid_qty_lots >= ask_qty_lots else -1
        mid2 = bid_px_ticks + ask_px_ticks
        if self.seen == 1:
            self.steps += 1
            if self.last_state >= 0:
                self.visits[self.last_state] += 1
                self.drift2[self.last_state] += self.last_side * (mid2 - self.last_mid2)
                if state >= 0:
                    self.flow[self.last_state * self.states + state] += self.last_side * side
        self.seen = 1
        self.last_state = state
        self.last_side = side
        self.last_mid2 = mid2

    def solve(self) -> int:
        """Compute G from what was counted, in states^3 / 3 steps; 1, or 0 where it does not exist and the adjustments stay as they were.

        It does not exist where a state drifts and is never left for a balanced book or the other side. A state that was never seen gets 0.
        """
        n = self.states
        for i in range(n):
            visits = max(self.visits[i], 1)
            for j in range(n):
                self.matrix[i * (n + 1) + j] = -self.flow[i * n + j] / visits
            self.matrix[i * (n + 1) + i] += 1.0
            self.matrix[i * (n + 1) + n] = self.drift2[i] / (2 * visits)
        for k in range(n):
            if self.eliminate(k) == 0:
                return 0
        for i in range(n - 1, -1, -1):
            rest = self.matrix[i * (n + 1) + n]
            for j in range(i + 1, n):
                rest -= self.matrix[i * (n + 1) + j] * self.adjust[j]
            self.adjust[i] = rest / self.matrix[i * (n + 1) + i]
        self.solved = 1
        return 1

    def eliminate(self, k: int) -> int:
        """Clear column k below its row after taking the row with the largest pivot; 1, or 0 where there is none."""
        n = self.states
        width = n + 1
        best = k
        for i in range(k + 1, n):
            if abs(self.matrix[i * width + k]) > abs(self.matrix[best * width + k]):
                best = i
        if abs(self.matrix[best * width + k]) < _SINGULAR:
            return 0
        for j in range(k, width):
            kept = self.matrix[k * width + j]
            self.matrix[k * width + j] = self.matrix[best * width + j]
            self.matrix[best * width + j] = kept
        for i in range(k + 1, n):
            factor = self.matrix[i * width + k] / self.matrix[k * width + k]
            if factor != 0.0:
                for j in range(k, width):
                    self.matrix[i * width + j] -= factor * self.matrix[k * width + j]
        return 1

    def ready(self) -> bool:
        """`solve` has succeeded."""
        return self.solved == 1

    def adjustment_ticks(self, bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int) -> float:
        """G of a touch, ticks: what to add to the mid. 0 before the first solve."""
        state = self.state(bid_px_ticks, bid_qty_lots, ask_px_ticks, ask_qty_lots)
        if state < 0:
            return 0.0
        return self.adjust[state] if bid_qty_lots >= ask_qty_lots else -self.adjust[state]

    def microprice_ticks(self, bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int) -> float:
        """Mid + G of a touch, ticks. Lots not both 0; the mid before the first solve."""
        return (bid_px_ticks + ask_px_ticks) / 2 + self.adjustment_ticks(bid_px_ticks, bid_qty_lots, ask_px_ticks, ask_qty_lots)

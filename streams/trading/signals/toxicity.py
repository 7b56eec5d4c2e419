"""Toxicity of trade clusters: what the maker loses to the taker who keeps coming."""

from streams.kernel import Array, Struct
from streams.trading.codes import sign
from streams.trading.signals.window import FloatWindow

__all__ = ["Cluster", "TradeClusterToxicity"]

_PENDING = 64


class Cluster(Struct):
    """Trades of one taker side in a row, each at most `gap_ns` after the one before.

    due_ns     : last trade + horizon: when its impact is read
    begin_mid2 : twice the mid before the first trade, ticks
    lots       : traded
    cost2      : sum of lots x twice the distance of the price from `begin_mid2`, toward the taker's side: what the makers were paid
    """

    side: int
    trades: int
    last_ns: int
    due_ns: int
    begin_mid2: int
    lots: int
    cost2: float


class TradeClusterToxicity(Struct):
    """Price impact of clusters of trades against the half spread they paid, volume-weighted over the last `window` clusters.

    Huang and Stoll, "Dealer versus auction markets", Journal of Financial Economics 41 (1996): effective half spread
    D (p_t - m_t) = realized half spread D (p_t - m_t+h) + price impact D (m_t+h - m_t), D the side of the taker. Single trades hide a
    taker who splits his order, so the unit here is a cluster: m_t is the mid before its first trade, h counts from its last. The ratio
    of impact to effective half spread is the toxicity: above 1 the makers of those clusters lost.

    The mid at a time is the last one told at or before it. At most 64 clusters wait for their horizon; beyond, the oldest is read early.
    A cluster's lots x ticks are taken as floats: exact below 2**53.
    """

    gap_ns: int
    horizon_ns: int
    mid2_ticks: int
    first: int
    pending_count: int
    early: int
    pending: Array[Cluster, 64]
    impacts2: FloatWindow
    costs2: FloatWindow
    lots: FloatWindow
    trades: FloatWindow

    def setup(self, window: int, gap_ns: int, horizon_ns: int) -> int:
        """Set the number of clusters, the gap that ends one and the horizon (>= the gap), and begin anew; 1, or 0 out of range."""
        if gap_ns < 0 or horizon_ns < gap_ns or self.lots.setup(window) == 0:
            return 0
        self.impacts2.setup(window)
        self.costs2.setup(window)
        self.trades.setup(window)
        self.gap_ns = gap_ns
        self.horizon_ns = horizon_ns
        self.mid2_ticks = 0
        self.first = 0
        self.pending_count = 0
        self.early = 0
        return 1

    def on_mid(self, mid2_ticks: int, now_ns: int) -> None:
        """Take the mid that holds from now on, twice, > 0. Times do not run backward."""
        self.settle(now_ns)
        self.mid2_ticks = mid2_ticks

    def on_trade(self, side: int, px_ticks: int, qty_lots: int, now_ns: int) -> None:
        """Take a trade, qty_lots > 0; side: of the taker. One before the first mid is passed over."""
        self.settle(now_ns)
        if self.mid2_ticks == 0:
            return
        if self.extends(side, now_ns):
            self.add((self.first + self.pending_count - 1) % _PENDING, px_ticks, qty_lots, now_ns)
            return
        if self.pending_count == _PENDING:
            self.read()
            self.early += 1
        slot = (self.first + self.pending_count) % _PENDING
        self.pending_count += 1
        c = self.pending[slot]
        c.side = side
        c.begin_mid2 = self.mid2_ticks
        c.trades = 0
        c.lots = 0
        c.cost2 = 0.0
        self.add(slot, px_ticks, qty_lots, now_ns)

    def extends(self, side: int, now_ns: int) -> bool:
        """A trade belongs to the newest cluster."""
        if self.pending_count == 0:
            return False
        newest = self.pending[(self.first + self.pending_count - 1) % _PENDING]
        return newest.side == side and now_ns - newest.last_ns <= self.gap_ns

    def add(self, slot: int, px_ticks: int, qty_lots: int, now_ns: int) -> None:
        """Add a trade to a cluster, whose horizon begins again."""
        c = self.pending[slot]
        c.trades += 1
        c.lots += qty_lots
        c.cost2 += float(sign(c.side) * (2 * px_ticks - c.begin_mid2)) * qty_lots
        c.last_ns = now_ns
        c.due_ns = now_ns + self.horizon_ns

    def settle(self, now_ns: int) -> None:
        """Read the impact of each cluster whose horizon lies before now, against the mid that held then."""
        while self.pending_count > 0 and self.pending[self.first].due_ns < now_ns:
            self.read()

    def read(self) -> None:
        """Take the oldest cluster into the window at the present mid."""
        c = self.pending[self.first]
        self.impacts2.push(float(sign(c.side) * (self.mid2_ticks - c.begin_mid2)) * c.lots)
        self.costs2.push(c.cost2)
        self.lots.push(float(c.lots))
        self.trades.push(float(c.trades))
        self.first = (self.first + 1) % _PENDING
        self.pending_count -= 1

    def ready(self) -> bool:
        """`window` clusters have been read."""
        return self.lots.full()

    def impact_ticks(self) -> float:
        """Mean move of the mid toward the taker, ticks a lot; 0 before the first cluster."""
        return self.impacts2.total() / (2.0 * self.lots.total()) if self.lots.count > 0 else 0.0

    def half_spread_ticks(self) -> float:
        """Mean effective half spread paid by the takers, ticks a lot; 0 before the first cluster."""
        return self.costs2.total() / (2.0 * self.lots.total()) if self.lots.count > 0 else 0.0

    def toxicity(self) -> float:
        """Impact over effective half spread: > 1 the makers lost; 0 where no half spread was paid."""
        paid = self.costs2.total()
        return self.impacts2.total() / paid if paid > 0.0 else 0.0

    def trades_per_cluster(self) -> float:
        """Mean number of trades in a cluster; 0 before the first one."""
        return self.trades.total() / self.trades.count if self.trades.count > 0 else 0.0

"""What strategies are told beyond the market: their positions as the account keeps them, and each other's signals."""

from streams.kernel import NULL, Struct, Table
from streams.slots import PositionSlot, SignalSlot
from streams.trading.ranking import Ranking

__all__ = ["HeldPosition", "Told"]


class HeldPosition(Struct):
    """A strategy's position in an instrument as `positions.v1` last told it; all 0 before the first record. Money in money units.

    ts_ns : when the account wrote it
    cost  : signed cost of what is open; realized_pnl: without fees; funding: received less paid
    """

    ts_ns: int
    qty_lots: int
    cost: int
    realized_pnl: int
    unrealized_pnl: int
    fees: int
    funding: int
    mark2_ticks: int = NULL
    fill_count: int

    def pnl(self) -> int:
        """Profit or loss of the run: realized and unrealized, fees deducted, funding added."""
        return self.realized_pnl + self.unrealized_pnl - self.fees + self.funding


class Told(Struct, align=64):
    """positions: [strategy x instruments + instrument]."""

    positions: Table[HeldPosition, "strategies * instruments"]
    ranking: Ranking

    def setup(self) -> None:
        """Once, before the first input."""
        self.ranking.setup()

    def position(self, strategy: int, instrument: int) -> HeldPosition:
        """What a strategy holds, as the account last said."""
        return self.positions[strategy * self.ranking.instruments + instrument]

    def on_position(self, e: PositionSlot) -> None:
        """Keep what the account says."""
        if e.strategy < 0:
            return
        p = self.position(e.strategy, e.instrument)
        p.ts_ns = e.ts_ns
        p.qty_lots = e.qty_lots
        p.cost = e.cost
        p.realized_pnl = e.realized_pnl
        p.unrealized_pnl = e.unrealized_pnl
        p.fees = e.fees
        p.funding = e.funding
        p.mark2_ticks = e.mark2_ticks
        p.fill_count = e.fill_count

    def on_signal(self, e: SignalSlot, now_ns: int) -> int:
        """Rank a strategy's signal among the live ones of its instrument; its rank, 0 if it is not ranked."""
        until_ns = e.ts_ns + e.horizon_ns
        return self.ranking.put(e.strategy, e.instrument, e.side, e.strength, e.fair_px, e.urgency, until_ns, now_ns)

"""Positions as the account agent tells them, and beside them what the fills add up to."""

from streams.control.rows import RunTable, Table, money
from streams.records import Fill, Position, Side

__all__ = ["Positions", "key_of"]


def key_of(record: Position | Fill) -> str:
    """What a position is kept by: `maker-1/maker/binance:BTCUSDT`."""
    return f"{record.account}/{record.strategy}/{record.venue}:{record.symbol}"


class Positions:
    """Tables `positions` and `booked`, by account, strategy and instrument.

    booked : quantities bought and sold, and how many fills that were, from `fills.v1` alone: what reconciliation compares with
    """

    def __init__(self, positions: Table, booked: Table) -> None:
        self.told, self.booked = RunTable(positions), RunTable(booked)

    def on_position(self, position: Position) -> None:
        """Keep the newest word of the account agent."""
        key = key_of(position)
        if not self.told.is_new(key, position):
            return
        pnl = position.realized_pnl + position.unrealized_pnl - position.fees + position.funding
        self.told.table[key] = {
            "run": position.run_id,
            "id": position.id,
            "ts_ns": position.ts_ns,
            "account": position.account,
            "strategy": position.strategy,
            "instrument": f"{position.venue}:{position.symbol}",
            "qty_e9": position.qty_e9,
            "avg_px": position.avg_px,
            "mark_px": position.mark_px,
            "pnl": money(pnl),
            "realized_pnl": money(position.realized_pnl),
            "unrealized_pnl": money(position.unrealized_pnl),
            "fees": money(position.fees),
            "funding": money(position.funding),
            "bought_qty_e9": position.bought_qty_e9,
            "sold_qty_e9": position.sold_qty_e9,
            "fills": position.fill_count,
        }

    def on_fill(self, fill: Fill) -> None:
        """Add a fill, unless it was added before and comes again after a crash."""
        key = key_of(fill)
        if not self.booked.is_new(key, fill):
            return
        before = self.booked.table.get(key) or {"bought_qty_e9": 0, "sold_qty_e9": 0, "fills": 0}
        side = "bought_qty_e9" if fill.side == Side.BUY else "sold_qty_e9"
        row = {**before, "run": fill.run_id, "id": fill.id, "fills": before["fills"] + 1}
        self.booked.table[key] = {**row, side: before[side] + fill.last_qty_e9}

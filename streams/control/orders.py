"""Open orders, from reports and fills."""

from typing import Any

from streams.control.rows import Row, RunTable, Table
from streams.records import ExecType, Fill, OrdStatus, Report
from streams.schema import ids

__all__ = ["CLOSED", "Orders"]

CLOSED = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")
"""States that an order does not leave."""

_ENDED = {OrdStatus[name] for name in CLOSED}
_REFUSALS = {ExecType.CANCEL_REJECT, ExecType.REPLACE_REJECT}
_SEEN = "seen"


class Orders:
    """Table `orders`, by order id: the last report of each order that may still fill, and the sum of its fills.

    A closed order leaves the table when its fills are those that its reports told, whichever topic was read first. The row `seen` then
    keeps how far each writer was read: after a crash the same reports may come again, and must not bring the order back.
    """

    def __init__(self, table: Table) -> None:
        self.orders = RunTable(table)

    def on_report(self, report: Report) -> None:
        """Keep what the newest report says."""
        key = ids.text(report.order_id)
        if not self.orders.is_new(key, report) or self._was_seen(report):
            return
        before = self.orders.table.get(key)
        if before is None and (report.exec_type in _REFUSALS or (report.ord_status in _ENDED and not report.cum_qty_e9)):
            return  # a cancel that came after the end of the order, or an order that never stood: nothing to wait for
        self._settle(
            key,
            {
                "run": report.run_id,
                "id": report.id,
                "ts_ns": report.ts_ns,
                "order_id": report.order_id,
                "account": report.account,
                "strategy": report.strategy,
                "instrument": f"{report.venue}:{report.symbol}",
                "side": report.side.name,
                "type": report.ord_type.name,
                "time_in_force": report.time_in_force.name,
                "status": report.ord_status.name,
                "px_e9": report.px_e9,
                "qty_e9": report.qty_e9,
                "leaves_qty_e9": report.leaves_qty_e9,
                "cum_qty_e9": report.cum_qty_e9,
                "filled_qty_e9": before["filled_qty_e9"] if before else 0,
                "fill_id": before["fill_id"] if before else 0,
            },
        )

    def on_fill(self, fill: Fill) -> None:
        """Add a fill to its order, which may not be known yet."""
        key = ids.text(fill.order_id)
        if not self.orders.is_new(key, fill, "fill_id") or self._was_seen(fill):
            return
        before: dict[str, Any] = self.orders.table.get(key) or {"run": fill.run_id, "id": 0, "status": "", "filled_qty_e9": 0}
        self._settle(key, {**before, "filled_qty_e9": before["filled_qty_e9"] + fill.last_qty_e9, "fill_id": fill.id})

    def open_orders(self) -> list[Row]:
        """Orders that may still fill, oldest first."""
        found = [row for row in self.kept().values() if row["status"] and row["status"] not in CLOSED]
        return sorted(found, key=lambda row: row["order_id"])

    def kept(self) -> dict[str, Row]:
        """Every order that is open, or whose fills and reports do not agree yet."""
        return {key: row for key, row in self.orders.table.items() if key != _SEEN}

    def _was_seen(self, record: Report | Fill) -> bool:
        return self.orders.table.get(_SEEN, {}).get("ids", {}).get(str(ids.writer(record.id)), 0) >= record.id

    def _settle(self, key: str, row: Row) -> None:
        if row["status"] in CLOSED and row["filled_qty_e9"] == row["cum_qty_e9"]:
            seen = dict(self.orders.table.get(_SEEN, {}).get("ids", {}))
            for last in (row["id"], row["fill_id"]):
                writer = str(ids.writer(last))
                seen[writer] = max(seen.get(writer, 0), last)
            self.orders.table[_SEEN] = {"run": row["run"], "id": 0, "ids": seen}
            self.orders.table.pop(key, None)
        else:
            self.orders.table[key] = row

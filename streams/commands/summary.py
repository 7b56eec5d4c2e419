"""What came of a run, read from ClickHouse through its URL: rows, trades, book, orders, fills, position, P&L, latency."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from streams.lanes.stages import STAGES
from streams.schema import ids, model

__all__ = ["last_fill", "pnl_line", "rows_by_table", "stage_lines", "summary"]

_LATENCY = """
SELECT process, topic, count() AS batches,
       quantiles(0.5, 0.99)(dateDiff('microsecond', ingest_wall, taken_wall) / 1000),
       quantiles(0.5, 0.99)(dateDiff('microsecond', taken_wall, committed_wall) / 1000),
       quantiles(0.5, 0.99)(dateDiff('microsecond', ingest_wall, committed_wall) / 1000)
FROM latency WHERE run_id = {run:Int32} AND stage IS NULL GROUP BY process, topic ORDER BY min(id), process, topic
"""
_STAGES = """
SELECT process, stage, sum(records), quantileExactWeighted(0.5)(p50_ns, toUInt64(records)) / 1000,
       quantileExactWeighted(0.5)(p99_ns, toUInt64(records)) / 1000, max(max_ns) / 1000
FROM latency WHERE run_id = {run:Int32} AND stage IS NOT NULL GROUP BY process, stage ORDER BY process, stage
"""
_TRADES = "SELECT count(), sum(qty), sum(qty * px) / sum(qty) FROM trades WHERE run_id = {run:Int32}"
_BOOK = """
SELECT count(), countIf((b.bid_px_e9, b.bid_qty_e9, b.ask_px_e9, b.ask_qty_e9) = (q.bid_px_e9, q.bid_qty_e9, q.ask_px_e9, q.ask_qty_e9))
FROM (SELECT * FROM book_updates WHERE run_id = {run:Int32} AND bid_px_e9 IS NOT NULL AND NOT snapshot) AS b
ASOF JOIN (SELECT * FROM quotes WHERE run_id = {run:Int32}) AS q ON b.venue = q.venue AND b.symbol = q.symbol AND b.last_seq >= q.seq
"""
_ORDERS = "SELECT action, count() FROM orders WHERE run_id = {run:Int32} GROUP BY action ORDER BY action"
_DENIED = "SELECT code, count() FROM decisions WHERE run_id = {run:Int32} AND outcome = 'DENY' GROUP BY code ORDER BY count() DESC"
_FILLS = """
SELECT side, count(), sum(last_qty), sum(fee), countIf(maker) FROM fills WHERE run_id = {run:Int32} GROUP BY side ORDER BY side
"""
_POSITIONS = """
SELECT account, strategy, venue, symbol, argMax(qty, id), argMax(realized_pnl, id), argMax(unrealized_pnl, id), argMax(fees, id),
       argMax(spread_pnl, id), argMax(inventory_pnl, id), argMax(funding, id), max(id)
FROM positions WHERE run_id = {run:Int32} GROUP BY account, strategy, venue, symbol ORDER BY account, strategy, venue, symbol
"""


def last_fill(client: Client, run: int) -> str:
    """The id of the last fill of a run, as `millrace lineage` takes it; "" if there is none."""
    found = _rows(client, "SELECT max(id) FROM fills WHERE run_id = {run:Int32}", run)[0][0]
    return ids.text(found) if found else ""


def summary(client: Client, run: int) -> Iterator[str]:
    """The lines of the summary of a run."""
    counts = rows_by_table(client, run)
    yield f"rows             {_wrapped([f'{table} {count:,}' for table, count in counts.items()])}"
    trades, volume, vwap = _rows(client, _TRADES, run)[0]
    if trades:
        yield f"trades           {trades:,}   volume {volume:.3f}   VWAP {vwap:.6f}      sum(qty * px) / sum(qty)"
    checked, matched = _rows(client, _BOOK, run)[0]
    yield f"book             {matched:,} of {checked:,} best bid/ask equal to the venue's own, price and size"
    orders = "   ".join(f"{action.lower()} {count:,}" for action, count in _rows(client, _ORDERS, run))
    denied = ", ".join(f"{code} {count:,}" for code, count in _rows(client, _DENIED, run))
    yield f"orders           {orders or 'none'}{f'   denied: {denied}' if denied else ''}"
    for side, count, qty, fees, maker in _rows(client, _FILLS, run):
        yield f"fills            {side} {count:,}   quantity {qty:.3f}   fees {fees:.4f}   as maker {maker:,}"
    for account, strategy, venue, symbol, qty, *money, last in _rows(client, _POSITIONS, run):
        yield f"position         {account}/{strategy} {venue}:{symbol} {qty:+.3f}   last id {ids.text(last)}"
        yield f"P&L              {pnl_line(*money)}"
    yield "latency, ms      process    input             batches    waiting p50 / p99     step+commit p50 / p99    together p50 / p99"
    for process, topic, batches, wait, work, whole in _rows(client, _LATENCY, run):
        pairs = "    ".join(f"{p50:>9.1f} /{p99:>8.1f}" for p50, p99 in (wait, work, whole))
        yield f"                 {process:<10} {topic:<16} {batches:>8,} {pairs}"
    yield from stage_lines(client, run)


def stage_lines(client: Client, run: int) -> Iterator[str]:
    """How long the stages of the fast lane took, in the order of the way (docs/latency.md); nothing if the run had none.

    `latency.v1` has quantiles of each second: p50 and p99 here are those of half of the records, the longest is of all.
    """
    found = sorted(_rows(client, _STAGES, run), key=lambda row: STAGES.index(row[1]) if row[1] in STAGES else len(STAGES))
    if found:
        yield "fast lane, us    process    stage             records    within a second: p50 /       p99       longest"
    for process, stage, records, p50, p99, longest in found:
        yield f"                 {process:<10} {stage:<16} {records:>8,}    {p50:>20,.1f} /{p99:>10,.1f} {longest:>13,.1f}"


def pnl_line(realized: Decimal, unrealized: Decimal, fees: Decimal, spread: Decimal, inventory: Decimal, funding: Decimal) -> str:
    """Profit with where it comes from: the spread earned against the mid at each fill, the market's moves since, fees, funding if any."""
    total = realized + unrealized - fees + funding
    parts = f"spread {_signed(spread)}, inventory {_signed(inventory)}, fees {_signed(-fees)}"
    parts += f", funding {_signed(funding)}" if funding else ""
    return f"{_signed(total)}   ({parts})   realized {_signed(realized)}   unrealized {_signed(unrealized)}"


def rows_by_table(client: Client, run: int) -> dict[str, int]:
    """Rows of a run by table, without the empty ones."""
    there = {name for (name,) in client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows}
    tables = [schema.plural for schema in model.SCHEMAS.values() if schema.plural in there]
    sql = " UNION ALL ".join(f"SELECT '{table}' AS name, count() AS n FROM `{table}` WHERE run_id = {{run:Int32}}" for table in tables)
    counts = dict(_rows(client, f"SELECT name, n FROM ({sql}) WHERE n > 0", run))
    return {table: counts[table] for table in tables if table in counts}


def _rows(client: Client, sql: str, run: int) -> list[Any]:
    return list(client.query(sql, parameters={"run": run}).result_rows)


def _signed(value: Decimal) -> str:
    return f"{value:+.2f}"


def _wrapped(parts: list[str], width: int = 110) -> str:
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part + "   "
    return ("\n" + " " * 17).join(line.rstrip() for line in lines)

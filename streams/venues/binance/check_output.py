"""How a recording's report is shown: a table for people, one JSON object for programs."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal

from streams.venues.binance.check import Report

__all__ = ["JSON_KEYS", "market_line", "render_table", "to_json"]

JSON_KEYS = tuple(field.name for field in fields(Report))[: [field.name for field in fields(Report)].index("path")]
"""The keys of the JSON object, in order."""


def to_json(report: Report) -> str:
    """One JSON object with exactly JSON_KEYS. Numbers are written as exact decimals, without a detour through binary fractions."""
    return "{" + ", ".join(f'"{key}": {_json_number(getattr(report, key))}' for key in JSON_KEYS) + "}"


def market_line(report: Report) -> str:
    """Which market the recording was found to be of, with its symbols: "USD-M futures: BTCUSDT"."""
    market = report.market.value if report.market else "unknown market"
    return f"{market}: {', '.join(report.symbols) or 'no symbol'}"


def render_table(report: Report) -> str:
    """The report as lines `name  value`, thousands separated, with notes below."""
    rows = [("recording", report.path), ("market", market_line(report))]
    for key in JSON_KEYS:
        value = getattr(report, key)
        if key == "bbo_matched" and report.bbo_checked:
            rows.append((key, f"{value:,} of {report.bbo_checked:,} ({100 * value / report.bbo_checked:.2f} %)"))
        elif key.endswith("_ts_ns") and value is not None:
            rows.append((key, f"{value}  {datetime.fromtimestamp(value / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"))
        elif isinstance(value, int):
            rows.append((key, f"{value:,}"))
        else:
            rows.append((key, "none" if value is None else f"{value:f}"))
    rows.append(("damaged_lines", f"{report.damaged_lines:,}"))
    rows += [(f"ignored {kind}", f"{count:,}") for kind, count in report.ignored.items()]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    return "\n".join(lines + [f"note: {note}" for note in report.notes])


def _json_number(value: Decimal | int | None) -> str:
    if value is None:
        return "null"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)

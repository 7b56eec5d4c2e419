"""The table of a sweep: a row a point, sorted by a column, as text and as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence

from streams.commands.sweep_point import Point

__all__ = ["COLUMNS", "SHOWN", "csv_text", "sorted_rows", "table"]

COLUMNS = (
    *("pnl", "spread", "inventory", "fees", "funding", "orders", "fills", "halted", "turnover", "pnl_bps", "maker_ratio", "win_rate"),
    *("drawdown", "sharpe", "sortino", "calmar", "markout_1s_bps"),
)
"""Figures of a point. Money in the currency that most was traded in; drawdown <= 0; ratios are annual."""
SHOWN = ("pnl", "spread", "inventory", "fees", "fills", "maker_ratio", "drawdown", "sharpe", "markout_1s_bps")
"""Those that the text shows; CSV and JSON have all."""
MOST_ROWS = 50


def sorted_rows(found: Iterable[Point], by: str) -> list[Point]:
    """The best first: the largest value of a figure, or the smallest of a setting; then in the order of the settings. By a figure, points
    whose strategy was halted come behind: theirs is of a part of the time. Failed ones come last."""

    def key(point: Point) -> tuple[object, ...]:
        value = point.figures.get(by)
        settings = tuple(_ordered(one) for one in point.settings.values())
        if by in COLUMNS:
            return bool(point.error), bool(point.figures.get("halted")), value is None, -(value or 0), settings
        return bool(point.error), False, False, _ordered(point.settings.get(by, "")), settings

    return sorted(found, key=key)


def table(rows: Sequence[Point], keys: Sequence[str]) -> list[str]:
    """Lines of text: the settings that differ, and the figures; of many points the best."""
    figures = list(SHOWN)
    lines = [[*keys, *figures]]
    for row in rows[:MOST_ROWS]:
        lines.append([*(row.settings[key] for key in keys), *(_text(name, row.figures.get(name)) for name in figures if not row.error)])
    widths = [max(len(line[column]) for line in lines if column < len(line)) for column in range(len(lines[0]))]
    told = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=False)) for line in lines]
    for at, row in enumerate(rows[:MOST_ROWS]):
        if row.error:
            told[1 + at] += f"  failed: {row.error.splitlines()[0]}"
        elif row.figures.get("halted"):
            told[1 + at] += "  a strategy was halted: its code failed"
    if len(rows) > MOST_ROWS:
        told.append(f"and {len(rows) - MOST_ROWS:,} more; --csv FILE has them all")
    return told


def csv_text(rows: Sequence[Point], keys: Sequence[str]) -> str:
    """All rows and columns as CSV with a head; an empty cell is no figure."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*keys, *COLUMNS, "run_id", "error"])
    for row in rows:
        figures = ["" if (value := row.figures.get(name)) is None else value for name in COLUMNS]
        writer.writerow([*(row.settings[key] for key in keys), *figures, row.run_id or "", row.error])
    return out.getvalue()


def _ordered(text: str) -> tuple[int, float, str]:
    """Numbers by size, before texts."""
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _text(name: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if name == "maker_ratio" or name == "win_rate":
        return f"{value:.0%}"
    return f"{value:,.2f}"

"""Cells that several parts of the page have: numbers, quantities, intervals, bars."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from streams.report.elements import Cell, tone
from streams.report.text import NONE, digits_of, number, signed

__all__ = ["Figures", "bar_cells", "between", "capital_text", "digits_in", "n", "qty", "ratio"]

Figures = Mapping[str, Any]


def n(text: str) -> Cell:
    """A number."""
    return text, "n"


def bar_cells(value: float, largest: float, digits: int, colour: str) -> str:
    """Two cells: a number, and a bar from the middle to its side."""
    shown, kind = tone(value, signed(value, digits))
    wide = 50 * abs(value) / largest if largest else 0
    left = 50 - wide if value < 0 else 50
    bar = f'<b style="left:50%"></b><i style="--tone:var(--{colour});left:{left:.2f}%;width:{wide:.2f}%"></i>'
    return f'<td class="{kind}">{escape(shown)}</td><td><div class="bar">{bar}</div></td>'


def between(found: Figures, shown: Callable[[float], str]) -> str:
    """An interval."""
    return NONE if found["low"] is None or found["high"] is None else f"{shown(found['low'])} to {shown(found['high'])}"


def capital_text(one: Figures) -> str:
    """3,704 USDT capital."""
    return f"{number(one['capital'], 0 if one['capital'] >= 1000 else digits_of(one['capital']))} {one['currency']} capital"


def digits_in(one: Figures) -> int:
    """Digits behind the point of money in a currency's part of the page."""
    return max(2, digits_of(max(abs(one["profit"]["total"]), abs(one["drawdown"]["money"]))))


def ratio(value: float | None) -> str:
    """A ratio with three digits that count: 1.23, 12.3, 123."""
    return number(value, 2 if value is None or abs(value) < 10 else 1 if abs(value) < 100 else 0)


def qty(value: float, base: str = "") -> str:
    """A quantity with its sign and no zeros behind: +0.03 BTC."""
    text = f"{abs(value):.9f}".rstrip("0").rstrip(".")
    return f"{'−' if value < 0 else '+' if value > 0 else ''}{text} {base}".strip()

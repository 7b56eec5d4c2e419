"""Numbers, times and spans as the report shows them."""

import math
from datetime import UTC, datetime

__all__ = ["NONE", "count", "digits_of", "number", "share", "signed", "span", "when"]

NONE = "–"
"""Stands where there is no figure."""
_MINUS = "−"
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SPANS = ((86400 * 10**9, "d"), (3600 * 10**9, "h"), (60 * 10**9, "min"), (10**9, "s"))
_SMALL = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"))


def number(value: float | None, digits: int = 2) -> str:
    """1,234.50 with so many digits behind the point; a minus is a minus, and a zero has no sign."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.{digits}f}"
    return (_MINUS if value < 0 and text.strip("0.,") else "") + text


def signed(value: float | None, digits: int = 2) -> str:
    """The same with + before a gain."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.,") and text != NONE else text


def count(value: int | None) -> str:
    """12,345."""
    return NONE if value is None else f"{value:,}"


def share(value: float | None, digits: int = 2, sign: bool = False) -> str:
    """A fraction in per cent. Beyond 100,000 % only the size is told: 10⁷ %."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 1000:
        power = str(math.floor(math.log10(abs(value) * 100)))
        return f"{_MINUS if value < 0 else ''}10{power.translate(_RAISED)} %"
    return (signed if sign else number)(value * 100, digits) + " %"


def digits_of(size: float) -> int:
    """Digits behind the point for amounts of this size: 2 of 10 and more, then as many as show three that count, at most 8."""
    if not size or not math.isfinite(size):
        return 2
    return min(8, max(2, 2 - math.floor(math.log10(abs(size)))))


def when(ts_ns: int | None, seconds: bool = True) -> str:
    """2024-08-08 23:55:59, UTC."""
    if ts_ns is None:
        return NONE
    return datetime.fromtimestamp(ts_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def span(ns: float | None) -> str:
    """15 min 58 s; below ten seconds 2.50 ms."""
    if ns is None or not math.isfinite(ns):
        return NONE
    if ns < 10 * 10**9:
        unit, name = next(((u, n) for u, n in _SMALL if ns >= u), (1, "ns"))
        return f"{ns / unit:.3g} {name}"
    place = next(i for i, (unit, _) in enumerate(_SPANS) if ns >= unit)
    unit, name = _SPANS[place]
    whole, rest = divmod(round(ns), unit)
    if place + 1 == len(_SPANS):
        return f"{whole} {name}"
    smaller, small = _SPANS[place + 1]
    return f"{whole} {name}" + (f" {rest // smaller} {small}" if rest // smaller else "")

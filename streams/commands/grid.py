"""The points of a sweep: `--set KEY=GRID`, one axis each, and every combination of their values.

>>> axis("strategy.gamma=0.05..0.5:4").values
('0.05', '0.2', '0.35', '0.5')
>>> axis("maker.size_lots=1,2,5").values
('1', '2', '5')
>>> axis("venues.binance.simulation.queue={model: power, exponent: 3}").values
('{model: power, exponent: 3}',)
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from streams.errors import ConfigError
from streams.topology.settings import split

__all__ = ["MOST_POINTS", "Axis", "axis", "points"]

MOST_POINTS = 100_000
_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_RANGE = re.compile(rf"(?P<first>{_NUMBER})\.\.(?P<last>{_NUMBER})(?::(?P<count>[0-9]+))?")
_DIGITS = 5  # of a step that are kept: a third is 0.333333


@dataclass(frozen=True)
class Axis:
    """One key and the values it takes, as texts of settings."""

    key: str
    values: tuple[str, ...]


def axis(text: str) -> Axis:
    """`KEY=A..B:N` is N values from A to B, both included, evenly; `KEY=A,B,C` those; `KEY=A` one. ConfigError for a grid that is none."""
    key, value = split(text)
    found = _RANGE.fullmatch(value)
    if found is not None:
        return Axis(key, _between(text, found))
    if ".." in value:
        raise ConfigError(f"--set {text}: {value!r} is no range; write FIRST..LAST:COUNT, such as 0.05..0.5:10")
    values = tuple(part.strip() for part in _parts(value))
    if "" in values:
        raise ConfigError(f"--set {text}: a value of the list is empty; write {key}=1,2,3")
    return Axis(key, tuple(dict.fromkeys(values)))


def points(axes: Iterable[Axis]) -> list[tuple[str, ...]]:
    """Every combination, the last axis fastest, each as settings `KEY=VALUE`. ConfigError for more than MOST_POINTS, or a key twice."""
    axes = list(axes)
    keys = [one.key for one in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"--set {key}: is given twice; write one grid for it, such as {key}=1,2,3")
    count = 1
    for one in axes:
        count *= len(one.values)
    if count > MOST_POINTS:
        raise ConfigError(f"the grid has {count:,} points, the most is {MOST_POINTS:,}; take fewer values")
    chosen = itertools.product(*(one.values for one in axes))
    return [tuple(f"{key}={value}" for key, value in zip(keys, values, strict=True)) for values in chosen]


def _between(text: str, found: re.Match[str]) -> tuple[str, ...]:
    first, last = Decimal(found["first"]), Decimal(found["last"])
    if found["count"] is None:
        raise ConfigError(f"--set {text}: how many values? write {found[0]}:10")
    count = int(found["count"])
    if not 2 <= count <= MOST_POINTS or first == last:
        raise ConfigError(f"--set {text}: is no range; from one number to another in 2 to {MOST_POINTS:,} values")
    quantum = Decimal(1).scaleb(((last - first) / (count - 1)).adjusted() - _DIGITS)
    inner = ((first + (last - first) * i / (count - 1)).quantize(quantum) for i in range(1, count - 1))
    return tuple(_text(value) for value in (first, *inner, last))


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _parts(value: str) -> list[str]:
    """Cut at the commas that stand in no bracket and no quotes."""
    found, depth, quote, begin = [], 0, "", 0
    for at, letter in enumerate(value):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and depth == 0:
            found.append(value[begin:at])
            begin = at + 1
    return [*found, value[begin:]]

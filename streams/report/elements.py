"""Pieces of HTML with everything in them escaped: tables, tiles, figures, lists."""

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["Cell", "details", "facts", "figure", "section", "table", "tiles", "tone"]

Cell = str | tuple[str, str]
"""A text, or a text with classes: "n" a number, "gain", "loss", "what" an explanation."""


def tone(value: float | None, shown: str) -> tuple[str, str]:
    """A number that is coloured by its sign; the sign stands in the text as well."""
    kind = "" if not value or not shown.strip("+−-0.,% ") else "gain" if value > 0 else "loss"
    return shown, f"n {kind}".strip()


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]], kind: str = "", caption: str = "", sums: int = 0) -> str:
    """A table that scrolls in its own box; the first cell of a row is its heading, the last `sums` rows are totals."""
    rows = list(rows)
    body = []
    for i, row in enumerate(rows):
        cells = [_cell("th", row[0], ' scope="row"'), *(_cell("td", cell) for cell in row[1:])]
        body.append(f"<tr{_class('sum' if i >= len(rows) - sums else '')}>{''.join(cells)}</tr>")
    top = "".join(_cell("th", cell, ' scope="col"') for cell in head)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    inner = f'<table class="{kind}">{said}<thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return f'<div class="scroll">{inner}</div>'


def tiles(found: Iterable[tuple[str, Cell, str, str]]) -> str:
    """Large figures: (name, value, its unit, what stands below)."""
    made = []
    for name, value, unit, below in found:
        shown, kind = (value, "") if isinstance(value, str) else value
        unit = f' <span class="unit">{escape(unit)}</span>' if unit else ""
        made.append(f'<div><dt>{escape(name)}</dt><dd class="{kind}">{escape(shown)}{unit}<small>{escape(below)}</small></dd></div>')
    return f'<dl class="tiles">{"".join(made)}</dl>'


def figure(picture: str) -> str:
    """Where a picture is drawn."""
    return f'<figure data-picture="{escape(picture)}"></figure>'


def section(name: str, title: str, *parts: str) -> str:
    """A part of the page under its title."""
    return f'<section id="{escape(name)}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def details(title: str, *parts: str) -> str:
    """What is shown when asked for."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def facts(found: Iterable[tuple[str, str]]) -> str:
    """Names and values."""
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in found)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def _cell(name: str, cell: Cell, more: str = "") -> str:
    shown, kind = (cell, "") if isinstance(cell, str) else cell
    return f"<{name}{more}{_class(kind)}>{escape(shown)}</{name}>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""

"""The parts of the page about returns: the ratios, and profit by period."""

from collections.abc import Callable
from html import escape

from streams.report.cells import Figures, bar_cells, between, capital_text, digits_in, n, ratio
from streams.report.definitions import RATIOS
from streams.report.elements import Cell, details, figure, table
from streams.report.text import count, digits_of, number, share, signed, span, when

__all__ = ["periods", "returns"]

_OPEN_ROWS = 16  # more are shown when asked for
_DAY_NS = 86400 * 10**9


def returns(one: Figures) -> str:
    """The ratios with their intervals, beside buy and hold."""
    r, hold = one["returns"], one["hold"]
    rows: list[list[Cell]] = []
    for name, (title, what) in RATIOS.items():
        found, shown = r["figures"][name], _shown(one, name)
        beside = [n(shown(hold["figures"][name]["value"]))] if hold else []
        rows.append([title, n(shown(found["value"])), (between(found, shown), "n between"), *beside, (what, "what")])
    head: list[Cell] = ["", n("Value"), ("95 % interval", "n between"), *([n("Buy and hold")] if hold else []), ("Definition", "what")]
    return f'<p class="note">{escape(_said(one))}</p>{table(head, rows, "ratios")}'


def periods(one: Figures) -> str:
    """Profit by period: bars, and the table when asked for."""
    found, digits = one["periods"], digits_in(one)
    rows, length_ns = found["rows"], found["length_ns"]
    profits = [row["profit"] for row in rows]
    best, worst, won = max(profits), min(profits), sum(x > 0 for x in profits)
    largest = max(best, -worst)
    note = f"{won} of {len(rows)} with a gain; best {signed(best, digits)}, worst {signed(worst, digits)} {one['currency']}."
    head = f'<th scope="col">From, UTC</th><th scope="col" class="n">{escape(one["currency"])}</th><th></th>'
    head += '<th scope="col" class="n">Return</th>'
    body = "".join(
        f'<tr><th scope="row">{escape(_begin(row["ts_ns"], length_ns))}</th>{bar_cells(row["profit"], largest, digits, "main")}'
        f'<td class="n">{escape(share(row["return"], 3, True))}</td></tr>'
        for row in rows
    )
    inner = f'<div class="scroll"><table class="source"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    box = inner if len(rows) <= _OPEN_ROWS else details(f"All {len(rows)} periods", inner)
    drawn = figure(f"periods {one['currency']}") if length_ns else ""
    return f'<h3>P&amp;L by {escape(found["length"])}</h3><p class="note">{escape(note)}</p>{drawn}{box}'


def _said(one: Figures) -> str:
    """What the returns are of, and how the intervals were made."""
    r, hold = one["returns"], one["hold"]
    said = [f"{count(r['count'])} returns of {span(r['period_ns'])} on {capital_text(one)}."]
    said.append(f"Annual figures: 365 days of 24 hours, {number(r['year_ns'] / r['period_ns'], 0)} periods a year.")
    said.append(f"Intervals: stationary bootstrap, {r['resamples']} resamples, mean block {r['block']}, seed {r['seed']}.")
    low, high = r["sharpe_lo"]
    if low is not None:
        said.append(f"Sharpe ratio by Lo (2002), returns taken as independent: {ratio(low)} to {ratio(high)}.")
    if hold:
        said.append(f"Buy and hold of {', '.join(hold['instruments'])} on the same capital: {signed(hold['profit'])} {one['currency']}.")
    return " ".join(said)


def _shown(one: Figures, name: str) -> Callable[[float | None], str]:
    """How a ratio is told."""
    if name in ("sharpe", "sortino", "calmar"):
        return ratio
    if name in ("value_at_risk", "expected_shortfall"):
        size = one["returns"]["figures"]["value_at_risk"]["value"]
        digits = digits_of(size * 100) if size else 2
        return lambda value: share(value, digits)
    return share


def _begin(ts_ns: int, length_ns: int | None) -> str:
    """When a period begins, as exactly as its length asks for."""
    if length_ns is None:
        return when(ts_ns)[:7]
    return when(ts_ns)[:10] if length_ns >= _DAY_NS else when(ts_ns, length_ns < 60 * 10**9)

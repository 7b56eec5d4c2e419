"""The page: one HTML file with everything in it, that opens without a network."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from streams.report import sections, sections_market, sections_returns
from streams.report.cells import digits_in
from streams.report.definitions import TERMS
from streams.report.elements import details, facts, figure, section
from streams.report.origin import origin
from streams.report.text import number, signed, span, when

__all__ = ["page"]

_TOOLS = (
    '<div class="tools"><button class="touch" type="button" data-zoom="0.5" aria-label="Closer">+</button>'
    '<button class="touch" type="button" data-zoom="2" aria-label="Wider">−</button>'
    '<button class="reset" type="button" hidden>Show all</button></div>'
)
_HINT = (
    '<p class="note"><span class="mouse">Drag over a chart to look closer; a double click shows all again.</span>'
    '<span class="touch">Touch a chart to read it; + and − zoom where you touched.</span> A click on a name hides or shows its line.</p>'
)
SHORT_NS = 30 * 86400 * 10**9
Figures = Mapping[str, Any]


def page(figures: Figures, pictures: Mapping[str, Any]) -> str:
    """The page of these figures (`streams.report.figures`) and pictures (`streams.report.pictures`)."""
    markets = [name.removeprefix("price ") for name in pictures if name.startswith("price ")]
    parts = [_head(figures, markets), _TOOLS, *_money(figures, pictures)]
    if figures["holdings"]:
        parts.append(sections.holdings(figures))
    parts += [sections_market.market(figures, name) for name in markets]
    parts.append(sections_market.execution(figures))
    for one in figures["currencies"]:
        name = f"returns-{one['currency']}"
        parts.append(section(name, f"Returns in {one['currency']}", sections_returns.returns(one), sections_returns.periods(one)))
    parts += [_run(figures), _terms()]
    text = _part("page.html")
    body = f'<main class="charts">{"".join(parts)}</main>'
    held = {
        "title": escape(_title(figures)),
        "style": _part("page.css"),
        "script": _part("page.js"),
        "body": body,
        "pictures": _json(pictures),
    }
    for name, value in held.items():
        text = text.replace(f"{{{{{name}}}}}", value, 1)
    return text


def _head(f: Figures, markets: Iterable[str]) -> str:
    manifest = f["manifest"]
    run = manifest.get("run_id")
    over = " · ".join(x for x in ("millrace", str(manifest.get("topology", "")), f"run {run}" if run is not None else "") if x)
    first, last = when(f["from_ts_ns"]), when(f["to_ts_ns"])
    times = f"{first} to {last[11:] if last[:10] == first[:10] else last} UTC"
    names = {"holdings": "strategies"} if f["holdings"] else {}
    names |= {f"market-{name}": name for name in markets} | {"execution": "execution"}
    names |= {f"returns-{x['currency']}": f"returns in {x['currency']}" for x in f["currencies"]} | {"run": "run", "terms": "definitions"}
    links = "".join(f'<a href="#{escape(to)}">{escape(shown)}</a>' for to, shown in names.items())
    said = f'<p class="over">{escape(over)}</p><h1>{escape(_said(f))}</h1><p class="over">{escape(times)}</p>'
    return f"<header>{said}<nav>{links}</nav></header>"


def _said(f: Figures) -> str:
    """The result in a sentence."""
    said = []
    for one in f["currencies"]:
        total, digits = one["profit"]["total"], digits_in(one)
        did = "gained" if total > 0 else "lost"
        said.append(f"{did} {number(abs(total), digits)} {one['currency']}" if total else "neither gained nor lost")
    return f"{_capital(', '.join(said) or 'nothing was traded')} in {span(f['to_ts_ns'] - f['from_ts_ns'])}"


def _money(f: Figures, drawn: Mapping[str, Any]) -> Iterable[str]:
    for one in f["currencies"]:
        currency = one["currency"]
        yield sections.summary(f, one)
        yield f'<ul class="notes">{"".join(f"<li>{escape(x)}</li>" for x in _notes(f, one))}</ul>'
        first = one is f["currencies"][0]
        pictures = "".join(
            figure(f"{name} {currency}") for name in ("equity", "drawdown", "parts", "strategies") if f"{name} {currency}" in drawn
        )
        yield section(f"money-{currency}", f"Profit in {currency}", _HINT if first else "", pictures)


def _notes(f: Figures, one: Figures) -> Iterable[str]:
    """What a reader must know before he believes the figures."""
    span_ns, r = f["to_ts_ns"] - f["from_ts_ns"], one["returns"]
    if not one["capital_given"]:
        yield "Capital was not given: returns are measured on the most that all open positions cost at once."
    if not r["whole"]:
        yield "Equity fell to nothing or there was no capital, so there are no returns."
    elif r["count"] < r["fewest"]:
        yield f"{r['count']} returns are too few for ratios; {r['fewest']} are needed."
    elif span_ns < SHORT_NS:
        times = number(r["year_ns"] / span_ns, 0)
        yield f"Annual figures stretch {span(span_ns)} to a year, {times} times as long. Use them to compare runs, not as forecasts."
    others = {currency: fee for currency, fee in one["fees_paid"].items() if currency != one["currency"] and fee}
    if others:
        told = ", ".join(f"{number(fee, 8).rstrip('0')} {currency}" for currency, fee in others.items())
        yield f"Fees of {told} were paid in other currencies; they are in no profit here."
    opened = [h for h in f["holdings"] if h["currency"] == one["currency"] and h["qty"]]
    if opened:
        yield f"{len(opened)} position{'s are' if len(opened) > 1 else ' is'} still open, valued at the mid: closing costs spread and fees."
    if f["markout_touches_thinned"]:
        yield "Markouts below one second may be off by 100 ms: more quotes came than were kept."


def _run(f: Figures) -> str:
    """What the run was made of."""
    records = facts((topic, f"{n:,}") for topic, n in sorted(f["records"].items()) if n)
    whole = f"<pre>{escape(json.dumps(f['manifest'], indent=1, default=str))}</pre>"
    return section(
        "run", "How it was made", facts(origin(f["manifest"])), details("Records read", records), details("Whole manifest", whole)
    )


def _terms() -> str:
    note = '<p class="note">Ratios have the definitions of Quantopian\'s empyrical; they stand beside their values.</p>'
    return section("terms", "Definitions", note, facts(TERMS.items()))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _title(f: Figures) -> str:
    one = f["currencies"][0] if f["currencies"] else None
    money = f"{signed(one['profit']['total'], digits_in(one))} {one['currency']}, " if one else ""
    return f"{money}{f['manifest'].get('topology', 'run')} - millrace"


def _json(value: Any) -> str:
    """JSON that cannot end the script it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


@cache
def _part(name: str) -> str:
    return (Path(__file__).parent / name).read_text().rstrip("\n")

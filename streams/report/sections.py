"""The parts of the page about profit: what stands at the top, and the table by strategy."""

from html import escape

from streams.report.cells import Figures, bar_cells, between, capital_text, digits_in, n, qty, ratio
from streams.report.elements import Cell, section, table, tiles, tone
from streams.report.text import count, number, share, signed, span

__all__ = ["holdings", "summary"]

_SOURCES = ("spread", "inventory", "fees", "funding")


def summary(f: Figures, one: Figures) -> str:
    """What a currency's trading came to: the tiles, and where the profit came from."""
    currency, profit, digits = one["currency"], one["profit"], digits_in(one)
    largest = max(abs(profit[name]) for name in (*_SOURCES, "total"))
    shown = [name for name in _SOURCES if profit[name] or name != "funding"]
    rows = "".join(_bar_row(name.capitalize(), profit[name], largest, digits, name) for name in shown)
    rows += _bar_row("P&L", profit["total"], largest, digits, "main", "sum")
    head = f'<thead><tr><th scope="col">Source</th><th scope="col" class="n">{escape(currency)}</th><th></th></tr></thead>'
    return f'<div class="top">{tiles(_tiles(f, one))}<table class="source">{head}<tbody>{rows}</tbody></table></div>'


def holdings(f: Figures) -> str:
    """Profit by account, strategy and instrument."""
    digits = {one["currency"]: digits_in(one) for one in f["currencies"]}
    many = len(digits) > 1
    sources = [name for name in _SOURCES if name != "funding" or any(h["profit"]["funding"] for h in f["holdings"])]
    rows: list[list[Cell]] = []
    for h in f["holdings"]:
        who = " / ".join(x for x in (h["account"], h["strategy"]) if x)
        row: list[Cell] = [who, h["instrument"], *([h["currency"]] if many else [])]
        row += [tone(h["profit"][name], signed(h["profit"][name], digits[h["currency"]])) for name in ("total", *sources)]
        row += map(n, (number(h["turnover"], 0), signed(h["profit_bps"]), count(h["fills"]), share(h["maker_ratio"], 0)))
        rows.append([*row, *map(n, (share(h["trips"]["win_rate"], 0), qty(h["most_qty"], h["base"]), qty(h["qty"], h["base"])))])
    profit = "P&L" if many else f"P&L, {next(iter(digits), '')}"
    names = (profit, *(name.capitalize() for name in sources), "Turnover", "bps", "Fills", "Maker", "Win rate", "Largest", "At the end")
    head: list[Cell] = ["Account / strategy", "Instrument", *(["In"] if many else []), *map(n, names)]
    return section("holdings", "By strategy and instrument", table(head, rows, "whole"))


def _tiles(f: Figures, one: Figures) -> list[tuple[str, Cell, str, str]]:
    currency, total, digits = one["currency"], one["profit"]["total"], digits_in(one)
    fall, trips, got, orders = one["drawdown"], one["trips"], one["returns"]["figures"], f["orders"]
    back = f"back after {span(fall['recovered_ts_ns'] - fall['peak_ts_ns'])}" if fall["recovered_ts_ns"] else "not recovered"
    sharpe, bps = got["sharpe"], one["profit_bps"]
    return [
        ("P&L", _toned(total, signed(total, digits)), currency, f"{share(got['total_return']['value'], 2, True)} of {capital_text(one)}"),
        ("Largest drawdown", number(fall["money"], digits), currency, f"{share(fall['share'])}, {back}" if fall["money"] else "none"),
        ("Sharpe ratio, annual", ratio(sharpe["value"]), "", _interval(sharpe)),
        ("P&L on turnover", _toned(bps, signed(bps)), "bps", f"{number(one['turnover'], 0)} {currency} traded"),
        ("Fills", count(one["fills"]), "", f"fill rate {share(orders['fill_rate'], 1)} of {count(orders['accepted'])} orders"),
        ("Maker ratio", share(one["maker_ratio"], 1), "", f"edge at fill {signed(one['edge_bps'])} bps"),
        ("Win rate", share(trips["win_rate"], 1), "", f"{count(trips['count'])} round trips"),
        _position([h for h in f["holdings"] if h["currency"] == currency]),
    ]


def _interval(found: Figures) -> str:
    return f"95 %: {between(found, ratio)}" if found["low"] is not None else "too few returns for an interval"


def _position(held: list[Figures]) -> tuple[str, Cell, str, str]:
    if len(held) == 1:
        return "Position at the end", qty(held[0]["qty"]), held[0]["base"], f"largest {qty(held[0]['most_qty'], held[0]['base'])}"
    return "Open positions at the end", count(sum(bool(h["qty"]) for h in held)), "", f"of {len(held)} held"


def _toned(value: float | None, shown: str) -> Cell:
    return shown, tone(value, shown)[1].removeprefix("n").strip()


def _bar_row(name: str, value: float, largest: float, digits: int, colour: str, kind: str = "") -> str:
    return f'<tr class="{kind}"><th scope="row">{escape(name)}</th>{bar_cells(value, largest, digits, colour)}</tr>'

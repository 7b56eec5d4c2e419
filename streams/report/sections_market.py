"""The parts of the page about instruments and orders."""

from html import escape

from streams.report.cells import Figures, n
from streams.report.elements import Cell, figure, section, table, tone
from streams.report.text import NONE, count, number, share, signed, span

__all__ = ["execution", "market"]


def market(f: Figures, name: str) -> str:
    """An instrument: our quotes and fills over the book, the position."""
    i = next(x for x in f["instruments"] if x["name"] == name)
    own, theirs, digits = i["own"], i["market"], _px_digits(i)
    parts = [figure(f"price {name}"), figure(f"position {name}")]
    rows = []
    for side, did in (("buy", "Bought"), ("sell", "Sold")):
        if own[side]["vwap"] is not None:
            better = own[side]["better_bps"]
            rows.append([did, n(number(own[side]["vwap"], digits)), n(number(theirs["vwap"], digits)), tone(better, signed(better))])
    if rows:
        note = (
            f"{count(theirs['trades'])} market trades; our share of the volume {share(i['participation'])}"
            if theirs["trades"]
            else "no market trades were given"
        )
        parts.append(
            table(["Against the market's VWAP", n(f"Our average, {i['quote']}"), n("Market's VWAP"), n("Better, bps")], rows, caption=note)
        )
    move = f"{number(i['first_mid'], digits)} to {number(i['last_mid'], digits)} {i['quote']}, {share(i['change'], 2, True)}"
    return section(f"market-{name}", name, f'<p class="note">Mid {escape(move)}.</p>' if i["last_mid"] is not None else "", *parts)


def execution(f: Figures) -> str:
    """Orders, markouts, latency."""
    told, orders = f["orders"]["reports"], f["orders"]
    names = {"NEW": "Accepted", "REPLACED": "Changed", "CANCELLED": "Cancelled", "EXPIRED": "Expired", "REJECTED": "Rejected by the venue"}
    names |= {"CANCEL_REJECT": "Cancel refused", "REPLACE_REJECT": "Change refused", "TRIGGERED": "Stops triggered"}
    rows: list[list[Cell]] = [[shown, n(count(told[name])), n("")] for name, shown in names.items() if told.get(name)]
    rows[1:1] = [["Filled, at least in part", n(count(orders["filled"])), n(share(orders["fill_rate"], 1))]]
    rows += [[f"Denied by risk: {code}", n(count(n)), n("")] for code, n in f["denied"].items()]
    left = "<h3>Orders</h3>" + table(["", n("Orders"), n("Of accepted")], rows)
    groups = [g for g in ("all", "maker", "taker") if any(m[g]["fills"] for m in f["markouts"])]
    rows = []
    for m in f["markouts"]:
        rows.append(
            [
                "at the fill" if not m["horizon_ns"] else span(m["horizon_ns"]),
                *(_markout(m[g]) for g in groups),
                n(count(m["all"]["fills"])),
            ]
        )
    head = ["After", *(n(f"{g.capitalize()}, bps") for g in groups), n("Fills")]
    right = f"<h3>Markouts</h3>{table(head, rows)}" if groups else ""
    parts = [f'<div class="pair"><div>{left}</div><div>{right}</div></div>']
    if f["latency"]:
        cells = ("p50_ns", "p90_ns", "p99_ns", "max_ns")
        rows = [[f"{x['action'].lower()} to {x['venue']}", n(count(x["count"])), *(n(span(x[c])) for c in cells)] for x in f["latency"]]
        parts.append(
            f"<h3>Latency, request to answer</h3>{table(['', n('Answers'), n('Median'), n('90 %'), n('99 %'), n('Longest')], rows)}"
        )
    return section("execution", "Execution", *parts)


def _markout(mean: Figures) -> Cell:
    if mean["bps"] is None:
        return n(NONE)
    error = f" ± {number(mean['error_bps'])}" if mean["error_bps"] is not None else ""
    return tone(mean["bps"], f"{signed(mean['bps'])}{error}")


def _px_digits(i: Figures) -> int:
    return max(0, min(9, len(f"{i['tick']:.9f}".rstrip("0").partition(".")[2])))

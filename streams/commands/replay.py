"""`millrace replay`: a backtest of a topology, and what came of it in a line."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from streams.backtest.manifest import Manifest
from streams.backtest.results import ToCall
from streams.backtest.source_recording import RecordingSource
from streams.commands.kept_results import RESULTS, kept_results
from streams.commands.progress import Bar, duration_text, note, rate_text
from streams.errors import ConfigError
from streams.report.collector import Collector
from streams.report.watch import Watch
from streams.report.write import write_report
from streams.topology.backtest import Asked, Backtest, Played
from streams.topology.capital import capital_of
from streams.topology.source import nearest

__all__ = ["figures_of", "prepared", "profit_text", "replay_file"]

Say = Callable[[str], None]


def replay_file(asked: Asked, results: str, report: str, as_json: bool, say: Say) -> int:
    """Play it, keep the results, write the report where a folder is named; 0, or 1 where a strategy was halted."""
    if results not in RESULTS:
        raise ConfigError(f"--results {results}: is not known{nearest(results, RESULTS)}")
    folder = _made(report) if report else None
    backtest = prepared(asked)
    manifest, collector = backtest.manifest, Collector(backtest.process.instruments, capital_of(backtest.topology))
    with kept_results(manifest, results) as sinks, Bar("replay", "records", note) as bar:
        if folder is None:
            played = backtest.play(sinks.all, bar.update, market=results == "clickhouse")
        else:
            through = Watch(collector, backtest.process).through
            played = backtest.play([*sinks.all, ToCall(collector.take)], bar.update, through, results == "clickhouse")
        sinks.figures = figures_of(played)
        sinks.outcome = played.outcome
    page = None
    if folder is not None:
        page = write_report(folder, json.loads(manifest.as_json(played.outcome, figures_of(played))), collector)
    for line in _told(backtest, played):
        note(line)
    say(_as_json(manifest, played, page) if as_json else _in_a_line(manifest, played, page))
    return 1 if played.halted else 0


def prepared(asked: Asked) -> Backtest:
    """A backtest whose market data has been read as far as needed, with a bar while that lasts."""
    backtest = Backtest(asked)
    with Bar("reading market data", "records", note) as bar:
        backtest.source.progress = lambda done, total: bar.update(done / total if total else -1.0, done)
        backtest.source.prepare()
    return backtest


def figures_of(played: Played) -> dict[str, Any]:
    """What a replay's last line says, as JSON values; money as texts, exact."""
    profit = {currency: {name: f"{value:f}" for name, value in total._asdict().items()} for currency, total in played.profit.items()}
    counts = {"market_records": played.records, "events": played.events, "orders": int(played.orders), "fills": int(played.fills)}
    return {**counts, "profit": profit}


def profit_text(played: Played) -> str:
    """`-34.86 USDT (spread +1.01, inventory -11.64, fees -24.23)`, of each currency."""
    texts = []
    for currency, profit in played.profit.items():
        parts = {name: value for name, value in profit._asdict().items() if name != "total" and (value or name != "funding")}
        texts.append(f"{profit.total:+.2f} {currency} ({', '.join(f'{name} {value:+.2f}' for name, value in parts.items())})")
    return ", ".join(texts) or "none"


def _made(report: str) -> Path:
    """The folder of the report, there before anything is played."""
    folder = Path(report).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigError(f"--report {report}: cannot be made ({fault.strerror}); name a folder") from None
    return folder


def _in_a_line(manifest: Manifest, played: Played, page: Path | None) -> str:
    rate = rate_text(played.events / max(played.seconds, 1e-9))
    text = f"{played.events:,} events in {duration_text(played.seconds)} ({rate})   orders {played.orders:,}   fills {played.fills:,}"
    text += f"   P&L {profit_text(played)}"
    text += f"   report {page}" if page is not None else ""
    return f"{text}   run {manifest.run_id}   manifest {manifest.hash[:8]}   outputs {played.outcome.digest[:8]}"


def _as_json(manifest: Manifest, played: Played, page: Path | None) -> str:
    found: Mapping[str, Any] = {
        "run_id": manifest.run_id,
        "manifest": manifest.hash,
        "digest": played.outcome.digest,
        **figures_of(played),
        "records": played.outcome.counts,
        "seconds": round(played.seconds, 6),
        "halted": played.halted,
        "report": str(page) if page is not None else None,
    }
    return json.dumps(found, indent=2)


def _told(backtest: Backtest, played: Played) -> list[str]:
    """What a user has to know beside the result."""
    where = "--plain shows where"
    lines = [
        f"strategy {name} was halted: {faults} of its callbacks raised; {played.raised.get(name, where)}"
        for name, faults in played.halted.items()
    ]
    if backtest.plain and not backtest.asked.plain:
        lines.append("a strategy says compiled = False, so everything ran as plain Python: the same records, slower")
    if isinstance(backtest.source, RecordingSource):
        silent = sorted(backtest.topology.venues.keys() - {file.venue for file in backtest.source.files})
        lines += [f"venue {venue} has no recording: none of its instruments had a market" for venue in silent]
    if played.late:
        lines.append(f"{played.late:,} market records were with the venue more than 2 s before us; it is played as if it had been 2 s")
    found = backtest.source.findings()
    lost = {what: count for what, count in found.get("lost", {}).items() if what in ("damaged", "refused") and count}
    if lost:
        first = next(iter(found.get("faults", ())), "")
        lines.append(
            f"market data: {', '.join(f'{count:,} lines {what}' for what, count in lost.items())}{f'; the first: {first}' if first else ''}"
        )
    return lines

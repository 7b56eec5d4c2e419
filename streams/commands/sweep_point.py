"""One point of a sweep, played in a process of its own or read from what an earlier sweep kept."""

import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.backtest.manifest import Manifest
from streams.backtest.results import ToCall
from streams.config import home_folder
from streams.errors import ConfigError, MillraceError
from streams.report.collector import Collector
from streams.report.figures import figures
from streams.report.watch import Watch
from streams.topology.backtest import Asked, Backtest, Played
from streams.topology.capital import capital_of
from streams.topology.parent import PARENT, end_with_parent

__all__ = ["Point", "begin", "made", "play_point"]


@dataclass(frozen=True)
class Point:
    """What came of one point.

    settings : KEY to VALUE, as given
    figures  : number by column of the table; None where there is none
    run_id, manifest, digest : of its backtest
    error    : why it could not be played, "" if it was
    """

    settings: dict[str, str]
    figures: dict[str, float | int | None] = field(default_factory=dict)
    run_id: int = 0
    manifest: str = ""
    digest: str = ""
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found: dict[str, Any] = {"settings": self.settings}
        if self.error:
            return found | {"error": self.error}
        return found | {"run_id": self.run_id, "manifest": self.manifest, "digest": self.digest, "figures": self.figures}


def made() -> Path:
    """The folder of what is kept, there. ConfigError if it cannot be."""
    folder = home_folder() / "sweeps"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigError(f"{folder}: cannot be made ({fault.strerror}); choose another state folder: MILLRACE_HOME=...") from None
    return folder


def begin(parent: int) -> None:
    """In each process of the sweep, once: it ends with the one that started it, which alone listens to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ[PARENT] = str(parent)
    end_with_parent()


def play_point(asked: Asked) -> Point:
    """Play a point, unless it is kept. What is wrong with this point alone is told in it."""
    settings = dict(text.split("=", 1) for text in asked.settings)
    try:
        backtest = Backtest(asked)
        manifest = backtest.manifest
        place = made() / f"{manifest.hash}.json"
        kept = _kept(place)
        if kept is None:
            kept = _played(backtest, manifest)
            _keep(place, kept)
        return Point(settings, kept["figures"], manifest.run_id, manifest.hash, kept["digest"])
    except MillraceError as error:
        return Point(settings, error=str(error))


def _played(backtest: Backtest, manifest: Manifest) -> dict[str, Any]:
    collector = Collector(backtest.process.instruments, capital_of(backtest.topology))
    played = backtest.play([ToCall(collector.take)], through=Watch(collector, backtest.process).through)
    collector.finish()
    text = json.loads(manifest.as_json(played.outcome))
    return {"digest": played.outcome.digest, "figures": _figures(played, figures(collector, {})), "manifest": text}


def _figures(played: Played, found: dict[str, Any]) -> dict[str, float | int | None]:
    """One number a column, money in the currency that most was traded in; the others' are in the report of a replay."""
    counts = {"orders": played.orders, "fills": played.fills, "halted": len(played.halted)}
    money = next(iter(found["currencies"]), None)
    if money is None:
        return {"pnl": 0.0, **counts}
    ratios = {name: one["value"] for name, one in money["returns"]["figures"].items()}
    profit = money["profit"]
    return {
        "pnl": profit["total"],
        "spread": profit["spread"],
        "inventory": profit["inventory"],
        "fees": profit["fees"],
        "funding": profit["funding"],
        **counts,
        "turnover": money["turnover"],
        "pnl_bps": money["profit_bps"],
        "maker_ratio": money["maker_ratio"],
        "win_rate": money["trips"]["win_rate"],
        "drawdown": money["drawdown"]["money"],
        "sharpe": ratios.get("sharpe"),
        "sortino": ratios.get("sortino"),
        "calmar": ratios.get("calmar"),
        "markout_1s_bps": next((m["all"]["bps"] for m in found["markouts"] if m["horizon_ns"] == 10**9), None),
    }


def _kept(place: Path) -> dict[str, Any] | None:
    try:
        return json.loads(place.read_text())
    except (OSError, ValueError):
        return None


def _keep(place: Path, found: dict[str, Any]) -> None:
    """Aside, then in place: a point is whole or not there."""
    aside = place.with_suffix(f".{os.getpid()}.new")
    try:
        aside.write_text(json.dumps(found, indent=1) + "\n")
        aside.replace(place)
    except OSError as fault:
        raise ConfigError(f"{place}: cannot be written ({fault.strerror}); make room, or choose another MILLRACE_HOME") from None
    finally:
        aside.unlink(missing_ok=True)

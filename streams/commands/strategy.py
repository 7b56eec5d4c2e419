"""`millrace strategy`: what a strategy knows while it runs."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from streams.errors import ConfigError
from streams.topology.processes import run_folder
from streams.topology.source import nearest

__all__ = ["running", "show", "told"]

Say = Callable[[str], None]


def show(name: str, as_json: bool, say: Say) -> None:
    """Print one strategy, or all; ConfigError when nothing of that name has run here."""
    found = running()
    if not found:
        raise ConfigError("no strategy has run here yet; start one with `millrace run TOPOLOGY`")
    if name and name not in found:
        raise ConfigError(f"no strategy {name!r} has run here{nearest(name, found)}")
    wanted = {name: found[name]} if name else found
    if as_json:
        say(json.dumps(wanted))
        return
    for each, entry in wanted.items():
        for line in told(each, entry):
            say(line)


def running() -> dict[str, dict[str, Any]]:
    """Each strategy of the last run of this checkout, from the status files that its processes replace each second."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(run_folder().glob("*.json")):
        status = json.loads(path.read_text())
        for name, entry in status.get("strategies", {}).items():
            about = {"process": path.stem, "process_state": status["state"], "run": status["run"], "wall_ns": status["wall_ns"]}
            found[name] = {**about, **entry}
    return found


def told(name: str, entry: dict[str, Any]) -> Iterator[str]:
    """The lines for people."""
    age_s = max(0.0, (time.time_ns() - entry["wall_ns"]) / 1e9)
    clock = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(entry['now_ns'] // 10**9))}.{entry['now_ns'] // 10**6 % 1000:03d}"
    yield f"{name:<18} {entry['status']}   process {entry['process']} {entry['process_state']}   run {entry['run']}"
    yield f"  {'clock':<16} {clock} UTC, read {age_s:.1f} s ago"
    for symbol, position in entry["positions"].items():
        yield f"  {symbol:<16} position {position['qty']}   P&L {position['pnl']}"
    for field in ("faults", "refused"):
        if entry[field]:
            yield f"  {field:<16} {entry[field]}"
    for timer, due_ns in entry["timers"].items():
        yield f"  {'timer ' + timer:<16} due in {(due_ns - entry['now_ns']) / 1e9:.3f} s"
    for field, value in entry["state"].items():
        yield f"  {field:<16} {_text(value)}"


def _text(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)

"""How the processes of the run are: from what the supervisor knows of them and the status files that they keep themselves."""

import json
import time
from pathlib import Path
from typing import Any

import psutil

from streams.control.rows import Row, Table
from streams.control.settings import CHILDREN

__all__ = ["Health", "look"]

_STALE_S = 5.0  # a status file is replaced each second
_FIGURES = ("state", "reason", "run", "records_in", "records_out", "dead_letters", "lag", "lag_s", "latency_ms_p50", "latency_ms_p99")


def look(folder: Path) -> dict[str, Row]:
    """A row by process of the run of this folder: supervised or not, alive or not, and its own figures. May block: call it in a thread."""
    children: dict[str, Any] = _read(folder / CHILDREN)
    statuses = {path.stem: _read(path) for path in folder.glob("*.json")}
    found = {}
    for name in children or sorted(statuses):  # without a supervisor: whoever keeps a status file here
        child, status = children.get(name, {}), statuses.get(name, {})
        pid = child.get("pid") or status.get("pid", 0)
        row: Row = {"name": name, "kind": child.get("kind", "agents"), "pid": pid, "restarts": child.get("restarts", 0)}
        row |= {field: status[field] for field in _FIGURES if field in status}
        row["age_s"] = round(max(0.0, time.time() - status["wall_ns"] / 1e9), 1) if "wall_ns" in status else None
        found[name] = row | {"health": _health(bool(pid) and psutil.pid_exists(pid), bool(child.get("done")), row)}
    return found


def _health(alive: bool, done: bool, row: Row) -> str:
    """`running`, `ended` in order, `down`, `stale` (alive and silent), or the state that it says itself."""
    if not alive:
        return "ended" if done else "down"
    state = row.get("state", "running")
    return "stale" if state == "running" and (row["age_s"] or 0.0) > _STALE_S else state


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


class Health:
    """Table `health`, by process."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._told: dict[str, str] = {}
        self._order: list[str] = []

    def on_look(self, rows: dict[str, Row]) -> list[str]:
        """Take what was seen; what a person should know of it, each once: a process that is down or silent, or was started again."""
        said, self._order = [], list(rows)
        for name, row in rows.items():
            before = self.table.get(name)
            if before is not None and row["restarts"] > before["restarts"]:
                said.append(f"process {name} ended and was started again, restart {row['restarts']} of this run")
            if row["health"] == "stale" and self._told.get(name) != "stale":
                said.append(f"process {name} lives and has said nothing for {row['age_s']:.0f} s; see its log")
            self._told[name] = row["health"]
            if row != before:
                self.table[name] = row
        for name in [name for name in self.table if name not in rows]:
            del self.table[name]
        return said

    def rows(self) -> list[Row]:
        """In the order of the flow, as the supervisor starts them."""
        return [self.table[name] for name in self._order if name in self.table]

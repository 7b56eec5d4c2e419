"""The live table of a run: in place on a terminal, a plain line a second elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streams.topology.instances import Instance
from streams.topology.progress import latency_text, status_of
from streams.topology.runs import Run
from streams.topology.supervisor import Supervisor

__all__ = ["Board"]

_REDRAW_S = 0.25
_ASK_S = 1.0
_MONEY = """
SELECT (SELECT count() FROM orders WHERE run_id = {run:Int32}), (SELECT count() FROM fills WHERE run_id = {run:Int32}),
       sum(q), sum(r), sum(u), sum(f)
FROM (SELECT argMax(qty, id) AS q, argMax(realized_pnl, id) AS r, argMax(unrealized_pnl, id) AS u, argMax(fees, id) AS f
      FROM positions WHERE run_id = {run:Int32} GROUP BY account, strategy, venue, symbol)
"""


class Board:
    """Shows a run while it goes on. Use in a `with` block; `poll` goes to `run` as on_poll.

    label       : what is played
    length_ns   : length of the recording, 0 for a live market
    """

    def __init__(self, client: Client, label: str, length_ns: int, say: Callable[[str], None]) -> None:
        self.client, self.label, self.length_ns, self.say = client, label, length_ns, say
        self.console = Console()
        self.live = Live(console=self.console, auto_refresh=False, transient=False) if sys.stdout.isatty() else None
        self._drawn_s = self._asked_s = self._said_s = 0.0
        self._before: dict[str, tuple[int, int, int]] = {}
        self._rates: dict[str, tuple[float, float]] = {}
        self._figures: tuple[Any, ...] = ()

    def __enter__(self) -> "Board":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def told(self, text: str) -> None:
        """A line of the run, above the table."""
        if self.live is not None:
            self.live.console.print(text, highlight=False, markup=False)
        else:
            self.say(text)

    def poll(self, supervisor: Supervisor, run: Run, phase: str) -> None:
        """Draw when it is time to."""
        now = time.monotonic()
        if now - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now
        if now - self._asked_s > _ASK_S:
            self._asked_s = now
            self._ask(run)
        agents = [child.instance for child in supervisor.children if child.instance.kind == "agents" or child.instance.lane == "fast"]
        statuses = {instance.label: status_of(instance) for instance in agents}
        self._measure(statuses)
        if self.live is not None:
            self.live.update(self._table(agents, statuses, run, phase), refresh=True)
        elif now - self._said_s > 1.0:
            self._said_s = now
            self.say(self._line(statuses, run, phase))

    def _ask(self, run: Run) -> None:
        with contextlib.suppress(Error):  # the figures come again in a second
            self._figures = tuple(self.client.query(_MONEY, parameters={"run": run.number}).first_row or ())

    def _measure(self, statuses: dict[str, dict[str, Any]]) -> None:
        """Rates between two status files of the same process, by their own clock."""
        for label, status in statuses.items():
            fresh = (status.get("wall_ns", 0), status.get("records_in", 0), status.get("records_out", 0))
            before = self._before.get(label, fresh)
            if fresh[0] > before[0]:
                seconds = (fresh[0] - before[0]) / 1e9
                self._rates[label] = (max(0.0, (fresh[1] - before[1]) / seconds), max(0.0, (fresh[2] - before[2]) / seconds))
            self._before[label] = fresh

    def _done(self, run: Run) -> float:
        if not self.length_ns:
            return 0.0
        return min(1.0, max(0.0, (run.clock.now_ns() - (run.record.clock_start_ns or 0)) / self.length_ns))

    def _table(self, agents: list[Instance], statuses: dict[str, dict[str, Any]], run: Run, phase: str) -> Group:
        table = Table(box=None, padding=(0, 1), header_style="dim")
        for title in ("process", "agents"):
            table.add_column(title, no_wrap=True, min_width=22 if title == "agents" else 10)
        for title in ("in/s", "out/s", "lag", "p50", "p99"):
            table.add_column(title, justify="right", no_wrap=True, min_width=8)
        for instance in agents:
            status, rates = statuses[instance.label], self._rates.get(instance.label, (0.0, 0.0))
            state = status.get("state", "starting")
            latency = [latency_text(status.get(f"latency_ms_{name}", 0.0)) for name in ("p50", "p99")]
            table.add_row(
                instance.label,
                " ".join(instance.agents or (instance.kind,)) if state == "running" else state,
                f"{rates[0]:,.0f}",
                f"{rates[1]:,.0f}",
                f"{status.get('lag', 0):,}",
                *latency,
            )
        done = self._done(run)
        head = Table.grid(padding=(0, 2))
        words = (f"run {run.number}", self.label, f"clock {run.clock.speed:g}x", phase, f"{done:>4.0%}")
        head.add_row(*words, ProgressBar(total=1.0, completed=done, width=40))
        return Group(head, table, Text(self._money()))

    def _line(self, statuses: dict[str, dict[str, Any]], run: Run, phase: str) -> str:
        parts = []
        for label, status in statuses.items():
            state = status.get("state", "starting")
            rate = f"{self._rates.get(label, (0.0,))[0]:,.0f}/s lag {status.get('lag', 0):,}"
            parts.append(f"{label} {rate if state == 'running' else state}")
        return f"run {run.number} {phase:<8} {self._done(run):>4.0%}  {'  '.join(parts)}  {self._money()}"

    def _money(self) -> str:
        if not self._figures:
            return ""
        orders, fills, qty, realized, unrealized, fees = self._figures
        pnl = f"realized {realized:+.2f}   unrealized {unrealized:+.2f}   fees {fees:.2f}"
        return f"orders {orders:,}   fills {fills:,}   position {qty:+.3f}   {pnl}"

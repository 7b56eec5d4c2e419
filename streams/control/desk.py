"""Everything that the control plane knows, and what each record changes in it. Pure: tables are mappings, nothing here waits."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from streams.control.breakers import Breakers
from streams.control.health import Health
from streams.control.orders import Orders
from streams.control.positions import Positions
from streams.control.reconcile import Watch, differences
from streams.control.records_out import Author
from streams.control.rows import Row, Table, shown
from streams.control.told import Journalled, Limits, Params
from streams.lanes.control import COMMANDS, Control
from streams.records import Alert, Command, CommandType, Fill, Severity

__all__ = ["Desk"]

_RECONCILE_S = 5.0
"""Records of one transaction are committed together; so much later every topic has been read unless something is wrong."""

_ALERTS = 10
"""Most alerts that one look gives: what is wrong with every order at once has one reason."""

Handler = Callable[[Any, int], None]
"""Takes a record and its offset."""


class Desk:
    """The state behind the views.

    tables : by the names of settings.TABLES
    taken  : records taken since the start
    letters: dead letters written since the start
    """

    def __init__(self, control: Control, tables: Mapping[str, Table], clock: Callable[[], float] = time.monotonic) -> None:
        self.author = Author(control)
        self.positions = Positions(tables["positions"], tables["booked"])
        self.orders = Orders(tables["orders"])
        self.breakers = Breakers(tables["breakers"])
        self.limits, self.params = Limits(tables["limits"]), Params(tables["params"])
        self.journalled = Journalled(tables["alerts"], tables["commands"])
        self.health = Health(tables["health"])
        self.watch = Watch(_RECONCILE_S, clock)
        self.taken = self.letters = 0
        self.handlers: dict[str, Handler] = {
            COMMANDS: self._on_command,
            "names.v1": lambda record, _: self.author.on_name(record),
            "limits.v1": self._on_limit,
            "params.v1": lambda record, _: self.params.on_param(record),
            "alerts.v1": self.journalled.on_alert,
            "positions.v1": lambda record, _: self.positions.on_position(record),
            "reports.v1": lambda record, _: self.orders.on_report(record),
            "fills.v1": lambda record, _: self._on_fill(record),
            "decisions.v1": self._on_decision,
        }

    def take(self, topic: str, record: Any, offset: int) -> None:
        """One record of a topic."""
        self.handlers[topic](record, offset)
        self.taken += 1

    def enter_run(self, number: int) -> None:
        """Forget what belongs to earlier runs."""
        for table in (self.positions.told, self.positions.booked, self.orders.orders):
            table.enter(number)

    def look(self, seen: dict[str, Row]) -> list[Alert]:
        """Once a second, with the health of the processes: what a person should be told now."""
        found = [self.author.alert(Severity.WARNING, text) for text in self.health.on_look(seen)]
        if self.author.run_number:
            late = [f"reconciliation: {one.text}" for one in self.watch.look(differences(self.positions, self.orders))]
            if len(late) > _ALERTS:
                late = [*late[: _ALERTS - 1], f"reconciliation: {len(late) - _ALERTS + 1} more differences; the page lists them"]
            found += [self.author.alert(Severity.ERROR, text) for text in late]
        return found

    # ---- views ----
    def views(self) -> dict[str, Any]:
        """Each view by name, ready for JSON."""
        tables = {
            "positions": self._sorted(self.positions.told.table),
            "orders": self.orders.open_orders(),
            "breakers": self.breakers.halted(),
            "limits": self._sorted(self.limits.table),
            "params": self._sorted(self.params.table),
            "alerts": self._sorted(self.journalled.alerts)[::-1],
            "commands": self._sorted(self.journalled.commands)[::-1],
            "health": self.health.rows(),
        }
        found: dict[str, Any] = {name: [shown(row) for row in rows] for name, rows in tables.items()}
        found["reconciliation"] = [one.text for one in self.watch.standing.values()]
        found["denied"] = dict(sorted(self.breakers.denied.items()))
        found["targets"] = {name: kind.name for name, kind in sorted(self.author.targets.items())}
        return found | {"run": self._run()}

    def _run(self) -> dict[str, Any]:
        run = self.author.run
        if run is None:
            return {"number": 0, "topology": "", "clock": "", "speed": 0.0, "halted": False}
        clock = run.clock.name if run.clock is not None else "WALL"
        found = {"number": run.run_number, "topology": run.topology, "clock": clock, "speed": run.speed or 1.0}
        return found | {"halted": any(row["target"] == "" for row in self.breakers.halted()), **shown({"now_ts_ns": self.author.now_ns()})}

    def _sorted(self, table: Table) -> list[Row]:
        return [table[key] for key in sorted(table)]

    # ---- records ----
    def _on_command(self, command: Command, offset: int) -> None:
        self.author.on_command(command)
        self.journalled.on_command(command, offset)
        if command.kind == CommandType.RUN:
            self.enter_run(self.author.run_number)
        if command.run_id >= self.author.run_number:
            self.breakers.on_command(command)

    def _on_limit(self, limit: Any, _: int) -> None:
        self.author.on_limit(limit)
        self.limits.on_limit(limit)

    def _on_fill(self, fill: Fill) -> None:
        self.orders.on_fill(fill)
        self.positions.on_fill(fill)

    def _on_decision(self, decision: Any, _: int) -> None:
        if decision.run_id == self.author.run_number:
            self.breakers.on_decision(decision)

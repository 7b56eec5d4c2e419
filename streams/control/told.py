"""What was written for people and by people: limits, parameters, alerts, commands."""

from streams.control.rows import Row, Table, money
from streams.records import Alert, Command, Limit, Param

__all__ = ["KEPT", "Journalled", "Limits", "Params", "value_of"]

KEPT = 200
"""So many alerts, and so many commands, are kept."""

_VALUES = ("limit_qty_e9", "limit_money", "limit_count", "limit_bps", "interval_ns")
_GROUPS = ("sector", "currency", "cluster")


class Limits:
    """Table `limits`: the newest limit by scope, rule and what it holds for."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def on_limit(self, limit: Limit) -> None:
        """Keep it; one without a value is no limit any more."""
        instrument = f"{limit.venue}:{limit.symbol}" if limit.symbol is not None else ""
        group = next((value for field in _GROUPS if (value := getattr(limit, field)) is not None), "")
        values: Row = {field: getattr(limit, field) for field in _VALUES}
        values["limit_money"] = money(limit.limit_money)
        key = " ".join(part for part in (limit.scope, limit.rule.name, instrument, group) if part)
        if all(value is None for value in values.values()):
            self.table.pop(key, None)
        else:
            row = {"id": limit.id, "scope": limit.scope, "parent": limit.parent, "rule": limit.rule.name}
            self.table[key] = {**row, "instrument": instrument, "group": group, **values}


class Params:
    """Table `params`: the newest value by strategy and name."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def on_param(self, param: Param) -> None:
        """Keep it."""
        row = {"id": param.id, "strategy": param.strategy, "name": param.name, "value": value_of(param)}
        self.table[f"{param.strategy} {param.name}"] = row


class Journalled:
    """Tables `alerts` and `commands`: the last ones, by the offset at which they stand in their topic."""

    def __init__(self, alerts: Table, commands: Table) -> None:
        self.alerts, self.commands = alerts, commands

    def on_alert(self, alert: Alert, offset: int) -> None:
        """Keep it among the last."""
        row = {"run": alert.run_id, "id": alert.id, "ts_ns": alert.ts_ns, "severity": alert.severity.name}
        _append(self.alerts, offset, {**row, "source": alert.source, "text": alert.text})

    def on_command(self, command: Command, offset: int) -> None:
        """Keep it among the last."""
        row = {"run": command.run_id, "id": command.id, "ts_ns": command.ts_ns, "kind": command.kind.name}
        _append(self.commands, offset, {**row, "target": command.target, "reason": command.reason})


def value_of(param: Param) -> float | int | str | None:
    """The one value that a parameter has."""
    return next((value for value in (param.value_double, param.value_long, param.value_text) if value is not None), None)


def _append(table: Table, offset: int, row: Row) -> None:
    table[f"{offset:015d}"] = row
    for key in sorted(table)[:-KEPT]:
        del table[key]

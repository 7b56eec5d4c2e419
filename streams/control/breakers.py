"""Who may not trade, and why: what KILL stopped and RESUME has not freed, and the breakers that risk says have tripped."""

from collections.abc import Iterable

from streams.control.rows import Row, Table
from streams.records import Command, CommandType, Decision, DenyCode, Outcome

__all__ = ["ALL", "Breakers"]

ALL = "all"
"""How people read the empty target."""

_HALTS = {CommandType.KILL: "KILL", CommandType.PAUSE: "PAUSE", CommandType.STOP: "STOP"}
_TRIPS = (DenyCode.PRICE_MOVE, DenyCode.LOSS_RATE, DenyCode.REJECT_RATE)


class Breakers:
    """Table `breakers`, by target (`all`, a scope, an instrument, a strategy) or by scope, code and instrument of what has tripped.

    denied : decisions of the run since this process started that denied an order, by code
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.denied: dict[str, int] = {}
        self._resumed_ns: dict[str, int] = {}  # target -> when: an older denial may be read later, from another topic

    def on_command(self, command: Command) -> None:
        """KILL, PAUSE and STOP halt a target; RESUME frees it and what tripped there, a RUN everything."""
        if command.kind == CommandType.RUN:
            self._free(list(self.table))
            self.denied.clear()
            self._resumed_ns.clear()
        elif command.kind == CommandType.RESUME:
            self._resumed_ns[command.target] = command.ts_ns
            self._free([key for key, row in self.table.items() if command.target in ("", row["target"], row["instrument"])])
        elif command.kind in _HALTS:
            self._put(command.target or ALL, _HALTS[command.kind], command, command.target, "", command.reason)

    def on_decision(self, decision: Decision) -> None:
        """A denial by a breaker says that it has tripped."""
        if decision.outcome != Outcome.DENY:
            return
        self.denied[decision.code.name] = self.denied.get(decision.code.name, 0) + 1
        if decision.code in _TRIPS:
            instrument = f"{decision.venue}:{decision.symbol}" if decision.code == DenyCode.PRICE_MOVE else ""
            key = " ".join(part for part in (decision.scope, decision.code.name, instrument) if part)
            resumed_ns = max(self._resumed_ns.get(target, -1) for target in ("", decision.scope, instrument))
            if key not in self.table and decision.ts_ns > resumed_ns:
                self._put(key, decision.code.name, decision, decision.scope, instrument, "breaker tripped; RESUME sets it back")

    def halted(self) -> list[Row]:
        """All that stands, what was first comes first."""
        return sorted(self.table.values(), key=lambda row: row["ts_ns"])

    def _put(self, key: str, kind: str, record: Command | Decision, target: str, instrument: str, reason: str) -> None:
        self.table[key] = {
            "run": record.run_id,
            "id": record.id,
            "ts_ns": record.ts_ns,
            "name": key,
            "kind": kind,
            "target": target,
            "instrument": instrument,
            "reason": reason,
        }

    def _free(self, keys: Iterable[str]) -> None:
        for key in keys:
            del self.table[key]

"""Records that people write through the control plane, and what it writes itself: ids, times, and whether they are complete."""

import secrets
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from streams.clock import RunClock
from streams.control.settings import CONTROL
from streams.control.targets import check_target, targets
from streams.errors import ConfigError
from streams.lanes.control import COMMANDS, Control
from streams.lanes.writers import dlq_topic, writer_name
from streams.records import Alert, Clock, Command, CommandType, DeadLetter, Limit, Name, NameKind, Param, Rule, Severity
from streams.schema import ids

__all__ = ["Author"]

_ASKED = (CommandType.KILL, CommandType.RESUME, CommandType.PAUSE)
_GROUP = {Rule.SECTOR: "sector", Rule.CURRENCY: "currency", Rule.CORRELATED: "cluster"}
_LONGS = ("limit_qty_e9", "limit_count", "limit_bps", "interval_ns")
_LIMIT_KEYS = ("scope", "rule", "instrument", "group", "limit_money", *_LONGS)
_OFFSET_BITS, _PARTITION_BITS = 37, 10
_LETTER_BYTES = 900_000


class Author:
    """Makes records under the control plane's own writers, with random sequences: a tool of people (contract 6).

    control : what the dictionary and the run say; `on_name` and `on_run` keep it up to date
    """

    def __init__(self, control: Control) -> None:
        self.numbers = dict(control.numbers[NameKind.WRITER])
        self.targets = targets(control.names)
        self.parents = {limit.scope: limit.parent for limit in control.limits}
        self.run: Command | None = control.run

    # ---- what it learns ----
    def on_name(self, name: Name) -> None:
        """A name that `apply` has added."""
        self.targets |= targets([name])
        if name.kind == NameKind.WRITER:
            self.numbers.setdefault(name.name, name.number)

    def on_limit(self, limit: Limit) -> None:
        """The scope above another."""
        self.parents[limit.scope] = limit.parent

    def on_command(self, command: Command) -> None:
        """A new run."""
        if command.kind == CommandType.RUN and (command.run_number or 0) >= self.run_number:
            self.run = command

    @property
    def run_number(self) -> int:
        """Number of the run that stands, 0 before the first."""
        return self.run.run_number or 0 if self.run is not None else 0

    def now_ns(self) -> int:
        """Now by the clock of the run, by the wall clock before the first."""
        r = self.run
        if r is None:
            return time.time_ns()
        return RunClock(r.clock or Clock.WALL, r.clock_start_ns or 0, r.wall_start_ns or 0, r.speed or 1.0).now_ns()

    # ---- what it writes ----
    def command(self, kind: str, target: str, reason: str) -> Command:
        """KILL, RESUME or PAUSE; ConfigError for another one, or for a target that nothing has."""
        found = CommandType.__members__.get(kind)
        if found is None or found not in _ASKED:
            raise ConfigError(f"command {kind!r}: must be one of {', '.join(one.name for one in _ASKED)}")
        if self.run is None:
            raise ConfigError("there is no run; `millrace run TOPOLOGY` opens one")
        check_target(target, self.targets)
        return Command(*self._head(COMMANDS), found, target, reason)

    def limit(self, fields: Mapping[str, Any]) -> Limit:
        """A limit from the fields of a request, one value or none (none lifts it); ConfigError says which field is wrong."""
        _only(fields, _LIMIT_KEYS)
        scope, rule = str(fields.get("scope", "")), Rule.__members__.get(str(fields.get("rule", "")))
        if rule is None:
            raise ConfigError(f"rule {fields.get('rule')!r}: must be one of {', '.join(Rule.__members__)}")
        if scope not in self.parents:
            raise ConfigError(f"scope {scope!r} has no place in the tree; known: {', '.join(sorted(self.parents))}")
        venue, symbol = self._instrument(str(fields.get("instrument", "")))
        values: dict[str, Any] = {name: _whole(name, fields[name]) for name in _LONGS if fields.get(name) is not None}
        if fields.get("limit_money") is not None:
            values["limit_money"] = _amount(fields["limit_money"])
        if len([name for name in values if name != "interval_ns"]) > 1:
            raise ConfigError(f"{', '.join(values)}: a limit has one value")
        if fields.get("group"):
            if rule not in _GROUP:
                raise ConfigError(f"group: rule {rule.name} holds for no group; {', '.join(one.name for one in _GROUP)} do")
            values[_GROUP[rule]] = str(fields["group"])
        return Limit(*self._head("limits.v1"), scope, rule, self.parents[scope], venue, symbol, **values)

    def param(self, fields: Mapping[str, Any]) -> Param:
        """A strategy's parameter, a number or a text."""
        _only(fields, ("strategy", "name", "value"))
        strategy, name, value = str(fields.get("strategy", "")), str(fields.get("name", "")), fields.get("value")
        if self.targets.get(strategy) != NameKind.STRATEGY:
            known = sorted(one for one, kind in self.targets.items() if kind == NameKind.STRATEGY)
            raise ConfigError(f"strategy {strategy!r} is not known; known: {', '.join(known)}")
        if not name.isidentifier():
            raise ConfigError(f"name {name!r}: must be the name of a field of the strategy")
        head = (*self._head("params.v1"), strategy, name)
        if isinstance(value, float):
            return Param(*head, value_double=value)
        if isinstance(value, bool | int) and abs(value) < 1 << 63:
            return Param(*head, value_long=int(value))
        if isinstance(value, str):
            return Param(*head, value_text=value)
        raise ConfigError(f"value {value!r}: must be a number or a text")

    def alert(self, severity: Severity, text: str) -> Alert:
        """Something that a person should know."""
        return Alert(*self._head("alerts.v1"), severity, CONTROL, text)

    def letter(self, topic: str, partition: int, offset: int, reason: str, payload: bytes) -> DeadLetter:
        """A dead letter. Its sequence follows from its place: one that is written again after a crash has the same id."""
        sequence = ((partition & (1 << _PARTITION_BITS) - 1) << _OFFSET_BITS | offset & (1 << _OFFSET_BITS) - 1) + 1
        head = self._head(dlq_topic(topic), sequence)
        return DeadLetter(*head, topic, partition, offset, reason, payload[:_LETTER_BYTES])

    def _head(self, topic: str, sequence: int = 0) -> tuple[int, int, int, int, int]:
        name, now_ns = writer_name(CONTROL, 0, topic), self.now_ns()
        if name not in self.numbers:
            raise ConfigError(f"writer {name!r} has no number; `millrace apply TOPOLOGY` gives it one")
        return ids.make(self.numbers[name], sequence or 1 + secrets.randbelow(ids.MAX_SEQUENCE)), 0, self.run_number, now_ns, now_ns

    def _instrument(self, name: str) -> tuple[str | None, str | None]:
        if not name:
            return None, None
        if self.targets.get(name) != NameKind.INSTRUMENT:
            raise ConfigError(f"instrument {name!r} is not known; instruments look like venue:SYMBOL")
        venue, _, symbol = name.partition(":")
        return venue, symbol


def _only(fields: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise ConfigError(f"{', '.join(map(repr, unknown))}: no field here; known: {', '.join(known)}")


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise ConfigError(f"{name} {value!r}: must be a whole number from 0 to 2^62")
    return value


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0 or found >= 10**9 or found != round(found, 9):
        raise ConfigError(f"limit_money {value!r}: must be an amount from 0 to 10^9 with at most 9 decimals")
    return round(found, 9)

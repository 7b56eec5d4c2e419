"""What a change of the topology file changes in the records that agents decide by."""

from typing import Any, NamedTuple

from streams.errors import ConfigError
from streams.lanes.control import Control
from streams.lanes.replaced import KEYS, key_of
from streams.records import Limit
from streams.schema import model
from streams.topology import derive
from streams.topology.classes import load_class, parameters
from streams.topology.model import Topology

__all__ = ["Change", "change_text", "changes", "is_same", "with_defaults", "with_lifted"]


class Change(NamedTuple):
    """A control record that is to be another, as text a line of a plan. before: what stands, of a shard its number; None = nothing."""

    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{'+' if self.before is None else '~'} {type(self.after).__name__.lower():<7} {change_text(self.after, self.before)}"


def changes(before: Topology, after: Topology) -> list[Change]:
    """What one topology says otherwise than another about limits and parameters. ConfigError where they differ in anything else, or in
    nothing."""
    others = [key for key in _sections(before) if _sections(before)[key] != _sections(after)[key]]
    if others:
        raise ConfigError(
            f"--set: {others[0]}: only limits and params can be others for what was recorded; `millrace replay` sets the rest"
        )
    known = Control(limits=derive.limits(before), params=derive.params(before))
    was = {key_of(record): record for record in (*known.limits, *known.params)}
    found = [Change(was.get(key_of(record)), record) for record in (*with_lifted(after, known), *with_defaults(after, known))]
    found = [change for change in found if change.before is None or not is_same(change.before, change.after)]
    if not found:
        raise ConfigError(f"--set: changes nothing; {before.path} says the same")
    return found


def _sections(topology: Topology) -> dict[str, Any]:
    """Everything but limits and parameters, by section of the file."""
    return {key: _without(value) for key, value in topology.model_dump(exclude={"path"}).items()}


def _without(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without(each) for key, each in value.items() if key not in ("limits", "params")}


def is_same(known: Any, record: Any) -> bool:
    """Whether a record says what the known one does; of a shard its number is known."""
    if isinstance(known, int):
        return known == record.shard
    return _values(known) == _values(record)


def _values(record: Any) -> dict[str, Any]:
    skipped = (*model.COMMON, "valid_from_ns")
    return {name: value for name, value in record._asdict().items() if name not in skipped}


def change_text(record: Any, known: Any) -> str:
    """The record's subject and values; of a change the values that changed, old -> new."""
    subject = " ".join(str(getattr(value, "name", value)) for value in key_of(record)[1:] if value is not None)
    if isinstance(known, int):
        return f"{subject} {known} -> {record.shard}"
    values = _values(record)
    if known is None:
        shown = {name: value for name, value in values.items() if value is not None and name not in KEYS[type(record).__name__]}
        return f"{subject}  " + " ".join(f"{name}={_text(value)}" for name, value in shown.items())
    before = _values(known)
    return f"{subject}  " + " ".join(
        f"{name} {_text(before[name])} -> {_text(value)}" for name, value in values.items() if before[name] != value
    )


def _text(value: Any) -> str:
    return "none" if value is None else str(getattr(value, "name", value))


def with_lifted(topology: Topology, control: Control) -> list[Limit]:
    """The limits of the file, and an empty one for each that stood in a scope of this file and no longer does."""
    wanted = derive.limits(topology)
    keys = {key_of(limit) for limit in wanted}
    parents = {scope: parent for scope, parent, _ in derive.scopes(topology)}
    lifted = {}
    for limit in control.limits:
        if limit.scope in parents and key_of(limit) not in keys:
            lifted[key_of(limit)] = limit._replace(
                parent=parents[limit.scope], limit_qty_e9=None, limit_money=None, limit_count=None, limit_bps=None, interval_ns=None
            )
    return wanted + list(lifted.values())


def with_defaults(topology: Topology, control: Control) -> list[Any]:
    """The parameters of the file, and the class's default for each that the file once set and no longer does."""
    wanted = derive.params(topology)
    keys = {key_of(param) for param in wanted}
    for known in {key_of(param): param for param in control.params}.values():
        strategy = topology.strategies.get(known.strategy)
        if strategy is None or key_of(known) in keys:
            continue
        cls = load_class(strategy.path)
        if known.name in (kinds := parameters(cls)) and hasattr(cls, known.name):
            wanted.append(derive.param(known.strategy, known.name, kinds[known.name], getattr(cls, known.name)))
    return wanted

"""`millrace kill` and `millrace resume`: stop trading, and let it go on. Written straight to the topic: they need no process of the run."""

import time
from collections.abc import Callable

from streams.config import endpoints
from streams.control.targets import check_target, targets
from streams.errors import ConfigError
from streams.lanes.control import COMMANDS, read_control
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import CommandType
from streams.topology.runs import Run, command

__all__ = ["give"]

Say = Callable[[str], None]
_EFFECT = {
    CommandType.KILL: "strategies cancel and halt, risk denies, the gateway cancels at the venue",
    CommandType.RESUME: "strategies run, risk decides by its limits, tripped breakers begin anew",
}


def give(kind: CommandType, target: str, reason: str, say: Say) -> None:
    """Write the command for the run that stands. ConfigError where there is none, or for a target that nothing has."""
    began_s, where = time.monotonic(), endpoints()
    control = read_control(where.kafka, Wire(SchemaIds(where.registry)), ("names.v1", COMMANDS))
    if control.run is None:
        raise ConfigError("there is no run; `millrace run TOPOLOGY` opens one")
    check_target(target, targets(control.names))
    run = Run(control.run, False)
    command(where, run, kind, target, reason)
    took_ms = (time.monotonic() - began_s) * 1e3
    say(f"{kind.name} {target or 'all'}: written for run {run.number} of {control.run.topology} after {took_ms:.0f} ms; {_EFFECT[kind]}")

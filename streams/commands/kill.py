"""`millrace kill` and `millrace resume`: stop trading, and let it go on. Written straight to the rings of the fast lane, then to the topic:
they need no process of the run, and the fast lane needs no broker."""

import time
from collections.abc import Callable

from streams.config import Endpoints, endpoints
from streams.control.targets import check_target, targets
from streams.errors import ConfigError, LaneError
from streams.lanes.control import COMMANDS, Control, read_control
from streams.lanes.fast_rings import live_run, rings_folder
from streams.lanes.kill_ring import tell
from streams.lanes.producer import Sender
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Command, CommandType
from streams.topology.early import early_command
from streams.topology.runs import Run, command

__all__ = ["give"]

Say = Callable[[str], None]
_EFFECT = {
    CommandType.KILL: "strategies cancel and halt, risk denies, the gateway cancels at the venue",
    CommandType.RESUME: "strategies run, risk decides by its limits, tripped breakers begin anew",
}
_TOPIC_S = 1.5
"""After this the topic is left to the mirror, which writes what is not there 2 s after the ring was written."""


def give(kind: CommandType, target: str, reason: str, say: Say) -> None:
    """Write the command for the run that stands. ConfigError where there is none, or for a target that nothing has."""
    began_s, told = time.monotonic(), _tell_rings(kind, target, reason, say)
    try:
        where = endpoints()
        if told is not None:
            _send(where, told[1])
        control = read_control(where.kafka, Wire(SchemaIds(where.registry)), ("names.v1", COMMANDS))
        if told is None or control.run is None or control.run.run_number != told[0].run_id:
            _write(where, control, kind, target, reason)
    except (ConfigError, LaneError) as error:
        if told is None:
            raise
        say(f"{COMMANDS} may not have it yet: {error}; the mirror writes it as soon as it can")
        return
    assert control.run is not None
    took_ms = (time.monotonic() - began_s) * 1e3
    number, name = control.run.run_number, control.run.topology
    say(f"{kind.name} {target or 'all'}: written for run {number} of {name} after {took_ms:.0f} ms; {_EFFECT[kind]}")


def _tell_rings(kind: CommandType, target: str, reason: str, say: Say) -> tuple[Command, bytes] | None:
    """Tell the fast lane; the command and its value, None if no shard of a fast lane has it."""
    run = live_run(rings_folder())
    made = early_command(run, kind, target, reason) if run is not None else None
    if made is None:
        return None
    record, value = made
    reached = False
    for one in tell(record.id, record.run_id, record.ts_ns, value):
        reached |= not one.reason
        say(f"{kind.name} {target or 'all'}: shard {one.shard} {one.reason or f'told by its ring within {one.took_ns / 1e3:.0f} us'}")
    return made if reached else None


def _send(where: Endpoints, value: bytes) -> None:
    sender = Sender(where.kafka, timeout_s=_TOPIC_S)
    sender.send(COMMANDS, 0, value)
    sender.flush(_TOPIC_S)


def _write(where: Endpoints, control: Control, kind: CommandType, target: str, reason: str) -> None:
    if control.run is None:
        raise ConfigError("there is no run; `millrace run TOPOLOGY` opens one")
    check_target(target, targets(control.names))
    command(where, Run(control.run, False), kind, target, reason)

"""Commands for the fast lane before they are in their topic: made of what the folder of the rings says, so that they need no broker."""

import secrets

from streams.clock import RunClock
from streams.control.targets import check_target
from streams.errors import ConfigError
from streams.lanes.control import COMMANDS
from streams.lanes.fast_rings import RingRun
from streams.lanes.writers import writer_name
from streams.records import Clock, Command, CommandType
from streams.schema import codec, ids

__all__ = ["early_command"]


def early_command(run: RingRun, kind: CommandType, target: str = "", reason: str = "") -> tuple[Command, bytes] | None:
    """A command that people give, and its value for commands.v1; None if the rings do not say enough to make it, or know no such target."""
    writer = run.writers.get(writer_name("command", 0, COMMANDS))
    if writer is None or not run.commands_header:
        return None
    try:
        check_target(target, run.targets)
    except ConfigError:
        return None  # `apply` may have named it since
    now_ns = RunClock(Clock(run.clock), run.clock_start_ns, run.wall_start_ns, run.speed).now_ns()
    id = ids.make(writer, 1 + secrets.randbelow(ids.MAX_SEQUENCE))
    record = Command(id, 0, run.run_number, now_ns, now_ns, kind, target, reason)
    return record, bytes.fromhex(run.commands_header) + codec.encode(record)

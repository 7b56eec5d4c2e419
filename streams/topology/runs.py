"""Runs: the RUN record that opens one, and the commands people give to it (contract 10)."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.clock import RunClock
from streams.config import Endpoints
from streams.lanes.bus import Sender, list_topics
from streams.lanes.control import COMMANDS, Control, read_control
from streams.lanes.reader import end_offsets
from streams.lanes.registry import SchemaIds
from streams.lanes.spec import is_control
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.records import Clock, Command, CommandType, StartPosition
from streams.schema import ids, model
from streams.topology.instances import instances
from streams.topology.model import Topology

__all__ = ["Run", "command", "current_run", "open_run", "start_s", "topology_hash"]

LEAST_START_S, MOST_START_S = 8.0, 30.0
_PROCESS_S = 1.4  # of one core, until a process of a run works, with some to spare


class Run(NamedTuple):
    """A run that stands: its RUN record, and whether it was opened now."""

    record: Command
    fresh: bool

    @property
    def number(self) -> int:
        """The number of the run: `run_id` in every table."""
        return self.record.run_number or 0

    @property
    def clock(self) -> RunClock:
        """Its clock."""
        r = self.record
        return RunClock(r.clock or Clock.WALL, r.clock_start_ns or 0, r.wall_start_ns or 0, r.speed or 1.0)


def topology_hash(topology: Topology) -> str:
    """BLAKE2b-128 over what the file says, whatever its comments, order of keys or place."""
    text = json.dumps(topology.model_dump(mode="json"), sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def current_run(where: Endpoints) -> Run | None:
    """The last run of the cluster, None before the first."""
    control = read_control(where.kafka, Wire(SchemaIds(where.registry)), (COMMANDS,))
    return Run(control.run, False) if control.run is not None else None


def open_run(topology: Topology, where: Endpoints, recordings: Sequence[str], speed: float, fresh: bool) -> Run:
    """Go on with the last run of this topology, or open a new one: when asked, when there is none, when the clock does not fit.

    With recordings the run's clock starts at their first instant and passes `speed` times as fast; without, it is the wall clock.
    """
    wire = Wire(SchemaIds(where.registry))
    control = read_control(where.kafka, wire)
    clock = Clock.RECORDING if recordings else Clock.WALL
    last = control.run
    if not fresh and last is not None and last.topology == topology.name and last.clock == clock:
        return Run(last, False)
    start_ns = min(_first_ts_ns(file) for file in recordings) if recordings else time.time_ns()
    number = 1 + max((run for run in control.runs), default=0)
    record = Command(
        id=_id(control, "run"),
        cause_id=0,
        run_id=number,
        ts_ns=start_ns,
        recv_ts_ns=start_ns,
        kind=CommandType.RUN,
        target="",
        reason=f"millrace run {topology.path}",
        run_number=number,
        topology_hash=topology_hash(topology),
        topology=topology.name,
        clock=clock,
        clock_start_ns=start_ns,
        wall_start_ns=time.time_ns() + int(start_s(len(instances(topology))) * 1e9),
        speed=speed if recordings else 1.0,
        start_positions=_ends(where.kafka),
    )
    _write(where, wire, record)
    return Run(record, True)


def start_s(processes: int) -> float:
    """Wall time between the RUN record and the first recorded instant: so many processes start meanwhile, so that none of it is played
    late. Longer on a machine that has other work."""
    cores = os.cpu_count() or 1
    working = os.getloadavg()[0] / cores
    return min(MOST_START_S, max(LEAST_START_S, processes * _PROCESS_S * (1 + working) / cores))


def command(where: Endpoints, run: Run, kind: CommandType, target: str = "", reason: str = "") -> None:
    """Write a command for the run, stamped with its clock."""
    wire = Wire(SchemaIds(where.registry))
    control = read_control(where.kafka, wire, ("names.v1",))
    now_ns = run.clock.now_ns()
    _write(where, wire, Command(_id(control, "command"), 0, run.number, now_ns, now_ns, kind, target, reason))


def _id(control: Control, tool: str) -> int:
    return ids.make(control.writer(writer_name(tool, 0, COMMANDS)), 1 + secrets.randbelow(ids.MAX_SEQUENCE))


def _write(where: Endpoints, wire: Wire, record: Command) -> None:
    sender = Sender(where.kafka)
    sender.send(COMMANDS, 0, wire.encode(COMMANDS, record))
    sender.flush()


def _ends(kafka: str) -> tuple[StartPosition, ...]:
    """Where each data partition ends now: the run reads from there."""
    there = list_topics(kafka)
    places: list[Any] = [(topic, p) for topic in model.BY_TOPIC if not is_control(topic) for p in range(there.get(topic, 0))]
    return tuple(StartPosition(topic, partition, offset) for (topic, partition), offset in end_offsets(kafka, places).items())


def _first_ts_ns(recording: str) -> int:
    from streams.venues.binance.recording import first_ts_ns

    return first_ts_ns(recording)

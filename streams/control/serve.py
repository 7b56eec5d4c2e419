"""The process of the control plane: start, positions, an ordered end."""

import asyncio
import logging
import os
import signal
import time
from threading import Event
from typing import Any

import structlog

from streams.control.settings import READS, WRITES, ControlSettings
from streams.lanes.bus import list_topics, open_consumer
from streams.lanes.control import COMMANDS, CONTROL_TOPICS, Control, read_control
from streams.lanes.registry import SchemaIds
from streams.lanes.status import StatusFile
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic

__all__ = ["run_control"]

_LOG = structlog.get_logger("control")
_STATUS_S = 0.5
"""How often the process looks after itself."""

_SAID_S = 10.0
_OPEN_S = 60.0
_STOP_S = 8.0


def run_control(settings: ControlSettings, stop: Event | None = None) -> int:
    """Serve until `stop` is set, or SIGTERM or SIGINT comes; the exit status: 0, or 1 when the application failed: start it again.

    LaneError without broker, registry, topics or names.
    """
    wire = Wire(SchemaIds(settings.registry))
    for topic in sorted({*READS, *WRITES, *map(dlq_topic, READS)}):
        wire.header(topic)
    control = read_control(settings.kafka, wire)
    _advance(settings, control)
    return asyncio.run(_serve(settings, wire, control, stop))


def _advance(settings: ControlSettings, control: Control) -> None:
    """Move the group on to where the run begins: what came before it is of no use here, and Faust would take minutes for a long history."""
    from confluent_kafka import KafkaException, TopicPartition

    there, starts = list_topics(settings.kafka), control.start_positions() if control.run is not None else {}
    wanted = {(topic, p): starts.get((topic, p), 0) for topic in READS for p in range(there.get(topic, 0)) if topic not in CONTROL_TOPICS}
    wanted[COMMANDS, 0] = control.run_offset
    consumer = open_consumer(settings.kafka, settings.group)
    try:
        committed = consumer.committed([TopicPartition(*place) for place in wanted], 20.0)
        behind = [place for place in committed if place.offset < wanted[place.topic, place.partition]]
        for place in behind:
            place.offset = wanted[place.topic, place.partition]
        if behind:
            consumer.commit(offsets=behind, asynchronous=False)
    except KafkaException as error:  # a member that was killed is still counted as one; then the history is read, and passed over
        _LOG.warning("positions not moved", reason=str(error.args[0]))
    finally:
        consumer.close()


async def _serve(settings: ControlSettings, wire: Wire, control: Control, stop: Event | None) -> int:
    _forward_logs()
    from streams.control.plane import Plane
    from streams.control.views import add_views

    done, status = asyncio.Event(), StatusFile(settings.status_path, settings.process, 0)
    if stop is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, done.set)
    plane = Plane(settings, wire, control)
    add_views(plane)
    status.write(state="opening", run=plane.desk.author.run_number)
    starting, began_s, reason = asyncio.ensure_future(plane.app.start()), time.monotonic(), ""
    while not reason and not done.is_set() and not (stop is not None and stop.is_set()):
        reason = _fault(plane, starting, time.monotonic() - began_s)
        if starting.done() and status.now.state == "opening" and not reason:
            took_s = round(time.monotonic() - began_s, 2)
            _LOG.info("control starts", run=plane.desk.author.run_number, url=f"http://127.0.0.1:{settings.port}/", seconds=took_s)
            _tell(status, plane, "running", now=True)
        _tell(status, plane, status.now.state)
        await _either(done, _STATUS_S)
    if reason:
        _LOG.error("control fails", reason=reason)
    _tell(status, plane, "failed" if reason else "stopped", now=True, reason=reason)
    await _stop(plane, 1 if reason else 0)
    return 1 if reason else 0


def _fault(plane: Any, starting: asyncio.Future[Any], age_s: float) -> str:
    """Why the process must end, "" if it need not."""
    error = plane.app.crash_reason if plane.app.crashed else starting.exception() if starting.done() else None
    if error is not None:
        return str(error) or repr(error)
    if not starting.done() and age_s > _OPEN_S:
        return f"the consumer group {plane.settings.group} has not let it in within {_OPEN_S:.0f} s"
    return ""


async def _stop(plane: Any, status: int) -> None:
    """End in order; at once when that takes too long, as it may while the group is being rebuilt."""
    _LOG.info("control ends", records=plane.desk.taken, dead_letters=plane.desk.letters)
    try:
        await asyncio.wait_for(plane.app.stop(), _STOP_S)
    except TimeoutError:
        _LOG.warning("control is cut off", seconds=_STOP_S)
        os._exit(status)


async def _either(done: asyncio.Event, bound_s: float) -> None:
    try:
        await asyncio.wait_for(done.wait(), bound_s)
    except TimeoutError:
        return


def _tell(status: StatusFile, plane: Any, state: str, now: bool = False, reason: str = "") -> None:
    if now or status.due:
        desk = plane.desk
        status.write(state=state, reason=reason, run=desk.author.run_number, records_in=desk.taken, dead_letters=desk.letters)


class _ToLog(logging.Handler):
    """Lines of Faust, mode and aiokafka into our log, each kind once in ten seconds: they meet a broker that is away 100 times a second."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._said_s: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        kind, now_s = (record.name, str(record.msg)), time.monotonic()
        if now_s - self._said_s.get(kind, -_SAID_S) < _SAID_S:
            return
        self._said_s[kind] = now_s
        _LOG.log(record.levelno, record.getMessage(), of=record.name, exc_info=record.exc_info)


def _forward_logs() -> None:
    root = logging.getLogger()
    root.handlers[:] = [_ToLog(logging.WARNING)]
    logging.captureWarnings(True)

"""The gateway's Kafka lane: requests and commands from topics; events and the position that they leave in one transaction.

A request's offset is committed with the venue's first answer to it: the committed offset is that of the first unanswered request.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from streams.clock import RunClock
from streams.errors import DecodeError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.control import Control
from streams.lanes.messages import Messages, Place
from streams.lanes.status import StatusFile
from streams.lanes.wire import Wire
from streams.records import Command, Request, VenueEvent, VenueEventType
from streams.venues.commands import CommandReader
from streams.venues.gateway_lane import REQUESTS
from streams.venues.gateway_load import load
from streams.venues.gateway_state import KillSwitch, Pending
from streams.venues.gateway_writer import EventWriter

__all__ = ["KafkaGatewayLane"]

_LOG = structlog.get_logger("gateway")
_READ_S = 0.02
_READ_ROWS = 1_000


class KafkaGatewayLane:
    """See GatewayLane. Waiting for Kafka happens in threads, all else in the event loop.

    kafka, wire, control : the broker, the schemas, the control topics as of now
    process, shard       : whose partition of requests.v1 it reads
    group                : its group and transactional id
    venue                : whose requests it takes
    status               : gets what was read, and latencies
    """

    def __init__(
        self,
        kafka: str,
        wire: Wire,
        control: Control,
        process: str,
        shard: int,
        group: str,
        venue: str,
        clock: RunClock,
        status: StatusFile,
    ) -> None:
        self.run, self.epoch, self.new_run, self.recovered = control.last_run(), control.epoch, False, False
        self.at_once: Callable[[list[Pending]], list[Pending]] | None = None  # not asked: its reader is a thread
        self.kill = KillSwitch(control.limits, control.commands)
        self._wire, self._shard, self._venue, self._status = wire, shard, venue, status
        self._wake, self._committing = asyncio.Event(), asyncio.Lock()
        self._writer = EventWriter(kafka, wire, control, group, process, shard, clock)
        self._consumer = BulkConsumer(kafka, group)
        self._commands = CommandReader(kafka, wire, control)
        self._load(kafka, control.start_positions())

    def _load(self, kafka: str, starts: dict[Place, int]) -> None:
        """Read the run's own events and requests up to now."""
        place = (REQUESTS, self._shard)
        answered = self._consumer.committed([place]).get(place, 0)

        def on_damage(offset: int, value: bytes | None, reason: str) -> None:
            if offset >= answered:  # else it is a dead letter already
                self._damage(offset, value, reason)

        self.state = load(kafka, self._wire, self._writer.run_id, self._shard, self._venue, self._writer.base(), starts, on_damage)
        for pending in self.state.pending.values():
            pending.in_doubt, pending.taken_ns = True, time.time_ns()
        self._consumer.assign({place: self.state.next_offset})

    @property
    def written(self) -> int:
        """Events written since the start."""
        return self._writer.written

    @property
    def letters_written(self) -> int:
        """Dead letters written since the start."""
        return self._writer.letters_written

    # ---- in ----
    async def requests(self) -> list[Pending]:
        """See GatewayLane."""
        return self._take(await asyncio.to_thread(self._consumer.take, _READ_ROWS, _READ_S))

    async def commands(self) -> list[Command]:
        """See GatewayLane."""
        found = await asyncio.to_thread(self._commands.read, _READ_S)
        self.new_run |= any(self._commands.begins_run(command) for command in found)
        return found

    def request_of(self, value: bytes) -> Request:
        """See GatewayLane."""
        return self._wire.decode(REQUESTS, value)

    def urgent(self) -> list[Command]:
        """See GatewayLane; commands come over their topic only."""
        return []

    def _take(self, messages: Messages) -> list[Pending]:
        """Note requests; those that are to be sent."""
        self._status.now.records_in += len(messages)
        found, taken_ns = [], time.time_ns()
        for row, (offset, came_ms) in enumerate(zip(messages.offset.tolist(), messages.timestamp_ms.tolist(), strict=True)):
            try:
                request = self._wire.decode(REQUESTS, messages.value(row))
            except DecodeError as error:
                self._damage(offset, messages.value(row), str(error))
                request = None
            if request is None or request.run_id != self._writer.run_id or request.venue != self._venue:
                self.state.skip(offset)
                continue
            pending = self.state.on_request(request, offset, messages.value(row) or b"")
            pending.came_ms, pending.taken_ns = came_ms, taken_ns
            found.append(pending)
        messages.release()
        return found

    def _damage(self, offset: int, value: bytes | None, reason: str) -> None:
        """A request that cannot be read becomes a dead letter."""
        _LOG.error("dead letter", topic=REQUESTS, offset=offset, reason=reason)
        self._writer.dead_letter(offset, value, reason)
        self._wake.set()

    # ---- out ----
    def event(self, kind: VenueEventType, request: Request, cause_id: int, answers: Pending | None, raw: bytes, **more: Any) -> VenueEvent:
        """See GatewayLane."""
        return self._writer.event(kind, request, cause_id, answers, raw, **more)

    def flush(self) -> None:
        """See GatewayLane."""
        self._wake.set()

    def sent(self, found: list[Pending]) -> None:
        """See GatewayLane."""
        sent_ns = time.time_ns()
        for pending in found:
            pending.sent_ns = sent_ns

    async def settled(self) -> None:
        """See GatewayLane."""
        await self._commit(always=True)

    async def work(self) -> None:
        """See GatewayLane: what is queued to the topics, with the position that it leaves, in one transaction."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._commit()

    async def finish(self) -> None:
        """See GatewayLane: what is not committed is asked for again after the next start."""

    async def _commit(self, always: bool = False) -> None:
        """Everything queued and the position it leaves, taken together; without anything only if `always`."""
        async with self._committing:
            records, position = self._writer.take(), self.state.position()
            if records or always:
                self._status.latency(await asyncio.to_thread(self._writer.commit, records, position))

    def close(self) -> None:
        """See GatewayLane."""
        self._consumer.close()
        self._commands.close()
        self._writer.close()

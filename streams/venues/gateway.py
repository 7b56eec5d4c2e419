"""The gateway: a shell between `requests.v1` and one venue. It decides nothing but what contract 20 settles: what was answered, what is too
old to send, what a KILL stops.

A request is answered once the venue's first answer to it is written: in one transaction with the position that it leaves, or in the ring
that is the gateway's journal (`gateway_lane`). Whenever a connection opens, and when an answer stays away, the gateway asks the venue:
which of the unanswered orders it has, what was executed since the last execution written, which orders are open. Only then it sends what
the venue has never seen.
"""

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from streams.clock import RunClock
from streams.errors import UnitError, VenueError
from streams.lanes.control import read_control
from streams.lanes.fast_rings import FastShard
from streams.lanes.kafka import EXIT_NEW_RUN, EXIT_OK
from streams.lanes.registry import SchemaIds
from streams.lanes.status import StatusFile
from streams.lanes.waiting import POLICIES, Waiting
from streams.lanes.wire import Wire
from streams.records import Clock, Command, DenyCode, OrderAction, OrdType, Request, Side, TimeInForce, VenueEventType
from streams.schema import ids
from streams.venues.client import OrderState, Outgoing, VenueClient, VenueReport
from streams.venues.gateway_kafka import KafkaGatewayLane
from streams.venues.gateway_lane import GatewayLane
from streams.venues.gateway_rings import RingGatewayLane
from streams.venues.gateway_state import Pending
from streams.venues.sim.client import SimClient

__all__ = ["GatewaySettings", "run_gateway"]

_LOG = structlog.get_logger("gateway")
_BACKOFF_S = (0.05, 2.0)


@dataclass(frozen=True)
class GatewaySettings:
    """Everything a gateway is told.

    process, shard     : it reads that partition of requests.v1 and writes as `process/shard/venue_events`
    kafka, registry    : addresses
    topology           : name; group and transactional id are `topology.process.shard`
    venue              : whose requests it takes, as in the dictionary
    url                : the venue's WebSocket
    max_request_age_ns : a NEW or REPLACE older than this, times the run's speed, is refused, not sent
    answer_timeout_s   : wall time without an answer after which the venue is asked
    status_path        : file for its counters, replaced once a second; None = no file
    rings              : of its shard, on the fast lane; None = the Kafka lane
    wait               : how it waits for its rings
    checkpoint         : file of its state on the fast lane; None = beside the rings
    """

    process: str
    shard: int
    kafka: str
    registry: str
    topology: str
    venue: str
    url: str
    max_request_age_ns: int = 1_000_000_000
    answer_timeout_s: float = 2.0
    status_path: Path | None = None
    rings: FastShard | None = None
    wait: Waiting = POLICIES["backoff"]
    checkpoint: Path | None = None


def run_gateway(settings: GatewaySettings, stop: Event | None = None, client: VenueClient | None = None) -> int:
    """Carry requests and events until `stop` is set or SIGTERM comes; the exit code: EXIT_OK, or EXIT_NEW_RUN when another run has begun.
    The simulated venue's client by default.

    Raises LaneError without broker, registry, run or names, and when a transaction fails; FencedError when another instance took over.
    A venue that is away is no error: it connects again and again.
    """
    status = StatusFile(settings.status_path, settings.process, settings.shard)
    lane, clock = _kafka_lane(settings, status) if settings.rings is None else _ring_lane(settings, settings.rings, status)
    gateway = _Gateway(settings, lane, clock, client or SimClient(settings.url, f"{settings.process}/{settings.shard}"), status)
    try:
        asyncio.run(gateway.run(stop))
    finally:
        lane.close()
        status.write(state="new run" if lane.new_run else "stopped")
    _LOG.info("gateway ends", events=lane.written, unanswered=len(lane.state.pending), new_run=lane.new_run)
    return EXIT_NEW_RUN if lane.new_run else EXIT_OK


def _kafka_lane(settings: GatewaySettings, status: StatusFile) -> tuple[GatewayLane, RunClock]:
    wire = Wire(SchemaIds(settings.registry))
    control = read_control(settings.kafka, wire)
    run = control.last_run()
    clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
    group = f"{settings.topology}.{settings.process}.{settings.shard}"
    place = settings.process, settings.shard
    return KafkaGatewayLane(settings.kafka, wire, control, *place, group, settings.venue, clock, status), clock


def _ring_lane(settings: GatewaySettings, rings: FastShard, status: StatusFile) -> tuple[GatewayLane, RunClock]:
    path = settings.checkpoint or rings.checkpoint_path(settings.process)
    wire = Wire(SchemaIds(settings.registry))
    lane = RingGatewayLane(rings, settings.kafka, wire, settings.process, settings.venue, path, settings.wait, status)
    return lane, lane.clock


class _Gateway:
    """One run of the process. State changes only in the event loop."""

    def __init__(self, settings: GatewaySettings, lane: GatewayLane, clock: RunClock, client: VenueClient, status: StatusFile) -> None:
        self.settings, self.lane, self.clock, self.client, self.status = settings, lane, clock, client, status
        self.max_age_ns = int(settings.max_request_age_ns * (lane.run.speed or 1.0))
        self.state, self.kill, self.epoch = lane.state, lane.kill, lane.epoch
        self.names: dict[int, str] = {}  # client order id by order id, and back: working them out costs more than all else of a report
        self.order_ids: dict[str, int] = {}
        self.ready = False  # connected, and all doubt settled
        self.done = asyncio.Event()
        lane.at_once = self._dispatch_now
        _LOG.info("gateway starts", run=lane.run.run_number, orders=len(self.state.orders), unanswered=len(self.state.pending))
        status.write(state="running", run=lane.run.run_number)

    # ---- tasks ----
    async def run(self, stop: Event | None) -> None:
        """Until stopped; the first task that fails ends all."""
        if stop is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.done.set)
        jobs = (self._read(), self._obey(), self._connect(), self.lane.work(), self._watch(), self._report(), self._until(stop))
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.client.close()
        await self.lane.finish()

    async def _read(self) -> None:
        """Requests as they come."""
        while True:
            try:
                found = [p for p in await self.lane.requests() if self._is_untouched(p, None)]
                if found and self.ready:
                    await self._dispatch(found)
            except VenueError as error:
                await self._drop(error)

    async def _obey(self) -> None:
        """KILL, RESUME and the next RUN, beside the data."""
        while True:
            await self._on_commands(await self.lane.commands())
            if self.lane.new_run:
                self.done.set()

    async def _on_commands(self, commands: list[Command]) -> None:
        """Follow commands: what a KILL names is cancelled at the venue."""
        kills = [command for command in commands if self.kill.on_command(command)]
        if kills and self.ready:
            await self._cancel_killed_or_drop()
        for command in kills:
            _LOG.warning("kill", target=command.target or "all", reason=command.reason)

    async def _connect(self) -> None:
        """Hold the connection: settle all doubt, then take reports; again and again."""
        wait_s = _BACKOFF_S[0]
        while True:
            try:
                await self.client.connect()
                await self.lane.settled()  # fenced? Then another instance holds the venue's session now, and nothing may be sent
                await self._settle()
                self.ready = True
                wait_s = _BACKOFF_S[0]
                _LOG.info("venue connected", unanswered=len(self.state.pending))
                await self._send_unsent()
                while True:
                    for report in await self.client.reports():
                        self._on_report(report)
                        if urgent := self.lane.urgent():
                            await self._on_commands(urgent)
            except VenueError as error:
                self.ready = False
                _LOG.warning("venue away", reason=str(error), again_in_s=wait_s)
                for pending in self.state.pending.values():
                    pending.sent_s = None
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _BACKOFF_S[1])

    async def _watch(self) -> None:
        """Ask the venue about answers that stay away; refuse what cannot be sent while it is away itself."""
        while True:
            await asyncio.sleep(self.settings.answer_timeout_s / 4)
            for pending in [] if self.ready else [p for p in self.state.pending.values() if not p.in_doubt]:
                self._refused(pending)
            late_s = time.monotonic() - self.settings.answer_timeout_s
            if self.ready and any(p.sent_s is not None and p.sent_s < late_s for p in self.state.pending.values()):
                _LOG.warning("answer stays away; asking the venue", unanswered=len(self.state.pending))
                try:
                    await self._settle()
                except VenueError as error:
                    await self._drop(error)

    async def _report(self) -> None:
        """Counters for the live table."""
        while True:
            now = self.status.now
            now.records_out, now.dead_letters, now.lag = self.lane.written, self.lane.letters_written, len(self.state.pending)
            self.status.write(state="running")
            await asyncio.sleep(1.0)

    async def _until(self, stop: Event | None) -> None:
        while not self.done.is_set() and not (stop is not None and stop.is_set()):
            await asyncio.sleep(0.05)

    # ---- sending ----
    async def _dispatch(self, found: list[Pending]) -> None:
        """Send requests; those that may not be sent are refused."""
        if urgent := self.lane.urgent():
            before = [(pending, pending.sent_s) for pending in found]
            await self._on_commands(urgent)
            found = [pending for pending, sent_s in before if self._is_untouched(pending, sent_s)]
        if found := self._in_doubt(found):
            await self.client.send_all([Outgoing(p.request, self._cl_ord_id(p.request.order_id), p.text) for p in found])
            self.lane.sent(found)

    def _dispatch_now(self, found: list[Pending]) -> list[Pending]:
        """The same within this call, of requests that have just come; what is left if the connection cannot take it now."""
        if not self.ready or any(pending.text is None for pending in found):
            return found
        found = self._in_doubt(found)
        texts = [pending.text for pending in found if pending.text is not None]
        if texts and not self.client.send_now(texts):
            for pending in found:
                pending.sent_s, pending.in_doubt = None, False
            return found
        self.lane.sent(found)
        for pending in found:
            self._cl_ord_id(pending.request.order_id)  # its answer will ask for it
        return []

    def _in_doubt(self, found: list[Pending]) -> list[Pending]:
        """Requests that may be sent, in doubt from now on; the others are refused."""
        allowed = [pending for pending in found if not self._refused(pending)]
        sent_s = time.monotonic()
        for pending in allowed:
            pending.sent_s, pending.in_doubt = sent_s, True
        return allowed

    def _is_untouched(self, pending: Pending, sent_s: float | None) -> bool:
        """A request waits for its answer as it did when it was last sent at `sent_s`: no other task has sent it since."""
        return pending.sent_s == sent_s and pending.request.id in self.state.pending

    def _refused(self, pending: Pending) -> bool:
        """Refuse a NEW or REPLACE that is killed or too old; false if it may be sent."""
        request = pending.request
        reason, code = self.kill.refusal(request), DenyCode.HALTED
        age_ns = self.clock.now_ns() - request.ts_ns
        if reason is None and request.action != OrderAction.CANCEL and age_ns > self.max_age_ns:
            reason = f"stale: {age_ns / 1e9:.3f} s old, at most {self.max_age_ns / 1e9:.3f} s are allowed"
            code = DenyCode.STALE_REQUEST
        if reason is not None:
            self._emit(pending.refusal(), request, request_id=request.id, reason=reason, code=code)
        return reason is not None

    async def _drop(self, error: VenueError) -> None:
        """The connection fails: the connecting task notices, and settles what was in doubt."""
        self.ready = False
        _LOG.warning("connection dropped", reason=str(error))
        await self.client.close()

    async def _send_unsent(self) -> None:
        """Requests that were read while doubt was settled."""
        await self._dispatch([pending for pending in self.state.pending.values() if pending.sent_s is None])

    async def _cancel_killed(self) -> None:
        """Cancel at the venue what a KILL names."""
        if "" in self.kill.killed:
            await self.client.cancel_all()
            return
        for order in self.state.live():
            if self.kill.hits(order.request):
                cancel = order.request._replace(action=OrderAction.CANCEL, id=0, qty_e9=0)
                await self.client.send(cancel, self._cl_ord_id(order.request.order_id))

    async def _cancel_killed_or_drop(self) -> None:
        try:
            await self._cancel_killed()
        except VenueError as error:
            await self._drop(error)

    # ---- doubt ----
    async def _settle(self) -> None:
        """Ask the venue until nothing is in doubt: what it has of ours, what it did meanwhile, what it never saw."""
        unanswered = [(pending, pending.sent_s) for pending in self.state.pending.values()]
        for pending, _ in unanswered:
            if pending.request.action == OrderAction.NEW:
                await self._find_new(pending)
        for report in await self.client.executions(self.state.last_exec_id):
            self._on_report(report)
        await self._find_ended()
        if self.lane.recovered:
            await self._cancel_unknown()
        for pending, sent_s in unanswered:
            untouched = self._is_untouched(pending, sent_s)
            if untouched and pending.request.action == OrderAction.REPLACE and await self._found_replaced(pending):
                continue
            if self._is_untouched(pending, sent_s):
                await self._dispatch([pending])
        if self.kill.killed:
            await self._cancel_killed()

    async def _find_new(self, pending: Pending) -> None:
        """Write the answer to a NEW if the venue has it; then it is not sent again."""
        found = await self.client.order(self._cl_ord_id(pending.request.order_id))
        if found is not None and pending.request.id in self.state.pending:
            kind = VenueEventType.REJECT if found.ended == VenueEventType.REJECT else VenueEventType.ACK
            self._emit_state(kind, pending.request, found, pending.request.id)

    async def _found_replaced(self, pending: Pending) -> bool:
        """Write the answer to a REPLACE that the venue has done, or can no longer do; false if it may be sent."""
        request = pending.request
        found = await self.client.order(self._cl_ord_id(request.order_id))
        if found is None or request.id not in self.state.pending:
            return found is not None
        if found.ended is not None:
            self._emit(VenueEventType.REPLACE_REJECT, request, request_id=request.id, reason="order has ended")
            return True
        if (found.px_e9, found.qty_e9) == (request.px_e9, request.qty_e9):
            self._emit_state(VenueEventType.REPLACED, request, found, request.id)
            return True
        return False

    async def _find_ended(self) -> None:
        """Write the end of orders that ended while nobody listened. It answers a CANCEL that waits for it."""
        still_open = {order.cl_ord_id for order in await self.client.open_orders()}
        cancels = {p.request.order_id: p.request.id for p in self.state.pending.values() if p.request.action == OrderAction.CANCEL}
        for order in self.state.live():
            request = order.request
            if self._cl_ord_id(request.order_id) in still_open:
                continue
            found = await self.client.order(self._cl_ord_id(request.order_id))
            if found is None:
                _LOG.error("the venue does not know an order it has accepted", order=ids.text(request.order_id))
            elif found.ended is not None and found.ended != VenueEventType.FILL and not order.ended:
                asked = cancels.get(request.order_id) if found.ended == VenueEventType.CANCELLED else None
                self._emit_state(found.ended, request, found, asked)

    async def _cancel_unknown(self) -> None:
        """Cancel orders of ours that no record tells of: their requests were lost with the host, and nobody would ever close them."""
        for found in await self.client.open_orders():
            order_id = self._order_id(found.cl_ord_id)
            if order_id and order_id not in self.state.orders and order_id not in self.state.ended_values:
                _LOG.error("an order that no record tells of is cancelled", order=ids.text(order_id), symbol=found.symbol)
                head = (0, 0, self.lane.run.run_number or 0, 0, 0, OrderAction.CANCEL, order_id, found.cl_ord_id)
                names = (self.settings.venue, found.symbol, "", "")
                terms = (Side.BUY, OrdType.LIMIT, TimeInForce.GTC, False, False, 0)  # a cancel says none of them
                await self.client.send(Request(*head, *names, *terms), found.cl_ord_id)

    # ---- events ----
    def _on_report(self, report: VenueReport) -> None:
        """A report becomes an event, unless it was written already or is not about an order of ours."""
        order_id, request_id = self._order_id(report.cl_ord_id), report.request_id or None
        about = self.state.pending.get(request_id or 0) or self.state.orders.get(order_id)
        about = about or self.state.revive(order_id, self.lane.request_of)
        if not order_id or about is None:
            say = _LOG.error if report.kind == VenueEventType.FILL else _LOG.warning
            say("report on an order that is not ours", cl_ord_id=report.cl_ord_id, kind=report.kind.name)
            return
        if not self.state.is_news(report.kind, order_id, request_id, report.exec_id):
            return
        accepted = report.kind in (VenueEventType.ACK, VenueEventType.REPLACED)
        self._emit(
            report.kind,
            about.request,
            request_id=request_id,
            exch_ts_ns=report.exch_ts_ns,
            venue_order_id=report.venue_order_id,
            raw=report.raw,
            exec_id=report.exec_id,
            last_px_e9=report.last_px_e9,
            last_qty_e9=report.last_qty_e9,
            px_e9=report.px_e9 if accepted else None,
            qty_e9=report.qty_e9 if accepted else None,
            maker=report.maker,
            fee=report.fee,
            fee_currency=report.fee_currency,
            reason=report.reason,
        )

    def _emit_state(self, kind: VenueEventType, request: Request, found: OrderState, request_id: int | None) -> None:
        """An event from what the venue says of an order when asked."""
        accepted = kind in (VenueEventType.ACK, VenueEventType.REPLACED)
        self._emit(
            kind,
            request,
            request_id=request_id,
            exch_ts_ns=found.exch_ts_ns,
            venue_order_id=found.venue_order_id,
            raw=found.raw,
            px_e9=found.px_e9 if accepted else None,
            qty_e9=found.qty_e9 if accepted else None,
            reason=found.reason,
        )

    def _emit(
        self,
        kind: VenueEventType,
        request: Request,
        *,
        request_id: int | None,
        exch_ts_ns: int = 0,
        venue_order_id: str = "",
        raw: bytes = b"",
        **more: Any,
    ) -> None:
        """Queue one event with the next id, and know it from now on."""
        order, answers = self.state.orders.get(request.order_id), self.state.pending.get(request_id or 0)
        cause_id = request_id or (request.id if order is None else order.cause_id)
        more |= {"request_id": request_id, "exch_ts_ns": exch_ts_ns, "venue_order_id": venue_order_id}
        self.state.on_event(self.lane.event(kind, request, cause_id, answers, raw, **more))
        self.lane.flush()
        if request.order_id in self.state.ended_values:  # a late report's name is worked out again
            self.order_ids.pop(self.names.pop(request.order_id, ""), 0)

    def _cl_ord_id(self, order_id: int) -> str:
        name = self.names.get(order_id)
        if name is None:
            name = self.names[order_id] = ids.cl_ord_id(self.epoch, order_id)
            self.order_ids[name] = order_id
        return name

    def _order_id(self, cl_ord_id: str) -> int:
        """The order of a client order id, 0 if it is none of ours."""
        found = self.order_ids.get(cl_ord_id)
        if found is None:
            try:
                epoch, found = ids.order_id(cl_ord_id)
            except UnitError:
                epoch = 0
            found = found if found is not None and epoch == self.epoch else 0
        return found

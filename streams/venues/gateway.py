"""The gateway: a shell between `requests.v1` and one venue. It decides nothing but what contract 20 settles: what was answered, what is too
old to send, what a KILL stops.

A request's offset is committed with the venue's first answer to it, in one transaction with the event: the committed offset is that of the
first unanswered request. Whenever a connection opens, and when an answer stays away, the gateway asks the venue: which of the unanswered
orders it has, what was executed since the last execution written, which orders are open. Only then it sends what the venue has never seen.
"""

import asyncio
import signal
import time
from dataclasses import dataclass
from threading import Event
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.clock import RunClock
from streams.errors import DecodeError, UnitError, VenueError
from streams.lanes.bus import Transactions, explain, list_topics, open_consumer, read_range, tail_records
from streams.lanes.control import COMMANDS, Control, read_control
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.records import Clock, OrderAction, Request, VenueEvent, VenueEventType
from streams.schema import ids
from streams.venues.client import OrderState, VenueClient, VenueReport
from streams.venues.gateway_state import GatewayState, KillSwitch, Pending
from streams.venues.sim.client import SimClient

__all__ = ["GatewaySettings", "run_gateway"]

REQUESTS = "requests.v1"
EVENTS = "venue_events.v1"
_LOG = structlog.get_logger("gateway")
_READ_S = 0.02
_BACKOFF_S = (0.05, 2.0)
_COMMAND_SETTINGS = {"queued.min.messages": 100, "queued.max.messages.kbytes": 1024, "fetch.wait.max.ms": 20}


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


def run_gateway(settings: GatewaySettings, stop: Event | None = None, client: VenueClient | None = None) -> int:
    """Carry requests and events until `stop` is set or SIGTERM comes; the exit code, 0. The simulated venue's client by default.

    Raises LaneError without broker, registry, run or names, and when a transaction fails; FencedError when another instance took over.
    A venue that is away is no error: it connects again and again.
    """
    wire = Wire(SchemaIds(settings.registry))
    control = read_control(settings.kafka, wire)
    gateway = _Gateway(settings, control, wire, client or SimClient(settings.url, f"{settings.process}/{settings.shard}"))
    asyncio.run(gateway.run(stop))
    _LOG.info("gateway ends", events=gateway.written, unanswered=len(gateway.state.pending))
    return 0


class _Gateway:
    """One run of the process. State changes only in the event loop; waiting for Kafka happens in threads."""

    def __init__(self, settings: GatewaySettings, control: Control, wire: Wire, client: VenueClient) -> None:
        run = control.last_run()
        self.settings, self.wire, self.client, self.epoch, self.run_id = settings, wire, client, control.epoch, run.run_number or 0
        self.clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
        self.max_age_ns = int(settings.max_request_age_ns * (run.speed or 1.0))
        self.kill = KillSwitch(control.limits, control.commands)
        self.state = GatewayState()
        self.ready = False  # connected, and all doubt settled
        self.written = 0
        self.queue: list[VenueEvent] = []
        self.wake = asyncio.Event()
        group = f"{settings.topology}.{settings.process}.{settings.shard}"
        self.transactions = Transactions(settings.kafka, group)  # first: it fences and settles what a dead instance left
        self.consumer = open_consumer(settings.kafka, group)
        self.commands = _open_commands(settings.kafka, control)
        self.known_commands = {command.id for command in control.commands}
        self.ids = ids.Counter(control.writer(writer_name(settings.process, settings.shard, EVENTS)))
        self._load(control.start_positions())

    # ---- start ----
    def _load(self, starts: dict[tuple[str, int], int]) -> None:
        """Read the run's own events and requests up to now."""
        kafka, shard, writer = self.settings.kafka, self.settings.shard, ids.writer(self.ids.base)
        self.consumer.committed([TopicPartition(REQUESTS, shard)], 20.0)  # makes the offsets topic of a new broker
        self.state.next_offset = start = starts.get((REQUESTS, shard), 0)
        for message in read_range(kafka, REQUESTS, shard, start):
            self._take(message)
        for message in read_range(kafka, EVENTS, shard, starts.get((EVENTS, shard), 0)):
            event = self._decode(message)
            if isinstance(event, VenueEvent) and ids.writer(event.id) == writer and event.run_id == self.run_id:
                self.ids.sequence = max(self.ids.sequence, ids.sequence(event.id))
                self.state.on_event(event)
        if self.ids.sequence == 0:  # nothing in this run: the writer's last id of an earlier one
            found = tail_records(kafka, EVENTS, shard, lambda m: ids.writer(getattr(self._decode(m), "id", 0)) == writer)
            self.ids.sequence = ids.sequence(self._decode(found[0]).id) if found else 0
        self.consumer.assign([TopicPartition(REQUESTS, shard, self.state.next_offset)])
        _LOG.info("gateway starts", run=self.run_id, orders=len(self.state.orders), unanswered=len(self.state.pending))

    def _take(self, message: Message) -> Pending | None:
        """Note a request; itself if it is to be sent."""
        request, offset = self._decode(message), message.offset() or 0
        if isinstance(request, Request) and request.run_id == self.run_id and request.venue == self.settings.venue:
            return self.state.on_request(request, offset)
        self.state.skip(offset)
        return None

    def _decode(self, message: Message) -> Any:
        try:
            return self.wire.decode(message.topic() or "", message.value())
        except DecodeError as error:
            _LOG.error("record cannot be read", topic=message.topic(), offset=message.offset(), reason=str(error))
            return None

    # ---- tasks ----
    async def run(self, stop: Event | None) -> None:
        """Until stopped; the first task that fails ends all."""
        done = asyncio.Event()
        if stop is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, done.set)
        jobs = (self._read(), self._obey(), self._connect(), self._write(), self._watch(), _until(stop, done))
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
            self.consumer.close()
            self.commands.close()
            self.transactions.close()

    async def _read(self) -> None:
        """Requests as they come."""
        while True:
            for message in await asyncio.to_thread(self.consumer.consume, 500, _READ_S):
                if _is_record(message, self.settings.kafka):
                    pending = self._take(message)
                    if pending is not None and self.ready:
                        await self._dispatch_or_drop(pending)

    async def _obey(self) -> None:
        """KILL and RESUME, beside the data."""
        while True:
            for message in await asyncio.to_thread(self.commands.consume, 100, _READ_S):
                command = self._decode(message) if _is_record(message, self.settings.kafka) else None
                if command is None or command.id in self.known_commands:
                    continue
                if self.kill.on_command(command):
                    _LOG.warning("kill", target=command.target or "all", reason=command.reason)
                    if self.ready:
                        await self._cancel_killed_or_drop()

    async def _connect(self) -> None:
        """Hold the connection: settle all doubt, then take reports; again and again."""
        wait_s = _BACKOFF_S[0]
        while True:
            try:
                await self.client.connect()
                await self._settle()
                self.ready = True
                wait_s = _BACKOFF_S[0]
                _LOG.info("venue connected", unanswered=len(self.state.pending))
                await self._send_unsent()
                while True:
                    self._on_report(await self.client.report())
            except VenueError as error:
                self.ready = False
                _LOG.warning("venue away", reason=str(error), again_in_s=wait_s)
                for pending in self.state.pending.values():
                    pending.sent_s = None
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _BACKOFF_S[1])

    async def _watch(self) -> None:
        """Ask the venue about answers that stay away."""
        while True:
            await asyncio.sleep(self.settings.answer_timeout_s / 4)
            late_s = time.monotonic() - self.settings.answer_timeout_s
            if self.ready and any(p.sent_s is not None and p.sent_s < late_s for p in self.state.pending.values()):
                _LOG.warning("answer stays away; asking the venue", unanswered=len(self.state.pending))
                try:
                    await self._settle()
                except VenueError as error:
                    await self._drop(error)

    async def _write(self) -> None:
        """Events to the topic, with the position that they leave, in one transaction."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            events, self.queue = self.queue, []
            if events:
                await asyncio.to_thread(self._commit, events, self.state.position())
                self.written += len(events)

    def _commit(self, events: list[VenueEvent], position: int) -> None:
        self.transactions.begin()
        for event in events:
            self.transactions.send(EVENTS, self.settings.shard, self.wire.encode(EVENTS, event))
        self.transactions.commit({(REQUESTS, self.settings.shard): position}, self.consumer)

    # ---- sending ----
    async def _dispatch(self, pending: Pending) -> None:
        """Send a request, or refuse it: killed, or too old."""
        request = pending.request
        reason = self.kill.refusal(request)
        age_ns = self.clock.now_ns() - request.ts_ns
        if reason is None and request.action != OrderAction.CANCEL and age_ns > self.max_age_ns:
            reason = f"stale: {age_ns / 1e9:.3f} s old, at most {self.max_age_ns / 1e9:.3f} s are allowed"
        if reason is not None:
            self._emit(pending.refusal(), request, request_id=request.id, reason=reason)
            return
        pending.sent_s = time.monotonic()
        await self.client.send(request, self._cl_ord_id(request.order_id))

    async def _dispatch_or_drop(self, pending: Pending) -> None:
        try:
            await self._dispatch(pending)
        except VenueError as error:
            await self._drop(error)

    async def _drop(self, error: VenueError) -> None:
        """The connection fails: the connecting task notices, and settles what was in doubt."""
        self.ready = False
        _LOG.warning("connection dropped", reason=str(error))
        await self.client.close()

    async def _send_unsent(self) -> None:
        """Requests that were read while doubt was settled."""
        for pending in list(self.state.pending.values()):
            if pending.sent_s is None and pending.request.id in self.state.pending:
                await self._dispatch(pending)

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
        unanswered = list(self.state.pending.values())
        for pending in unanswered:
            if pending.request.action == OrderAction.NEW:
                await self._find_new(pending)
        for report in await self.client.executions(self.state.last_exec_id):
            self._on_report(report)
        await self._find_ended()
        for pending in unanswered:
            if pending.request.id not in self.state.pending:
                continue
            if pending.request.action == OrderAction.REPLACE and await self._found_replaced(pending):
                continue
            await self._dispatch(pending)
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

    # ---- events ----
    def _on_report(self, report: VenueReport) -> None:
        """A report becomes an event, unless it was written already or is not about an order of ours."""
        try:
            epoch, order_id = ids.order_id(report.cl_ord_id)
        except UnitError:
            epoch = order_id = 0
        request_id = report.request_id or None
        about = self.state.pending.get(request_id or 0) or self.state.orders.get(order_id)
        if epoch != self.epoch or about is None:
            _LOG.warning("report on an order that is not ours", cl_ord_id=report.cl_ord_id, kind=report.kind.name)
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
        order = self.state.orders.get(request.order_id)
        cause_id = request_id or (request.id if order is None else order.cause_id)
        now_ns = self.clock.now_ns()
        head = (self.ids.next(), cause_id, self.run_id, now_ns, now_ns)
        about = (kind, request.order_id, request.venue, request.symbol, exch_ts_ns, venue_order_id, raw)
        event = VenueEvent(*head, *about, request_id=request_id, **more)
        self.state.on_event(event)
        self.queue.append(event)
        self.wake.set()

    def _cl_ord_id(self, order_id: int) -> str:
        return ids.cl_ord_id(self.epoch, order_id)


def _open_commands(kafka: str, control: Control) -> Consumer:
    """The command topic from the RUN record on."""
    consumer = open_consumer(kafka, settings=_COMMAND_SETTINGS)
    partitions = range(list_topics(kafka).get(COMMANDS, 0))
    consumer.assign([TopicPartition(COMMANDS, p, control.run_offset + 1 if p == 0 else 0) for p in partitions])
    return consumer


def _is_record(message: Message, kafka: str) -> bool:
    """False for an event that librdkafka recovers from by itself; LaneError for one it does not."""
    error = message.error()
    if error is None:
        return True
    if error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._PARTITION_EOF):
        raise explain(error, kafka, f"reading {message.topic()}[{message.partition()}]")
    return False


async def _until(stop: Event | None, done: asyncio.Event) -> None:
    while not done.is_set() and not (stop is not None and stop.is_set()):
        await asyncio.sleep(0.05)

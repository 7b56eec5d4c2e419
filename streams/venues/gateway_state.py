"""What a gateway knows: its orders, its unanswered requests, and what it has written. Pure: no socket, no topic, no clock.

It is built anew at every start from the run's requests and then the gateway's own venue events, and kept by the same two calls.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from streams.records import Command, CommandType, Limit, OrderAction, Request, VenueEvent, VenueEventType

__all__ = ["ENDS", "Endings", "GatewayOrder", "GatewayState", "KillSwitch", "Pending"]

_ANSWER_TO = {
    OrderAction.NEW: VenueEventType.REJECT,
    OrderAction.REPLACE: VenueEventType.REPLACE_REJECT,
    OrderAction.CANCEL: VenueEventType.CANCEL_REJECT,
}
ENDS = {VenueEventType.REJECT, VenueEventType.CANCELLED, VenueEventType.EXPIRED}


@dataclass(slots=True)
class Pending:
    """A request that has no answer yet.

    value             : the request as its lane carries it; `GatewayLane.request_of` reads it again
    sent_s            : monotonic time when it was sent on the present connection, None = not
    in_doubt          : the venue may have it: it was sent once, or was read by an earlier instance
    came_ms           : Kafka's timestamp of it, 0 = not known
    taken_ns, sent_ns : wall time when it was read and last sent
    wire_mono_ns, checked_mono_ns : monotonic time of the frame that led to it, and when it stood in the lane's ring, 0 = not known
    text              : the request in the venue's words, if they have been found already
    """

    request: Request
    offset: int
    value: bytes = b""
    sent_s: float | None = None
    in_doubt: bool = False
    came_ms: int = 0
    taken_ns: int = 0
    sent_ns: int = 0
    wire_mono_ns: int = 0
    checked_mono_ns: int = 0
    text: str | None = None

    def refusal(self) -> VenueEventType:
        """The kind of event that refuses it."""
        return _ANSWER_TO[self.request.action]


@dataclass(slots=True)
class GatewayOrder:
    """One order as far as its events go. request: its NEW; cause_id: the request that its fills come from; value: as in Pending."""

    request: Request
    cause_id: int
    acked: bool = False
    ended: bool = False
    triggered: bool = False
    leaves_e9: int = 0
    value: bytes = b""


@dataclass(slots=True)
class Endings:
    """What a checkpoint has to add to the one before: orders that have ended, with the value of their NEW, and executions."""

    orders: list[tuple[int, bytes]] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class GatewayState:
    """Orders by order id, unanswered requests by request id in the order of the topic, executions written.

    next_offset  : where the next request to read stands
    ended_values : value of the NEW of orders that have ended, by order id: a late fill may still come
    last_request : id of the newest request read, 0 = none; the lane's ids rise
    endings      : if it is given, what ends is told to it, too
    """

    next_offset: int = 0
    orders: dict[int, GatewayOrder] = field(default_factory=dict)
    pending: dict[int, Pending] = field(default_factory=dict)
    executions: set[str] = field(default_factory=set)
    last_exec_id: str | None = None
    last_request: int = 0
    ended_values: dict[int, bytes] = field(default_factory=dict)
    endings: Endings | None = None

    def on_request(self, request: Request, offset: int, value: bytes = b"") -> Pending:
        """A request is read; itself, without an answer yet."""
        self.next_offset, self.last_request = offset + 1, max(self.last_request, request.id)
        if request.action == OrderAction.NEW and request.order_id not in self.orders:
            self.orders[request.order_id] = GatewayOrder(request, request.id, leaves_e9=request.qty_e9, value=value)
        pending = self.pending[request.id] = Pending(request, offset, value)
        return pending

    def skip(self, offset: int) -> None:
        """A record that is not for this gateway is read."""
        self.next_offset = offset + 1

    def on_event(self, event: VenueEvent) -> None:
        """An event is written (or read back, after a start)."""
        if event.request_id is not None:
            self.pending.pop(event.request_id, None)
        if event.kind == VenueEventType.FILL and event.exec_id is not None:
            self.executions.add(event.exec_id)
            self.last_exec_id = event.exec_id
            if self.endings is not None:
                self.endings.executions.append(event.exec_id)
        order = self.orders.get(event.order_id)
        if order is None:
            return
        if event.kind == VenueEventType.ACK:
            order.acked = True
        elif event.kind == VenueEventType.TRIGGERED:
            order.triggered = True
        elif event.kind == VenueEventType.FILL:
            order.leaves_e9 -= event.last_qty_e9 or 0
        elif event.kind == VenueEventType.REPLACED:
            order.leaves_e9 += (event.qty_e9 or order.request.qty_e9) - order.request.qty_e9
            order.request = order.request._replace(px_e9=event.px_e9, qty_e9=event.qty_e9 or order.request.qty_e9)
            order.cause_id = event.request_id or order.cause_id
        order.ended |= event.kind in ENDS or order.leaves_e9 <= 0
        if order.ended and order.value:
            self._end(event.order_id, order.value)

    def revive(self, order_id: int, request_of: Callable[[bytes], Request]) -> GatewayOrder | None:
        """An order that has ended and of which the venue tells something still; None if there is none."""
        value = self.ended_values.get(order_id)
        if value is None:
            return None
        request = request_of(value)
        return GatewayOrder(request, request.id, acked=True, ended=True)

    def _end(self, order_id: int, value: bytes) -> None:
        """Of an ended order its value is enough."""
        del self.orders[order_id]
        self.ended_values[order_id] = value
        if self.endings is not None:
            self.endings.orders.append((order_id, value))

    def is_news(self, kind: VenueEventType, order_id: int, request_id: int | None, exec_id: str | None) -> bool:
        """The event has not been written: its request is unanswered, its execution, or the order's trigger or end is new."""
        if kind == VenueEventType.FILL:
            return exec_id not in self.executions
        if request_id is not None:
            return request_id in self.pending
        order = self.orders.get(order_id)
        if order is None or order.ended:
            return False
        return kind in ENDS or (kind == VenueEventType.TRIGGERED and not order.triggered)

    def position(self) -> int:
        """Offset of the first unanswered request: what is committed."""
        first = next(iter(self.pending.values()), None)
        return self.next_offset if first is None else min(self.next_offset, first.offset)

    def live(self) -> list[GatewayOrder]:
        """Orders that the venue has accepted and that have not ended, as far as the events go."""
        return [order for order in self.orders.values() if order.acked and not order.ended]


class KillSwitch:
    """What KILL has stopped and RESUME has not freed. A target is "" (all), a scope ("desk:crypto"), an account, a strategy, a venue or
    "venue:symbol"."""

    def __init__(self, limits: Iterable[Limit], commands: Iterable[Command] = ()) -> None:
        self.killed: dict[str, str] = {}  # target -> reason
        self._parents: dict[str, str | None] = {}
        for limit in limits:
            self.on_limit(limit)
        for command in commands:
            self.on_command(command)

    def on_limit(self, limit: Limit) -> None:
        """Take a limit: it says what stands above its scope."""
        self._parents[limit.scope] = limit.parent

    def on_command(self, command: Command) -> bool:
        """Take a command; true for a KILL: what it names is to be cancelled at the venue now."""
        if command.kind == CommandType.KILL:
            self.killed[command.target] = command.reason
        elif command.kind == CommandType.RESUME and command.target == "":
            self.killed.clear()
        elif command.kind == CommandType.RESUME:
            self.killed.pop(command.target, None)
        return command.kind == CommandType.KILL

    def refusal(self, request: Request) -> str | None:
        """Why a request is not sent, None if it may be."""
        if self.killed and request.action != OrderAction.CANCEL:
            for target in self.targets(request):
                if target in self.killed:
                    return f"killed: {target or 'all'}: {self.killed[target]}"
        return None

    def hits(self, request: Request) -> bool:
        """The order of this NEW is under a KILL."""
        return any(target in self.killed for target in self.targets(request))

    def targets(self, request: Request) -> list[str]:
        """Every target that names a request."""
        found = ["", request.venue, f"{request.venue}:{request.symbol}", request.account, request.strategy, "firm"]
        scope: str | None = f"account:{request.account}"
        while scope is not None and scope not in found:
            found.append(scope)
            scope = self._parents.get(scope)
        return found

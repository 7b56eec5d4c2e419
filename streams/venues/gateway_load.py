"""What a gateway's run has come to, read back when it starts: of orders that have ended only the bytes of their NEW are kept.

Columns tell which orders have ended and which requests are answered; records are made of the few that are left. The result is that of
`GatewayState.on_request` and `on_event` called with every record of the run, but that ended orders stand in `ended_values`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from streams.errors import DecodeError
from streams.lanes.messages import Messages, Place
from streams.lanes.wire import Wire
from streams.records import OrderAction, VenueEventType
from streams.schema import bulk, ids, model
from streams.schema.bulk import Column, Columns
from streams.venues.gateway_lane import EVENTS, REQUESTS
from streams.venues.gateway_range import read_up_to_now
from streams.venues.gateway_state import ENDS, GatewayState

__all__ = ["Loader", "load"]

OnDamage = Callable[[int, bytes | None, str], None]
_REQUEST = ("run_id", "venue", "id", "order_id", "action", "qty_e9")
_EVENT = ("run_id", "id", "kind", "order_id", "request_id", "exec_id", "last_qty_e9")


def load(
    kafka: str, wire: Wire, run_id: int, shard: int, venue: str, writer_base: int, starts: dict[Place, int], on_damage: OnDamage
) -> GatewayState:
    """The state that the run's own events and requests have come to by now. starts: where the run's records begin; else see Loader."""
    loader = Loader(wire, run_id, venue, writer_base, on_damage)
    start = starts.get((REQUESTS, shard), 0)
    for messages in read_up_to_now(kafka, (REQUESTS, shard), start):
        loader.add_requests(messages.offset.tolist(), messages.timestamp_ms.tolist(), _values(messages))
    for messages in read_up_to_now(kafka, (EVENTS, shard), starts.get((EVENTS, shard), 0)):
        loader.add_events(_values(messages))
    state = loader.state()
    state.next_offset = max(start, state.next_offset)
    return state


class Loader:
    """Takes the requests of a run, then its events, then gives the state.

    run_id, venue : whose requests are ours
    writer_base   : an id of our events without its sequence
    on_damage     : called with offset, value and reason of a request that cannot be read
    """

    def __init__(self, wire: Wire, run_id: int, venue: str, writer_base: int, on_damage: OnDamage) -> None:
        self._wire, self._run_id, self._venue, self._base, self._on_damage = wire, run_id, venue, writer_base, on_damage
        self._state = GatewayState()
        self._requests: dict[int, list[_Seen]] = {}  # by order
        self._left_e9: dict[int, int] = {}  # of each order, as long as fills alone have changed it
        self._events: dict[int, list[bytes]] = {}  # by order that has not ended
        self._answered: set[int] = set()
        self._ended: set[int] = set()

    def add_requests(self, offsets: Sequence[int], times_ms: Sequence[int], values: Sequence[bytes | None]) -> None:
        """The next requests of the topic: offset, Kafka's timestamp in ms, and value of each."""
        for row, cells in self._cells(REQUESTS, _REQUEST, values, lambda row, why: self._on_damage(offsets[row], values[row], why)):
            run_id, venue, id, order_id, action, qty_e9 = cells
            if run_id != self._run_id or venue != self._venue:
                continue
            self._state.last_request = max(self._state.last_request, id)
            if action == OrderAction.NEW:
                self._left_e9.setdefault(order_id, qty_e9)
            seen = _Seen(offsets[row], times_ms[row], id, values[row] or b"")
            self._requests.setdefault(order_id, []).append(seen)
        if offsets:
            self._state.next_offset = offsets[-1] + 1

    def add_events(self, values: Sequence[bytes | None]) -> None:
        """The next events of the topic, after all requests."""
        for row, (run_id, id, kind, order_id, answer, exec_id, qty_e9) in self._cells(EVENTS, _EVENT, values, _damaged):
            if run_id != self._run_id or id - ids.sequence(id) != self._base:
                continue
            if answer is not None:
                self._answered.add(answer)
            if kind == VenueEventType.FILL:
                self._state.executions.add(exec_id)
                self._state.last_exec_id = exec_id
                if order_id in self._left_e9:
                    self._left_e9[order_id] -= qty_e9 or 0
            elif kind == VenueEventType.REPLACED:
                self._left_e9.pop(order_id, None)
            if kind in ENDS or self._left_e9.get(order_id, 1) <= 0:
                self._ended.add(order_id)
                self._events.pop(order_id, None)
            elif order_id not in self._ended:
                self._events.setdefault(order_id, []).append(values[row] or b"")

    def state(self) -> GatewayState:
        """The state at the end of what was added."""
        state = self._state
        next_offset, last_exec_id = state.next_offset, state.last_exec_id
        kept: list[_Seen] = []
        for order_id, requests in self._requests.items():
            if order_id in self._ended:
                if requests[0].id == order_id:  # its NEW
                    state.ended_values[order_id] = requests[0].value
                requests = [one for one in requests if one.id not in self._answered]
            kept += requests
        for one in sorted(kept):
            pending = state.on_request(self._wire.decode(REQUESTS, one.value), one.offset, one.value)
            pending.came_ms = one.came_ms
        for order_id in state.ended_values:  # one whose NEW is unanswered all the same
            state.orders.pop(order_id, None)
        for values in self._events.values():
            for value in values:
                state.on_event(self._wire.decode(EVENTS, value))
        for id in self._answered:
            state.pending.pop(id, None)
        state.next_offset, state.last_exec_id = next_offset, last_exec_id
        return state

    def _cells(
        self, topic: str, names: tuple[str, ...], values: Sequence[bytes | None], on_damage: Callable[[int, str], None]
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """(row, fields) of every value that can be read; null is None."""
        found = bulk.decode(model.for_topic(topic), [value or b"" for value in values], self._wire.header(topic))
        if found.rows == len(values):
            yield from enumerate(zip(*(_list_of(found, found.columns[name]) for name in names), strict=True))
            return
        for row, value in enumerate(values):  # damaged, or of another version of the schema
            try:
                record = self._wire.decode(topic, value)
            except DecodeError as error:
                on_damage(row, str(error))
                continue
            yield row, tuple(getattr(record, name) for name in names)


class _Seen(NamedTuple):
    """A request of ours as it lies in the topic."""

    offset: int
    came_ms: int
    id: int
    value: bytes


def _list_of(found: Columns, column: Column) -> list[Any]:
    """A column as Python values: numbers (of an enum the symbol's index), texts as str, null as None."""
    if column.names is not None:
        texts = [_text(found, start, size) for start, size in column.names.tolist()]
        values = [texts[index] for index in column.values.tolist()] if texts else [None] * len(column.values)
    elif column.values.ndim == 2:
        values = [_text(found, start, size) for start, size in column.values.tolist()]
    else:
        values = column.values.tolist()
    if column.nulls is None:
        return values
    return [None if null else value for value, null in zip(values, column.nulls.tolist(), strict=True)]


def _values(messages: Messages) -> list[bytes | None]:
    return [messages.value(row) for row in range(len(messages))]


def _text(found: Columns, start: int, size: int) -> str:
    return found.buffer[start : start + size].tobytes().decode()


def _damaged(row: int, reason: str) -> None:
    """Nobody but this gateway writes its events: what cannot be read among them is another's."""

"""Where a gateway on rings begins without a checkpoint: the control topics, and what topics hold of the run.

A run's first start finds nothing there. After the loss of the host, which took rings and checkpoints with it, the topics are what is left.
"""

from dataclasses import dataclass

from streams.errors import LaneError
from streams.lanes.bus import end_offset
from streams.lanes.control import read_control
from streams.lanes.place import Place
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.schema import ids
from streams.schema.edge import Edge
from streams.venues.gateway_known import Known
from streams.venues.gateway_lane import EVENTS, REQUESTS
from streams.venues.gateway_load import load
from streams.venues.gateway_state import GatewayState
from streams.venues.gateway_writer import last_sequence

__all__ = ["Begun", "begin"]


@dataclass
class Begun:
    """What a gateway begins with.

    known     : of the control topics, as they were up to `positions`
    counters  : by topic that it writes
    state     : its values are slots
    recovered : the run has records already: the host was lost
    """

    known: Known
    positions: dict[Place, int]
    counters: dict[str, ids.Counter]
    state: GatewayState
    recovered: bool = False


def begin(kafka: str, wire: Wire, process: str, shard: int, venue: str, run_number: int, topics: tuple[str, ...]) -> Begun:
    """What the broker knows. topics: that the gateway writes. LaneError if the run that stands is not `run_number`."""
    control = read_control(kafka, wire)
    run = control.last_run()
    if run.run_number != run_number:
        raise LaneError(f"{process}: the rings are of run {run_number}, commands.v1 is at {run.run_number}; `millrace run` makes them anew")
    known = Known.of_control(wire, control)
    writers = {topic: control.writer(writer_name(process, shard, topic)) for topic in topics}
    counters = {topic: ids.Counter(writer, last_sequence(kafka, wire, topic, shard, writer)) for topic, writer in writers.items()}
    starts = control.start_positions()
    if end_offset(kafka, REQUESTS, shard) <= starts.get((REQUESTS, shard), 0):
        return Begun(known, dict(control.ends), counters, GatewayState())
    state = load(kafka, wire, run_number, shard, venue, counters[EVENTS].base, starts, lambda *_: None)
    _to_slots(state, wire, known.edge)
    return Begun(known, dict(control.ends), counters, state, recovered=True)


def _to_slots(state: GatewayState, wire: Wire, edge: Edge) -> None:
    """From now on values are slots, and places are those of the ring."""
    for order in state.orders.values():
        order.value = edge.to_slots(order.request)
    for pending in state.pending.values():
        pending.value, pending.offset, pending.in_doubt = edge.to_slots(pending.request), 0, True
    for order_id, value in state.ended_values.items():
        state.ended_values[order_id] = edge.to_slots(wire.decode(REQUESTS, value))
    state.next_offset = 0

"""How long the requests and answers of a run took, as a simulated venue takes measured latencies (`order_latency: {recorded: FILE}`)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from streams.errors import LaneError
from streams.lanes.bus import list_topics, read_range
from streams.lanes.control import Control
from streams.lanes.wire import Wire

__all__ = ["Measured", "measured", "read_order_latencies"]

REQUESTS, ANSWERS = "requests.v1", "venue_events.v1"


class Measured(NamedTuple):
    """Latencies of requests that a venue has answered.

    rows       : int64[n, 3]: when a request was decided, when the venue answered it by its own clock, when the answer was with us; ns by
                 the run's clock. Requests and venue times rise from row to row
    requests   : how many there were
    unanswered : those without an answer that has a venue's time
    backward   : those that the venue answered before they were decided, or after the answer was with us: its clock is another
    crossed    : those decided, or answered, at the same time as one in a row or before it: a row stands for them
    """

    rows: np.ndarray
    requests: int
    unanswered: int
    backward: int
    crossed: int


def read_order_latencies(bootstrap: str, wire: Wire, control: Control, run_number: int, venue: str) -> Measured:
    """Those of one venue in a run. LaneError for a run that is unknown or has none."""
    if run_number not in control.runs:
        raise LaneError(f"commands.v1: no run {run_number}; there are {', '.join(map(str, control.runs)) or 'none'}")
    starts = {(p.topic, p.partition): p.offset for p in control.runs[run_number][0].start_positions}

    def records(topic: str) -> Iterator[Any]:
        for partition in range(list_topics(bootstrap).get(topic, 0)):
            for message in read_range(bootstrap, topic, partition, starts.get((topic, partition), 0)):
                record = wire.decode(topic, message.value())
                if record.run_id == run_number and record.venue == venue:
                    yield record

    requests = np.array([(r.id, r.ts_ns) for r in records(REQUESTS)], np.int64).reshape(-1, 2)
    answers = [(a.request_id, a.exch_ts_ns, a.recv_ts_ns) for a in records(ANSWERS) if a.request_id is not None and a.exch_ts_ns > 0]
    found = measured(requests, np.array(answers, np.int64).reshape(-1, 3))
    if not len(found.rows):
        raise LaneError(f"run {run_number}: {venue} has answered none of its {found.requests} requests with a time that can be used")
    return found


def measured(requests: np.ndarray, answers: np.ndarray) -> Measured:
    """Rows from requests, int64[n, 2]: id, ns decided; and answers, int64[m, 3]: request id, venue's ns, ns received. The first answer to
    a request counts."""
    _, first = np.unique(answers[:, 0], return_index=True)
    answers = answers[first]
    place = np.searchsorted(answers[:, 0], requests[:, 0])
    answered = place < len(answers)
    answered[answered] = answers[place[answered], 0] == requests[answered, 0]
    rows = np.column_stack((requests[answered, 1], answers[place[answered], 1:]))
    forward = (np.diff(rows, axis=1) >= 0).all(1)
    rows = rows[forward]
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    before = np.maximum.accumulate(rows, axis=0)[:-1]
    rising = np.concatenate((np.ones(min(1, len(rows)), bool), (rows[1:, :2] > before[:, :2]).all(1)))
    kept = rows[rising]
    counts = len(requests), int((~answered).sum()), int((~forward).sum())
    return Measured(kept, *counts, len(rows) - len(kept))

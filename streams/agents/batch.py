"""BatchProcess: a process that carries arrays. Values of topics in, values of topics out; between them no Python object a record.

    batch = batch_of(process, wire)                       # compiled where the process is, else plain; wire None: bodies without header
    rows = batch.read("quotes.v1", address, size)         # int64 addresses (0 = no value) and sizes of values
    rows = batch.read_values("quotes.v1", [bytes, ...])
    rows.id, rows.run_id, rows.recv_ts_ns, rows.state     # arrays, one element a value; rows.reasons[row] where state is BAD
    queue = Queue.of([rows, other_rows], order)           # order: places in all rows, source after source, in consuming order; none BAD
    at = batch.carry(queue, first, last)                  # each input to completion; `last`, or less where outputs must be taken first
    queue.refused                                         # (place in the queue, reason) of the inputs that an agent refused
    reason = batch.carry_record(record)                   # one input as a record: None, or why it is refused
    batch.tick(id, ts_ns)                                 # a clock tick
    written = batch.written()                             # everything written since the last call: topic, id, start, size, buffer, digest
    batch.pending, batch.pending_bytes                    # how much that will be

Reading changes nothing, and does not depend on what is carried later: where a queue holds a name or an instrument, the rows behind it are
read again. What is carried may be any mixture of rows and places; the values must stay where they are until then. Order and bytes of the
outputs, and what is refused with which reason, are equal plain and compiled.

`batch.digest` is the rolling hash over the bodies written so far in the run (contract 16): set it before the first input.
`batch.rewrite` gives the body of a record in another version of its schema, for re-execution; None = today's. Set it between `written()`
and the next input.

An input that makes an agent fail raises StepError, whose `at` is its place in the queue; what was carried before it counts, but the state
is lost. `mark = batch.mark()` keeps the state, `batch.back(mark)` returns to it: with the digest, and with what was written and not yet
taken then (so take nothing in between). Only the last mark counts. Whoever then carries the same inputs without the one that failed has
lost nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from streams.agents.batch_compiled import CompiledBatch
from streams.agents.batch_plain import PlainBatch
from streams.agents.market_node import PlainMarket
from streams.agents.process import Process
from streams.agents.rows import BAD, GOOD, RECORD, REFUSALS, Count, Queue, Refusal, Rows, WireLike, Written
from streams.agents.runner import PlainNode

__all__ = [
    "BAD",
    "GOOD",
    "RECORD",
    "REFUSALS",
    "BatchProcess",
    "Count",
    "Queue",
    "Refusal",
    "Rows",
    "WireLike",
    "Written",
    "batch_of",
]


class BatchProcess(Protocol):
    """What a lane, restore and verify do with a process; see the module."""

    process: Any
    rewrite: Callable[[str, Any], bytes] | None

    @property
    def digest(self) -> bytes:
        """The rolling hash after the last body."""
        ...

    @digest.setter
    def digest(self, digest: bytes) -> None: ...

    def read(self, topic: str, address: np.ndarray, size: np.ndarray) -> Rows:
        """The records of values that lie at these addresses (int64; 0 = no value) with these sizes (int64)."""
        ...

    def read_values(self, topic: str, values: Sequence[bytes | None]) -> Rows:
        """The same of values that are Python bytes; they are copied."""
        ...

    def carry(self, queue: Queue, first: int, last: int) -> int:
        """Carry the inputs from `first` up to `last`, one after the other; where it stopped. StepError."""
        ...

    def carry_record(self, record: Any) -> str | None:
        """Carry one record; the reason if an agent refuses it. StepError."""
        ...

    def tick(self, id: int, ts_ns: int) -> None:
        """Let the clock reach `ts_ns`, ns of the run. StepError."""
        ...

    @property
    def pending(self) -> int:
        """Records written and not yet taken."""
        ...

    @property
    def pending_bytes(self) -> int:
        """Bytes of their values."""
        ...

    def written(self) -> Written:
        """Everything written since the last call; it may be used until the next input."""
        ...

    def mark(self) -> Any:
        """The state now, for `back`, until the next mark. Compiled it is a copy of the process's memory: 0.1 ms a MB."""
        ...

    def back(self, mark: Any) -> None:
        """Return to a state that `mark` gave, also after a StepError."""
        ...


def batch_of(process: Any, wire: WireLike | None = None) -> BatchProcess:
    """The process behind arrays. process: a Process, or anything with its methods."""
    if isinstance(process, Process) and not isinstance(process.node, PlainNode) and not isinstance(process.normalize, PlainMarket):
        return CompiledBatch(process, wire)
    return PlainBatch(process, wire)

"""Batches as transactions: outputs, dead letters, stamps, journal entry and the positions of the inputs, all or nothing.

Two producers in turn: no transaction begins where the broker still writes the markers of the one before, and while one is committed the
next batch is carried already. Batches are delivered and committed strictly in order.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event

import numpy as np

from streams.agents.batch import Count, Written
from streams.errors import FencedError, LaneError
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.client import MAX_RECORD_BYTES, TRANSACTION_TIMEOUT_MS
from streams.lanes.input_log import InputLog
from streams.lanes.journal import OutputLog, journal_key
from streams.lanes.lane_records import LaneRecords, Value
from streams.lanes.letters import Letter
from streams.lanes.partitions import partitions_of
from streams.lanes.place import Place
from streams.lanes.spec import LaneSpec
from streams.lanes.writers import JOURNAL, SNAPSHOTS
from streams.schema import ids

__all__ = ["Committer"]

_NO_OFFSET = -1


class Committer:
    """Writes the batches of one process and shard.

    batch            : number of the last batch committed or being committed, -1 before the first
    journal_offset   : where the last committed journal entry stands
    snapshot_offset  : where the newest whole snapshot begins; like journal_offset it is committed too, so that the next instance finds both
    """

    def __init__(self, spec: LaneSpec, records: LaneRecords, producers: Sequence[BulkTransactions], outputs: OutputLog) -> None:
        self.batch = -1
        self.journal_offset: int | None = None
        self.snapshot_offset: int | None = None
        self.records = records
        self._spec, self._producers, self._outputs = spec, producers, outputs
        self._open: BulkTransactions | None = None  # the producer whose transaction is being filled
        self._begun_s = 0.0
        self._counts: dict[str, Count] = {}
        self._digest = outputs.digest
        self._oversized: list[Letter] = []
        self._turn = 0
        self._thread = ThreadPoolExecutor(1, "commit")
        self._flying: tuple[Future[int], BulkTransactions] | None = None  # the commit under way; its result: when it was done, wall ns
        self._delivered = Event()
        self._done: Callable[[int], None] = lambda _: None

    @property
    def pending(self) -> bool:
        """True while a transaction is being filled."""
        return self._open is not None

    def send(self, written: Written) -> None:
        """Add what the process has written to the transaction; what no topic takes becomes a dead letter."""
        if not len(written):
            return
        producer = self._opened()
        for topic, rows in written.by_topic.items():
            large = np.flatnonzero(written.size[rows] > MAX_RECORD_BYTES)
            self._oversized += [self._too_large(topic, written, int(rows[k])) for k in large]
            self._counts[topic] = Count(self._count(topic) + len(rows), int(written.id[rows[-1]]))
            for partition, mine in partitions_of(self._spec, topic, written, np.delete(rows, large)):
                producer.send_rows(topic, partition, written.buffer, written.start[mine], written.size[mine])
        self._digest = written.digest

    def commit(
        self,
        log: InputLog,
        letters: Sequence[Letter],
        others: Sequence[Value],
        positions: Mapping[Place, int],
        ts_ns: int,
        done: Callable[[int], None],
    ) -> None:
        """Write the batch and begin to commit it, once the one before is committed. `done(wall ns)` is called when it is.

        LaneError, also from the next calls: nothing of it will ever be seen, call `abort` and end the process.
        """
        producer = self._opened()
        for letter in [*letters, *self._oversized]:
            producer.send(*self.records.letter(letter, ts_ns))
        for value in others:
            producer.send(*value)
        for topic, count in self._counts.items():
            self._outputs.add_written(topic, ids.writer(count.last_id), count.last_id, count.count)
        self._outputs.digest = self._digest
        self.batch += 1
        self.settle()
        entry = self.records.entry(self.batch, log, self._counts, positions, ts_ns)
        producer.send(*entry, journal_key(self._spec.process, self._spec.shard))
        pointers = {JOURNAL: self.journal_offset, SNAPSHOTS: self.snapshot_offset}
        found = {(topic, self._spec.shard): offset for topic, offset in pointers.items() if offset is not None}
        self._open, self._counts, self._oversized, self._done = None, {}, [], done
        self._delivered.clear()
        self._flying = self._thread.submit(self._finish, producer, {**positions, **found}), producer

    def settle(self) -> None:
        """Until the batch under way is committed. LaneError if it is not."""
        if self._flying is None:
            return
        future, producer = self._flying
        done_ns = future.result()
        self._flying = None
        self.journal_offset = producer.last_offset(JOURNAL, self._spec.shard)
        self._done(done_ns)

    def poll(self) -> None:
        """Take note of a commit that is done or has failed, without waiting."""
        if self._flying is not None and self._flying[0].done():
            self.settle()

    def undo(self) -> None:
        """Take back what was sent since the last commit, once that is done."""
        self.settle()
        producer, self._open = self._open, None
        self._counts, self._oversized, self._digest = {}, [], self._outputs.digest
        if producer is not None and not producer.abort():
            raise LaneError(f"{self._spec.name}: a transaction could not be taken back; start over")

    def abort(self, error: Exception) -> Exception:
        """Make sure that nothing of an open transaction shows; the error to report: one that ran out of time is no takeover."""
        age_s = time.monotonic() - self._begun_s
        flying = self._flying[1] if self._flying is not None else None
        if self._flying is not None and wait([self._flying[0]], TRANSACTION_TIMEOUT_MS / 1000).done:
            flying = None
        for producer in self._producers:
            if producer is not flying:  # a call that does not return has it: the next instance settles its transaction
                producer.abort()
        if isinstance(error, FencedError) and age_s > TRANSACTION_TIMEOUT_MS / 1000 * 0.9:
            return LaneError(f"{self._spec.name}: a transaction was open for {age_s:.0f} s, longer than the broker waits: {error}")
        return error

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _opened(self) -> BulkTransactions:
        """The producer in turn, its transaction begun. Nothing is sent before all of the batch before is delivered: order is kept."""
        if self._open is None:
            if self._flying is not None:
                self._delivered.wait()
                self.poll()  # one that was not delivered is not followed by another
            producer = self._producers[self._turn]
            producer.begin()
            self._begun_s = time.monotonic()
            self._open = producer
            self._turn ^= 1
        return self._open

    def _finish(self, producer: BulkTransactions, positions: Mapping[Place, int]) -> int:
        try:
            producer.flush(TRANSACTION_TIMEOUT_MS / 1000)
            self._delivered.set()
            producer.commit(positions, self._spec.name)
        finally:
            self._delivered.set()
        return time.time_ns()

    def _count(self, topic: str) -> int:
        return self._counts[topic].count if topic in self._counts else 0

    def _too_large(self, topic: str, written: Written, row: int) -> Letter:
        id, body = int(written.id[row]), written.body(row)
        reason = f"record {ids.text(id)} of {len(body)} bytes is too large for {topic}, which takes {MAX_RECORD_BYTES}"
        return Letter(topic, self._spec.partition(topic), _NO_OFFSET, reason, body, id)

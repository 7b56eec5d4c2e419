"""Batches out as transactions: all that is sent between begin and commit, and the positions of what was read, at once or not at all."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from streams.errors import FencedError, LaneError
from streams.lanes.bounded import Bounded
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.client import TRANSACTION_TIMEOUT_MS
from streams.lanes.place import Place

__all__ = ["BulkTransactions"]

_INIT_S = 30.0
_INIT_STEP_MS, _STEP_MS = 30, 500  # a signal is seen, and a new try begun, after so long
_OFFSETS_S = 10.0
_COMMIT_S = 30.0
_ABORT_S, _ABORT_STEP_MS = 2.0, 100
_PAUSE_S = 0.01
_AWAY = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)


class BulkTransactions(BulkProducer):
    """A transactional producer, of one thread at a time. `initialise` before the first transaction.

    Records sent outside of begin() and commit() are refused. When every broker goes away the next call raises LaneError: what was open
    cannot be trusted, and the next instance, which waits for the broker in `initialise`, is back sooner than this one.
    """

    def __init__(self, bootstrap: str, transactional_id: str, *, linger_ms: float = 1.0, settings: Mapping[str, Any] | None = None) -> None:
        own = {"transactional.id": transactional_id, "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS, **(settings or {})}
        super().__init__(bootstrap, linger_ms=linger_ms, timeout_s=TRANSACTION_TIMEOUT_MS / 1000, settings=own)
        self.transactional_id = transactional_id
        self._bounded = Bounded()
        self._begun_s = _clock_s()

    def initialise(self, timeout_s: float | None = None) -> None:
        """Fence every earlier producer of the same id and settle what it left open. Several may do so at once, each on its thread.

        About 40 ms, 100 ms when the predecessor left a transaction open, a second on a broker that has just started.
        """
        until_s = time.monotonic() + (timeout_s or _INIT_S)
        try:
            self._connect(until_s)
            while not self._settled(until_s):
                self._driver.close()
                self._driver = self._open()
                self._connect(until_s)
        except KafkaException as error:
            raise super()._explain(error.args[0], f"opening transactions of {self.transactional_id}") from None
        self._driver.reports(0)
        self._driver.lost = False  # it was waited for

    def begin(self) -> None:
        """Open a transaction. It has to be committed within TRANSACTION_TIMEOUT_MS, else the broker aborts it."""
        self.poll()
        self._begun_s = _clock_s()
        self._call("begin", 0.0, self._driver.begin)

    def commit(self, positions: Mapping[Place, int], group: str, metadata: Mapping[Place, str] | None = None) -> None:
        """Deliver all records, add the next offsets to read under the group's name, commit. LaneError: nothing of it will be seen.

        `metadata` stands beside the offset of its partition; `BulkConsumer.notes` gives it back.
        Somebody must have asked for the group's committed offsets once before: on a new broker that call makes the offsets topic, and
        adding offsets to a transaction without it never returns.
        """
        self.flush(TRANSACTION_TIMEOUT_MS / 1000)
        if positions:
            self._call("offsets", _OFFSETS_S, self._send_offsets, positions, metadata or {}, group)
        self._call("commit", _COMMIT_S, self._driver.commit, _STEP_MS)

    def abort(self) -> bool:
        """Make sure nothing of the open transaction shows; whether this producer may begin another one, else the process has to end.

        Errors are swallowed: the next instance's `initialise` settles it as well.
        """
        until_s = time.monotonic() + _ABORT_S
        while not self._bounded.lost and not self._driver.lost:
            try:
                self._driver.abort(_ABORT_STEP_MS)
                break
            except KafkaException as error:
                inner = error.args[0]
                if inner.fatal() or not inner.retriable() or time.monotonic() > until_s:
                    return False
            self._take_reports(0.0)  # the call waits for reports that nobody else takes
        self._take_reports(0.0)
        if self._bounded.lost or self._driver.lost:
            return False
        self._failed = None
        return True

    def close(self, timeout_s: float = 5.0) -> None:
        """Best effort at the end of a process, as `BulkProducer.close`."""
        self._bounded.close()
        if not self._bounded.lost:  # else the lost call holds the client for good
            super().close(timeout_s)

    def _connect(self, until_s: float) -> None:
        # librdkafka looks for the coordinator at once or, while no broker is connected yet, again after 500 ms
        while True:
            try:
                return self._driver.connect(_STEP_MS)
            except KafkaException as error:
                if error.args[0].code() not in _AWAY or time.monotonic() > until_s:
                    raise

    def _settled(self, until_s: float) -> bool:
        """Whether the producer has its identity; False when the broker is still aborting what the predecessor left open.

        That takes milliseconds, but librdkafka would ask again only after 500 ms: the caller asks with a new client. Nothing of this one
        is on its way when the broker's answer is known, so it cannot fence its own successor.
        """
        while True:
            try:
                self._driver.init_transactions(_INIT_STEP_MS)
                return True
            except KafkaException as error:
                inner = error.args[0]
                if inner.code() == KafkaError.CONCURRENT_TRANSACTIONS:
                    return False
                if inner.fatal() or not inner.retriable() or time.monotonic() > until_s:
                    raise

    def _send_offsets(self, positions: Mapping[Place, int], notes: Mapping[Place, str], group: str) -> None:
        # librdkafka ignores the timeout of this one call (its issue 5456): a group coordinator that went away would hang us for ever
        try:
            args = positions, notes, group, int(_OFFSETS_S * 1000)
            self._bounded.call(_OFFSETS_S + 5.0, self._driver.send_offsets, *args, hopeless=self._is_lost)
        except TimeoutError:
            if self._failed is not None:
                raise self._failed from None
            raise LaneError(
                f"kafka {self.bootstrap}: offsets of {self.transactional_id}: the group coordinator does not answer; start over"
            ) from None

    def _call(self, doing: str, bound_s: float, call: Any, *args: Any) -> None:
        """Call until it succeeds: what librdkafka calls retriable goes on where the call before has left off."""
        until_s = time.monotonic() + bound_s
        while True:
            try:
                call(*args)
                return
            except KafkaException as error:
                inner = error.args[0]
                self.poll()
                if time.monotonic() < until_s and inner.retriable() and not inner.fatal() and not inner.txn_requires_abort():
                    time.sleep(_PAUSE_S)
                    continue
                cause = self._driver.cause_of_death() if inner.code() == KafkaError._FATAL else None
                raise self._explain(cause or inner, doing) from None

    def _take_reports(self, timeout_s: float) -> None:
        super()._take_reports(timeout_s)
        if self._driver.lost and self._failed is None:
            # librdkafka may then wait for ever for a coordinator that it has dropped (its issue 5511): a new client finds it at once
            self._failed = LaneError(f"kafka {self.bootstrap}: the broker went away under {self.transactional_id}; start over")

    def _is_lost(self) -> bool:
        self._take_reports(0.0)
        return self._driver.lost

    def _explain(self, error: KafkaError, doing: str) -> LaneError:
        found = super()._explain(error, f"{doing} of {self.transactional_id}")
        return self._overdue() if isinstance(found, FencedError) and self._is_overdue() else found

    def _is_overdue(self) -> bool:
        """Whether the broker may have ended the transaction by its time limit, which fences its producer as a successor does."""
        return (_clock_s() - self._begun_s) * 1000 >= self._settings["transaction.timeout.ms"]

    def _overdue(self) -> LaneError:
        seconds = _clock_s() - self._begun_s
        return LaneError(
            f"kafka {self.bootstrap}: the broker gave up a transaction of {self.transactional_id}, open for {seconds:.0f} s; start over"
        )


def _clock_s() -> float:
    """Seconds that pass while the machine sleeps, too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

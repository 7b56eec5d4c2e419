"""Pairs of transactional producers that write batches in turn as a lane's committer does, fail, start over, and are checked batch by batch.

Batch k of a pair: rows (k, life, row, rows) to one partition of "out", one row to "log", and the committed position k + 1. Whatever happens
to the broker meanwhile, committed records are batches 0, 1, 2 ..., each whole, once, of one life, the same in both topics.
"""

import random
import secrets
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import numpy as np

from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.bus import TopicSpec, create_topics
from streams.lanes.client import TRANSACTION_TIMEOUT_MS
from tests.lanes.bulk_kit import read_all

WAYS = ("abort", "close", "leave", "behind")
"""What becomes of a pair that failed: aborted and closed; closed as it is; left alive as a zombie; "behind": as "abort", and the second
transaction begins and sends although the one before is not delivered."""
_MOST_ROWS = 2_000
_LIFE_S = 60.0


class Topics:
    """Of one round: `size` partitions each."""

    def __init__(self, bootstrap: str, size: int) -> None:
        self.bootstrap, self.size = bootstrap, size
        mark = secrets.token_hex(4)
        self.out, self.log, self.source = (f"{name}-{mark}.v1" for name in ("out", "log", "source"))
        create_topics(bootstrap, [TopicSpec(name, size) for name in (self.out, self.log, self.source)])

    def committed(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """By partition: what a reader of committed records finds in "out" and in "log", int64[n, 4]."""
        found = read_all(self.bootstrap, {(topic, k): 0 for topic in (self.out, self.log) for k in range(self.size)})
        rows = {place: np.frombuffer(b"".join(v or b"" for v in values), np.int64).reshape(-1, 4) for place, values in found.items()}
        return [rows[self.out, k] for k in range(self.size)], [rows[self.log, k] for k in range(self.size)]


class Pair:
    """Writes batches on a thread of its own until `stop`; failures are kept as text, `fault` is what must not happen."""

    def __init__(self, topics: Topics, number: int, way: str, seed: int, limit_ms: int = TRANSACTION_TIMEOUT_MS) -> None:
        self.topics, self.number, self.way = topics, number, way
        self.name = f"{topics.out}.{number}"
        self.stop = threading.Event()
        self.failures: list[str] = []
        self.instants: list[str] = []  # in which call the failures were met
        self.fault: BaseException | None = None
        self.batch = self.life = 0
        self._chance = random.Random(seed)
        self._settings = {"transaction.timeout.ms": limit_ms, "message.timeout.ms": limit_ms}
        self._zombies: list[BulkTransactions] = []
        self._doing = ""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end; the zombies are closed."""
        self._thread.join(_LIFE_S * 2)
        assert not self._thread.is_alive(), f"pair {self.number} ({self.way}) does not end: {self.failures}"
        for zombie in self._zombies:
            zombie.close(0.0)

    def _run(self) -> None:
        try:
            while not self.stop.is_set() or self._doing != "settled":
                with suppress(LaneError):
                    self._live()
        except BaseException as error:
            self.fault = error

    def _live(self) -> None:
        producers = [BulkTransactions(self.topics.bootstrap, f"{self.name}-{k}", settings=self._settings) for k in range(2)]
        pool = ThreadPoolExecutor(2)
        flying: list[Future[None]] = []
        self.life += 1
        try:
            self._doing = "initialise"
            list(pool.map(BulkTransactions.initialise, producers))
            self._doing = "committed"
            with BulkConsumer(self.topics.bootstrap, self.name) as consumer:
                self.batch = consumer.committed([self._place]).get(self._place, 0)
            self._write(producers, pool, flying)
        except LaneError as error:
            self.failures.append(f"{self._doing}: {error}")
            self.instants.append(self._doing)
            raise
        finally:
            self._bury(producers, flying)
            pool.shutdown(wait=True)

    @property
    def _place(self) -> tuple[str, int]:
        return self.topics.source, self.number

    def _write(self, producers: list[BulkTransactions], pool: ThreadPoolExecutor, flying: list[Future[None]]) -> None:
        delivered = threading.Event()
        delivered.set()
        turn = 0
        while not self.stop.is_set():
            if self.way != "behind":
                self._doing = "delivery"
                delivered.wait()
                if flying and flying[0].done():
                    flying.pop().result()
            producer, turn = producers[turn], turn ^ 1
            self._doing = "begin"
            producer.begin()
            self._doing = "produce"
            rows = self._chance.choice((1, 20, 200, _MOST_ROWS))
            self._send(producer, self.topics.out, rows)
            time.sleep(self._chance.random() ** 3 * 0.3)  # open, delivered or not, for some time
            self._doing = "settle"
            if flying:
                flying.pop().result()
            self._send(producer, self.topics.log, rows, only=True)
            delivered.clear()
            flying.append(pool.submit(self._finish, producer, self.batch + 1, delivered))
            self.batch += 1
        if flying:
            flying.pop().result()
        self._doing = "settled"

    def _finish(self, producer: BulkTransactions, position: int, delivered: threading.Event) -> None:
        try:
            producer.flush(10.0)
            delivered.set()
            producer.commit({self._place: position}, self.name)
        finally:
            delivered.set()

    def _send(self, producer: BulkTransactions, topic: str, rows: int, only: bool = False) -> None:
        body = np.empty((1 if only else rows, 4), np.int64)
        body[:, 0], body[:, 1], body[:, 2], body[:, 3] = self.batch, self.life, np.arange(len(body)), rows
        buffer = np.frombuffer(body.tobytes(), np.uint8)
        producer.send_rows(topic, self.number, buffer, np.arange(len(body)) * 32, np.full(len(body), 32))

    def _bury(self, producers: list[BulkTransactions], flying: list[Future[None]]) -> None:
        if flying:
            with suppress(LaneError):
                flying[0].result(_LIFE_S)
        for producer in producers:
            if self.way in ("abort", "behind"):
                producer.abort()
            if self.way == "leave" and self._doing != "settled":
                self._zombies.append(producer)
            else:
                producer.close(self._chance.choice((0.0, 0.0, 5.0)))


def fault_of(out: np.ndarray, log: np.ndarray, way: str) -> str:
    """What is wrong with a pair's committed records; "" if they are batches 0, 1, 2 ... whole, once, and the same in both topics."""
    if way == "behind":  # two producers write at once: only each batch is in order
        out = out[np.argsort(out[:, 0], kind="stable")]
    if log[:, 0].tolist() != list(range(len(log))):
        return f"log: batches {log[:, 0].tolist()[-20:]}"
    rows = int(log[:, 3].sum())
    wanted = np.repeat(log[:, [0, 1, 3]], log[:, 3], axis=0)
    if len(out) != rows or not np.array_equal(out[:, [0, 1, 3]], wanted):
        at = next((k for k in range(min(len(out), rows)) if not np.array_equal(out[k, [0, 1, 3]], wanted[k])), min(len(out), rows))
        return f"{len(out)} rows for {rows}: at {at} {out[at : at + 1].tolist()} for {wanted[at : at + 1].tolist()}"
    firsts = np.cumsum(log[:, 3]) - log[:, 3]
    if not np.array_equal(out[:, 2], np.arange(rows) - np.repeat(firsts, log[:, 3])):
        return "rows of a batch are not in order"
    return ""

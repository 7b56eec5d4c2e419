"""Chains of hops beside ours: each hop a process of its own, exactly-once, and a reader at the end that checks every record."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from kafka_paced import Latency, send_paced
from kafka_records import FIRST_TRADE_ID
from kafka_stack import SCHEMA_FILE, TOPIC, Values, fresh_topic

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peers

from streams.config import Endpoints
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.messages import Messages
from streams.schema import bulk, model
from streams.schema.bulk import Columns

__all__ = ["HOPS", "Chain", "backlog", "hops", "latency"]

HOPS = 5  # normalize, strategy, risk, execute, account
BOUND_S = 240.0
SCHEMA = model.for_topic(TOPIC)


class Chain:
    """`HOPS` processes of a peer between two topics. what: `loop` or `quix`; commit_s: quix's commit interval, seconds."""

    def __init__(self, stack: Endpoints, header: bytes, what: str, commit_s: float) -> None:
        self.stack, self.header = stack, header
        self.topics = [fresh_topic(stack, f"bench-{what}") for _ in range(HOPS + 1)]
        script = peers.SCRIPTS / "kafka_hop.py"
        self.processes = []
        for i in range(HOPS):
            words = (what, stack.kafka, f"{self.topics[0]}-{i}", self.topics[i], self.topics[i + 1])
            argv = [str(peers.python()), str(script), *words, str(SCHEMA_FILE), header.hex(), str(commit_s)]
            self.processes.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=script.parent))
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready", f"a hop of {what} did not start"

    def close(self) -> None:
        """End the hops."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def hops(stack: Endpoints, header: bytes, what: str, commit_s: float = 0.0) -> Iterator[Chain]:
    """A chain of a peer that runs."""
    chain = Chain(stack, header, what, commit_s)
    try:
        yield chain
    finally:
        chain.close()


class Reader:
    """Takes the records at the end of a chain of trades: each once, in order, through every hop."""

    def __init__(self, stack: Endpoints, chain: Chain) -> None:
        self.consumer, self.chain = BulkConsumer(stack.kafka), chain
        self.consumer.assign({(chain.topics[-1], 0): 0})
        self.seen = 0
        self.latencies_ns: list[np.ndarray] = []

    def warm_up(self, producer: BulkProducer, warm: Values) -> None:
        """Send the first records, and wait until they are here."""
        producer.send_rows(self.chain.topics[0], 0, warm.buffer, warm.starts, warm.sizes)
        producer.flush()
        self.take(len(warm))

    def take(self, until: int) -> float:
        """Read on until so many records were seen; the monotonic second of the last. AssertionError for one out of place."""
        bound_s = time.monotonic() + BOUND_S
        while self.seen < until:
            assert time.monotonic() < bound_s, f"{self.seen} of {until} records came within {BOUND_S:.0f} s"
            messages = self.consumer.take(100_000, 0.05)
            now_ns = time.time_ns()
            if messages.count:
                self._check(messages, now_ns)
            messages.release()
        return time.monotonic()

    def close(self) -> None:
        self.consumer.close()

    def _check(self, messages: Messages, now_ns: int) -> None:
        found = bulk.decode_at(SCHEMA, messages.address, messages.size, self.chain.header)
        assert found.rows == messages.count, "the chain wrote what cannot be read"
        numbers = found.columns["trade_id"].values - FIRST_TRADE_ID - HOPS
        assert (numbers == np.arange(self.seen, self.seen + found.rows)).all(), "a record is missing, doubled or out of order"
        self.seen += found.rows
        self.latencies_ns.append(now_ns - found.columns["ts_ns"].values)


def backlog(stack: Endpoints, chain: Chain, warm: Values, load: Values) -> float:
    """Records per second of a chain that has `load` before it, from the first record sent to the last one read."""
    reader = Reader(stack, chain)
    with BulkProducer(stack.kafka) as producer:
        reader.warm_up(producer, warm)
        began_s = time.monotonic()
        producer.send_rows(chain.topics[0], 0, load.buffer, load.starts, load.sizes)
        ended_s = reader.take(len(warm) + len(load))
    reader.close()
    return len(load) / (ended_s - began_s)


def latency(stack: Endpoints, chain: Chain, warm: Values, load: Columns, rate: float) -> Latency:
    """Of a chain that is sent `load` by schedule. A thread of its own reads."""
    reader = Reader(stack, chain)
    with BulkProducer(stack.kafka) as producer:
        reader.warm_up(producer, warm)
        reader.latencies_ns.clear()
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(reader.take, len(warm) + load.rows)
            send_paced(producer, chain.topics[0], chain.header, load, rate, time.time_ns())
            done.result()
    reader.close()
    return Latency.of(np.concatenate(reader.latencies_ns))

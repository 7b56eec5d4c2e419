"""Transactions over a broker that is silent for longer than a transaction may stay open: a broker of its own is stopped and goes on."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.client import TRANSACTION_TIMEOUT_MS
from streams.lanes.librdkafka import CLIENT, library
from streams.local.home import Home
from tests.lanes.bulk_kit import CLIENTS, new_topic, read_all
from tests.lanes.pair_kit import WAYS, Pair, Topics, fault_of

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@contextmanager
def silence(pid: int, seconds: float) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)  # the condition is the time itself
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def silent_round(kafka: str, broker: int, seed: int, count: int, seconds: float, limit_ms: int = TRANSACTION_TIMEOUT_MS) -> Counter[str]:
    """Let pairs write, silence the broker, let them come back; instants at which they failed. Asserts what committed readers find."""
    chance = random.Random(seed)
    topics = Topics(kafka, count)
    pairs = [Pair(topics, k, WAYS[k % len(WAYS)], chance.randrange(1 << 30), limit_ms) for k in range(count)]
    wait_for(lambda: all(pair.batch > 3 for pair in pairs), pairs)
    time.sleep(chance.random() * 0.3)  # another instant each round
    with silence(broker, seconds):
        before = [pair.batch for pair in pairs]
    wait_for(lambda: all(pair.batch > old + 5 for pair, old in zip(pairs, before, strict=True)), pairs)
    for pair in pairs:
        pair.stop.set()
    for pair in pairs:
        pair.join()
    out, log = topics.committed()
    faults = {f"{pair.number} {pair.way}": fault for pair in pairs if (fault := fault_of(out[pair.number], log[pair.number], pair.way))}
    assert not faults, {name: (fault, pairs[int(name.split()[0])].failures) for name, fault in faults.items()}
    assert [len(rows) for rows in log] == [pair.batch for pair in pairs]
    return Counter(f"{pair.way} {instant}" for pair in pairs for instant in pair.instants)


def wait_for(condition: Callable[[], bool], pairs: list[Pair], bound_s: float = 120.0) -> None:
    until_s = time.monotonic() + bound_s
    while not condition():
        assert all(pair.fault is None for pair in pairs), [pair.fault for pair in pairs]
        assert time.monotonic() < until_s, [(pair.way, pair.batch, pair._doing, pair.failures) for pair in pairs]
        time.sleep(0.05)


def test_transactions_over_a_short_silence_show_committed_batches_only(own_broker: tuple[str, Path]) -> None:
    kafka, home = own_broker  # as in the long run, with everything three times shorter
    silent_round(kafka, broker_of(home), 1, 8, 4.5, 2_000)


@pytest.mark.nightly
@pytest.mark.parametrize("client", CLIENTS)
def test_transactions_over_many_silences_show_committed_batches_only(
    client: str, own_broker: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka, home = own_broker
    monkeypatch.setenv(CLIENT, client)
    library.cache_clear()
    found: Counter[str] = Counter()
    try:
        for seed, seconds in enumerate((4.5, 11.0, 12.0, 13.0, 14.0, 16.0)):
            found += silent_round(kafka, broker_of(home), seed, 12, seconds, 2_000 if seconds < 10 else TRANSACTION_TIMEOUT_MS)
    finally:
        library.cache_clear()
    instants = {instant.split()[1] for instant in found}
    assert instants >= {"delivery", "settle"}, found  # the silences fell into production, offsets and commits


def broker_of(home: Path) -> int:
    """The broker's process."""
    return Home(home).running()["kafka"].pid


@pytest.mark.nightly
def test_transactions_open_over_a_silence_stay_aborted_when_the_next_ones_commit(own_broker: tuple[str, Path]) -> None:
    kafka, home = own_broker
    for _ in range(3):  # with the broker's session at 3 s, 3 of the first 100 showed
        topic = new_topic(kafka, 100)
        old = open_all(kafka, topic, 100, b"aborted")
        for producer in old:
            producer.flush()
        with silence(broker_of(home), 13.0):
            pass
        time.sleep(3.0)  # the broker looks for overdue transactions each second
        for producer in old:
            producer.close(0.0)
        for producer in open_all(kafka, topic, 100, b"committed"):
            producer.commit({}, "")
            producer.close()
        found = read_all(kafka, {(topic, k): 0 for k in range(100)})
        assert {place: values for place, values in found.items() if values != [b"committed"]} == {}


def open_all(kafka: str, topic: str, count: int, value: bytes) -> list[BulkTransactions]:
    """A producer for each partition, with one record in an open transaction."""
    producers = [BulkTransactions(kafka, f"{topic}.{k}") for k in range(count)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(BulkTransactions.initialise, producers))
    for partition, producer in enumerate(producers):
        producer.begin()
        producer.send(topic, partition, value)
    return producers

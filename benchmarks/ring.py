"""The ring between processes, one writer and 1, 2, 3 readers: slots a second, and how old a slot is when it is read, by way of waiting.

Every reader is a process of its own, nothing is pinned, each slot's four words are checked by each reader before a figure is given.

Throughput: from the writer's first claim to the last reader's last slot; the writer waits for all of them. "each" publishes one slot at a
time, "by 64" claims and publishes 64.

A publish looks whether a reader sleeps. That look needs a full fence, which the ring has the sleeper cause instead (membarrier); the row
"that nobody sleeps on" gives CPU time of claim, four words and publish with and without it, in one process without readers.

Latency, without coordinated omission: the writer has a schedule (one slot each 10 us, or each 1 us) and each slot carries the instant at
which it was due, not the one at which it left; a reader subtracts that from the clock when it has the slot before it. So a writer that was
late because the host or a reader held it counts as latency of every slot that was due meanwhile. Both clock readings (CLOCK_MONOTONIC,
some 25 ns each here) are in the figure; every sample is kept, and the first tenth is left out. While it waits for the next instant the
writer spins (policy spin) or yields (all others), so it competes with its readers where there are fewer cores than processes: those rows
say what sharing cores costs, not what the ring does.

Peer, in the same run: LMAX Disruptor (benchmarks/disruptor.py), one producer and as many consumers, the same four words, checks, schedule
and ages; but between threads of one process, where ours is between processes, and without a sleeper to wake. Where its jar or a JVM
cannot be had, its published figures stand instead and are named so: 26.0 M/s (i7-860, Java 6) and 160.4 M/s (EPYC 9374F, version 4);
latency mean 52 ns, 99 % < 128 ns a hop of a three-stage pipeline, one event each us (i7-2720QM): a ratio with them compares machines, too.
"""

import mmap
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from claims import Claim, conditions, report
from disruptor import DISRUPTOR, Measured
from disruptor import measure as measure_disruptor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.kernel import Struct, at, native
from streams.kernel.atomics import pause
from streams.kernel.raw import store_word
from streams.kernel.system import monotonic_ns, yield_cpu
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import ring_sources
from streams.lanes.ring_kernel import RingReader, RingWriter
from streams.lanes.waiting import POLICIES

CAPACITY = 1 << 16
EVENTS, RUNS, READERS = 10_000_000, 3, (1, 2, 3)
SENT, GAP_NS, FAST_SENT, FAST_GAP_NS = 100_000, 10_000, 500_000, 1_000
PATIENCE_NS = 20_000_000_000
BOUND_S = 60.0
PUBLISHED, DISRUPTOR_MEAN_NS = {(1, 1): 25_998_336, (1, 64): 160_359_204}, 52


class Event(Struct, align=64):
    """What is sent: four words that follow from one another."""

    number: int
    due_ns: int
    px: int
    check: int


def stream(writer: int, n: int, batch: int) -> int:
    """Write n events in place, `batch` a publish; what is left when a reader let us wait for 20 s."""
    w = at(RingWriter, writer)
    left = n
    while left > 0:
        part = min(batch, left)
        address = w.claim_within(part, PATIENCE_NS)
        if address == 0:
            return left
        first = w.next
        for j in range(part):  # contiguous, round the end too
            e, number, px = at(Event, address + 64 * j), first + j, 3 * (first + j)
            e.number = number
            e.due_ns = first
            e.px = px
            e.check = number ^ first ^ px
        w.publish(part)
        left -= part
    return 0


def follow(reader: int, n: int, each: int) -> int:
    """Check n events in place, a commit at most each `each`; how many were wrong, or missing."""
    r = at(RingReader, reader)
    left, wrong = n, 0
    while left > 0:
        ready = min(r.wait(PATIENCE_NS), each, left)
        if ready == 0:
            return left
        first, address = r.next, r.slot(r.next)
        for j in range(ready):
            e, number = at(Event, address + 64 * j), first + j
            wrong += e.number != number or e.px != 3 * number or e.check != e.number ^ e.due_ns ^ e.px
        r.next = first + ready
        r.commit()
        left -= ready
    return wrong


def pace(writer: int, n: int, gap_ns: int, yields: int) -> int:
    """Write n events, one each `gap_ns`, each with the instant at which it was due; what is left as in `stream`."""
    w = at(RingWriter, writer)
    due = monotonic_ns() + 1_000_000
    for i in range(n):
        while monotonic_ns() < due:
            if yields != 0:
                yield_cpu()
            else:
                pause()
        address = w.claim_within(1, PATIENCE_NS)
        if address == 0:
            return n - i
        e = at(Event, address)
        e.number = w.next
        e.due_ns = due
        e.px = 3 * w.next
        e.check = e.number ^ e.due_ns ^ e.px
        w.publish(1)
        due += gap_ns
    return 0


def age(reader: int, n: int, ages: int) -> int:
    """Note the age of n events at `ages`, int64[n]; how many were wrong, or missing."""
    r = at(RingReader, reader)
    wrong = 0
    for i in range(n):
        if r.wait(PATIENCE_NS) == 0:
            return n - i
        e = at(Event, r.slot(r.next))
        store_word(ages + 8 * i, monotonic_ns() - e.due_ns)
        wrong += e.number != r.next or e.px != 3 * e.number or e.check != e.number ^ e.due_ns ^ e.px
        r.next += 1
        r.commit()
    return wrong


LOOPS = {"stream": (stream, 3), "follow": (follow, 3), "pace": (pace, 4), "age": (age, 3)}


@cache
def loops() -> dict[str, Callable[..., int]]:
    return native.functions("bench_ring", LOOPS, [*ring_sources(), __file__])


def together(readers: int, policy: str, read: Callable[[int, int], int], write: Callable[[int], int]) -> None:
    """Run `read(address, number)` in a process for each reader and `write(address)` here; fails if a slot was wrong or missing."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        path, wait = f"{folder}/ring", POLICIES[policy]
        ring, children = Ring.create(path, [Event], CAPACITY), []
        ends: dict[int, int] = {}
        for number in range(readers):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    reader = Ring.open(path, [Event]).reader(f"reader-{number}", wait=wait)
                    status = int(read(reader.address, number) != 0)
                finally:
                    os._exit(status)
            children.append(pid)
        try:
            _until(lambda: len([r for r in ring.readers() if r.waited_for]) == readers)
            writer = ring.writer("writer", wait=wait)
            assert write(writer.address) == 0, "a reader held the writer for 20 s"
            _until(lambda: len(_ended(children, ends)) == readers)
            assert set(ends.values()) == {0}, f"slots were wrong or missing: {ends}"
        finally:
            for pid in set(children) - set(ends):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            ring.close()


def _ended(children: list[int], known: dict[int, int]) -> dict[int, int]:
    """`known`, with the exit status of the children that have ended since."""
    for pid in set(children) - set(known):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            known[pid] = os.waitstatus_to_exitcode(status)
    return known


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + BOUND_S
    while not reached():
        assert time.monotonic() < end, f"not within {BOUND_S:.0f} s"
        time.sleep(0.001)


def throughput(readers: int, policy: str, batch: int) -> float:
    """Slots a second, median of the runs."""
    rates = []
    for _ in range(RUNS):
        ends = np.frombuffer(mmap.mmap(-1, 4096), np.int64)
        start = []

        def read(address: int, number: int, ends: np.ndarray = ends) -> int:
            wrong = loops()["follow"](address, EVENTS, 256)
            ends[number] = time.monotonic_ns()
            return wrong

        def write(address: int, start: list[int] = start) -> int:
            start.append(time.monotonic_ns())
            return loops()["stream"](address, EVENTS, batch)

        together(readers, policy, read, write)
        rates.append(EVENTS / (int(ends[:readers].max()) - start[0]) * 1e9)
    return float(np.median(rates))


def publish_ns(fenced: int) -> float:
    """CPU ns to claim, write and publish one slot while nobody reads, with or without a full fence before the look for sleepers."""
    with tempfile.TemporaryDirectory() as folder:
        ring = Ring.create(f"{folder}/ring", [Event], 1024)  # small: what is measured is not the memory
        writer, spent = ring.writer("writer"), []
        writer.state.fenced = fenced
        for _ in range(RUNS):
            start = time.process_time_ns()
            assert loops()["stream"](writer.address, EVENTS // 2, 1) == 0
            spent.append((time.process_time_ns() - start) / (EVENTS // 2))
        ring.close()
    return float(np.median(spent))


def latency(readers: int, policy: str, sent: int, gap_ns: int) -> np.ndarray:
    """Ages in ns of what every reader read, without the first tenth."""
    ages = np.frombuffer(mmap.mmap(-1, readers * sent * 8), np.int64).reshape(readers, sent)
    yields = int(policy != "spin")
    together(
        readers,
        policy,
        lambda address, number: loops()["age"](address, sent, ages[number].ctypes.data),
        lambda address: loops()["pace"](address, sent, gap_ns, yields),
    )
    return ages[:, sent // 10 :].ravel()


def measure() -> list[Claim]:
    loops()
    peer = measure_disruptor(CAPACITY, EVENTS, RUNS, FAST_SENT, FAST_GAP_NS)
    claims = _rates(peer)
    free, fenced = publish_ns(0), publish_ns(1)
    claims.append(Claim("a publish that nobody sleeps on (peer: with full fence)", free, fenced, fenced / free, "ns", "> 1", free < fenced))
    claims += _each_us(peer)
    for policy in POLICIES:
        for readers in READERS:
            claims += _percentiles(f"{readers} reader{'s' * (readers > 1)}, {policy}, each 10 us", latency(readers, policy, SENT, GAP_NS))
    return claims


def _rates(peer: Measured | None) -> list[Claim]:
    """Slots a second by number of readers and slots a publish."""
    cores, claims = os.cpu_count() or 1, []
    for readers in READERS:
        policy = "spin" if readers < cores else "yield"
        for batch, words in ((1, "each"), (64, "by 64")):
            rate = throughput(readers, policy, batch)
            told = f"{readers} reader{'s' * (readers > 1)}, {policy}, published {words}"
            theirs = peer.rates[readers, batch] if peer is not None else PUBLISHED.get((readers, batch))
            if theirs is None:
                claims.append(Claim(told, rate / 1e6, None, None, "M slots/s", "shown", True))
                continue
            claims.append(Claim(f"{told} ({_who(peer)})", rate / 1e6, theirs / 1e6, rate / theirs, "M slots/s", "shown", True))
    return claims


def _each_us(peer: Measured | None) -> list[Claim]:
    """Ages of slots that are due one each us, one reader."""
    fast, told = latency(1, "spin", FAST_SENT, FAST_GAP_NS), "1 reader, spin, each 1 us"
    mean, theirs = float(fast.mean()), DISRUPTOR_MEAN_NS if peer is None else peer.ages[1][0]
    met = float(np.median(fast)) < 1000
    claims = [Claim(f"{told}: mean ({_who(peer)})", mean, theirs, theirs / mean, "ns", "p50 < 1 us", met)]
    if peer is None:
        return claims + _percentiles(told, fast)
    for ours, theirs in zip(_percentiles(told, fast), peer.ages[1][1:], strict=True):
        claims.append(replace(ours, claim=f"{ours.claim} ({_who(peer)})", peer=theirs, ratio=theirs / ours.ours))
    return claims


def _who(peer: Measured | None) -> str:
    return "peer: Disruptor, published" if peer is None else f"peer: Disruptor {DISRUPTOR}, Java {peer.java}"


def _percentiles(told: str, ages: np.ndarray) -> list[Claim]:
    names, found = ("p50", "p99", "p99.9", "max"), [*np.percentile(ages, (50, 99, 99.9)), ages.max()]
    return [Claim(f"{told}: {name}", float(ns), None, None, "ns", "shown", True) for name, ns in zip(names, found, strict=True)]


if __name__ == "__main__":
    where = conditions(slot_bytes=64, capacity=CAPACITY, slots=EVENTS, runs=RUNS, paced=SENT)
    report("ring", where, measure)

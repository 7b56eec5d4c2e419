"""Log-linear histograms of latencies in shared memory: a few nanoseconds a record, one writer, readers that take exact copies.

The layout is HdrHistogram's (Gil Tene, https://github.com/HdrHistogram/HdrHistogram, AbstractHistogram.java, public domain) with two
significant digits: values below 256 have a bucket each, every octave above has 128 of equal width. So a bucket is at most 1/128 of its
values wide, and every int64 from 0 on has one. Memory is read and written by address, in the order that each function states, so that the
functions run compiled and plain over the same shared memory.
"""

from streams.kernel import Array, Struct, clz
from streams.kernel.atomics import (
    fence_acquire,
    fence_release,
    load_acquire,
    load_relaxed,
    pause,
    store_relaxed,
    store_release,
)

__all__ = ["BUCKETS", "ENTRIES", "NBYTES", "Bank", "Histogram", "bucket_of", "highest_of", "record", "record_all", "take"]

SUB_BITS = 7  # buckets an octave: 2**7
LINEAR = 2 << SUB_BITS  # values below have a bucket each
TOP_SHIFT = 56  # leading zeros of the largest value of the linear part
BUCKETS = LINEAR + ((62 - SUB_BITS) << SUB_BITS)
WORD = 8


class Bank(Struct, align=64):
    """One half of a histogram.

    sum_ns   : of all values, |sum_ns| < 2**63
    max_ns   : the largest, exactly
    negative : how many were below 0 (two clocks that disagree); they are counted as 0
    counts   : by bucket
    """

    sum_ns: int
    max_ns: int
    negative: int
    counts: Array[int, 7296]


class Histogram(Struct, align=64):
    """What lies in shared memory, zero at first: the readers' word, the writer's words, two banks.

    asked : raised by 1 by a reader (readers take turns) that wants the writer to go on in the other bank; its last bit is the bank
    phase : `asked` as the writer found it at its last record; all records before it are whole
    begun, done : records begun and done since the start; they differ inside of `record` only
    """

    asked: int
    reader_line: Array[int, 7]
    phase: int
    begun: int
    done: int
    writer_line: Array[int, 5]
    banks: Array[Bank, 2]


def _offset(cls: type, name: str) -> int:
    return cls._fields_[name].offset  # type: ignore[attr-defined]


NBYTES = Histogram._size_
ASKED, PHASE, BEGUN, DONE, BANKS = (_offset(Histogram, name) for name in ("asked", "phase", "begun", "done", "banks"))
SUM, MAX, NEGATIVE, COUNTS = (_offset(Bank, name) for name in ("sum_ns", "max_ns", "negative", "counts"))
BANK_BYTES = Bank._size_


def bucket_of(value: int) -> int:
    """The bucket of a value. 0 <= value < 2**63; 0 <= bucket < BUCKETS."""
    shift = TOP_SHIFT - clz(value | (LINEAR - 1))
    return (shift << SUB_BITS) + (value >> shift)


def highest_of(bucket: int) -> int:
    """The largest value of a bucket: what is said of all its values, never too little and at most 1/128 too much."""
    if bucket < LINEAR:
        return bucket
    shift = (bucket >> SUB_BITS) - 1
    return ((bucket - (shift << SUB_BITS)) << shift) + ((1 << shift) - 1)


def record(address: int, value_ns: int) -> None:
    """Count one value in the histogram at an address. For its one writer."""
    begun = load_relaxed(address + BEGUN) + 1
    store_relaxed(address + BEGUN, begun)
    fence_release()  # whoever sees a trace of this record sees that it has begun
    asked = load_relaxed(address + ASKED)
    store_release(address + PHASE, asked)  # whoever sees it sees every record that went to the other bank
    bank = address + BANKS + (asked & 1) * BANK_BYTES
    value = value_ns
    if value < 0:
        value = 0
        store_relaxed(bank + NEGATIVE, load_relaxed(bank + NEGATIVE) + 1)
    count = bank + COUNTS + bucket_of(value) * WORD
    store_relaxed(count, load_relaxed(count) + 1)
    store_relaxed(bank + SUM, load_relaxed(bank + SUM) + value)
    if value > load_relaxed(bank + MAX):
        store_relaxed(bank + MAX, value)
    store_release(address + DONE, begun)


def record_all(address: int, values: int, n: int) -> int:
    """Count n int64 at an address one by one; n."""
    for i in range(n):
        record(address, load_relaxed(values + i * WORD))
    return n


def take(address: int, out: int, spins: int) -> int:
    """Copy both banks to `out` (2 x Bank, zeroed): 1 if the copy is all records up to a moment and no other, 0 if one may be half in it.

    First as a sequence lock (Boehm 2012, "Can seqlocks get along with programming language memory models?"): right if no record began
    meanwhile. Where records come too fast for that the writer is asked into the other bank, the one that rests is copied, and the
    same again for the other: the sum of both is what was recorded until the writer left the second. 0 only of a writer that stopped
    inside of a record, for longer than `spins` looks. One reader at a time.
    """
    for _ in range(2):
        if _take_resting(address, out):
            return 1
    for _ in range(2):
        asked = load_relaxed(address + ASKED) + 1
        store_release(address + ASKED, asked)
        waited = 0
        while load_acquire(address + PHASE) != asked:
            waited += 1
            if waited > spins:  # it records no more, or slowly
                return _take_resting(address, out)
            pause()
        _copy(address, out, (asked & 1) ^ 1)
    return 1


def _take_resting(address: int, out: int) -> int:
    """Copy both banks; 1 if nothing was recorded meanwhile."""
    done = load_acquire(address + DONE)
    _copy(address, out, 0)
    _copy(address, out, 1)
    fence_acquire()  # the copy was read before the next word is
    return 1 if load_relaxed(address + BEGUN) == done else 0


def _copy(address: int, out: int, bank: int) -> None:
    """Copy a bank as far as it is used."""
    start, to = address + BANKS + bank * BANK_BYTES, out + bank * BANK_BYTES
    used = COUNTS // WORD + bucket_of(load_relaxed(start + MAX)) + 1
    for i in range(used):
        store_relaxed(to + i * WORD, load_relaxed(start + i * WORD))


ENTRIES = {"record_all": (record_all, 3), "take": (take, 3)}
"""Entry points: name -> (function, number of arguments)."""

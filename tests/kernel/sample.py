"""Structs and entries that the kernel's tests compile: every kind of field, and one operation for each thing that must be equal."""

import math
from enum import IntEnum

import numpy as np

from streams.kernel import F32, I8, I16, I32, U8, Array, Struct, Table, addr_of, at, below, bit, clz, ctz, hash64, load_byte, prefetch
from streams.kernel.atomics import (
    compare_swap,
    fence,
    fence_acquire,
    fence_release,
    fetch_add,
    load_acquire,
    load_relaxed,
    pause,
    store_relaxed,
    store_release,
)

STEPS = (3, 5, 7)
POWERS = np.array([1, 10, 100, 1000], np.int64)


class Side(IntEnum):
    BUY = 0
    SELL = 1


SELL = Side.SELL


class Level(Struct):
    px_ticks: int
    qty_lots: I32 = 1

    def add(self, lots: int = 2) -> int:
        self.qty_lots += lots
        return self.qty_lots


class Header(Struct):
    id: int
    kind: I8

    def stamp(self, kind: int) -> int:
        self.kind = kind
        self.id += 1
        return self.id


class Sample(Header, align=64):
    wide: int = 7
    i32: I32
    i16: I16
    i8: I8
    u8: U8
    flag: bool
    f64: float = 0.5
    f32: F32
    one: Level
    hashes: Array[U8, 16]
    levels: Array[Level, 3]
    words: Table[int, "n"]
    prices: Table[float, "n // 2"]
    small: Table[I16, "n"]
    pool: Table[Level, "2 * n"]

    def run(self, op: int, i: int, v: int) -> int:
        """Operation `op` with an index and a value; what it read back."""
        if op < 10:
            return self.scalars(op, v)
        if op < 20:
            return self.items(op, i, v)
        return self.others(op, i, v)

    def scalars(self, op: int, v: int) -> int:
        if op == 0:
            self.wide = v
        elif op == 1:
            self.i32 = v
        elif op == 2:
            self.i16 = v
        elif op == 3:
            self.i8 = v
        elif op == 4:
            self.u8 = v
        elif op == 5:
            self.flag = v > 0
        elif op == 6:
            self.f64 = v * 0.1
        elif op == 7:
            self.f32 = v * 0.1
        elif op == 8:
            return int(self.f32 * 3.0 + self.f64) + self.u8 - self.i8 - self.u8
        else:
            self.f64 = math.sqrt(abs(v)) + math.exp(-abs(self.f64) / 1e3)
        return self.wide + self.i32 - self.i16 + self.i8 * self.u8 + int(self.flag)

    def items(self, op: int, i: int, v: int) -> int:
        if op == 10:
            self.words[i] = v
            return self.words[i] + len(self.words)
        if op == 11:
            self.prices[i] = v / 7
            return int(self.prices[i] * 1e3)
        if op == 12:
            self.small[i] = v
            return self.small[i] - self.small.n
        if op == 13:
            self.pool[i].px_ticks = v
            return self.pool[i].add() + self.pool[i].px_ticks
        if op == 14:
            self.levels[i].px_ticks += v
            return self.levels[i].add(i)
        if op == 15:
            self.hashes[i] = v
            return self.hashes[i] + self.hashes.n
        level = self.pool[i]
        level.qty_lots -= 1
        self.words[i] ^= level.qty_lots
        return self.words[i]

    def others(self, op: int, i: int, v: int) -> int:
        if op == 20:
            return v // i
        if op == 21:
            return v % i
        if op == 22:
            return int(v / i)
        if op == 23:
            return STEPS[i % 3] * sign(Side.SELL if v > 0 else Side.BUY) + self.stamp(i % 100)
        if op == 24:
            return self.one.add(lots=i) if v & 1 else self.one.add()
        if op == 25:
            self.i8 = SELL
            return round(v / 3) + min(v, i) - max(v, i, 7) + abs(v)
        if op == 26:
            quotient, rest = divmod(v, 13)
            return quotient - rest + sum_of(self, i)
        if op == 27:
            if v < 0:
                raise ValueError("negative")
            return at(Level, addr_of(self.one)).add()
        if op == 28:
            return int(POWERS[abs(i) % 4]) + either(v) + either(v, i)
        return -1


def either(v: int, other: int | None = None) -> int:
    """Twice the value, or the sum of both."""
    if other is None:
        return 2 * v
    return v + other


def sign(side: int) -> int:
    """+1 for a buy, -1 for a sell."""
    return 1 if side == Side.BUY else -1


def sum_of(sample: Sample, n: int) -> int:
    """Sum of the first n words."""
    total = 0
    for i in range(n):
        total += sample.words[i]
    return total


OPS = [*range(10), *range(10, 17), *range(20, 30)]
LIMITS = {1: 2**31 - 1, 2: 2**15 - 1, 3: 127, 12: 2**15 - 1}  # largest value of an operation that stores narrow


def sample_run(address: int, op: int, i: int, v: int) -> int:
    return at(Sample, address).run(op, i, v)


def p_ctz(x: int) -> int:
    return ctz(x)


def p_clz(x: int) -> int:
    return clz(x)


def p_bit(i: int) -> int:
    return bit(i)


def p_below(i: int) -> int:
    return below(i)


def p_hash64(key: int, bits: int) -> int:
    return hash64(key, bits)


def p_load_byte(address: int) -> int:
    return load_byte(address)


def p_prefetch(address: int) -> int:
    prefetch(address)
    return address


def p_atomics(address: int, v: int) -> int:
    """Each atomic once, on two words."""
    store_release(address, v)
    store_relaxed(address + 8, v + 1)
    fence()
    fence_acquire()
    fence_release()
    pause()
    before = fetch_add(address, 5)
    found = compare_swap(address + 8, v + 1, 9)
    missed = compare_swap(address + 8, v, 11)
    return before + 2 * found + 3 * missed + 5 * load_acquire(address) + 7 * load_relaxed(address + 8)


ENTRIES = {
    "sample_run": (sample_run, 4),
    "p_ctz": (p_ctz, 1),
    "p_clz": (p_clz, 1),
    "p_bit": (p_bit, 1),
    "p_below": (p_below, 1),
    "p_hash64": (p_hash64, 2),
    "p_load_byte": (p_load_byte, 1),
    "p_prefetch": (p_prefetch, 1),
    "p_atomics": (p_atomics, 2),
}

"""Atomic operations on aligned int64 words of shared memory, by address, and the fences between them.

Compiled they are the processor's. Plain they read and write the same memory without ordering: enough for one thread, which is what a
plain run is.
"""

import ctypes
import time
from typing import Any

import llvmlite.binding as ll
from llvmlite import ir

from streams.kernel.prim import I64, primitive

__all__ = [
    "compare_swap",
    "fence",
    "fence_acquire",
    "fence_compiler",
    "fence_release",
    "fetch_add",
    "load_acquire",
    "load_relaxed",
    "pause",
    "read_cycles",
    "store_relaxed",
    "store_release",
]


def _word(addr: int) -> ctypes.c_int64:
    return ctypes.c_int64.from_address(addr)


def _at(b: Any, addr: Any) -> Any:
    return b.inttoptr(addr, I64.as_pointer())


def _intrinsic(b: Any, name: str, ret: Any, *args: Any) -> Any:
    fn = b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(ret, [a.type for a in args]), name)
    return b.call(fn, args)


@primitive(lambda b, addr: b.load_atomic(_at(b, addr), "acquire", 8))
def load_acquire(addr: int) -> int:
    """The word at `addr`; what its writer stored before it is visible after."""
    return _word(addr).value


@primitive(lambda b, addr: b.load_atomic(_at(b, addr), "monotonic", 8))
def load_relaxed(addr: int) -> int:
    """The word at `addr`, whole, with no ordering."""
    return _word(addr).value


@primitive(lambda b, addr, value: b.store_atomic(value, _at(b, addr), "release", 8), returns=False)
def store_release(addr: int, value: int) -> None:
    """Store a word; what was stored before it is visible to whoever loads it with acquire."""
    _word(addr).value = value


@primitive(lambda b, addr, value: b.store_atomic(value, _at(b, addr), "monotonic", 8), returns=False)
def store_relaxed(addr: int, value: int) -> None:
    """Store a word, whole, with no ordering."""
    _word(addr).value = value


@primitive(lambda b, addr, value: b.atomic_rmw("add", _at(b, addr), value, "seq_cst"))
def fetch_add(addr: int, value: int) -> int:
    """Add to the word at `addr`; the value before."""
    word = _word(addr)
    before = word.value
    word.value = before + value
    return before


@primitive(lambda b, addr, old, new: b.extract_value(b.cmpxchg(_at(b, addr), old, new, "seq_cst", "seq_cst"), 0))
def compare_swap(addr: int, old: int, new: int) -> int:
    """Store `new` if the word is `old`; the value found (equal to `old`: it was stored)."""
    word = _word(addr)
    found = word.value
    if found == old:
        word.value = new
    return found


@primitive(lambda b: b.fence("seq_cst"), returns=False)
def fence() -> None:
    """Full fence."""


@primitive(lambda b: b.fence("acquire"), returns=False)
def fence_acquire() -> None:
    """Loads before it stay before whatever follows."""


@primitive(lambda b: b.fence("release"), returns=False)
def fence_release() -> None:
    """Whatever comes before stays before the stores that follow."""


@primitive(lambda b: b.fence("seq_cst", targetscope="singlethread"), returns=False)
def fence_compiler() -> None:
    """The compiler moves nothing across it; the processor still may. For the cheap side of a pair whose other side calls `barrier_all`."""


def _pause(b: Any) -> Any:
    # LLVM intrinsics, because inline assembly has no parser in Numba's JIT
    if ll.get_process_triple().startswith("x86"):
        return _intrinsic(b, "llvm.x86.sse2.pause", ir.VoidType())
    return _intrinsic(b, "llvm.aarch64.hint", ir.VoidType(), ir.Constant(ir.IntType(32), 1))


@primitive(_pause, returns=False)
def pause() -> None:
    """Hint that this is a spin loop."""


@primitive(lambda b: _intrinsic(b, "llvm.readcyclecounter", I64))
def read_cycles() -> int:
    """The processor's cycle counter, for measuring only: its value must never decide. Plain: perf_counter_ns."""
    return time.perf_counter_ns()

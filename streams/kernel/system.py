"""What compiled code asks of the operating system without Python: to sleep on a word, to wake, to yield, the time, a barrier for others.

Compiled they are calls of the C library; plain they are the same calls. Where there is no futex (not Linux) a sleep is a nap of at most
50 us and nobody is woken, and `barrier_all` says that it is not there.
"""

import ctypes
import errno
import functools
import os
import sys
import time
from typing import Any

from llvmlite import ir

from streams.kernel.prim import I64, primitive

__all__ = ["barrier_all", "barrier_register", "can_sleep_on_any", "monotonic_ns", "sleep_on", "sleep_on_any", "wake_all", "yield_cpu"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_LINUX = sys.platform == "linux" and sys.byteorder == "little"
_ARM = _LINUX and os.uname().machine == "aarch64"
_FUTEX, _MEMBARRIER = (98, 283) if _ARM else (202, 324)
_FUTEX_WAITV = 449  # on every architecture
_WAIT, _WAKE, _EVERYBODY = 0, 1, 0x7FFFFFFF  # not the private forms: the word is shared between processes
_BARRIER, _REGISTER = 1 << 1, 1 << 2  # MEMBARRIER_CMD_GLOBAL_EXPEDITED and its registration
_NAP_NS = 50_000
_SECOND_NS = 1_000_000_000
_HALF = ir.IntType(32)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64))


_LIBC.syscall.restype = ctypes.c_long
_LIBC.syscall.argtypes = [ctypes.c_long] * 6


def _constant(value: int) -> Any:
    return ir.Constant(I64, value)


def _function(b: Any, name: str, kind: Any) -> Any:
    return b.module.globals.get(name) or ir.Function(b.module, kind, name)


def _syscall(b: Any, *args: Any) -> Any:
    return b.call(_function(b, "syscall", ir.FunctionType(I64, [I64], var_arg=True)), args)


def _timespec(b: Any) -> Any:
    with b.goto_entry_block():  # one a function: in a loop it would take stack each time round
        return b.alloca(I64, 2)


def _sleep_on(b: Any, addr: Any, value: Any, ns: Any) -> Any:
    span = _timespec(b)
    if not _LINUX:
        short = b.select(b.icmp_signed("<", ns, _constant(_NAP_NS)), ns, _constant(_NAP_NS))
        b.store(_constant(0), span)
        b.store(short, b.gep(span, [_constant(1)]))
        kind = ir.FunctionType(_HALF, [I64.as_pointer(), I64.as_pointer()])
        return b.sext(b.call(_function(b, "nanosleep", kind), [span, I64.as_pointer()(None)]), I64)
    b.store(b.sdiv(ns, _constant(_SECOND_NS)), span)
    b.store(b.srem(ns, _constant(_SECOND_NS)), b.gep(span, [_constant(1)]))
    low = b.and_(value, _constant(0xFFFFFFFF))
    return _syscall(b, _constant(_FUTEX), addr, _constant(_WAIT), low, b.ptrtoint(span, I64), _constant(0), _constant(0))


@primitive(_sleep_on)
def sleep_on(addr: int, value: int, ns: int) -> int:
    """Sleep while the low half of the aligned word at `addr` equals that of `value`, until `wake_all(addr)` or for at most `ns` >= 0.

    May return early for no reason: look again. What comes back says nothing of use.
    """
    if not _LINUX:
        time.sleep(min(ns, _NAP_NS) / _SECOND_NS)
        return 0
    span = _Timespec(*divmod(ns, _SECOND_NS))
    return int(_LIBC.syscall(_FUTEX, addr, _WAIT, value & 0xFFFFFFFF, ctypes.addressof(span), 0))


@functools.cache
def can_sleep_on_any() -> bool:
    """Whether the host can sleep on several words at once (futex_waitv of Linux 5.16). Not for compiled code: ask before."""
    return _LINUX and _LIBC.syscall(_FUTEX_WAITV, 0, 0, 0, 0, 0) < 0 and ctypes.get_errno() == errno.EINVAL


def _sleep_on_any(b: Any, words: Any, n: Any, until_ns: Any) -> Any:
    end = _timespec(b)
    b.store(b.sdiv(until_ns, _constant(_SECOND_NS)), end)
    b.store(b.srem(until_ns, _constant(_SECOND_NS)), b.gep(end, [_constant(1)]))
    clock = _constant(int(time.CLOCK_MONOTONIC))
    return _syscall(b, _constant(_FUTEX_WAITV), words, n, _constant(0), b.ptrtoint(end, I64), clock)


@primitive(_sleep_on_any)
def sleep_on_any(words: int, n: int, until_ns: int) -> int:
    """The same on n words, 0 < n <= 128, until `monotonic_ns() >= until_ns`. Only where `can_sleep_on_any()`.

    words: address of n times three words: the value expected, the address of the word, and 2 (a shared word of which the low half counts).
    """
    end = _Timespec(*divmod(until_ns, _SECOND_NS))
    return int(_LIBC.syscall(_FUTEX_WAITV, words, n, 0, ctypes.addressof(end), int(time.CLOCK_MONOTONIC)))


def _wake_all(b: Any, addr: Any) -> Any:
    if not _LINUX:
        return _constant(0)
    return _syscall(b, _constant(_FUTEX), addr, _constant(_WAKE), _constant(_EVERYBODY), _constant(0), _constant(0), _constant(0))


@primitive(_wake_all)
def wake_all(addr: int) -> int:
    """Wake whoever sleeps on the word at `addr`, in any process that maps it; how many."""
    return int(_LIBC.syscall(_FUTEX, addr, _WAKE, _EVERYBODY, 0, 0)) if _LINUX else 0


@primitive(lambda b: b.sext(b.call(_function(b, "sched_yield", ir.FunctionType(_HALF, [])), []), I64))
def yield_cpu() -> int:
    """Let another thread have this core if one wants it; 0."""
    return int(_LIBC.sched_yield())


def _monotonic(b: Any) -> Any:
    now = _timespec(b)
    clock = _function(b, "clock_gettime", ir.FunctionType(_HALF, [_HALF, I64.as_pointer()]))
    b.call(clock, [ir.Constant(_HALF, int(time.CLOCK_MONOTONIC)), now])
    return b.add(b.mul(b.load(now), _constant(_SECOND_NS)), b.load(b.gep(now, [_constant(1)])))


@primitive(_monotonic)
def monotonic_ns() -> int:
    """ns of the clock that never goes back, the same in every process of the host. For waiting and measuring: it must never decide."""
    return time.monotonic_ns()


def _membarrier(b: Any, command: int) -> Any:
    if not _LINUX:
        return _constant(-1)
    return _syscall(b, _constant(_MEMBARRIER), _constant(command), _constant(0), _constant(0))


@primitive(lambda b: _membarrier(b, _REGISTER))
def barrier_register() -> int:
    """Have this process's threads take part in every `barrier_all`; 0, or below 0 where the host has none (membarrier of Linux 4.16)."""
    return int(_LIBC.syscall(_MEMBARRIER, _REGISTER, 0, 0, 0, 0)) if _LINUX else -1


@primitive(lambda b: _membarrier(b, _BARRIER))
def barrier_all() -> int:
    """A full fence here and in every running thread of the registered processes, some us; 0, or below 0 where the host has none.

    It lets a frequent path do with `fence_compiler` against a rare one that calls this.
    """
    return int(_LIBC.syscall(_MEMBARRIER, _BARRIER, 0, 0, 0, 0)) if _LINUX else -1

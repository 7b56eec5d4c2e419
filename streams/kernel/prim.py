"""Primitives with two faces: a Python body, which is the meaning, and an LLVM body, which compiled code uses instead.

Arguments are int64 (their ranges are the caller's promise); so is what comes back.
"""

import ctypes
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from llvmlite import ir

__all__ = [
    "I64",
    "PRIMITIVES",
    "PYFUNCS",
    "Primitive",
    "below",
    "bit",
    "call1",
    "call2",
    "call3",
    "call4",
    "clz",
    "ctz",
    "handle_of",
    "hash64",
    "load_byte",
    "prefetch",
    "primitive",
]

F = TypeVar("F", bound=Callable[..., Any])
I64 = ir.IntType(64)
_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)  # 2**64 / golden ratio, as a signed word
_FALSE = ir.Constant(ir.IntType(1), 0)


class Primitive(NamedTuple):
    """python: the meaning; llvm(builder, *args): the same in LLVM; nargs: arguments; returns: false if it gives nothing."""

    python: Callable[..., Any]
    llvm: Callable[..., Any]
    nargs: int
    returns: bool


PRIMITIVES: dict[Callable[..., Any], Primitive] = {}


def primitive(llvm: Callable[..., Any], returns: bool = True) -> Callable[[F], F]:
    """Decorator: give a Python function of integers an LLVM body, a function of (builder, *arguments)."""

    def bind(python: F) -> F:
        PRIMITIVES[python] = Primitive(python, llvm, len(inspect.signature(python).parameters), returns)
        return python

    return bind


@primitive(lambda b, x: b.cttz(x, _FALSE))
def ctz(x: int) -> int:
    """Trailing zeros of a 64-bit word held in an int64; 64 for zero."""
    x = int(x) & _MASK
    return 64 if x == 0 else (x & -x).bit_length() - 1


@primitive(lambda b, x: b.ctlz(x, _FALSE))
def clz(x: int) -> int:
    """Leading zeros of a 64-bit word held in an int64; 64 for zero."""
    return 64 - (int(x) & _MASK).bit_length()


@primitive(lambda b, i: b.shl(ir.Constant(I64, 1), i))
def bit(i: int) -> int:
    """1 << i as a signed 64-bit word. 0 <= i <= 63."""
    return (1 << int(i)) - (1 << 64 if i == 63 else 0)


@primitive(lambda b, i: b.sub(b.shl(ir.Constant(I64, 1), i), ir.Constant(I64, 1)))
def below(i: int) -> int:
    """Mask of the bits under bit i. 0 <= i <= 63."""
    return (1 << int(i)) - 1


@primitive(lambda b, key, bits: b.lshr(b.mul(key, ir.Constant(I64, _GOLDEN)), b.sub(ir.Constant(I64, 64), bits)))
def hash64(key: int, bits: int) -> int:
    """Fibonacci hash of an int64 to `bits` bits. 1 <= bits <= 63."""
    return ((int(key) * _GOLDEN) & _MASK) >> (64 - bits)


@primitive(lambda b, addr: b.zext(b.load(b.inttoptr(addr, ir.IntType(8).as_pointer())), I64))
def load_byte(addr: int) -> int:
    """Byte at an address, 0..255."""
    return ctypes.c_uint8.from_address(addr).value


def _prefetch(b: Any, addr: Any) -> Any:
    name, half = "llvm.prefetch.p0", ir.IntType(32)
    pointer = b.inttoptr(addr, ir.IntType(8).as_pointer())
    fn = b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(ir.VoidType(), [pointer.type, half, half, half]), name)
    return b.call(fn, [pointer, half(0), half(3), half(1)])  # to read, into every cache, data


@primitive(_prefetch, returns=False)
def prefetch(addr: int) -> None:
    """Ask for the cache line at an address that will be read soon. Any address will do: a wrong one costs nothing. Plain: nothing."""


PYFUNCS: dict[int, Callable[..., int]] = {}
"""Plain runs: what stands behind the handles that call1 to call4 take."""


def handle_of(fn: Callable[..., int]) -> int:
    """A handle for call1 to call4 in a plain run; compiled code has addresses instead. Above 0: 0 means no function."""
    handle = len(PYFUNCS) + 1
    PYFUNCS[handle] = fn
    return handle


def _call(b: Any, addr: Any, *args: Any) -> Any:
    return b.call(b.inttoptr(addr, ir.FunctionType(I64, [I64] * len(args)).as_pointer()), list(args))


@primitive(_call)
def call1(addr: int, a: int) -> int:
    """Call int64(int64) by address (compiled) or by handle (plain); FAULT if it raised."""
    return PYFUNCS[addr](a)


@primitive(_call)
def call2(addr: int, a: int, b: int) -> int:
    """The same of two arguments."""
    return PYFUNCS[addr](a, b)


@primitive(_call)
def call3(addr: int, a: int, b: int, c: int) -> int:
    """The same of three arguments."""
    return PYFUNCS[addr](a, b, c)


@primitive(_call)
def call4(addr: int, a: int, b: int, c: int, d: int) -> int:
    """The same of four arguments."""
    return PYFUNCS[addr](a, b, c, d)

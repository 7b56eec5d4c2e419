"""Words and bytes of plain memory by address, for compiled code that reads and writes buffers of others: no alignment is needed.

Plain they go through ctypes. An address outside the caller's memory ends the process in both runs: the caller checks every bound.
"""

import ctypes
import struct
from typing import Any

from llvmlite import ir

from streams.kernel.prim import I64, primitive

__all__ = ["load_half", "load_word", "quotient_bits", "store_byte", "store_word", "swap_bytes"]

_BYTE = ir.IntType(8)
_HALF = ir.IntType(32)
_DOUBLE = ir.DoubleType()


def _load(b: Any, addr: Any) -> Any:
    return b.load(b.inttoptr(addr, I64.as_pointer()), align=1)


def _store(b: Any, addr: Any, value: Any) -> Any:
    return b.store(value, b.inttoptr(addr, I64.as_pointer()), align=1)


@primitive(_load)
def load_word(addr: int) -> int:
    """The eight bytes at an address as a little-endian int64."""
    return ctypes.c_int64.from_address(addr).value


@primitive(lambda b, addr: b.sext(b.load(b.inttoptr(addr, _HALF.as_pointer()), align=1), I64))
def load_half(addr: int) -> int:
    """The four bytes at an address as a little-endian, signed number."""
    return ctypes.c_int32.from_address(addr).value


@primitive(_store, returns=False)
def store_word(addr: int, value: int) -> None:
    """Store an int64 as eight little-endian bytes."""
    ctypes.c_int64.from_address(addr).value = value


@primitive(lambda b, addr, value: b.store(b.trunc(value, _BYTE), b.inttoptr(addr, _BYTE.as_pointer())), returns=False)
def store_byte(addr: int, value: int) -> None:
    """Store the low byte of an int64."""
    ctypes.c_uint8.from_address(addr).value = value & 255


@primitive(lambda b, word: b.bswap(word))
def swap_bytes(word: int) -> int:
    """The int64 whose bytes stand in the opposite order."""
    return int.from_bytes(int(word).to_bytes(8, "little", signed=True), "big", signed=True)


@primitive(lambda b, x, y: b.bitcast(b.fdiv(b.sitofp(x, _DOUBLE), b.sitofp(y, _DOUBLE)), I64))
def quotient_bits(x: int, y: int) -> int:
    """The bits of the double x / y, rounded as Python does. |x|, |y| <= 2**53, y != 0."""
    return struct.unpack("<q", struct.pack("<d", x / y))[0]

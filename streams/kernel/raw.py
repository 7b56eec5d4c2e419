"""Words and bytes of plain memory by address, for compiled code that reads and writes buffers of others: no alignment is needed.

Plain they go through ctypes. An address outside the caller's memory ends the process in both runs: the caller checks every bound.
"""

import ctypes
from typing import Any

from llvmlite import ir

from streams.kernel.prim import I64, primitive

__all__ = ["load_word", "store_byte", "store_word"]

_BYTE = ir.IntType(8)


def _load(b: Any, addr: Any) -> Any:
    return b.load(b.inttoptr(addr, I64.as_pointer()), align=1)


def _store(b: Any, addr: Any, value: Any) -> Any:
    return b.store(value, b.inttoptr(addr, I64.as_pointer()), align=1)


@primitive(_load)
def load_word(addr: int) -> int:
    """The eight bytes at an address as a little-endian int64."""
    return ctypes.c_int64.from_address(addr).value


@primitive(_store, returns=False)
def store_word(addr: int, value: int) -> None:
    """Store an int64 as eight little-endian bytes."""
    ctypes.c_int64.from_address(addr).value = value


@primitive(lambda b, addr, value: b.store(b.trunc(value, _BYTE), b.inttoptr(addr, _BYTE.as_pointer())), returns=False)
def store_byte(addr: int, value: int) -> None:
    """Store the low byte of an int64."""
    ctypes.c_uint8.from_address(addr).value = value & 255

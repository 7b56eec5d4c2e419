"""Slots copied between structs and plain memory, by address."""

import ctypes
from typing import Any

from llvmlite import ir

from streams.kernel import at
from streams.kernel.prim import I64, primitive
from streams.slots import Slot

__all__ = ["copy_slot", "copy_whole"]

_HANDLES = 1 << 56  # `addr_of` gives objects numbers from here on in plain runs


def _copy(b: Any, to: Any, of: Any, nbytes: Any) -> Any:
    name = "llvm.memcpy.p0.p0.i64"
    target, source = (b.inttoptr(address, ir.IntType(8).as_pointer()) for address in (to, of))
    flag = ir.IntType(1)
    kind = ir.FunctionType(ir.VoidType(), [target.type, source.type, I64, flag])
    fn = b.module.globals.get(name) or ir.Function(b.module, kind, name)
    return b.call(fn, [target, source, nbytes, flag(0)])


@primitive(_copy, returns=False)
def copy_slot(to: int, of: int, nbytes: int) -> None:
    """Copy a slot of so many bytes from one address to another; they do not overlap. Plain: either may be an object's handle."""
    data = at(Slot, of).pack().tobytes() if of >= _HANDLES else ctypes.string_at(of, nbytes)
    if to >= _HANDLES:
        at(Slot, to).unpack(data)
    else:
        ctypes.memmove(to, data, nbytes)


def copy_whole(to: int, of: int, nbytes: int) -> None:
    """The same of a slot whose size is not known before: 64, 128 or 256 bytes, each by a copy of its own, which needs no call."""
    if nbytes == 256:
        copy_slot(to, of, 256)
    elif nbytes == 128:
        copy_slot(to, of, 128)
    else:
        copy_slot(to, of, 64)

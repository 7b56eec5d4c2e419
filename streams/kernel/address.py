"""Structs by address: how an entry point, whose arguments are integers, reaches its state."""

import ctypes
import itertools
import weakref
from typing import Any, TypeVar

from streams.kernel.struct import Struct

__all__ = ["addr_of", "at"]

S = TypeVar("S", bound=Struct)
_objects: "weakref.WeakValueDictionary[int, Struct]" = weakref.WeakValueDictionary()
_handles = itertools.count(1 << 56, 64)  # above any user-space address, so that a handle is never taken for one


def at(cls: type[S], addr: int) -> S:
    """The struct of class `cls` at an address. Plain: the object with that handle, or a copy of what lies in memory there."""
    obj: Any = _objects.get(addr)
    if obj is None:
        if cls._flat_ is None:
            return cls().unpack((ctypes.c_char * cls._size_).from_address(addr))
        obj = cls.__new__(cls)
        vars(obj).update(zip(cls._codes_, cls._flat_.unpack(ctypes.string_at(addr, cls._flat_.size)), strict=True))
    return obj


def addr_of(struct: Struct) -> int:
    """Address of a struct. Plain: a handle that `at` knows as long as the object lives."""
    handle = vars(struct).get("_addr")
    if handle is None:
        handle = vars(struct)["_addr"] = next(_handles)
        _objects[handle] = struct
    return handle

"""The kernel: one Python source, plain objects or flat memory with machine code. Importing it does not import Numba."""

from streams.kernel.address import addr_of, at
from streams.kernel.fields import F32, I8, I16, I32, NULL, U8, Array, Table
from streams.kernel.prim import PYFUNCS, below, bit, call3, clz, ctz, handle_of, hash64, load_byte
from streams.kernel.struct import Struct
from streams.kernel.view import View

__all__ = [
    "F32",
    "I8",
    "I16",
    "I32",
    "NULL",
    "PYFUNCS",
    "U8",
    "Array",
    "Struct",
    "Table",
    "View",
    "addr_of",
    "at",
    "below",
    "bit",
    "call3",
    "clz",
    "ctz",
    "handle_of",
    "hash64",
    "load_byte",
]

"""The kernel: one Python source, plain objects or flat memory with machine code. Importing it does not import Numba.

    fields, struct, items     Struct classes and their plain objects        memory, view, layout   their flat form, and its description
    prim, raw, atomics, address, system    what methods call, in both runs  fault                  errors raised inside an entry
    native, lock              entries as objects on disk                    parity                 what would not be equal in both runs
    compile, parts, {typing,elements,names}_numba, refuse, explain          the compiler: imported when no object is on disk

What the caller promises, as for any machine integer: shift counts are 0..63, products fit int64, and an int that meets a float (or `/`) is
within 2**53, because Python is exact beyond it and machine code rounds.
"""

from streams.kernel.address import addr_of, at
from streams.kernel.fields import F32, I8, I16, I32, NULL, U8, Array, Table
from streams.kernel.prim import PYFUNCS, below, bit, call1, call2, call3, call4, clz, ctz, handle_of, hash64, load_byte, prefetch
from streams.kernel.raw import load_word, store_byte, store_word
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
    "call1",
    "call2",
    "call3",
    "call4",
    "clz",
    "ctz",
    "handle_of",
    "hash64",
    "load_byte",
    "load_word",
    "prefetch",
    "store_byte",
    "store_word",
]

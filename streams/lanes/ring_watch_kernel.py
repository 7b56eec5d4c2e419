"""The thread that waits for rings on behalf of an event loop, in compiled code: it needs no Python, so nothing that Python does delays it.

words[STOP]     not 0: end
words[ARMED]    1 = tell of the next news; the thread clears it when it tells
"""

import ctypes
from typing import Any

from llvmlite import ir

from streams.kernel import at
from streams.kernel.atomics import load_acquire, store_release
from streams.kernel.prim import I64, primitive
from streams.kernel.system import sleep_on
from streams.lanes.ring_group import RingGroup

__all__ = ["ARMED", "ENTRIES", "STOP", "WORDS_NBYTES", "watch"]

STOP, ARMED, WORDS_NBYTES = 0, 64, 128
_LOOK_NS = 20_000_000  # how long an end takes at most
_LIBC = ctypes.CDLL(None)
_INT = ir.IntType(32)


def _write(b: Any, fd: Any, address: Any) -> Any:
    kind = ir.FunctionType(I64, [_INT, I64.as_pointer(), I64])
    function = b.module.globals.get("write") or ir.Function(b.module, kind, "write")
    return b.call(function, [b.trunc(fd, _INT), b.inttoptr(address, I64.as_pointer()), ir.Constant(I64, 1)])


@primitive(_write)
def write_byte(fd: int, address: int) -> int:
    """Write the byte at an address to a file that does not block; < 0: it took nothing."""
    return int(_LIBC.write(fd, ctypes.c_void_p(address), 1))


def watch(group: int, words: int, fd: int) -> int:
    """Write a byte to `fd` whenever a ring of the group has news, once until it is armed again; until it is stopped. 0."""
    while load_acquire(words + STOP) == 0:
        if load_acquire(words + ARMED) == 0:
            sleep_on(words + ARMED, 0, _LOOK_NS)
        elif at(RingGroup, group).wait(_LOOK_NS):
            store_release(words + ARMED, 0)
            write_byte(fd, words)
    return 0


ENTRIES = {"watch": (watch, 3)}

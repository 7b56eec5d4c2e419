"""The thread that waits for rings on behalf of an event loop, in compiled code: it needs no Python, so nothing that Python does delays it.

words[STOP]     not 0: end
words[ARMED]    1 = tell of the next news; the thread clears it when it tells
words[KIND]     not 0: of the first ring, slots of this kind only are news
words[TOLD]     what it tells, in the low byte: bit 0 = of the first ring, bit 1 = of another

The reading ends of the group are the thread's own while it is armed, its owner's otherwise.
"""

import ctypes
from typing import Any

from llvmlite import ir

from streams.kernel import at
from streams.kernel.atomics import load_acquire, load_relaxed, store_release
from streams.kernel.prim import I64, primitive
from streams.kernel.system import sleep_on
from streams.lanes.fast_slots import KIND_RECORD, RecordSlot
from streams.lanes.record_kernel import record_slots
from streams.lanes.ring_group import RingGroup
from streams.lanes.ring_kernel import RingReader
from streams.slots import Slot

__all__ = ["ARMED", "ENTRIES", "KIND", "OTHERS", "STOP", "WORDS_NBYTES", "watch"]

STOP, ARMED, KIND, TOLD, WORDS_NBYTES = 0, 64, 72, 128, 192
FIRST, OTHERS = 1, 2
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
    """Write words[TOLD] to `fd` whenever a ring of the group has news, once until it is armed again; until it is stopped. 0."""
    while load_acquire(words + STOP) == 0:
        if load_acquire(words + ARMED) == 0:
            sleep_on(words + ARMED, 0, _LOOK_NS)
        elif at(RingGroup, group).wait(_LOOK_NS):
            found = news(group, load_relaxed(words + KIND))
            if found != 0:
                store_release(words + TOLD, found)
                store_release(words + ARMED, 0)
                write_byte(fd, words + TOLD)
    return 0


def news(group: int, kind: int) -> int:
    """Go past what is there; what of it is to be told: FIRST, OTHERS, both or 0."""
    g = at(RingGroup, group)
    found = 0
    for i in range(g.n):
        r = at(RingReader, g.readers[i])
        ready = r.poll()
        if ready <= 0:
            continue
        if i == 0 and kind != 0 and ready <= r.capacity // 2:  # else its owner has fallen far behind: let it look
            if has_kind(r, kind):
                found |= FIRST
        elif i == 0:
            found |= FIRST
        else:
            found |= OTHERS
        r.next = r.head
    return found


def has_kind(r: RingReader, kind: int) -> bool:
    """Whether a slot of a kind is there, of those that have been polled."""
    number = r.next
    found = False
    while number < r.head and not found:
        address = r.slot(number)
        n = 1
        if at(Slot, address).kind == kind:
            found = True
        elif at(Slot, address).kind == KIND_RECORD:  # its payload is no slots
            n = record_slots(at(RecordSlot, address).payload_nbytes)
        number += n
    return found


ENTRIES = {"watch": (watch, 3)}

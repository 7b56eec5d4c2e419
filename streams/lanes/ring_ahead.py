"""Cache lines of a ring asked for before they are needed: several at once, where each alone would be waited for.

A slot's lines come from the core that wrote them, some 100 ns each, and a slot to be written was last touched a whole ring ago. Whoever is
about to read several slots asks for all of them first; a writer that has nothing to do asks for those it will write next.
"""

from typing import Any

from llvmlite import ir

from streams.kernel import prefetch
from streams.kernel.prim import primitive
from streams.lanes.ring_kernel import RingReader, RingWriter

__all__ = ["ask_room", "ask_slots", "prefetch_to_write"]

_LINE = 64


def _prefetch(b: Any, address: Any) -> Any:
    name, half = "llvm.prefetch.p0", ir.IntType(32)
    pointer = b.inttoptr(address, ir.IntType(8).as_pointer())
    fn = b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(ir.VoidType(), [pointer.type, half, half, half]), name)
    return b.call(fn, [pointer, half(1), half(3), half(1)])  # to write, into every cache, data


@primitive(_prefetch, returns=False)
def prefetch_to_write(address: int) -> None:
    """Ask for the cache line at an address that will be written soon. Any address will do. Plain: nothing."""


def ask_slots(r: RingReader, n: int) -> None:
    """Ask for the next n slots, which are there. 0 <= n <= capacity."""
    address = r.slot(r.next)
    for place in range(address, address + n * r.slot_nbytes, _LINE):
        prefetch(place)


def ask_room(w: RingWriter, n: int) -> None:
    """Ask for the n slots that will be written next. Nothing in them changes: readers may still have them. 0 <= n <= capacity."""
    address = w.slot(w.next)
    for place in range(address, address + n * w.slot_nbytes, _LINE):
        prefetch_to_write(place)

"""Memory for pieces of a stream, used again once nobody needs it any more."""

import weakref

import numpy as np

from streams.kernel.memory import aligned

__all__ = ["Block", "Pool"]

_KEPT = 8  # free blocks of a pool; more than a reader that looks some pieces ahead gives back at once


class Block:
    """Bytes at a multiple of 64; they may be used as long as this object lives."""

    def __init__(self, memory: np.ndarray) -> None:
        self.memory = memory
        self.address: int = memory.ctypes.data

    def __len__(self) -> int:
        return len(self.memory)


class Pool:
    """Blocks of one size. A page that was used once costs nothing the second time, a new one as much as filling it."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self._free: list[np.ndarray] = []

    def take(self) -> Block:
        """A block; what stands in it is left over."""
        memory = self._free.pop() if self._free else aligned(self.nbytes)
        block = Block(memory)
        weakref.finalize(block, _give_back, self._free, memory)
        return block


def _give_back(free: list[np.ndarray], memory: np.ndarray) -> None:
    if len(free) < _KEPT:
        free.append(memory)

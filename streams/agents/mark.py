"""Mark: a compiled process as it stood, to return to when an input makes it fail."""

from typing import Any

import numpy as np

from streams.agents.market_node import CompiledMarket
from streams.agents.process import Process
from streams.agents.runner import CompiledNode

__all__ = ["Mark"]


class Mark:
    """Copies of what inputs change. `take` may be called again and again: it uses the same memory (a millisecond for 14 MB)."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._live: list[np.ndarray] = []
        if isinstance(process.node, CompiledNode):
            self._live += [process.node.mem, *process.node.states]
        if isinstance(process.normalize, CompiledMarket):
            self._live.append(process.normalize.memory)
        self._kept = [array.copy() for array in self._live]
        self._rest: tuple[Any, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes that are copied."""
        return sum(array.nbytes for array in self._live)

    def take(self) -> None:
        """Keep the state as it is now, between two inputs."""
        p = self._process
        for kept, live in zip(self._kept, self._live, strict=True):
            kept[:] = live
        ignored = dict(p.normalize.ignored) if p.normalize is not None else {}
        self._rest = p.run_id, p.now_ns, len(p.names), len(p.instruments), dict(p.models), ignored

    def give_back(self) -> None:
        """Make the process what it was. Names and instruments that came since stay known, as they will come again."""
        p = self._process
        p.discard()
        for kept, live in zip(self._kept, self._live, strict=True):
            live[:] = kept
        p.run_id, p.now_ns, names, instruments, p.models, ignored = self._rest
        del p.names[names:], p.instruments[instruments:]
        if p.normalize is not None:
            p.normalize.ignored = ignored

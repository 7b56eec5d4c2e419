"""The state of a process copied between two inputs, into memory made beforehand: its loop stands still for no more than that.

copy = StateCopy(process)
copy.take()                # between two inputs: no allocation, nothing is packed
parts = copy.parts()       # in another thread: what `Process.snapshot` would have given then
"""

from typing import Any

from streams.agents.process import Process
from streams.kernel.memory import aligned

__all__ = ["StateCopy"]


class StateCopy:
    """Room for one state of a process. What `parts` gave stands until the next `take`.

    A plain process has no memory to copy: its `take` packs it.
    """

    def __init__(self, process: Process) -> None:
        self._process, self._layouts = process, process.layouts()
        self._from = process.memory()
        self._to = {part: aligned(len(memory)) for part, memory in self._from.items()}
        for room in self._to.values():
            room.fill(0)  # the pages are there
        self._control: dict[str, Any] = {}
        self._plain: dict[str, tuple[str, str, bytes]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes that a `take` copies."""
        return sum(map(len, self._from.values()))

    def take(self) -> None:
        """Copy the state as it is now."""
        if not self._from:
            self._plain = self._process.snapshot()
            return
        self._process.settle()
        for part, memory in self._from.items():
            self._to[part][:] = memory
        self._control = self._process.control_facts()

    def parts(self) -> dict[str, tuple[str, str, bytes | memoryview]]:
        """Part -> (layout, fields, state), as `Process.restore` takes it."""
        if not self._from:
            return {**self._plain}
        node = self._process.node
        if node is not None:
            node.without_addresses(self._to)
        data = {"control": self._process.control_state(self._control)} | {part: memoryview(room) for part, room in self._to.items()}
        return {part: (*layout, data[part]) for part, layout in self._layouts.items()}

"""The node of a process, run plain or compiled behind one interface: slots in, slots out, state as bytes."""

import ctypes
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from streams.agents.node import ENTRIES, Node
from streams.agents.outbox import TABLES
from streams.errors import KernelError
from streams.kernel import View, addr_of, native
from streams.kernel.fault import FAULT
from streams.kernel.memory import aligned
from streams.slots import SLOTS
from streams.strategies.base import CALLBACKS, Strategy, compiled_callbacks, plain_callbacks
from streams.strategies.sources import strategy_sources

__all__ = ["CompiledNode", "NodeRunner", "PlainNode", "node_sources"]


class NodeRunner(Protocol):
    """What a process needs of its node."""

    def step(self, slots: bytes) -> Iterator[tuple[int, bytes]]:
        """Carry packed slots to completion; (kind, slot) of everything written, in order."""
        ...

    def call(self, entry: str, *args: int) -> int:
        """Call one of the other entry points."""
        ...

    def sequences(self) -> dict[int, int]:
        """Last sequence used, by kind of slot."""
        ...

    def set_writer(self, kind: int, first_id: int, sequence: int) -> None:
        """Say who writes a kind of slot, and the last sequence used."""
        ...

    def set_speed(self, speed: float) -> None:
        """Say how many seconds of the run pass in one of wall time: limits on age and lag are wall time (contract 10)."""
        ...

    def watch_orders(self, call: int, argument: int, owner: Any) -> None:
        """From now on call int64(argument) at an address as an order is asked for. What the node does, writes and packs is the same. owner:
        kept as long as the node, for the argument's sake."""
        ...

    def set_param(self, index: int, name: str, value: int | float) -> None:
        """Set a parameter of the index-th strategy."""
        ...

    def load_model(self, index: int, path: str) -> bool:
        """Let the index-th strategy read its model file; False if it is compiled."""
        ...

    def state(self, index: int) -> tuple[Any, type]:
        """The index-th strategy, or a view of its memory, and its class. Only to be read."""
        ...

    def now_ns(self) -> int:
        """The largest time seen on the inputs."""
        ...

    def holding(self, strategy: int, instrument: int) -> tuple[int, int]:
        """Signed lots that a strategy holds, and its P&L there in money units, as its account last told."""
        ...

    def entry(self, index: int) -> Any:
        """The index-th strategy's place in the node: status, faults, context."""
        ...

    def pack(self) -> dict[str, bytes]:
        """State by part, without addresses: "node", and "strategy:<i>" each."""
        ...

    def unpack(self, parts: dict[str, bytes]) -> None:
        """Take a state that `pack` gave."""
        ...

    def parts_in_memory(self) -> dict[str, Any]:
        """The memory of each part, addresses and all: uint8[n]; empty if it is plain."""
        ...

    def without_addresses(self, parts: Mapping[str, Any]) -> None:
        """Make of a copy of that memory what `pack` gives."""
        ...


def node_sources() -> list[Path]:
    """Every file that the node's machine code depends on, beside the kernel itself."""
    agents = [p for p in native.sources("streams.agents") if p.name not in _PLAIN and not p.name.startswith("market")]
    return [*native.sources("streams.slots", "streams.trading"), *agents]


_NOBODY = 0, 0
_PLAIN = {"build.py", "model_file.py", "process.py", "roles.py", "rows.py", "runner.py", "shown.py", "spec.py"}
_PLAIN |= {
    "__init__.py",
    "batch.py",
    "batch_compiled.py",
    "batch_plain.py",
    "drive.py",
    "drive_loop.py",
    "drive_plan.py",
    "mark.py",
    "rows_in_slots.py",
    "values.py",
}


def _set_callbacks(entry: Any, handles: dict[str, int], state: int) -> None:
    for name in CALLBACKS:
        setattr(entry, name, handles.get(name, 0))
    entry.state = state


def _set_watch(out: Any, watch: tuple[int, int]) -> None:
    out.on_order, out.order_argument = watch


class PlainNode:
    """The node as Python objects: for a debugger, for tests, and to compare with."""

    def __init__(self, node: Node, strategies: list[Strategy], guarded: bool = True) -> None:
        self.node, self.strategies = node, strategies
        self.faults: dict[int, str] = {}
        """The first error of each strategy that raised, with file and line, by its index."""
        self.handles = [plain_callbacks(type(s), guarded, partial(self.faults.setdefault, i)) for i, s in enumerate(strategies)]
        self._watch = _NOBODY
        self._bind()

    def _bind(self) -> None:
        _set_watch(self.node.out, self._watch)
        for i, strategy in enumerate(self.strategies):
            _set_callbacks(self.node.strategy.entries[i], self.handles[i], addr_of(strategy))

    def step(self, slots: bytes) -> Iterator[tuple[int, bytes]]:
        buf = ctypes.create_string_buffer(bytes(slots), len(slots))
        used, out = 0, self.node.out
        while used < len(slots):
            used += self.node.step(ctypes.addressof(buf) + used, len(slots) - used)
            for i in range(out.count):
                kind = out.kinds[i]
                yield kind, getattr(out, TABLES[kind])[out.rows[i]].pack().tobytes()
            out.empty()

    def call(self, entry: str, *args: int) -> int:
        return ENTRIES[entry][0](addr_of(self.node), *args)

    def sequences(self) -> dict[int, int]:
        return {kind: self.node.out.sequence[kind] for kind in TABLES}

    def set_writer(self, kind: int, first_id: int, sequence: int) -> None:
        self.node.out.first_id[kind] = first_id
        self.node.out.sequence[kind] = sequence

    def set_speed(self, speed: float) -> None:
        self.node.risk.guards.speed = speed

    def watch_orders(self, call: int, argument: int, owner: Any) -> None:
        self._watch, self._owner = (call, argument), owner
        self._bind()

    def set_param(self, index: int, name: str, value: int | float) -> None:
        setattr(self.strategies[index], name, value)

    def load_model(self, index: int, path: str) -> bool:
        strategy = self.strategies[index]
        if not type(strategy).compiled:
            strategy.on_model(path)
        return not type(strategy).compiled

    def state(self, index: int) -> tuple[Any, type]:
        return self.strategies[index], type(self.strategies[index])

    def now_ns(self) -> int:
        return self.node.views.now_ns

    def holding(self, strategy: int, instrument: int) -> tuple[int, int]:
        views = self.node.views
        return views.holding(strategy, instrument), views.told.position(strategy, instrument).pnl()

    def entry(self, index: int) -> Any:
        return self.node.strategy.entries[index]

    def pack(self) -> dict[str, bytes]:
        for i in range(len(self.strategies)):
            _set_callbacks(self.node.strategy.entries[i], {}, 0)
        _set_watch(self.node.out, _NOBODY)
        parts = {"node": self.node.pack().tobytes()}
        self._bind()
        return parts | {f"strategy:{i}": s.pack().tobytes() for i, s in enumerate(self.strategies)}

    def unpack(self, parts: dict[str, bytes]) -> None:
        self.node.unpack(parts["node"])
        for i, strategy in enumerate(self.strategies):
            strategy.unpack(parts[f"strategy:{i}"])
        self._bind()

    def parts_in_memory(self) -> dict[str, Any]:
        return {}

    def without_addresses(self, parts: Mapping[str, Any]) -> None:
        pass


class CompiledNode:
    """The node as flat memory and machine code."""

    def __init__(self, node: Node, strategies: list[Strategy]) -> None:
        self.loaded = native.load("node", lambda: ENTRIES, node_sources())
        self.entries = {name: native.function(getattr(self.loaded, name), n) for name, (_, n) in ENTRIES.items()}
        self.callbacks = [compiled_callbacks(type(s), [*node_sources(), *strategy_sources(type(s))]) for s in strategies]
        self.classes = [type(s) for s in strategies]
        self.mem = node.pack()
        self.states = [s.pack() for s in strategies]
        self.view = View(Node, self.mem)
        self.address = self.mem.ctypes.data
        out = self.view.out
        self.kinds, self.rows = out.kinds, out.rows
        self.tables = {kind: (getattr(out, name)[0]._base, SLOTS[kind]._size_) for kind, name in TABLES.items()}
        self.input = aligned(1 << 16)
        self._watch = _NOBODY
        self._bind()

    def _bind(self) -> None:
        _set_watch(self.view.out, self._watch)
        for i, (callbacks, state) in enumerate(zip(self.callbacks, self.states, strict=True)):
            _set_callbacks(self.view.strategy.entries[i], callbacks, state.ctypes.data)

    def step(self, slots: bytes) -> Iterator[tuple[int, bytes]]:
        if len(slots) > len(self.input):
            self.input = aligned(2 * len(slots))
        self.input[: len(slots)] = memoryview(slots)
        used, address, out = 0, self.input.ctypes.data, self.view.out
        while used < len(slots):
            n = self.entries["node_step"](self.address, address + used, len(slots) - used)
            if n == FAULT:
                raise KernelError(f"the node failed at byte {used} of {len(slots)} of its input; run the process with --plain to see where")
            used += n
            for i in range(out.count):
                kind = int(self.kinds[i])
                base, size = self.tables[kind]
                start = base + int(self.rows[i]) * size
                yield kind, self.mem[start : start + size].tobytes()
            self.entries["node_empty"](self.address)

    def call(self, entry: str, *args: int) -> int:
        result = self.entries[entry](self.address, *args)
        if result == FAULT:
            raise KernelError(f"{entry}{args} failed: a number is beyond the sizes of the process")
        return result

    def sequences(self) -> dict[int, int]:
        sequence = self.view.out.sequence
        return {kind: int(sequence[kind]) for kind in TABLES}

    def set_writer(self, kind: int, first_id: int, sequence: int) -> None:
        self.view.out.first_id[kind] = first_id
        self.view.out.sequence[kind] = sequence

    def set_speed(self, speed: float) -> None:
        self.view.risk.guards.speed = speed

    def watch_orders(self, call: int, argument: int, owner: Any) -> None:
        self._watch, self._owner = (call, argument), owner
        self._bind()

    def set_param(self, index: int, name: str, value: int | float) -> None:
        setattr(View(self.classes[index], self.states[index]), name, value)

    def load_model(self, index: int, path: str) -> bool:
        return False

    def state(self, index: int) -> tuple[Any, type]:
        return View(self.classes[index], self.states[index]), self.classes[index]

    def now_ns(self) -> int:
        return self.view.views.now_ns

    def holding(self, strategy: int, instrument: int) -> tuple[int, int]:
        views = self.view.views
        k = strategy * len(views.books) + instrument
        p = views.told.positions[k]
        return int(views.holdings[k]), p.realized_pnl + p.unrealized_pnl - p.fees + p.funding

    def entry(self, index: int) -> Any:
        return self.view.strategy.entries[index]

    def pack(self) -> dict[str, bytes]:
        for i in range(len(self.states)):
            _set_callbacks(self.view.strategy.entries[i], {}, 0)
        _set_watch(self.view.out, _NOBODY)
        parts = {"node": self.mem.tobytes()}
        self._bind()
        return parts | {f"strategy:{i}": s.tobytes() for i, s in enumerate(self.states)}

    def unpack(self, parts: dict[str, bytes]) -> None:
        self._take(self.mem, parts["node"], "node")
        for i, state in enumerate(self.states):
            self._take(state, parts[f"strategy:{i}"], f"strategy:{i}")
        self._bind()

    def parts_in_memory(self) -> dict[str, Any]:
        return {"node": self.mem} | {f"strategy:{i}": state for i, state in enumerate(self.states)}

    def without_addresses(self, parts: Mapping[str, Any]) -> None:
        copy = View(Node, parts["node"])
        _set_watch(copy.out, _NOBODY)
        for i in range(len(self.states)):
            _set_callbacks(copy.strategy.entries[i], {}, 0)

    @staticmethod
    def _take(mem: Any, data: bytes, name: str) -> None:
        if len(data) != len(mem):
            raise KernelError(f"{name}: the stored state has {len(data)} bytes, this process needs {len(mem)}; were the sizes the same?")
        mem[:] = memoryview(data)

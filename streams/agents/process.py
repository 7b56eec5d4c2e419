"""Process: the agents of one process, pure. Records in, records out, in any lane, in replay and in verify.

process = Process(spec, compiled=True)
process.on_input(record)            # in the order of the journal; raises EdgeError or FrameError for a record that cannot be used
process.on_tick(id, ts_ns)
for topic, record in process.take_outputs(): ...
"""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from streams.agents.build import build_node
from streams.agents.market_build import build_market
from streams.agents.market_node import KINDS
from streams.agents.model_file import MODEL, find_model
from streams.agents.node import KIND_PARAM, KIND_TICK, Node
from streams.agents.outbox import TABLES
from streams.agents.roles import READS, reads_of, writes_of
from streams.agents.shown import strategy_shown
from streams.agents.spec import DEFAULT_SIZES, ProcessSpec
from streams.errors import EdgeError, RestoreError, TopologyError
from streams.kernel.layout import field_list, fingerprint
from streams.records import (
    BookUpdate,
    Command,
    CommandType,
    Decision,
    Fill,
    Frame,
    Funding,
    Instrument,
    Limit,
    Name,
    NameKind,
    Order,
    Param,
    Position,
    Quote,
    Report,
    Shard,
    Signal,
    Trade,
    VenueEvent,
)
from streams.schema import codec, ids
from streams.schema.edge import Edge
from streams.schema.model import BY_KIND, SCHEMAS
from streams.slots import Slot
from streams.trading.contract import check_units

__all__ = ["Process"]

_MIRROR = (CommandType.MIRROR_BEHIND, CommandType.MIRROR_CAUGHT_UP)
_COMPILED_INPUTS = (
    *(Instrument, BookUpdate, Trade, Quote, Funding, Order, Decision, VenueEvent, Report, Fill, Position, Signal, Limit, Command),
)


class Process:
    """One process of one shard; see the module. `run_id`, the clock and all decisions come from records."""

    def __init__(self, spec: ProcessSpec, compiled: bool = True, guarded: bool = True) -> None:
        unknown = [a for a in spec.agents if a not in READS]
        if unknown:
            raise TopologyError(f"process {spec.name}: no agent is called {', '.join(unknown)}; agents are {', '.join(READS)}")
        self.spec = spec
        self.sizes = {**DEFAULT_SIZES, **spec.sizes}
        self.sizes["order_lists"] = max(self.sizes["strategies"], 2 * self.sizes["instruments"])
        self.reads = reads_of(spec.agents, spec.shared)
        self.writes = writes_of(spec.agents)
        self.edge = Edge()
        self.run_id = 0
        self.now_ns = 0
        self.names: list[Name] = []
        self.instruments: list[Instrument] = []
        self.models: dict[str, str] = {}  # hash of the model file by strategy
        self.normalize = build_market(self.edge, self.sizes, compiled) if "normalize" in spec.agents else None
        self.node, self._classes = build_node(spec, self.sizes, compiled, guarded)
        self.compiled_reads = frozenset(cls for cls in (*self.reads, *self._fused()) if cls in _COMPILED_INPUTS)
        self._pending = bytearray()
        self._outputs: list[tuple[str, NamedTuple]] = []
        self._handlers: dict[type, Callable[[Any], None]] = {
            Name: self._on_name,
            Instrument: self._on_instrument,
            Shard: lambda record: None,
            Param: self._on_param,
            Command: self._on_command,
            Frame: self._on_frame,
        }
        self._set_writers()

    # ---- inputs ----
    def on_input(self, record: NamedTuple) -> None:
        """Carry one record to completion. EdgeError or FrameError: it cannot be used, and nothing has changed."""
        handler = self._handlers.get(type(record))
        if handler is not None:
            handler(record)
        else:
            self._to_node(record)

    def on_tick(self, id: int, ts_ns: int) -> None:
        """A clock tick of the lane (contract 9)."""
        self.advance(ts_ns)
        if self.node is not None:
            self._pending += _header(id, ts_ns, -1, KIND_TICK)

    def take_outputs(self) -> list[tuple[str, NamedTuple]]:
        """(topic, record) of everything written since the last call, in the order written."""
        self._flush()
        outputs, self._outputs = self._outputs, []
        return outputs

    def discard(self) -> None:
        """Forget inputs not stepped and outputs not taken: what a failure has left behind."""
        self._pending, self._outputs = bytearray(), []

    def _to_node(self, record: NamedTuple) -> None:
        if self.node is None or type(record) not in self.compiled_reads:
            return
        self._pending += self.edge.to_slots(record)
        if self.normalize is not None:  # keep the order of one queue across both kinds of agents
            self._flush()

    def take_slots(self) -> bytes:
        """What the node has been given and not stepped yet; whoever takes it steps the node. `take_outputs` then gives what came before."""
        slots, self._pending = bytes(self._pending), bytearray()
        return slots

    def _flush(self) -> None:
        if not self._pending or self.node is None:
            return
        for kind, slot in self.node.step(self.take_slots()):
            record = self.edge.from_slot(kind, slot, self.run_id)
            self._outputs.append((SCHEMAS[type(record).__name__].topic, record))

    def advance(self, ts_ns: int) -> None:
        """Time never goes back."""
        self.now_ns = max(self.now_ns, ts_ns)
        if self.normalize is not None:
            self.normalize.advance(ts_ns)

    def _on_frame(self, frame: Frame) -> None:
        self.advance(frame.recv_ts_ns)
        if self.normalize is None:
            return
        for record in self.normalize.records(frame, self.run_id):
            self._outputs.append((SCHEMAS[type(record).__name__].topic, record))
            self._to_node(record)

    # ---- control ----
    def _on_name(self, name: Name) -> None:
        size = {
            NameKind.INSTRUMENT: "instruments",
            NameKind.ACCOUNT: "accounts",
            NameKind.STRATEGY: "strategies",
            NameKind.SCOPE: "scopes",
            NameKind.CURRENCY: "currencies",
            NameKind.SECTOR: "sectors",
            NameKind.CLUSTER: "clusters",
        }.get(name.kind)
        if self.node is not None and size is not None and name.number >= self.sizes[size]:
            raise EdgeError(
                f"names.number: {name.kind.name} {name.name!r} has number {name.number}; room is for {self.sizes[size]} {size}: "
                f"raise sizes.{size} in the topology"
            )
        self.edge.on_name(name)
        self.names.append(name)
        if self.node is not None:
            self._bind(name)

    def _bind(self, name: Name) -> None:
        """Tell the node what a new name completes: an account and its scope, a strategy, its account and its instruments."""
        assert self.node is not None
        self._flush()
        if name.kind in (NameKind.ACCOUNT, NameKind.SCOPE):
            account = name.name.removeprefix("account:")
            scope = self._number(NameKind.SCOPE, f"account:{account}")
            number = self._number(NameKind.ACCOUNT, account)
            if scope is not None and number is not None:
                self.node.call("node_account", number, scope)
        if "strategy" not in self.spec.agents:
            return
        if name.kind in (NameKind.STRATEGY, NameKind.ACCOUNT, NameKind.INSTRUMENT):
            self._bind_strategies()
        elif name.kind == NameKind.METRIC:
            for i, cls in enumerate(self._classes):
                if name.name in cls.metrics:
                    self.node.call("node_metric", i, cls.metrics.index(name.name), name.number)

    def _bind_strategies(self) -> None:
        assert self.node is not None
        for i, s in enumerate(self.spec.strategies):
            strategy, account = self._number(NameKind.STRATEGY, s.name), self._number(NameKind.ACCOUNT, s.account)
            if strategy is not None and account is not None:
                self.node.call("node_strategy", i, strategy, account)
            for k, symbol in enumerate(s.instruments):
                instrument = self._number(NameKind.INSTRUMENT, symbol)
                if instrument is not None:
                    self.node.call("node_member", i, instrument, 1 if k == 0 else 0)

    def _number(self, kind: NameKind, name: str) -> int | None:
        return self.edge.dictionary.numbers(kind).get(name)

    def _on_instrument(self, instrument: Instrument) -> None:
        i = instrument
        check_units(i.tick_e9, i.lot_e9, i.multiplier_e9, i.money_scale, i.instrument_type, self.edge.money_scale(i.base))
        self.edge.on_instrument(instrument)
        self.instruments.append(instrument)
        if self.normalize is not None:
            self.normalize.on_instrument(instrument)
        self._to_node(instrument)

    def _on_param(self, param: Param) -> None:
        self._flush()
        for i, s in enumerate(self.spec.strategies):
            if s.name == param.strategy and self.node is not None and "strategy" in self.spec.agents:
                if param.name == MODEL and param.value_text is not None:
                    self._load_model(i, param.value_text)
                    continue
                value = param.value_long if param.value_long is not None else param.value_double
                if value is None:
                    raise EdgeError(f"params.{param.name}: text is no parameter of a compiled strategy; give a number")
                try:
                    self.node.set_param(i, param.name, value)
                except Exception as e:
                    raise EdgeError(f"params.{param.name}: strategy {s.name} ({s.class_path}) cannot take {value!r}: {e}") from None
                self._pending += _header(param.id, param.ts_ns, i, KIND_PARAM)

    def _load_model(self, i: int, digest: str) -> None:
        """Let the i-th strategy read the file with that hash. ConfigError when it is not there: the process cannot run without it."""
        strategy = self.spec.strategies[i]
        if not strategy.model:  # the topology names none any more
            return
        if self.node is None or not self.node.load_model(i, find_model(strategy.model, strategy.kept, digest)):
            raise EdgeError(f"params.{MODEL}: strategy {strategy.name} is compiled, it cannot read a model file; say compiled = False")
        self.models[strategy.name] = digest

    def _on_command(self, command: Command) -> None:
        if command.kind in _MIRROR:
            if command.target != f"{self.spec.name}.{self.spec.shard}":
                return
            command = command._replace(target="")  # in memory a target is a scope, a strategy or an instrument
        if self.normalize is not None:
            self.normalize.on_command(command)
        if command.kind == CommandType.RUN:
            self._flush()
            self.run_id = command.run_number or 0
            if self.node is not None:
                self.node.set_speed(command.speed or 1.0)
        self._to_node(command)

    # ---- state ----
    def shown(self) -> dict[str, Any]:
        """Each strategy as it is now, by name, for people: see `strategy_shown`."""
        self._flush()
        return self.seen()

    def seen(self) -> dict[str, Any]:
        """The same as the node has it, from another thread while that is stepped: figures may be of two moments."""
        if self.node is None or not self._classes:
            return {}
        numbers = self.edge.dictionary.numbers(NameKind.INSTRUMENT)
        rules = {name: (numbers[name], i) for i in self.instruments if (name := f"{i.venue}:{i.symbol}") in numbers}
        return {s.name: strategy_shown(self.node, i, s, rules) for i, s in enumerate(self.spec.strategies)}

    def counters(self) -> dict[str, int]:
        """Last sequence used, by topic: ids are dense per writer."""
        parts = [part.sequences() for part in (self.normalize, self.node) if part is not None]
        return {_topic_of(kind): n for sequences in parts for kind, n in sequences.items() if _topic_of(kind) in self.writes}

    def set_counters(self, counters: Mapping[str, int]) -> None:
        """Go on after these sequences: a fresh run continues the ids of the one before (contract 10)."""
        self._set_writers(counters)

    def _set_writers(self, counters: Mapping[str, int] | None = None) -> None:
        for part, kinds in ((self.normalize, KINDS), (self.node, TABLES)):
            for kind in kinds:
                topic = _topic_of(kind)
                if part is not None and topic in self.writes:
                    part.set_writer(kind, ids.make(self.spec.writers.get(topic, 0), 0), (counters or {}).get(topic, 0))

    def layouts(self) -> dict[str, tuple[str, str]]:
        """Fingerprint and field list (JSON) of each part of a snapshot."""
        parts = {"control": ("json-1", "[]")}
        if self.normalize is not None:
            parts["normalize"] = self.normalize.layout()
        if self.node is not None:
            sizes = json.dumps(self.sizes, sort_keys=True)
            parts["node"] = (f"{fingerprint(Node)}-{blake2b(sizes.encode(), digest_size=4).hexdigest()}", json.dumps(field_list(Node)))
            for i, cls in enumerate(self._classes):
                parts[f"strategy:{i}"] = (fingerprint(cls), json.dumps(field_list(cls)))
        return parts

    def snapshot(self) -> dict[str, tuple[str, str, bytes]]:
        """The whole state between two inputs: part -> (layout, fields, bytes)."""
        self._flush()
        data = {"control": self.control_state(self.control_facts())}
        if self.normalize is not None:
            data["normalize"] = self.normalize.state()
        if self.node is not None:
            data.update(self.node.pack())
        return {part: (*layout, data[part]) for part, layout in self.layouts().items()}

    def settle(self) -> None:
        """Carry what the node has been given: its memory is then the state between two inputs."""
        self._flush()

    def memory(self) -> dict[str, Any]:
        """The memory of each compiled part of the state but control, in place: uint8[n] by part. Empty if the process is plain."""
        found = {} if self.normalize is None else self.normalize.parts_in_memory()
        return found if self.node is None else {**found, **self.node.parts_in_memory()}

    def control_facts(self) -> dict[str, Any]:
        """What control records have told so far, for `control_state`. What it refers to only grows."""
        return {
            "run_id": self.run_id,
            "now_ns": self.now_ns,
            "names": len(self.names),
            "instruments": len(self.instruments),
            "models": {**self.models},
            "ignored": {**self.normalize.ignored} if self.normalize is not None else {},
        }

    def control_state(self, facts: Mapping[str, Any]) -> bytes:
        """The part of a snapshot that control records make, as it was when `control_facts` gave `facts`. Any thread may ask."""
        told = {
            "names": [codec.encode(n).hex() for n in self.names[: facts["names"]]],
            "instruments": [codec.encode(i).hex() for i in self.instruments[: facts["instruments"]]],
        }
        return json.dumps({**facts, **told}, sort_keys=True).encode()

    def restore(self, parts: Mapping[str, tuple[str, str, bytes]]) -> None:
        """Take a state that `snapshot` gave in place of the present one. RestoreError where a part is missing or has another layout."""
        for part, (layout, _) in self.layouts().items():
            if part not in parts or parts[part][0] != layout:
                found = parts[part][0] if part in parts else "nothing"
                raise RestoreError(
                    f"process {self.spec.name}: snapshot part {part!r} has layout {found}, this code needs {layout}; start a fresh run"
                )
        control = json.loads(parts["control"][2])
        self.names.clear()
        self.instruments.clear()
        for body in control["names"]:
            self._on_name(codec.decode(Name, bytes.fromhex(body)))
        for body in control["instruments"]:
            self._on_instrument(codec.decode(Instrument, bytes.fromhex(body)))
        self._flush()  # before the node's state is replaced
        self.run_id, self.now_ns = control["run_id"], control["now_ns"]
        if self.normalize is not None:
            self.normalize.load(parts["normalize"][2])
            self.normalize.ignored = control["ignored"]
        if self.node is not None:
            for i, s in enumerate(self.spec.strategies):
                if s.name in control["models"]:
                    self._load_model(i, control["models"][s.name])
            self.node.unpack({part: data for part, (_, _, data) in parts.items() if part not in ("control", "normalize")})

    # ---- construction ----
    def _fused(self) -> tuple[type, ...]:
        return (BookUpdate, Trade, Quote, Funding, Command) if self.normalize is not None else ()


def _header(id: int, ts_ns: int, instrument: int, kind: int) -> bytes:
    """An input that is a header alone."""
    slot = Slot(kind=kind)
    slot.stamp(id, 0, ts_ns, ts_ns, instrument, kind, -1)
    return slot.pack().tobytes()


def _topic_of(kind: int) -> str:
    return BY_KIND[kind].topic

"""Engine: a process of agents and simulated venues, played through market records.

engine = Engine(process, venues, gateway_id=ids.make(writer, 0), tick_id=ids.make(writer, 0))
for tape in engine.play(source.pieces(), source.clock_offset_ns()):
    ...                                             # what was written, in the order written
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from streams.agents.process import Process
from streams.agents.runner import CompiledNode, PlainNode, node_sources
from streams.backtest import loop as k
from streams.backtest.events import Events
from streams.backtest.side import NEVER_NS
from streams.backtest.tape import Tape, TapeMemory
from streams.backtest.venue import VenueModel
from streams.backtest.windows import Windows
from streams.errors import ConfigError, StepError
from streams.kernel import View, addr_of, at, handle_of, native
from streams.kernel.fault import describe
from streams.kernel.memory import aligned
from streams.records import BookUpdate, Funding, NameKind, Quote, Trade
from streams.slots import KIND_FILL, KIND_FUNDING, KIND_LEVEL, KIND_ORDER, KIND_QUOTE, KIND_REQUEST, KIND_TRADE, Slot
from streams.trading.latency import VenueLatency

__all__ = ["Engine", "loop_sources"]

ALL_KINDS = (1 << 32) - 1
_KINDS = {BookUpdate: KIND_LEVEL, Trade: KIND_TRADE, Quote: KIND_QUOTE, Funding: KIND_FUNDING}
_DOING = (
    "the control records",
    "a tick",
    "a market record",
    "an event of a venue",
    "the expiry of an order",
    "a venue's market",
    "a request",
)


class Engine:
    """One backtest. Give it a process that has every control record, compiled or plain; the engine runs as its process does.

    gateway_id : id before the first of the venues' events: writer << 47
    tick_id    : the same of ticks
    taped      : what goes on the tapes: everything, nothing, or kinds of slots
    compiled   : False: uncompiled, for a debugger; None: as the process is
    in_flight  : requests, and events, that may be on their way to or from a venue at once; a power of two
    tape_slots : entries of a tape; window: market records that are looked at together

    The process must have all agents of the topology, and is used up by the run. Counters: events, orders, requests, fills, answers, ticks.
    """

    def __init__(
        self,
        process: Process,
        venues: Sequence[VenueModel],
        *,
        gateway_id: int = 0,
        tick_id: int = 0,
        taped: bool | Iterable[int] = True,
        compiled: bool | None = None,
        in_flight: int = 1 << 14,
        tape_slots: int = 1 << 14,
        window: int = 1 << 14,
    ) -> None:
        node = process.node
        if node is None:
            raise ConfigError(f"process {process.spec.name}: no agent of it trades; a backtest needs strategy, risk, execute and account")
        self.compiled = isinstance(node, CompiledNode)
        if compiled and not self.compiled:
            raise ConfigError(f"process {process.spec.name}: it runs plain; make it with compiled=True, or play it with compiled=False")
        if compiled is False and self.compiled:
            raise ConfigError(f"process {process.spec.name}: it is compiled; make it with compiled=False to play it plain")
        self.process, self.node, self.venues = process, node, list(venues)
        self._kept: list[Any] = []
        self._memory: dict[int, Any] = {}  # by address
        self._tape, self._window = TapeMemory(tape_slots), window
        self._begin(gateway_id, tick_id, taped, in_flight)
        self.windows = Windows(lambda *args: self._stamp(self._address, *args))

    # ---- the run ----
    def play(self, pieces: Iterable[Events], clock_offset_ns: int | Mapping[str, int] = 0) -> Iterator[Tape]:
        """Carry the stream to its end, which is its last record's time; a Tape whenever one is full, and one at the end.

        pieces          : of one stream, cut as you like: the tapes are the same
        clock_offset_ns : added to the venues' stamps to have them on our clock; one for all, or by name of the venue

        ConfigError, StepError; after an error the engine cannot go on.
        """
        self._set_offsets(clock_offset_ns)
        gathered: list[Events] = []
        for piece in pieces:
            while piece.count > 0:
                room = max(self._window, 2 * self.windows.left) - sum(p.count for p in gathered)
                gathered.append(piece.part(0, room))
                piece = piece.part(room, piece.count)
                if gathered[-1].count == room:
                    yield from self._go_on(gathered)
                    gathered = []
        yield from self._go_on(gathered, to_the_end=True)
        yield self._cut_tape()

    def _go_on(self, pieces: list[Events], to_the_end: bool = False) -> Iterator[Tape]:
        """Append pieces, and play as far as is safe."""
        x, windows = self.state, self.windows
        windows.add(pieces, x.record_at, x.feed_at, x.until_ns)
        ours, theirs = windows.ours, windows.theirs
        x.record_at = x.feed_at = 0
        x.record_address, x.record_bytes, x.record_ts = (c.ctypes.data for c in (ours.address, ours.nbytes, ours.recv_ts_ns))
        x.feed_address, x.feed_bytes, x.feed_ts, x.feed_of = (c.ctypes.data for c in theirs)
        x.record_count, x.feed_count = ours.count, len(theirs.address)
        x.until_ns = windows.last_ns + 1 if to_the_end else max(x.until_ns, windows.safe_ns())
        while True:
            try:
                stop = self._play(self._address)
            except Exception as error:
                raise self._failed(describe(error)) from error
            if stop == k.DONE:
                return
            if stop != k.FULL:
                raise self._failed("run it uncompiled (--plain) to see where")
            yield self._cut_tape()

    def _cut_tape(self) -> Tape:
        count, self.state.tape_count = self.state.tape_count, 0
        return self._tape.tape(count)

    def _failed(self, why: str) -> StepError:
        x = self.state
        what = _DOING[x.doing]
        if x.doing in (k.DOING_RECORD, k.DOING_FEED, k.DOING_EVENT):
            what += f" ({self._named(x.doing_at)})"
        return StepError(f"the backtest failed at {what}, at {x.doing_ns} ns, after {x.records} market records: {why}", x.records)

    def _named(self, address: int) -> str:
        """A slot by its id and instrument."""
        head = at(Slot, address)
        names = self.process.edge.dictionary.names(NameKind.INSTRUMENT)
        known = 0 <= head.instrument < len(names)
        return f"id {head.id}, {names[head.instrument] if known else f'instrument {head.instrument}'}"

    # ---- what is seen of it ----
    records = property(lambda self: self.state.records, doc="Market records that reached us.")
    events = property(lambda self: self.windows.events, doc="What those given so far are as events: a book update is one a level.")
    requests = property(lambda self: int(self.state.written[KIND_REQUEST]), doc="Requests sent.")
    orders = property(lambda self: int(self.state.written[KIND_ORDER]), doc="Orders, changes and cancels that strategies asked for.")
    fills = property(lambda self: int(self.state.written[KIND_FILL]), doc="Executions that reached us.")
    answers = property(lambda self: self.state.answers, doc="Events of venues that reached us.")
    ticks = property(lambda self: self.state.ticks, doc="Ticks that were due.")
    now_ns = property(lambda self: self.state.now_ns, doc="Time of the last action, ns since 1970 UTC.")
    late = property(lambda self: self.windows.late, doc="Market records that the venue knew MAX_FEED_LATENCY_NS before us.")

    @property
    def halted(self) -> dict[str, int]:
        """Callbacks that raised, by name of the strategy that was halted for it."""
        entries = ((s.name, self.node.entry(i)) for i, s in enumerate(self.process.spec.strategies))
        return {name: entry.faults for name, entry in entries if entry.faults}

    @property
    def raised(self) -> dict[str, str]:
        """The first error of each strategy that raised, with file and line, by its name; compiled code does not know it."""
        faults = self.node.faults if isinstance(self.node, PlainNode) else {}
        return {strategy.name: faults[i] for i, strategy in enumerate(self.process.spec.strategies) if i in faults}

    # ---- construction ----
    def _begin(self, gateway_id: int, tick_id: int, taped: bool | Iterable[int], in_flight: int) -> None:
        process, node = self.process, self.node
        sizes = {"venues": max(1, len(self.venues)), "instruments": process.sizes["instruments"], "in_flight": in_flight}
        x: Any = k.Loop(sizes)
        x.event_ns = x.request_ns = x.expire_ns = x.due_ns = NEVER_NS
        x.tick_id, x.event_id, x.tape_room = tick_id, gateway_id, self._tape.entries
        x.taped = ALL_KINDS if taped is True else sum(1 << kind for kind in taped or ())
        x.reads = sum(1 << kind for cls, kind in _KINDS.items() if cls in process.compiled_reads)
        for i in range(sizes["instruments"]):
            x.venue_of[i] = -1
        for i, model in enumerate(self.venues):
            side = x.sides[i]
            side.place, side.venue, side.latency = i, self._placed(model.venue), self._placed(model.latency)
            for number in model.instruments:
                x.venue_of[number] = i
        self._set_currencies(x)
        for name, address in self._tape.columns().items():
            setattr(x, name, address)
        self._give_control(x)
        self.state: Any = x
        if isinstance(node, CompiledNode):
            x.node, x.step = node.address, node.loaded.node_step
            memory = x.pack()
            self.state, self._address = View(k.Loop, memory), memory.ctypes.data
            self._kept.append(memory)
            self._play, self._stamp = (_entries()[name] for name in ("play", "stamp"))
        else:
            assert isinstance(node, PlainNode)
            plain = node.node
            x.node, x.step = addr_of(plain), handle_of(lambda _, address, nbytes: plain.step(address, nbytes))
            self._address = addr_of(x)
            self._play, self._stamp = k.play, k.stamp

    def _set_currencies(self, x: Any) -> None:
        """Fees are paid in the quote, as the simulated venue says."""
        numbers = self.process.edge.dictionary.numbers
        for instrument in self.process.instruments:
            number = numbers(NameKind.INSTRUMENT)[f"{instrument.venue}:{instrument.symbol}"]
            x.fee_currency[number] = numbers(NameKind.CURRENCY).get(instrument.quote, -1)

    def _give_control(self, x: Any) -> None:
        """What the process has been given and its node has not stepped yet is the first input."""
        slots = self.process.take_slots()
        self.process.take_outputs()
        memory = aligned(max(len(slots), 64))
        memory[: len(slots)] = memoryview(slots)
        self._kept.append(memory)
        x.left, x.left_bytes = memory.ctypes.data, len(slots)

    def _placed(self, struct: Any) -> int:
        """Address of a struct, in flat memory where the run is compiled."""
        self._kept.append(struct)
        if not self.compiled:
            return addr_of(struct)
        memory = struct.pack()
        address: int = memory.ctypes.data
        self._memory[address] = memory
        return address

    def _set_offsets(self, clock_offset_ns: int | Mapping[str, int]) -> None:
        for i, model in enumerate(self.venues):
            offset = clock_offset_ns if isinstance(clock_offset_ns, int) else clock_offset_ns.get(model.name, 0)
            latency = model.latency
            if self.compiled:
                latency = View(VenueLatency, self._memory[self.state.sides[i].latency])
            latency.feed.offset_ns = offset


@cache
def _entries() -> dict[str, Callable[..., int]]:
    return native.functions("backtest", k.ENTRIES, loop_sources())


def loop_sources() -> list[Any]:
    """Every file that the loop's machine code depends on, beside the kernel itself."""
    return [*node_sources(), *native.sources("streams.agents.copying", "streams.backtest.loop", "streams.backtest.side")]

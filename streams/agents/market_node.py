"""MarketNode: normalize of one process, run plain or compiled behind one interface: frames in, Avro bodies or records out, state as bytes.

The book updates, trades, quotes, fundings and RESYNC commands of a frame are what `streams.agents.market` says. A frame that the kernel
does not read (REST) is looked at here: it is not ours, then it is counted; it is spelled as no venue spells it, then it is spelled anew
(`explained`); or it cannot be used, then FrameError says why. It changes nothing but the clock, and nothing of it is written.
"""

import ctypes
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streams.agents.market import ENTRIES, SYMBOL_BYTES, Market
from streams.agents.market_body import FULL
from streams.agents.market_body import REST as NOT_WRITTEN
from streams.agents.market_check import Grid, check, grid_of, known
from streams.agents.market_record import record_of
from streams.agents.market_work import SLOT_BYTES, MarketWork
from streams.errors import EdgeError, FrameError, KernelError
from streams.kernel import View, addr_of, native
from streams.kernel.fault import FAULT
from streams.kernel.layout import field_list, fingerprint
from streams.kernel.memory import aligned
from streams.records import Command, CommandType, Frame, Instrument, InstrumentType, NameKind
from streams.schema.edge import Edge
from streams.slots import KIND_COMMAND, KIND_FUNDING, KIND_LEVEL, KIND_QUOTE, KIND_TRADE
from streams.venues.binance import messages
from streams.venues.binance.frame_parser import REST
from streams.venues.binance.plain_parser import PlainParser
from streams.venues.binance.respell import respell

__all__ = ["KINDS", "SIZES", "CompiledMarket", "MarketNode", "PlainMarket", "market_sources"]

KINDS = (KIND_LEVEL, KIND_TRADE, KIND_QUOTE, KIND_FUNDING, KIND_COMMAND)
"""Kinds of slots that normalize writes."""
SIZES = ("instruments", "window", "far", "held")
"""The sizes that the state depends on; `levels` is of the scratch."""
_ROOM_BYTES = 1 << 16


class MarketNode(ABC):
    """Normalize of one process; make a PlainMarket or a CompiledMarket.

    edge    : knows names and instruments; it takes them in before the market does
    ignored : frames that are not ours to read, counted by kind
    entries : the entry points of `streams.agents.market`, by name
    address, work_address : of the state and of the scratch, for them
    columns : int64[5], the one row of columns that the scratch names at first: a frame's id, time, venue, place and size
    """

    name = "normalize"
    market: Any
    work: Any
    address: int
    work_address: int
    entries: Mapping[str, Callable[..., int]]

    def __init__(self, edge: Edge, sizes: Mapping[str, int]) -> None:
        self.edge, self.sizes = edge, dict(sizes)
        self.ignored: dict[str, int] = {}
        self._grids: dict[tuple[str, str], Grid] = {}
        self._symbol = np.zeros(SYMBOL_BYTES, np.uint8)
        self._slots = np.zeros(0, np.uint8)
        self.columns = np.zeros(5, np.int64)
        self._body = np.zeros(_ROOM_BYTES, np.uint8)
        self._layout = fingerprint(Market), json.dumps(field_list(Market))

    def _connect(self) -> None:
        """Tell the scratch where things are."""
        w, at = self.work, self.columns.ctypes.data
        w.tables, w.symbol, w.stride = self.edge.native.address, self._symbol.ctypes.data, SLOT_BYTES
        w.ids, w.times, w.venues, w.places, w.sizes = range(at, at + 40, 8)

    # ---- control ----
    def on_instrument(self, instrument: Instrument) -> None:
        """Learn an instrument, or its new rules. Levels and diffs of a grid that is no more are forgotten. EdgeError: no room for it."""
        i = instrument
        number = self.edge.number(NameKind.INSTRUMENT, f"{i.venue}:{i.symbol}")
        if number >= self.sizes["instruments"]:
            raise EdgeError(
                f"instruments.symbol: {i.venue}:{i.symbol} has number {number}; room is for {self.sizes['instruments']} instruments: "
                "raise sizes.instruments in the topology"
            )
        self._grids[i.venue, i.symbol] = grid_of(i)
        book = self.market.books[number]
        if book.known and (book.tick_e9, book.lot_e9) != (i.tick_e9, i.lot_e9):
            self.call("market_lose", self.address, number)
        book.known, book.venue = 1, self.edge.number(NameKind.VENUE, i.venue)
        book.tick_e9, book.lot_e9 = i.tick_e9, i.lot_e9
        book.sequence.spot = int(i.instrument_type == InstrumentType.SPOT)

    def on_command(self, command: Command) -> None:
        """A new run starts without books; other commands are for others."""
        if command.kind == CommandType.RUN:
            self.call("market_clear", self.address)
            self.ignored.clear()

    def advance(self, ts_ns: int) -> None:
        """Time never goes back."""
        self.market.now_ns = max(self.market.now_ns, ts_ns)

    @property
    def now_ns(self) -> int:
        """The largest time seen."""
        return self.market.now_ns

    def set_writer(self, kind: int, first_id: int, sequence: int) -> None:
        """Say who writes a kind of slot, and the last sequence used."""
        self.market.first_id[kind] = first_id
        self.market.sequence[kind] = sequence

    def sequences(self) -> dict[int, int]:
        """Last sequence used, by kind of slot."""
        return {kind: int(self.market.sequence[kind]) for kind in KINDS}

    def want_slots(self) -> None:
        """From now on give each record's slots, too."""
        self._slots = aligned(SLOT_BYTES * max(self.sizes["levels"], 2))
        self.work.slots = self._slots.ctypes.data

    # ---- frames ----
    def records(self, frame: Frame, run_id: int) -> list[NamedTuple]:
        """The records that a frame causes, in order. FrameError: it cannot be used."""
        return [record_of(self, run_id) for _ in self.steps(frame)]

    def bodies(self, frame: Frame, run_id: int) -> list[tuple[int, int, bytes, bytes]]:
        """(kind, id, Avro body, slots) of each record that a frame causes. FrameError. For tests and tools: a lane uses the entries."""
        return [(kind, self.work.id, self.body(run_id), self.slots()) for kind in self.steps(frame)]

    def steps(self, frame: Frame) -> "Steps":
        """Take a frame, and make its records one after the other: each stands in `work` until the next. FrameError."""
        self.edge.native.refresh()
        if self._take(frame, frame.payload) == REST:
            payload = self.explained(frame.venue, frame.payload)
            if not payload:
                return Steps(self, False)
            if self._take(frame, payload) == REST:
                raise beyond(self.sizes)
        return Steps(self, True)

    def explained(self, venue: str, payload: bytes) -> bytes:
        """A frame that is not read, spelled anew; b"" where it is not ours, which is counted. FrameError: why it cannot be used."""
        message = messages.parse(payload)
        if isinstance(message, messages.Ignored):
            self.ignored[message.kind] = self.ignored.get(message.kind, 0) + 1
            return b""
        key = known(venue, message.symbol, self._grids.values())
        check(self._grids[key], message)
        return respell(message._replace(symbol=key[1]))

    def body(self, run_id: int) -> bytes:
        """The Avro body of the record made last."""
        while True:
            size = self.call("market_write", self.work_address, run_id, self._body.ctypes.data, len(self._body))
            if size == FULL:
                self._body = np.zeros(2 * len(self._body), np.uint8)
            elif size == NOT_WRITTEN:
                from streams.schema import codec

                return codec.encode(record_of(self, run_id))
            else:
                return self._body[:size].tobytes()

    def slots(self) -> bytes:
        """Its slots, if somebody wants them."""
        return ctypes.string_at(self.work.slots, self.work.slot_bytes) if self.work.slots else b""

    def call(self, entry: str, *args: int) -> int:
        """Call an entry point. KernelError if it fails."""
        result = self.entries[entry](*args)
        if result == FAULT:
            raise KernelError(f"{entry} failed: run the process with --plain to see where")
        return result

    def _take(self, frame: Frame, payload: bytes) -> int:
        """Give the market one frame; the kind of its message, or REST."""
        numbers = self.edge.dictionary.numbers(NameKind.VENUE)
        place = ctypes.cast(ctypes.c_char_p(payload), ctypes.c_void_p).value or 0
        self.columns[:] = frame.id, frame.recv_ts_ns, numbers.get(frame.venue, -1), place, len(payload)
        return self.call("market_take", self.address, self.work_address, 0)

    # ---- state ----
    def layout(self) -> tuple[str, str]:
        """Fingerprint and field list of the state."""
        sizes = json.dumps({name: self.sizes[name] for name in SIZES}, sort_keys=True)
        return f"{self._layout[0]}-{blake2b(sizes.encode(), digest_size=4).hexdigest()}", self._layout[1]

    @abstractmethod
    def state(self) -> bytes:
        """Everything that decides future outputs, but the instruments, as bytes."""

    def parts_in_memory(self) -> dict[str, Any]:
        """The memory of the state, uint8[n], as part "normalize"; empty if it is plain."""
        return {}

    @abstractmethod
    def load(self, state: bytes) -> None:
        """Take a state that `state` gave; the instruments have been learned before."""


class Steps:
    """The records of a frame, one at a time: iterating makes the next one and gives the kind of its slot."""

    def __init__(self, node: MarketNode, any: bool) -> None:
        self.node, self.any = node, any

    def __iter__(self) -> "Steps":
        return self

    def __next__(self) -> int:
        kind = self.node.call("market_next", self.node.address, self.node.work_address) if self.any else 0
        if kind == 0:
            raise StopIteration
        return kind


class PlainMarket(MarketNode):
    """Normalize as Python objects: for a debugger, for tests, and to compare with."""

    def __init__(self, edge: Edge, sizes: Mapping[str, int]) -> None:
        super().__init__(edge, sizes)
        self.market, self.work = Market(self.sizes), MarketWork(self.sizes)
        self.market.setup()
        vars(self.work)["frame"] = PlainParser(self.sizes)
        self.address, self.work_address = addr_of(self.market), addr_of(self.work)
        self.entries = {name: entry for name, (entry, _) in ENTRIES.items()}
        self._connect()

    def state(self) -> bytes:
        return self.market.pack().tobytes()

    def load(self, state: bytes) -> None:
        self.market.unpack(state)


class CompiledMarket(MarketNode):
    """Normalize as flat memory and machine code."""

    def __init__(self, edge: Edge, sizes: Mapping[str, int]) -> None:
        super().__init__(edge, sizes)
        market = Market(self.sizes)
        market.setup()
        self.memory, self.scratch = market.pack(), MarketWork(self.sizes).pack()
        self.market, self.work = View(Market, self.memory), View(MarketWork, self.scratch)
        self.address, self.work_address = self.memory.ctypes.data, self.scratch.ctypes.data
        self.loaded = native.load("normalize", lambda: ENTRIES, market_sources())
        self.entries = {name: native.function(getattr(self.loaded, name), n) for name, (_, n) in ENTRIES.items()}
        self._connect()

    def state(self) -> bytes:
        return self.memory.tobytes()

    def parts_in_memory(self) -> dict[str, Any]:
        return {"normalize": self.memory}

    def load(self, state: bytes) -> None:
        if len(state) != len(self.memory):
            raise KernelError(
                f"normalize: the stored state has {len(state)} bytes, {len(self.memory)} are needed; were the sizes the same?"
            )
        self.memory[:] = memoryview(state)


def beyond(sizes: Mapping[str, int]) -> FrameError:
    """Why a frame without a fault is not taken."""
    return FrameError(f"frame has more than {sizes['levels']} levels: raise sizes.levels in the topology")


def market_sources() -> list[Path]:
    """Every file that the machine code depends on, beside the kernel itself."""
    modules = ["streams.slots", "streams.trading.book_side", "streams.venues.binance.rules", "streams.venues.binance.sequence"]
    modules += [f"streams.venues.binance.{part}" for part in ("frame_parser", "frame_members", "frame_numbers", "json_text")]
    modules += ["streams.records", "streams.schema.bulk_put", "streams.schema.bulk_wire"]
    modules += ["streams.schema.native_rows", "streams.schema.slot_convert", "streams.schema.slots_derived", "streams.schema.ratio"]
    modules += [f"streams.agents.market{part}" for part in ("", "_body", "_book", "_held", "_work")]
    return native.sources(*modules)

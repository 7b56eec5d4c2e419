"""Laid: what normalize writes, laid one record behind another in memory of the backtest's, a block at a time."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from streams.agents.market_node import CompiledMarket, MarketNode
from streams.agents.market_work import MarketWork
from streams.backtest import stream_kernel as k
from streams.backtest.memory import Pool
from streams.backtest.order import Part
from streams.kernel import View, addr_of, native
from streams.schema.model import BY_KIND
from streams.venues.binance.frame_parser import FrameParser

__all__ = ["Laid", "entry", "prepare"]

BLOCK_BYTES = 8 << 20
ROOM = 1 << 16  # records of one part

_COLUMNS = ("start", "size", "stamp", "rank", "id")
_FRAMES = ("ids", "times", "venues", "places", "sizes")


class Laid:
    """The records laid since the last `part`. market: normalize; topics: of market records, in the order of their ranks."""

    def __init__(self, market: MarketNode, topics: Sequence[str]) -> None:
        market.want_slots()
        self.market = market
        self.compiled = isinstance(market, CompiledMarket)
        self._pool = Pool(max(BLOCK_BYTES, 2 * k.LEVEL_BYTES * market.sizes["levels"]))
        self._gather = gather = k.Gather()
        self._last_ns = 0
        for kind in range(len(gather.ranks)):
            topic = BY_KIND[kind].topic if kind in BY_KIND else ""
            gather.ranks[kind] = topics.index(topic) if topic in topics else -1
        gather.made_slots, gather.room, gather.bytes = market.work.slots, ROOM, self._pool.nbytes
        self._words: Any = gather
        self._address = addr_of(gather)
        if isinstance(market, CompiledMarket):
            self._compile(market)
        self._fresh()

    def frames(self, columns: np.ndarray, first: int, last: int) -> tuple[int, int]:
        """Read the frames from `first` up to `last` in compiled code: why it stopped, and at which.

        columns : int64[5, frames]: ids, receive times, numbers of venues, addresses and sizes of payloads
        """
        words, work = self._words, self.market.work
        if not words.in_frame:
            words.at = first
        words.last = last
        own = [getattr(work, name) for name in _FRAMES]
        for name, column in zip(_FRAMES, columns, strict=True):
            setattr(work, name, column.ctypes.data)
        try:
            return entry("gather")(self._address), words.at
        finally:
            for name, address in zip(_FRAMES, own, strict=True):
                setattr(work, name, address)

    def lay(self, kind: int) -> bool:
        """Lay the record that normalize made last for Python; False if there is no room."""
        work = self.market.work
        lay = entry("gather_one") if self.compiled else k.gather_one
        return lay(self._address, kind, work.slot_bytes, work.frame.exch_ts_ns) == 1

    def __len__(self) -> int:
        return self._words.records

    @property
    def others(self) -> int:
        """Records of normalize that are no market records: RESYNC commands."""
        return self._words.others

    def part(self) -> Part:
        """The records laid since the last call, seen no earlier than what was laid before."""
        columns, kept = self._columns[:, : len(self)], self._block
        address, nbytes, exch, rank, id = (column.copy() for column in columns)
        recv = self._receive_times(address)
        np.maximum.accumulate(np.maximum(recv, self._last_ns), out=recv)
        self._last_ns = int(recv[-1]) if len(recv) else self._last_ns
        self._fresh()
        return Part(address, nbytes, recv, exch, rank, id, kept)

    def _receive_times(self, address: np.ndarray) -> np.ndarray:
        """`recv_ts_ns` of the records at these addresses in the block."""
        words = self._block.memory.view(np.int64)
        return words[(address - self._block.address + k.RECV) // 8]

    def _fresh(self) -> None:
        """A new block for what comes."""
        self._block = self._pool.take()
        self._columns = np.empty((len(_COLUMNS), ROOM), np.int64)
        words = self._words
        words.block, words.used, words.records = self._block.address, 0, 0
        for name, column in zip(_COLUMNS, self._columns, strict=True):
            setattr(words, name, column.ctypes.data)

    def _compile(self, market: CompiledMarket) -> None:
        """Work on flat memory, with the entries of normalize."""
        gather, work = self._gather, market.work_address
        gather.market, gather.work = market.address, work
        gather.market_take, gather.market_next = market.loaded.market_take, market.loaded.market_next
        gather.made_bytes = work + MarketWork._fields_["slot_bytes"].offset
        gather.made_exch = work + MarketWork._fields_["frame"].offset + FrameParser._fields_["exch_ts_ns"].offset
        self._memory = gather.pack()
        self._words, self._address = View(k.Gather, self._memory), self._memory.ctypes.data


def prepare() -> None:
    """Compile the loops, or load them from disk, now and not at the first records."""
    _entries()


def entry(name: str) -> Any:
    """A compiled entry of `stream_kernel`, made or loaded on first use."""
    return _entries()[name]


@cache
def _entries() -> dict[str, Any]:
    files = native.sources("streams.backtest.stream_kernel", "streams.slots", "streams.schema.bulk_wire")
    return native.functions("stream", k.ENTRIES, files)

"""Normalize: a venue's raw frames become book updates, trades, quotes and funding settlements in the platform's words.

The venue's sequence rules decide what belongs to the book. On a gap the book is stale: one BookUpdate says so (`gap`), one RESYNC command
asks the feed for a snapshot, and nothing more of that book is written until the snapshot has come: then the whole book (`snapshot`), then
the diffs held meanwhile, each as its own update.

A perpetual's mark price frames announce the next funding; once they announce a later one, the funding announced before has been settled: at
the rate and the mark price that were told last before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from streams.errors import FrameError
from streams.records import BookLevel, BookUpdate, Command, CommandType, Frame, Funding, Instrument, InstrumentType, Quote, Side, Trade
from streams.schema.derived import imbalance, microprice
from streams.schema.units import from_e9
from streams.venues.binance import messages
from streams.venues.binance.levels import Levels
from streams.venues.binance.rules import BookSync, Market, Verdict

__all__ = ["Normalize", "Out"]

Out = Callable[[NamedTuple], None]
"""Takes a record whose first five fields are 0: the process fills them."""

_MARKETS = {InstrumentType.SPOT: Market.SPOT, InstrumentType.LINEAR: Market.USDM, InstrumentType.INVERSE: Market.COINM}


class Normalize:
    """Frames in; book updates, trades, quotes, fundings and RESYNC commands out. One Normalize serves all instruments of a shard.

    A frame that cannot be read, of an instrument that was not announced, or with a price or size off the instrument's grid raises
    FrameError and changes nothing: nothing of it is written.
    """

    name = "normalize"
    reads: tuple[type, ...] = (Instrument, Command, Frame)
    writes: tuple[type, ...] = (BookUpdate, Trade, Quote, Funding, Command)

    def __init__(self) -> None:
        self._books: dict[tuple[str, str], _Book] = {}
        self.ignored: dict[str, int] = {}
        """Frames that are not ours to read, counted by kind."""

    def on_instrument(self, instrument: Instrument) -> None:
        """Learn an instrument, or its new tick and lot."""
        key = instrument.venue, instrument.symbol
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = _Book(*key, _MARKETS[instrument.instrument_type])
        book.tick_e9, book.lot_e9 = instrument.tick_e9, instrument.lot_e9

    def on_command(self, command: Command) -> None:
        """A new run starts without books; other commands are for others."""
        if command.kind == CommandType.RUN:
            for book in self._books.values():
                book.clear()
            self.ignored.clear()

    def on_frame(self, frame: Frame, out: Out) -> None:
        """Write what the frame says. Raises FrameError, before anything is written or changed."""
        message = messages.parse(frame.payload)
        if isinstance(message, messages.Ignored):
            self.ignored[message.kind] = self.ignored.get(message.kind, 0) + 1
            return
        book = self._book(frame.venue, message.symbol)
        if isinstance(message, messages.BookTicker):
            book.on_ticker(message, out)
        elif isinstance(message, messages.Trade):
            book.on_trade(message, out)
        elif isinstance(message, messages.DepthDiff):
            book.on_diff(message, out)
        elif isinstance(message, messages.MarkPrice):
            book.on_mark(message, out)
        else:
            book.on_snapshot(message, out)

    def state(self) -> bytes:
        """Everything that decides future outputs, as bytes: equal states give equal bytes."""
        return orjson.dumps(
            {"ignored": dict(sorted(self.ignored.items())), "books": [book.state() for _, book in sorted(self._books.items())]}
        )

    def load(self, state: bytes) -> None:
        """Take a state that `state` gave in place of the present one."""
        loaded = orjson.loads(state)
        self.ignored = loaded["ignored"]
        self._books = {book.key: book for book in map(_Book.from_state, loaded["books"])}

    def _book(self, venue: str, symbol: str) -> _Book:
        """The book a frame is for; a snapshot without a symbol is for the venue's only one."""
        book = self._books.get((venue, symbol))
        if book is not None:
            return book
        known = [book for book in self._books.values() if book.venue == venue]
        names = ", ".join(book.symbol for book in known) or f"none of {venue}"
        if symbol:
            raise FrameError(f"symbol {symbol!r} of {venue} is not in the topology, which has {names}; add it to `instruments`")
        if len(known) != 1:
            raise FrameError(f"snapshot names no symbol, and the topology has {names}: it can be anyone's")
        return known[0]


class _Book:
    """One instrument: its grid, its place in the venue's sequence, its levels."""

    def __init__(self, venue: str, symbol: str, market: Market) -> None:
        self.venue, self.symbol = venue, symbol
        self.tick_e9 = self.lot_e9 = 1
        self.sync: BookSync[messages.DepthDiff] = BookSync(market)
        self.levels = Levels()
        self.asked = False  # RESYNC written, no snapshot since
        self.aggregate: bool | None = None  # trade and aggTrade tell the same trades: the kind that came first counts
        self.mark: messages.MarkPrice | None = None  # told last

    @property
    def key(self) -> tuple[str, str]:
        return self.venue, self.symbol

    def clear(self) -> None:
        """As before the first frame."""
        self.sync = BookSync(self.sync.market)
        self.levels = Levels()
        self.asked = False
        self.aggregate = None
        self.mark = None

    def on_ticker(self, ticker: messages.BookTicker, out: Out) -> None:
        bid_px, bid_qty, ask_px, ask_qty = ticker[3:]
        self._check_grid(((bid_px, bid_qty), (ask_px, ask_qty)))
        out(
            Quote(
                *_HEAD,
                venue=self.venue,
                symbol=self.symbol,
                exch_ts_ns=ticker.exch_ts_ns,
                seq=ticker.seq,
                bid_px_e9=bid_px,
                bid_qty_e9=bid_qty,
                ask_px_e9=ask_px,
                ask_qty_e9=ask_qty,
                spread_e9=ask_px - bid_px,
                imbalance=imbalance(bid_qty, ask_qty),
                microprice=microprice(bid_px, bid_qty, ask_px, ask_qty),
            )
        )

    def on_trade(self, trade: messages.Trade, out: Out) -> None:
        self._check_grid(((trade.px_e9, trade.qty_e9),))
        if self.aggregate is None:
            self.aggregate = trade.aggregate
        if trade.aggregate == self.aggregate:
            out(Trade(*_HEAD, *self.key, trade.exch_ts_ns, trade.trade_id, trade.side, trade.px_e9, trade.qty_e9))

    def on_mark(self, mark: messages.MarkPrice, out: Out) -> None:
        last, next_ts_ns = self.mark, mark.next_funding_ts_ns
        if last is not None and next_ts_ns < last.next_funding_ts_ns:
            return  # an older frame, late
        if last is not None and next_ts_ns > last.next_funding_ts_ns:
            out(Funding(*_HEAD, *self.key, last.next_funding_ts_ns, last.rate_e9, last.mark_e9))
        self.mark = mark

    def on_diff(self, diff: messages.DepthDiff, out: Out) -> None:
        self._check_grid(diff.bids)
        self._check_grid(diff.asks)
        verdict = self.sync.on_diff(diff)
        if verdict == Verdict.APPLY:
            self._apply(diff, out)
        elif verdict == Verdict.GAP and not self.asked:
            out(BookUpdate(*_HEAD, *self.key, diff.exch_ts_ns, diff.first_seq, diff.last_seq, False, True, ()))
            self._ask(f"sequence gap before {diff.first_seq}", out)

    def on_snapshot(self, snapshot: messages.Snapshot, out: Out) -> None:
        self._check_grid(snapshot.bids)
        self._check_grid(snapshot.asks)
        kept = self.sync.on_snapshot(snapshot.last_update_id)
        if kept is None:
            if self.sync.stale:
                self._ask(f"snapshot {snapshot.last_update_id} is older than the diffs held", out)
            return
        self.asked = False
        self.levels.replace(snapshot.bids, snapshot.asks)
        seq = snapshot.last_update_id
        self._write(snapshot.exch_ts_ns, seq, seq, True, snapshot.bids, snapshot.asks, out)
        for diff in kept:
            self._apply(diff, out)

    def state(self) -> dict[str, Any]:
        sync = self.sync
        return {
            "venue": self.venue,
            "symbol": self.symbol,
            "market": sync.market.name,
            "tick_e9": self.tick_e9,
            "lot_e9": self.lot_e9,
            "asked": self.asked,
            "aggregate": self.aggregate,
            "mark": tuple(self.mark) if self.mark else None,
            "sync": sync.state(),
            "held": [tuple(diff) for diff in sync.held],
            "bids": sorted(self.levels.bids.items()),
            "asks": sorted(self.levels.asks.items()),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> _Book:
        book = cls(state["venue"], state["symbol"], Market[state["market"]])
        book.tick_e9, book.lot_e9 = state["tick_e9"], state["lot_e9"]
        book.asked, book.aggregate = state["asked"], state["aggregate"]
        book.mark = messages.MarkPrice(*state["mark"]) if state["mark"] is not None else None
        book.sync.load(state["sync"])
        for *fields, bids, asks in state["held"]:
            book.sync.held.append(messages.DepthDiff._make([*fields, tuple(map(tuple, bids)), tuple(map(tuple, asks))]))
        book.levels.replace(state["bids"], state["asks"])
        return book

    def _apply(self, diff: messages.DepthDiff, out: Out) -> None:
        self.levels.apply(diff.bids, diff.asks)
        self._write(diff.exch_ts_ns, diff.first_seq, diff.last_seq, False, diff.bids, diff.asks, out)

    def _write(self, exch_ts_ns: int, first_seq: int, last_seq: int, snapshot: bool, bids: _Side, asks: _Side, out: Out) -> None:
        levels = tuple([BookLevel(Side.BUY, px, qty) for px, qty in bids] + [BookLevel(Side.SELL, px, qty) for px, qty in asks])
        touch = self.levels.touch() or (None, None, None, None)
        out(BookUpdate(*_HEAD, *self.key, exch_ts_ns, first_seq, last_seq, snapshot, False, levels, *touch))

    def _ask(self, reason: str, out: Out) -> None:
        """Ask the feed for a snapshot (contract 15)."""
        self.asked = True
        out(Command(*_HEAD, CommandType.RESYNC, f"{self.venue}:{self.symbol}", reason))

    def _check_grid(self, levels: _Side) -> None:
        tick_e9, lot_e9 = self.tick_e9, self.lot_e9
        for px, qty in levels:
            if px % tick_e9:
                raise FrameError(f"{self.venue}:{self.symbol}: price {from_e9(px)} is no multiple of the tick {from_e9(tick_e9)}")
            if qty % lot_e9:
                raise FrameError(f"{self.venue}:{self.symbol}: quantity {from_e9(qty)} is no multiple of the lot {from_e9(lot_e9)}")


_Side = tuple[messages.Level, ...]
_HEAD = (0, 0, 0, 0, 0)  # id, cause_id, run_id, ts_ns, recv_ts_ns: filled by the process

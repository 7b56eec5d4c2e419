"""Normalize written to be obviously right: plain Python objects, one message after the other. The twin of `streams.agents.market`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streams.agents.market_check import Grid, check, grid_of, known
from streams.records import BookLevel, BookUpdate, Command, CommandType, Frame, Funding, Instrument, InstrumentType, Quote, Side, Trade
from streams.schema import ids
from streams.schema.derived import imbalance, microprice
from streams.venues.binance import messages
from streams.venues.binance.levels import Levels
from streams.venues.binance.rules import BookSync, Market, Verdict

__all__ = ["SlowNormalize", "Writer"]

Out = Callable[[NamedTuple], None]
"""Takes a record whose first five fields are 0."""

_MARKETS = {InstrumentType.SPOT: Market.SPOT, InstrumentType.LINEAR: Market.USDM, InstrumentType.INVERSE: Market.COINM}
_HEAD = (0, 0, 0, 0, 0)  # id, cause_id, run_id, ts_ns, recv_ts_ns


class SlowNormalize:
    """Frames in; book updates, trades, quotes, fundings and RESYNC commands out. FrameError: nothing was written or changed."""

    def __init__(self, held: int = 1 << 15) -> None:
        self.held = held
        self.books: dict[tuple[str, str], _Book] = {}
        self.ignored: dict[str, int] = {}

    def on_instrument(self, instrument: Instrument) -> None:
        grid = grid_of(instrument)
        key = grid.venue, grid.symbol
        book = self.books.setdefault(key, _Book(grid, _MARKETS[instrument.instrument_type], self.held))
        if (book.grid.tick_e9, book.grid.lot_e9) != (grid.tick_e9, grid.lot_e9):
            book.lose()
        book.grid = grid

    def on_command(self, command: Command) -> None:
        if command.kind == CommandType.RUN:
            for book in self.books.values():
                book.clear()
            self.ignored.clear()

    def on_frame(self, frame: Frame, out: Out) -> None:
        message = messages.parse(frame.payload)
        if isinstance(message, messages.Ignored):
            self.ignored[message.kind] = self.ignored.get(message.kind, 0) + 1
            return
        book = self.books[known(frame.venue, message.symbol, [book.grid for book in self.books.values()])]
        check(book.grid, message)
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


class _Book:
    """One instrument: its grid, its place in the venue's sequence, its levels."""

    def __init__(self, grid: Grid, market: Market, held: int) -> None:
        self.grid, self.market, self.held = grid, market, held
        self.clear()

    def clear(self) -> None:
        self.sync: BookSync[messages.DepthDiff] = BookSync(self.market)
        self.levels = Levels()
        self.asked = False  # RESYNC written, no snapshot since
        self.aggregate: bool | None = None  # trade and aggTrade tell the same trades: the kind that came first counts
        self.mark: messages.MarkPrice | None = None  # told last

    def lose(self) -> None:
        sync = self.sync
        if sync.synced or sync.last_seq >= 0:
            sync.last_seq = 0
        sync.synced, sync.snapshot_seq = False, -1
        sync.held.clear()
        self.levels = Levels()
        self.asked = False

    def on_ticker(self, ticker: messages.BookTicker, out: Out) -> None:
        bid_px, bid_qty, ask_px, ask_qty = ticker[3:]
        derived = ask_px - bid_px, imbalance(bid_qty, ask_qty), microprice(bid_px, bid_qty, ask_px, ask_qty)
        out(Quote(*_HEAD, *self.key, ticker.exch_ts_ns, ticker.seq, bid_px, bid_qty, ask_px, ask_qty, *derived))

    def on_trade(self, trade: messages.Trade, out: Out) -> None:
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
        verdict = self.sync.on_diff(diff)
        held = self.sync.held
        while sum(_words(each) for each in held) > self.held:
            held.popleft()
        if verdict == Verdict.APPLY:
            self.apply(diff, out)
        elif verdict == Verdict.GAP and not self.asked:
            out(BookUpdate(*_HEAD, *self.key, diff.exch_ts_ns, diff.first_seq, diff.last_seq, False, True, ()))
            self.ask(f"sequence gap before {diff.first_seq}", out)

    def on_snapshot(self, snapshot: messages.Snapshot, out: Out) -> None:
        kept = self.sync.on_snapshot(snapshot.last_update_id)
        if kept is None:
            if self.sync.stale:
                self.ask(f"snapshot {snapshot.last_update_id} is older than the diffs held", out)
            return
        self.asked = False
        self.levels.replace(snapshot.bids, snapshot.asks)
        seq = snapshot.last_update_id
        self.write(snapshot.exch_ts_ns, seq, seq, True, snapshot.bids, snapshot.asks, out)
        for diff in kept:
            self.apply(diff, out)

    @property
    def key(self) -> tuple[str, str]:
        return self.grid.venue, self.grid.symbol

    def apply(self, diff: messages.DepthDiff, out: Out) -> None:
        self.levels.apply(diff.bids, diff.asks)
        self.write(diff.exch_ts_ns, diff.first_seq, diff.last_seq, False, diff.bids, diff.asks, out)

    def write(self, exch_ts_ns: int, first_seq: int, last_seq: int, snapshot: bool, bids: _Side, asks: _Side, out: Out) -> None:
        levels = tuple([BookLevel(Side.BUY, *level) for level in bids] + [BookLevel(Side.SELL, *level) for level in asks])
        touch = self.levels.touch() or (None, None, None, None)
        out(BookUpdate(*_HEAD, *self.key, exch_ts_ns, first_seq, last_seq, snapshot, False, levels, *touch))

    def ask(self, reason: str, out: Out) -> None:
        self.asked = True
        out(Command(*_HEAD, CommandType.RESYNC, ":".join(self.key), reason))


class Writer:
    """Gives what SlowNormalize writes for a frame its first five fields, as a process does."""

    def __init__(self, normalize: SlowNormalize, writers: dict[type, int]) -> None:
        self.normalize, self.now_ns = normalize, 0
        self.counters = {cls: ids.Counter(writer) for cls, writer in writers.items()}

    def give(self, frame: Frame, run_id: int) -> list[Any]:
        """The records that a frame causes. FrameError."""
        self.now_ns = max(self.now_ns, frame.recv_ts_ns)
        written: list[Any] = []
        self.normalize.on_frame(frame, written.append)
        head = {"cause_id": frame.id, "run_id": run_id, "ts_ns": self.now_ns, "recv_ts_ns": frame.recv_ts_ns}
        return [record._replace(id=self.counters[type(record)].next(), **head) for record in written]


def _words(diff: messages.DepthDiff) -> int:
    """How much of the room for held diffs one takes (`streams.agents.market_held`)."""
    return 6 + 2 * (len(diff.bids) + len(diff.asks))


_Side = tuple[messages.Level, ...]

"""`millrace recording check`: rebuild the book from a recording and say what is true of it.

Quantities are in the venue's unit: the base coin on spot and USD-M futures, contracts on COIN-M futures. So is `volume`; `vwap` is
sum(price x quantity) / sum(quantity) with that quantity, the same as ClickHouse's `sum(qty * px) / sum(qty)`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from streams.errors import FrameError
from streams.records import Side
from streams.venues.binance.levels import Levels, Touch
from streams.venues.binance.messages import BookTicker, DepthDiff, Ignored, MarkPrice, Message, Snapshot, Trade, read, unwrap
from streams.venues.binance.recording import Damage, Line, read_recording
from streams.venues.binance.rules import BookSync, Market, Verdict, market_of

__all__ = ["Report", "check"]


@dataclass(slots=True)
class Report:
    """What a recording holds. The figures that `to_json` prints come first; the rest is for the table.

    `level_updates`: levels of the diffs that were applied. Prices, volumes and `vwap` are exact decimals, None without trades.
    `bbo_checked`: applied diffs for which a bookTicker with a sequence
    not after theirs is known; `bbo_matched`: those where best bid and ask, price and quantity, equal it.
    """

    lines: int = 0
    depth_diffs: int = 0
    level_updates: int = 0
    book_tickers: int = 0
    trades: int = 0
    snapshots: int = 0
    diffs_dropped_before_snapshot: int = 0
    sequence_gaps: int = 0
    crossed_books: int = 0
    bbo_checked: int = 0
    bbo_matched: int = 0
    volume: Decimal = Decimal(0)
    vwap: Decimal | None = None
    taker_buy_volume: Decimal = Decimal(0)
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    first_ts_ns: int | None = None
    last_ts_ns: int | None = None

    path: str = ""
    market: Market | None = None
    symbols: tuple[str, ...] = ()
    damaged_lines: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def check(path: str | Path, on_damage: Callable[[str], None] | None = None) -> Report:
    """Read the recording once and rebuild its books. `on_damage` is told each damaged line as `file:line: reason`, at once.

    Raises RecordingError only if the file cannot be opened.
    """
    checker = _Checker()
    for line in read_recording(path):
        fault = line.reason if isinstance(line, Damage) else checker.on_line(line)
        if isinstance(line, Damage):
            checker.report.lines = max(checker.report.lines, line.number)
        if fault:
            checker.report.damaged_lines += 1
            if on_damage:
                on_damage(f"{path}:{line.number}: {fault}")
    checker.report.path = str(path)
    return checker.finish()


_TICKERS_LIMIT = 100_000  # kept while no diff can be applied: half an hour of a busy stream


class _Checker:
    """The report in the making."""

    def __init__(self) -> None:
        self.report = Report()
        self.markets: dict[str, Market] = {}
        self.books: dict[str, _BookCheck] = {}
        self.trades: dict[str, _Trades] = {}
        self.ignored: Counter[str] = Counter()
        self.early: Snapshot | None = None  # a snapshot without a symbol, before any message that has one

    def on_line(self, line: Line) -> str:
        """Take one line in; the fault of its frame, or ""."""
        report = self.report
        report.lines = line.number
        try:
            stream, data = unwrap(line.payload)
            message = read(stream, data)
        except FrameError as error:
            return str(error)
        report.first_ts_ns = line.recv_ts_ns if report.first_ts_ns is None else min(report.first_ts_ns, line.recv_ts_ns)
        report.last_ts_ns = line.recv_ts_ns if report.last_ts_ns is None else max(report.last_ts_ns, line.recv_ts_ns)
        if not isinstance(message, Ignored | MarkPrice) and message.symbol and message.symbol not in self.markets:
            self.find_market(message.symbol, market_of(data))
        return self.on_message(message)

    def find_market(self, symbol: str, market: Market | None) -> None:
        """Take note of the symbol's market, once a message tells it."""
        if market is not None:
            self.markets[symbol] = market
            if symbol in self.books:
                self.books[symbol].sync.market = market

    def on_message(self, message: Message) -> str:
        report = self.report
        if isinstance(message, Ignored):
            self.ignored[message.kind] += 1
        elif isinstance(message, MarkPrice):
            self.ignored["markPriceUpdate"] += 1
        elif isinstance(message, DepthDiff):
            report.depth_diffs += 1
            self._book(message.symbol).on_diff(message)
        elif isinstance(message, BookTicker):
            report.book_tickers += 1
            self._book(message.symbol).on_ticker(message)
        elif isinstance(message, Trade):
            self.trades.setdefault(message.symbol, _Trades()).on_trade(message)
        else:
            return self.on_snapshot(message)
        return ""

    def on_snapshot(self, snapshot: Snapshot) -> str:
        self.report.snapshots += 1
        if snapshot.symbol:
            self._book(snapshot.symbol).on_snapshot(snapshot)
        elif not self.books:
            self.early = snapshot
        elif len(self.books) == 1:
            next(iter(self.books.values())).on_snapshot(snapshot)
        else:
            return f"snapshot {snapshot.last_update_id} names no symbol, and the recording holds {', '.join(self.books)}"
        return ""

    def _book(self, symbol: str) -> _BookCheck:
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = _BookCheck(self.markets.get(symbol, Market.USDM))
            if self.early is not None:
                book.on_snapshot(self.early)
                self.early = None
        return book

    def finish(self) -> Report:
        report = self.report
        for book in self.books.values():
            book.finish()
            report.diffs_dropped_before_snapshot += book.sync.dropped
            report.sequence_gaps += book.sync.gaps
            report.level_updates += book.level_updates
            report.crossed_books += book.crossed
            report.bbo_checked += book.checked
            report.bbo_matched += book.matched
        markets = sorted(set(self.markets.values()), key=lambda market: market.name)
        report.market = markets[0] if markets else None
        report.symbols = tuple(dict.fromkeys((*self.books, *self.trades)))
        report.ignored = dict(sorted(self.ignored.items()))
        report.trades = sum(trades.count for trades in self.trades.values())
        if self.trades:
            max(self.trades.values(), key=lambda trades: trades.count).fill(report)
        report.notes = tuple(self._notes(markets))
        return report

    def _notes(self, markets: list[Market]) -> list[str]:
        notes = []
        if len(markets) > 1:
            notes.append(f"messages of several markets: {', '.join(market.value for market in markets)}")
        if len(self.trades) > 1:
            busiest = max(self.trades, key=lambda symbol: self.trades[symbol].count)
            notes.append(f"{len(self.trades)} symbols with trades: volume, vwap and prices are those of {busiest}, the one with most")
        for symbol, book in self.books.items():
            if book.sync.held:
                reason = "after the last gap: no snapshot follows it" if book.sync.gaps else "no snapshot comes with them"
                notes.append(f"{symbol}: {len(book.sync.held)} diffs could not be applied, {reason}")
            if book.refused:
                notes.append(f"{symbol}: {book.refused} snapshots were older than the book or the held diffs, and were not used")
        for symbol, trades in self.trades.items():
            if trades.skipped:
                notes.append(
                    f"{symbol}: trade and aggTrade tell the same trades; {trades.skipped} of the kind that came second are left out"
                )
        if Market.COINM in markets:
            notes.append("COIN-M quantities are contracts: volume counts contracts, vwap weighs by contracts")
        return notes


class _BookCheck:
    """The book of one symbol, compared with its bookTickers.

    The last bookTicker with `u' <= u` may be received after the diff: a comparison waits until a bookTicker beyond `u` has been seen.
    """

    def __init__(self, market: Market) -> None:
        self.sync: BookSync[DepthDiff] = BookSync(market)
        self.levels = Levels()
        self.tickers: deque[BookTicker] = deque(maxlen=_TICKERS_LIMIT)  # in order of seq; those before the last comparison's are gone
        self.waiting: deque[tuple[int, Touch | None]] = deque()
        self.level_updates = self.crossed = self.checked = self.matched = self.refused = 0

    def on_diff(self, diff: DepthDiff) -> None:
        if self.sync.on_diff(diff) == Verdict.APPLY:
            self._apply(diff)

    def on_snapshot(self, snapshot: Snapshot) -> None:
        kept = self.sync.on_snapshot(snapshot.last_update_id)
        if kept is None:
            self.refused += 1
            return
        self.levels.replace(snapshot.bids, snapshot.asks)
        self._look()
        for diff in kept:
            self._apply(diff)

    def on_ticker(self, ticker: BookTicker) -> None:
        if self.tickers and ticker.seq < self.tickers[-1].seq:
            return  # repeated or late: the newer one stands
        self.tickers.append(ticker)
        self._settle(ticker.seq)

    def finish(self) -> None:
        """No more bookTickers: the comparisons still waiting take the last one before them."""
        self._settle(1 << 63)

    def _apply(self, diff: DepthDiff) -> None:
        self.levels.apply(diff.bids, diff.asks)
        self.level_updates += len(diff.bids) + len(diff.asks)
        self.waiting.append((diff.last_seq, self._look()))
        if self.tickers:
            self._settle(self.tickers[-1].seq)

    def _look(self) -> Touch | None:
        touch = self.levels.touch()
        if touch and touch.bid_px_e9 >= touch.ask_px_e9:
            self.crossed += 1
        return touch

    def _settle(self, seen_seq: int) -> None:
        """Make the comparisons whose bookTicker is certain: those with `u < seen_seq`."""
        tickers, waiting = self.tickers, self.waiting
        while waiting and waiting[0][0] < seen_seq:
            seq, touch = waiting.popleft()
            while len(tickers) > 1 and tickers[1].seq <= seq:
                tickers.popleft()
            if tickers and tickers[0].seq <= seq:
                self.checked += 1
                self.matched += touch == tickers[0][3:]


class _Trades:
    """Volume and prices of one symbol, exact."""

    def __init__(self) -> None:
        self.count = self.skipped = 0
        self.aggregate: bool | None = None
        self.qty_e9 = self.buy_qty_e9 = self.notional_e18 = 0
        self.open_e9 = self.high_e9 = self.low_e9 = self.close_e9 = 0

    def on_trade(self, trade: Trade) -> None:
        if self.aggregate is None:
            self.aggregate = trade.aggregate
            self.open_e9 = self.high_e9 = self.low_e9 = trade.px_e9
        elif trade.aggregate != self.aggregate:
            self.skipped += 1
            return
        self.count += 1
        self.qty_e9 += trade.qty_e9
        self.notional_e18 += trade.px_e9 * trade.qty_e9
        if trade.side == Side.BUY:
            self.buy_qty_e9 += trade.qty_e9
        self.high_e9 = max(self.high_e9, trade.px_e9)
        self.low_e9 = min(self.low_e9, trade.px_e9)
        self.close_e9 = trade.px_e9

    def fill(self, report: Report) -> None:
        report.volume = _decimal(self.qty_e9)
        report.taker_buy_volume = _decimal(self.buy_qty_e9)
        report.vwap = _vwap(self.notional_e18, self.qty_e9)
        report.open, report.high, report.low, report.close = (
            _decimal(px_e9, 2) for px_e9 in (self.open_e9, self.high_e9, self.low_e9, self.close_e9)
        )


def _vwap(notional_e18: int, qty_e9: int) -> Decimal:
    """notional / quantity, rounded half up to 6 decimals."""
    micro, rest = divmod(notional_e18, qty_e9 * 1_000)  # e9 -> e6
    return Decimal(micro + (2 * rest >= qty_e9 * 1_000)).scaleb(-6)


def _decimal(value_e9: int, digits: int = 0) -> Decimal:
    """The exact value with no more decimals than it needs, but at least `digits`."""
    decimals = 9
    while decimals > digits and value_e9 % 10 == 0:
        value_e9 //= 10
        decimals -= 1
    return Decimal(value_e9).scaleb(-decimals)

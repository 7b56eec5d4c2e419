"""Order-flow imbalance at the best level, and of trades: the pressure on the price, in lots."""

from streams.kernel import Array, Struct
from streams.trading.book import Book
from streams.trading.codes import sign
from streams.trading.signals.window import IntWindow

__all__ = ["OrderFlowImbalance", "TradeImbalance"]


class OrderFlowImbalance(Struct):
    """Best-level order-flow imbalance over the last `window` events, none of them older than `window_ns`.

    Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12 (2014): each change of the
    touch contributes

        e_n = [Pb_n >= Pb_n-1] qb_n - [Pb_n <= Pb_n-1] qb_n-1 - [Pa_n <= Pa_n-1] qa_n + [Pa_n >= Pa_n-1] qa_n-1

    and OFI = sum of e_n. Their model is mid change = OFI / (2 D), D the depth of the touch, so `per_depth` is the dimensionless form:
    OFI over the mean of (qb + qa) / 2. An update that leaves the touch as it was is no event.

    window_ns : 0 = no limit by time
    Lots below 2**51: no sum of MAX_WINDOW events passes 2**62, every sum is exact.
    """

    window_ns: int
    started_ns: int
    now_ns: int
    seen: int
    bid_px_ticks: int
    bid_qty_lots: int
    ask_px_ticks: int
    ask_qty_lots: int
    flow: IntWindow
    depth: IntWindow
    times: Array[int, 1024]

    def setup(self, window: int, window_ns: int) -> int:
        """Set how much is looked back on, and begin anew; 1, or 0 where a value is out of range."""
        if window_ns < 0 or self.flow.setup(window) == 0:
            return 0
        self.depth.setup(window)
        self.window_ns = window_ns
        self.seen = 0
        return 1

    def on_book(self, book: Book, now_ns: int) -> int:
        """Take the touch of a book; e_n in lots. A book with an empty side begins a new sequence."""
        if not book.ready():
            self.seen = 0
            return 0
        return self.update(book.bid(), book.bid_qty(), book.ask(), book.ask_qty(), now_ns)

    def update(self, bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int, now_ns: int) -> int:
        """Take a touch; e_n in lots, 0 for the first one. Times do not run backward."""
        event = 0
        changed = 1
        if self.seen == 0:
            self.seen = 1
            if self.flow.count == 0:
                self.started_ns = now_ns
            changed = 0
        else:
            event = self.event(bid_px_ticks, bid_qty_lots, ask_px_ticks, ask_qty_lots)
            same_bid = bid_px_ticks == self.bid_px_ticks and bid_qty_lots == self.bid_qty_lots
            if same_bid and ask_px_ticks == self.ask_px_ticks and ask_qty_lots == self.ask_qty_lots:
                changed = 0
        self.bid_px_ticks = bid_px_ticks
        self.bid_qty_lots = bid_qty_lots
        self.ask_px_ticks = ask_px_ticks
        self.ask_qty_lots = ask_qty_lots
        if changed == 1:
            self.times[self.flow.next] = now_ns
            self.flow.push(event)
            self.depth.push(bid_qty_lots + ask_qty_lots)
        self.expire(now_ns)
        return event

    def event(self, bid_px_ticks: int, bid_qty_lots: int, ask_px_ticks: int, ask_qty_lots: int) -> int:
        """e_n of a touch against the one before, lots."""
        e = 0
        if bid_px_ticks >= self.bid_px_ticks:
            e += bid_qty_lots
        if bid_px_ticks <= self.bid_px_ticks:
            e -= self.bid_qty_lots
        if ask_px_ticks <= self.ask_px_ticks:
            e -= ask_qty_lots
        if ask_px_ticks >= self.ask_px_ticks:
            e += self.ask_qty_lots
        return e

    def expire(self, now_ns: int) -> None:
        """Forget the events that are `window_ns` old or older; `update` does it, a reader between updates may."""
        self.now_ns = now_ns
        if self.window_ns > 0:
            while self.flow.count > 0 and self.times[self.flow.oldest()] <= now_ns - self.window_ns:
                self.flow.drop()
                self.depth.drop()

    def ready(self) -> bool:
        """The window has been filled once: by number of events, or by time."""
        return self.flow.full() or (self.window_ns > 0 and self.seen == 1 and self.now_ns - self.started_ns >= self.window_ns)

    def lots(self) -> int:
        """OFI, lots: > 0 where the flow pushes the price up. 0 without events."""
        return self.flow.total

    def per_depth(self) -> float:
        """OFI over the mean depth of one side of the touch; 0 without events."""
        if self.depth.total == 0:
            return 0.0
        return 2.0 * self.flow.count * self.flow.total / self.depth.total


class TradeImbalance(Struct):
    """Signed volume of the last `window` trades, none of them older than `window_ns`.

    Cont, Kukanov and Stoikov (2014): TI = sum of buyer-initiated less sum of seller-initiated volume.

    window_ns : 0 = no limit by time
    Lots below 2**51: no sum of MAX_WINDOW trades passes 2**62, every sum is exact.
    """

    window_ns: int
    started_ns: int
    now_ns: int
    seen: int
    signed: IntWindow
    volume: IntWindow
    times: Array[int, 1024]

    def setup(self, window: int, window_ns: int) -> int:
        """Set how much is looked back on, and begin anew; 1, or 0 where a value is out of range."""
        if window_ns < 0 or self.signed.setup(window) == 0:
            return 0
        self.volume.setup(window)
        self.window_ns = window_ns
        self.seen = 0
        return 1

    def update(self, side: int, qty_lots: int, now_ns: int) -> None:
        """Take a trade. side: of the taker. Times do not run backward."""
        if self.seen == 0:
            self.seen = 1
            self.started_ns = now_ns
        self.times[self.signed.next] = now_ns
        self.signed.push(sign(side) * qty_lots)
        self.volume.push(qty_lots)
        self.expire(now_ns)

    def expire(self, now_ns: int) -> None:
        """Forget the trades that are `window_ns` old or older; `update` does it, a reader between updates may."""
        self.now_ns = now_ns
        if self.window_ns > 0:
            while self.signed.count > 0 and self.times[self.signed.oldest()] <= now_ns - self.window_ns:
                self.signed.drop()
                self.volume.drop()

    def ready(self) -> bool:
        """The window has been filled once: by number of trades, or by time."""
        return self.signed.full() or (self.window_ns > 0 and self.seen == 1 and self.now_ns - self.started_ns >= self.window_ns)

    def lots(self) -> int:
        """Bought less sold by takers, lots. 0 without trades."""
        return self.signed.total

    def share(self) -> float:
        """(bought - sold) / (bought + sold), -1 to 1; 0 without trades."""
        return float(self.signed.total) / float(self.volume.total) if self.volume.total > 0 else 0.0

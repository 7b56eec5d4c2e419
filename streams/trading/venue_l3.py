"""The market of a simulated venue whose feed has every order: our orders' places in the queues are exact.

Our order joins the queue of its price behind every order that is there. What happens to an order in front of it moves it forward; what
happens behind it does not. When an order behind it trades, ours would have traded first, and fills by as much; an order that trades at a
worse price would have met us first, too. First come, first served is assumed: *wrong* at a venue that shares trades out by size, and *too
kind* in that nobody reacts to us. As L3FIFOQueueModel of hftbacktest (models/queue.rs), but that it fills our orders whole.

After a snapshot nobody knows what was ahead of us: everything in it is, *too hard*.
"""

from streams.kernel import I8, Struct, Table, at
from streams.trading.book import NONE
from streams.trading.l3_book import L3Book
from streams.trading.l3_order import APPLIED, UNKNOWN_ID
from streams.trading.queue_model import EXACT
from streams.trading.venue import SimVenue

__all__ = ["L3_ADD", "L3_CANCEL", "L3_CLEAR", "L3_EXECUTE", "L3_MODIFY", "L3_SNAPSHOT", "L3Event", "L3Market", "l3_follow"]

L3_ADD: int = 0
L3_MODIFY: int = 1
L3_CANCEL: int = 2
L3_EXECUTE: int = 3
L3_CLEAR: int = 4  # a snapshot begins
L3_SNAPSHOT: int = 5  # an order of the snapshot


class L3Event(Struct, align=64):
    """One event of an order-by-order feed. 64 bytes.

    kind     : L3_ADD, ...
    order_id : of the market's order; not of L3_CLEAR
    side     : of that order: L3_ADD, L3_SNAPSHOT
    px_ticks : L3_ADD, L3_SNAPSHOT, L3_MODIFY; 0 < px_ticks < 2**38
    qty_lots : the same: its open lots; L3_EXECUTE: lots that traded; > 0, below 2**52
    """

    ts_ns: int
    order_id: int
    px_ticks: int
    qty_lots: int
    kind: I8
    side: I8


class L3Market(Struct, align=64):
    """Every order of others in one instrument, beside the SimVenue with ours. Sizes: those of L3Book, its own `orders` among them.

    row      : of the instrument at the venue
    joined   : per order of the book when it joined its queue; 0 = before all of ours
    """

    row: int
    book: L3Book
    joined: Table[int, "orders"]

    def setup(self, venue: SimVenue, row: int) -> None:
        """Take the sizes from the tables, and the venue's queues as exact. Once, before anything else."""
        self.row = row
        self.book.setup()
        venue.queue_model = EXACT

    def on_event(self, v: SimVenue, e: L3Event) -> int:
        """One event; APPLIED, or why the book refused it (l3_order): then only time has passed."""
        v.on_time(e.ts_ns)
        if e.kind == L3_ADD or e.kind == L3_SNAPSHOT:
            return self.on_add(v, e)
        if e.kind == L3_CLEAR:
            self.on_clear(v)
            return APPLIED
        s = self.book.ids.find(e.order_id)
        if s < 0:
            return self.book.refuse(UNKNOWN_ID)
        if e.kind == L3_MODIFY:
            return self.on_modify(v, e, s)
        side = self.book.side_of(e.order_id)
        px = self.book.px_of(e.order_id)
        joined = self.joined[s]
        lots = self.book.qty_of(e.order_id) if e.kind == L3_CANCEL else e.qty_lots
        answer = self.book.cancel(e.order_id) if e.kind == L3_CANCEL else self.book.execute(e.order_id, lots)
        if answer != APPLIED:
            return answer
        if e.kind == L3_EXECUTE:
            self.fill_before(v, side, px, joined, lots)
        self.move_up(v, side, px, joined, lots)
        self.show(v, side, px)
        if e.kind == L3_EXECUTE:
            v.trigger_stops(self.row, px)
        v.on_update_end(self.row, 0)
        return APPLIED

    # ---- events ----
    def on_add(self, v: SimVenue, e: L3Event) -> int:
        """An order joins the end of a queue; one of a snapshot stands before all of ours."""
        answer = self.book.add(e.order_id, e.side, e.px_ticks, e.qty_lots)
        if answer != APPLIED:
            return answer
        v.joins += 1
        s = self.book.ids.find(e.order_id)
        self.joined[s] = v.joins if e.kind == L3_ADD else 0
        if e.kind == L3_SNAPSHOT:
            self.move_up(v, e.side, e.px_ticks, 0, -e.qty_lots)
        self.show(v, e.side, e.px_ticks)
        v.on_update_end(self.row, 0)
        return APPLIED

    def on_modify(self, v: SimVenue, e: L3Event, slot: int) -> int:
        """An order has another price or quantity: less at its price keeps its place, anything else goes to the end."""
        side = self.book.side_of(e.order_id)
        px = self.book.px_of(e.order_id)
        lots = self.book.qty_of(e.order_id)
        answer = self.book.modify(e.order_id, e.px_ticks, e.qty_lots)
        if answer != APPLIED:
            return answer
        keeps = px == e.px_ticks and e.qty_lots <= lots
        self.move_up(v, side, px, self.joined[slot], lots - e.qty_lots if keeps else lots)
        if not keeps:
            v.joins += 1
            self.joined[slot] = v.joins
        self.show(v, side, px)
        self.show(v, side, e.px_ticks)
        v.on_update_end(self.row, 0)
        return APPLIED

    def on_clear(self, v: SimVenue) -> None:
        """A snapshot begins: nothing is there until its orders have come."""
        self.book.clear()
        v.on_snapshot(self.row)
        for side in range(2):
            s = v.orders.first(2 * self.row + side)
            while s >= 0:
                v.orders.pool[s].ahead_lots = 0
                s = v.orders.pool[s].next

    # ---- what follows for our orders ----
    def fill_before(self, v: SimVenue, side: int, px_ticks: int, joined: int, qty_lots: int) -> None:
        """An order of others traded: ours at better prices, and ours before it in its queue, would have been met first."""
        number = 2 * self.row + side
        trade_key = v.key(side, px_ticks)
        own_key = v.best_key[number]
        if own_key < trade_key:
            return
        left = qty_lots
        while own_key > trade_key and left > 0:
            left = v.fill_level(number, v.key(side, own_key), left)
            own_key = v.next_key(number, side, own_key)
        s = v.orders.first(number)
        while s >= 0 and left > 0 and own_key == trade_key:
            o = v.orders.pool[s]
            following = o.next
            if o.px_ticks == px_ticks and v.places[s].joined < joined:
                q = o.leaves_qty_lots if v.whole != 0 else min(o.shown_lots, left)
                if v.whole != 0 or q >= v.least_lots(o):
                    left -= 0 if v.whole != 0 else q
                    v.fill_resting(s, px_ticks, q)
            s = following
        v.refresh_best(number, side)

    def move_up(self, v: SimVenue, side: int, px_ticks: int, joined: int, qty_lots: int) -> None:
        """So many lots of an order that joined then are gone: ours behind it have fewer ahead. Negative lots have come."""
        number = 2 * self.row + side
        if v.best_key[number] == NONE:
            return
        s = v.orders.first(number)
        while s >= 0:
            o = v.orders.pool[s]
            if o.px_ticks == px_ticks and v.places[s].joined > joined:
                o.ahead_lots = max(0, o.ahead_lots - qty_lots)
            s = o.next

    def show(self, v: SimVenue, side: int, px_ticks: int) -> None:
        """The level of a price, as the venue's book displays it."""
        v.on_level(self.row, side, px_ticks, self.book.qty(side, px_ticks))


def l3_follow(venue: int, market: int, events: int, n: int) -> int:
    """Take the L3Events that lie behind each other until a quarter of the answer queue is in use; how many were taken."""
    v = at(SimVenue, venue)
    m = at(L3Market, market)
    room = v.answers.items.n // 4
    for i in range(n):
        m.on_event(v, at(L3Event, events + i * 64))
        if v.answers.tail - v.answers.head > room:
            return i + 1
    return n

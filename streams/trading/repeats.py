"""Repeated orders: when was the same order last sent? The newest are kept in a small table, in constant time an order."""

from streams.kernel import I8, I32, NULL, Struct, Table, ctz, hash64

__all__ = ["Repeat", "Repeats"]

_WAYS: int = 4  # orders that share a place in the table


class Repeat(Struct):
    """An order that was approved; ts_ns 0 = none."""

    ts_ns: int
    px_ticks: int
    qty_lots: int
    account: I32 = -1
    strategy: I32 = -1
    instrument: I32 = -1
    side: I8


class Repeats(Struct):
    """The newest orders, four to a place: the same one found is never wrong; the oldest of five that share a place is forgotten.

    Two orders are the same where account, strategy, instrument, side, price and quantity are. px_ticks NULL = no limit price.
    """

    bits: int
    seen: Table[Repeat, "4 * orders"]

    def setup(self) -> None:
        """Take the size from the table. Once, before anything else."""
        self.bits = ctz(self.seen.n // _WAYS)

    def place(self, account: int, strategy: int, instrument: int, side: int, px_ticks: int, qty_lots: int) -> int:
        """First of the four entries that such an order may stand in."""
        who = ((account * 65_536 + strategy) * 65_536 + instrument) * 2 + side
        return _WAYS * hash64(hash64(who, 60) ^ hash64(px_ticks, 61) ^ hash64(qty_lots, 62), self.bits)

    def find(self, account: int, strategy: int, instrument: int, side: int, px_ticks: int, qty_lots: int) -> int:
        """When the same order was last noted, NULL = not, or forgotten."""
        first = self.place(account, strategy, instrument, side, px_ticks, qty_lots)
        for i in range(first, first + _WAYS):
            if self.same(i, account, strategy, instrument, side, px_ticks, qty_lots):
                return self.seen[i].ts_ns
        return NULL

    def same(self, i: int, account: int, strategy: int, instrument: int, side: int, px_ticks: int, qty_lots: int) -> bool:
        """The i-th entry holds this order."""
        x = self.seen[i]
        if x.ts_ns == 0 or x.px_ticks != px_ticks or x.qty_lots != qty_lots or x.side != side:
            return False
        return x.instrument == instrument and x.account == account and x.strategy == strategy

    def note(self, account: int, strategy: int, instrument: int, side: int, px_ticks: int, qty_lots: int, now_ns: int) -> None:
        """Remember an order sent at `now_ns` > 0."""
        first = self.place(account, strategy, instrument, side, px_ticks, qty_lots)
        at = first
        for i in range(first, first + _WAYS):
            if self.same(i, account, strategy, instrument, side, px_ticks, qty_lots):
                at = i
                break
            if self.seen[i].ts_ns < self.seen[at].ts_ns:
                at = i
        x = self.seen[at]
        x.ts_ns = now_ns
        x.px_ticks = px_ticks
        x.qty_lots = qty_lots
        x.account = account
        x.strategy = strategy
        x.instrument = instrument
        x.side = side

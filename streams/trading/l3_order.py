"""What an order-by-order book is made of: an order in its queue, a level that is a queue, and what a change answers."""

from streams.kernel import I32, Struct

__all__ = ["APPLIED", "DUPLICATE_ID", "NO_ROOM", "TOO_MANY_LOTS", "UNKNOWN_ID", "L3Level", "L3Order"]

# what a change answers; all but APPLIED leave the book as it was
APPLIED: int = 0
UNKNOWN_ID: int = 1
DUPLICATE_ID: int = 2
NO_ROOM: int = 3  # the pool of orders or of levels is used up
TOO_MANY_LOTS: int = 4  # more than the order has


class L3Order(Struct):
    """One resting order; 32 bytes, two a cache line.

    qty_lots   : open lots, > 0
    next, prev : neighbours in the queue, later and earlier, -1 = none; `next` of a free slot is the next free one
    level      : its level
    """

    order_id: int
    qty_lots: int
    next: I32
    prev: I32
    level: I32
    side: I32


class L3Level(Struct):
    """One price of one side: a queue of orders; 32 bytes.

    key      : as in BookSide: the tick of a bid, minus the tick of an ask
    qty_lots : sum over its orders
    head, tail : first and last order; `head` of a free slot is the next free one
    count    : its orders
    """

    key: int
    qty_lots: int
    head: I32
    tail: I32
    count: I32
    spare: I32

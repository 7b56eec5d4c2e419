"""What the simulated venue answers, and the queue the answers wait in."""

from streams.kernel import I8, I32, Struct, Table

__all__ = [
    "ACK",
    "CANCELLED",
    "CANCEL_REJECT",
    "EXPIRED",
    "FILL",
    "REASONS",
    "REASON_BAD_FIELD",
    "REASON_DUPLICATE",
    "REASON_EXPIRED",
    "REASON_FULL",
    "REASON_NONE",
    "REASON_NO_LIQUIDITY",
    "REASON_NO_PEG",
    "REASON_POST_ONLY",
    "REASON_REPLACED_DOWN",
    "REASON_TOO_SMALL",
    "REASON_UNKNOWN_INSTRUMENT",
    "REASON_UNKNOWN_ORDER",
    "REASON_UNSUPPORTED",
    "REJECT",
    "REPLACED",
    "REPLACE_REJECT",
    "TRIGGERED",
    "AnswerQueue",
    "VenueAnswer",
]

# VenueEventType, the symbols' positions in the Avro enum (a test keeps them equal)
ACK: int = 0
REJECT: int = 1
FILL: int = 2
CANCELLED: int = 3
REPLACED: int = 4
CANCEL_REJECT: int = 5
REPLACE_REJECT: int = 6
EXPIRED: int = 7
TRIGGERED: int = 8

# why; REASONS gives the words
REASON_NONE: int = 0
REASON_DUPLICATE: int = 1
REASON_UNKNOWN_ORDER: int = 2
REASON_UNKNOWN_INSTRUMENT: int = 3
REASON_BAD_FIELD: int = 4
REASON_TOO_SMALL: int = 5
REASON_POST_ONLY: int = 6
REASON_NO_LIQUIDITY: int = 7
REASON_EXPIRED: int = 8
REASON_FULL: int = 9
REASON_REPLACED_DOWN: int = 10
REASON_NO_PEG: int = 11
REASON_UNSUPPORTED: int = 12

REASONS = (
    "",
    "order id was used before",
    "order is not open",
    "instrument is not traded here",
    "a field is missing, out of range or foreign to the order type",
    "quantity or notional outside the instrument's filters",
    "post-only order would take",
    "not enough to take at its price",
    "its time is over",
    "venue holds as many orders as it can",
    "replaced by no more than has filled",
    "book has no price to peg to",
    "order type is not worked here",
)


class VenueAnswer(Struct, align=64):
    """One answer. Prices in ticks, quantities in lots, fee in money units.

    kind        : VenueEventType
    seq         : dense over all answers, from 1
    exec_seq    : dense over fills, from 1; 0 = no fill
    request_id  : request answered; of the order's last NEW or REPLACE for what nobody asked for (fills, expiry)
    px_ticks, qty_lots : of a fill: its price and quantity; else the order's limit (0 = none) and total quantity
    leaves_qty_lots    : what can still fill after this; 0 once the order has ended
    cum_qty_lots       : what has filled
    maker       : 1 = the order rested
    reason      : index in REASONS
    """

    seq: int
    ts_ns: int
    order_id: int
    request_id: int
    exec_seq: int
    px_ticks: int
    qty_lots: int
    leaves_qty_lots: int
    cum_qty_lots: int
    fee: int
    instrument: I32
    kind: I8
    side: I8
    maker: I8
    reason: I8


class AnswerQueue(Struct, align=64):
    """Answers not taken yet; sizes: answers (a power of two). `first` .. `take` while not `empty`."""

    head: int
    tail: int
    items: Table[VenueAnswer, "answers"]

    def push(self) -> VenueAnswer:
        """Place for the next answer; its caller writes every field. ValueError when `answers` are waiting already."""
        if self.tail - self.head >= self.items.n:
            raise ValueError("venue: answer queue is full; take the answers after each input, or raise the size 'answers'")
        self.tail += 1
        return self.items[(self.tail - 1) & (self.items.n - 1)]

    def empty(self) -> bool:
        """Nothing waits."""
        return self.head == self.tail

    def first(self) -> VenueAnswer:
        """Oldest answer that waits; valid until `take` and the next push."""
        return self.items[self.head & (self.items.n - 1)]

    def take(self) -> None:
        """Drop the oldest answer."""
        self.head += 1

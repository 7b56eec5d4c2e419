"""Ids: who wrote a record and as which of its records; and the client order id that a venue sees.

    id = writer (16 bits) << 47 | sequence (47 bits)

A writer is one output: agent or shell, shard, topic. Its sequence is dense from 1, so a gap proves a loss; id 0 means none.
"""

from streams.errors import UnitError

__all__ = ["FIELDS", "MAX_SEQUENCE", "MAX_WRITER", "Counter", "cl_ord_id", "make", "order_id", "parse", "sequence", "text", "writer"]

BITS = 47
MAX_WRITER = (1 << 16) - 1
MAX_SEQUENCE = (1 << BITS) - 1
PREFIX = "mr"
FIELDS = ("id", "cause_id", "order_id", "request_id", "parent_id", "input_id", "first_id", "last_id")
"""Fields of records that hold ids; `venue_order_id` and the like are the venue's."""
EPOCH_DIGITS = 6  # base 36: seconds until 2039
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Counter:
    """The ids of one writer, one after the other; `sequence` is the last one given and part of the writer's state."""

    __slots__ = ("base", "sequence")

    def __init__(self, writer: int, sequence: int = 0) -> None:
        self.base = make(writer, sequence) - sequence
        self.sequence = sequence

    def next(self) -> int:
        """The next id."""
        self.sequence += 1
        return self.base + self.sequence

    def take(self, count: int) -> int:
        """The next `count` ids; the first of them."""
        first = self.base + self.sequence + 1
        self.sequence += count
        return first


def make(writer: int, sequence: int) -> int:
    """The id of a writer's record, an int64 >= 0; UnitError if writer (16 bits) or sequence (47 bits) is out of range."""
    if not 0 <= writer <= MAX_WRITER:
        raise UnitError(f"writer {writer} is out of range; writers are numbered 0 to {MAX_WRITER}")
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise UnitError(f"sequence {sequence} of writer {writer} is out of range; sequences go to {MAX_SEQUENCE}")
    return writer << BITS | sequence


def writer(id: int) -> int:
    """The writer of an id."""
    return id >> BITS


def sequence(id: int) -> int:
    """The place of an id among its writer's, from 1."""
    return id & MAX_SEQUENCE


def text(id: int) -> str:
    """How people see an id.

    >>> text(make(3, 812334))
    '3:812334'
    """
    return f"{id >> BITS}:{id & MAX_SEQUENCE}"


def parse(text: str) -> int:
    """The id written as "writer:sequence" (commas allowed) or as a plain number; UnitError otherwise.

    >>> parse("3:812,334") == make(3, 812334)
    True
    """
    parts = text.replace(",", "").split(":")
    if len(parts) > 2 or not all(p.isascii() and p.isdigit() for p in parts):
        raise UnitError(f"{text!r} is no id; ids look like 3:812334 (writer:sequence)")
    if len(parts) == 2:
        return make(int(parts[0]), int(parts[1]))
    return make(int(parts[0]) >> BITS, int(parts[0]) & MAX_SEQUENCE)


def cl_ord_id(epoch: int, order_id: int) -> str:
    """The client order id of an order (or of a replace request) at a venue: at most 21 characters of [0-9a-z].

    epoch: second in which the dictionary was created, so that ids differ after a purge too.

    >>> cl_ord_id(1723161602, 5)
    'mrshxc025'
    """
    digits = _base36(epoch).rjust(EPOCH_DIGITS, "0")
    if epoch < 0 or len(digits) > EPOCH_DIGITS:
        raise UnitError(f"epoch {epoch} is out of range; it is a second from 1970 to 2039")
    if order_id < 0:
        raise UnitError(f"order id {order_id} is negative; ids are >= 0")
    return PREFIX + digits + _base36(order_id)


def order_id(cl_ord_id: str) -> tuple[int, int]:
    """(epoch, id) of a client order id of ours; UnitError if it is none, as of an order that someone else placed."""
    digits = cl_ord_id.removeprefix(PREFIX)
    if len(digits) == len(cl_ord_id) or len(digits) <= EPOCH_DIGITS or not all(c in DIGITS for c in digits):
        raise UnitError(f"client order id {cl_ord_id!r} is not ours; ours are {PREFIX!r}, epoch and id in base 36")
    epoch, id = int(digits[:EPOCH_DIGITS], 36), int(digits[EPOCH_DIGITS:], 36)
    if cl_ord_id != PREFIX + _base36(epoch).rjust(EPOCH_DIGITS, "0") + _base36(id) or id >= 1 << 63:
        raise UnitError(f"client order id {cl_ord_id!r} is not ours: it is written in another way")
    return epoch, id


def _base36(n: int) -> str:
    out = ""
    while n > 0:
        n, digit = divmod(n, 36)
        out = DIGITS[digit] + out
    return out or "0"

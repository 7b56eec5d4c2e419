"""What a record holds and its slot does not, in compiled code: `derived`, execution ids and client order ids, put at `q`.

Each gives the place after it, or REST where Python is to say what becomes of it. `row` is an instrument's (`native_rows`).
"""

from streams.kernel import ctz, load_word, store_byte, store_word
from streams.kernel.raw import swap_bytes
from streams.schema import native_rows as rows
from streams.schema.ratio import MOST, NEGATIVE, ratio

__all__ = ["average", "exec_text", "imbalance", "mark", "microprice", "order_text"]

REST = -2
E9 = 10**9
HIGH = -0x7F7F7F7F7F7F7F80  # the top bit of every byte
HASH_BYTES, HASH = 33, ord("#")
FACTOR_MOST = 1 << 23  # of a price's: its product with 2^38 ticks stays at most 2^61
POWERS_36 = tuple(36**n for n in range(13))
DIGITS_36 = tuple(b"0123456789abcdefghijklmnopqrstuvwxyz")


def imbalance(q: int, bid: int, ask: int) -> int:
    """(bid - ask) / (bid + ask) of two sizes, a double; 0 when both are 0."""
    if bid < 0 or ask < 0 or bid >= MOST >> 1 or ask >= MOST >> 1:
        return REST
    bits = 0
    if bid >= ask and bid != 0:
        bits = ratio(1, bid - ask, 0, 0, bid + ask)
    elif bid < ask:
        bits = ratio(1, ask - bid, 0, 0, bid + ask) | NEGATIVE
    store_word(q, bits)
    return q + 8


def microprice(q: int, row: int, bid: int, bid_lots: int, ask: int, ask_lots: int) -> int:
    """Prices in ticks weighted by the other side's lots, a double in price units; the mid when both sizes are 0."""
    num, den = load_word(row + rows.PX_NUM), load_word(row + rows.PX_DEN)
    most = load_word(row + rows.TICKS_FIT)
    if bid < 0 or ask < 0 or bid > most or ask > most or bid_lots < 0 or ask_lots < 0 or num == 0 or num > FACTOR_MOST:
        return REST
    if bid_lots + ask_lots == 0:
        store_word(q, ratio(num, bid, num, ask, 2 * den))
        return q + 8
    if bid_lots >= MOST or ask_lots >= MOST or bid_lots + ask_lots >= MOST // den:
        return REST
    store_word(q, ratio(num * bid, ask_lots, num * ask, bid_lots, (bid_lots + ask_lots) * den))
    return q + 8


def average(q: int, row: int, cost: int, lots: int) -> int:
    """Average price of a position of so many lots and money units of cost, a nullable double: null when flat."""
    num, den, inverse = load_word(row + rows.COST_NUM), load_word(row + rows.COST_DEN), load_word(row + rows.INVERSE)
    if lots == 0 or (inverse != 0 and cost == 0):
        store_byte(q, 0)
        return q + 1
    if num == 0 or cost <= -MOST or cost >= MOST or lots <= -MOST or lots >= MOST:
        return REST
    if (abs(cost) >= MOST // den) if inverse else (abs(lots) >= MOST // num):
        return REST
    negative = (cost < 0) != (lots < 0)
    if inverse != 0:
        bits = ratio(abs(lots), num, 0, 0, abs(cost) * den)
        negative = not negative
    else:
        bits = ratio(abs(cost), den, 0, 0, abs(lots) * num)
    store_byte(q, 2)
    store_word(q + 1, bits | NEGATIVE if negative else bits)
    return q + 9


def mark(q: int, row: int, mark2_ticks: int) -> int:
    """A mark from twice its ticks, a double."""
    num, den = load_word(row + rows.PX_NUM), load_word(row + rows.PX_DEN)
    if num == 0 or mark2_ticks < 0 or mark2_ticks >= MOST or den >= MOST >> 1:
        return REST
    store_word(q, ratio(mark2_ticks, num, 0, 0, 2 * den))
    return q + 8


def exec_text(q: int, high: int, low: int) -> int:
    """An execution id (`execid.exec_id_text`): at most 16 ASCII characters, or "#" and 32 hex digits of a hash."""
    if high < 0:
        store_byte(q, HASH_BYTES << 1)
        store_byte(q + 1, HASH)
        _put_hex(q + 2, high)
        _put_hex(q + 18, low)
        return q + 1 + HASH_BYTES
    if (high | low) & HIGH != 0:
        return REST
    size = 16 - (ctz(low) >> 3) if low != 0 else 8 - (ctz(high) >> 3)
    store_byte(q, size << 1)
    store_word(q + 1, swap_bytes(high))
    store_word(q + 9, swap_bytes(low))
    return q + 1 + size


def _put_hex(q: int, word: int) -> None:
    for i in range(16):
        digit = word >> 60 - 4 * i & 15
        store_byte(q + i, digit + (48 if digit < 10 else 87))


def order_text(q: int, prefix: int, order_id: int) -> int:
    """The client order id of an order: `prefix`, 8 characters, and the id in base 36."""
    if prefix == 0 or order_id < 0:
        return REST
    size = 1
    while size < 13 and order_id >= POWERS_36[size]:
        size += 1
    store_byte(q, 8 + size << 1)
    store_word(q + 1, prefix)
    end = q + 9 + size
    p = end
    for _ in range(size):
        p -= 1
        store_byte(p, DIGITS_36[order_id % 36])
        order_id //= 36
    return end

"""The compiled loop that turns columns into Avro bodies, the inverse of `bulk_kernel` and on the same program: see there.

What differs: MORE of a NAME is the address of (start, size) pairs. The caller promises room for all bodies, texts within the buffer, with
8 bytes behind it, names that have a pair, and ends of arrays that do not descend; every other value is checked here.
"""

from streams.kernel import load_byte, load_word, store_byte, store_word
from streams.schema import bulk_kernel as k
from streams.schema.bulk_put import money_fits, put_long, put_money, put_padded, put_size

__all__ = ["encode_rows"]

NO = 0  # as a place: the value does not fit its field


def encode_rows(program: int, size: int, buffer: int, rows: int, header: int, header_bytes: int, out: int, starts: int) -> int:
    """Write `rows` values one after the other, each the header and a body; how many, or the first row that has a value out of its range.

    header: as a little-endian number, at most 7 bytes of it; starts: where each value begins in `out` and the last ends, rows + 1 words.
    """
    q = out
    store_word(starts, 0)
    for row in range(rows):
        store_word(q, header)
        q = _record(program, program + size, buffer, q + header_bytes, row)
        if q == NO:
            return row
        store_word(starts + 8 * row + 8, q - out)
    return rows


def _record(step: int, stop: int, buffer: int, q: int, row: int) -> int:
    """The place after the last field, or NO."""
    while step < stop:
        if load_word(step) == k.ARRAY:
            after = step + k.STEP_BYTES * (1 + load_word(step + k.MORE))
            q = _array(step, after, buffer, q, row)
        else:
            after = step + k.STEP_BYTES * load_word(step + k.ROOM)
            q = _fields(step, after, buffer, q, row)
        if q == NO:
            return NO
        step = after
    return q


def _array(step: int, after: int, buffer: int, q: int, row: int) -> int:
    """One block of all elements, if there are any, and the 0 that ends it."""
    ends = load_word(step + k.VALUES) + 8 * row
    first, last = load_word(ends), load_word(ends + 8)
    if first < last:
        q = put_size(q, last - first)
        for at in range(first, last):
            q = _fields(step + k.STEP_BYTES, after, buffer, q, at)
            if q == NO:
                return NO
    store_byte(q, 0)
    return q + 1


def _fields(step: int, stop: int, buffer: int, q: int, at: int) -> int:
    """The place after fields that are no arrays, or NO."""
    while step < stop:
        values, nulls, op = load_word(step + k.VALUES), load_word(step + k.NULLS), load_word(step)
        if nulls != 0:
            null = load_byte(nulls + at) != 0
            store_byte(q, 0 if null else 2)
            q += 1
            if null:
                step += k.STEP_BYTES
                continue
        if op == k.LONG:
            q = put_long(q, load_word(values + 8 * at))
        elif op == k.DOUBLE:
            store_word(q, load_word(values + 8 * at))
            q += 8
        elif op <= k.ENUM:
            q = _small(q, op, load_word(values + 8 * at), load_word(step + k.MORE))
        else:
            q = _wide(step, op, values, buffer, q, at)
        if q == NO:
            return NO
        step += k.STEP_BYTES
    return q


def _small(q: int, op: int, n: int, most: int) -> int:
    """An int, a boolean or a symbol."""
    if op == k.INT:
        return put_long(q, n) if k.INT_MIN <= n <= k.INT_MAX else NO
    shift = 1 if op == k.ENUM else 0
    if n < 0 or n > most >> shift:
        return NO
    store_byte(q, n << shift)
    return q + 1


def _wide(step: int, op: int, values: int, buffer: int, q: int, at: int) -> int:
    """A name, a text, bytes, a fixed or money."""
    if op == k.MONEY:
        lo, hi = load_word(values + 16 * at), load_word(values + 16 * at + 8)
        return put_money(q, hi, lo) if money_fits(hi, lo) else NO
    pair = values + 16 * at
    if op == k.NAME:
        pair = load_word(step + k.MORE) + 16 * load_word(values + 8 * at)
    size = load_word(pair + 8)
    if op != k.FIXED:
        q = put_size(q, size)
    elif size != load_word(step + k.MORE):
        return NO
    return put_padded(q, buffer + load_word(pair), size)

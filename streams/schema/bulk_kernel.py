"""The compiled loop that turns Avro bodies into columns: one for all schemas, it follows a program of field codes.

A program is a table of words, STEP_BYTES a field; an array's fields follow it. What a field needs beside its code stands in its step:

    OP        what it is: LONG ... DEFAULT below; + NULL_FIRST or NULL_SECOND: a union with null, which the writer has as its first or
              second branch
    VALUES    address of its column: a word a row; two for TEXT, RAW, FIXED (start in the buffer, size) and MONEY (low, high)
              of an array: where the elements of each row end, a word a row and a 0 before the first
    NULLS     address of its null mask, a byte a row, 1 = null; 0 if it may not be null
    MORE      ENUM: the largest byte of a symbol; NAME: address of its dictionary (`bulk_wire.intern`); ARRAY: fields of an element;
              SYMBOL: address of how many symbols the writer has, and what each is for the reader, -1 = nothing; FIXED: its size;
              DEFAULT: address of how many words a value has (0: an array), two words, 1 if it is null, address of the dictionary that
              an empty name goes to, 0 = it is none
    ROOM      ARRAY: elements that its columns hold; any other: fields from here to the next array or the end, itself included

The program follows the writer's schema: NUMBER is a whole number that is read as a double, FLOAT a single one, SYMBOL an enum that has
other symbols, DEFAULT stands for a field that the writer does not have. A column that nobody reads takes a field
that the reader does not have.

A damaged body leaves nothing: its row is written again by the next one. Loads stay within the buffer and the 16 bytes behind it, because
a place beyond the end of the body ends the record before the next load.
"""

from streams.kernel import load_byte, load_word, store_byte, store_word
from streams.kernel.raw import quotient_bits
from streams.schema.bulk_put import copy
from streams.schema.bulk_wire import FULL, intern, is_text, money, size_at, varint, widened

__all__ = [
    "ARRAY",
    "BAD",
    "BOOLEAN",
    "DEFAULT",
    "DOUBLE",
    "ENTRIES",
    "ENUM",
    "FIXED",
    "FLOAT",
    "FOREIGN",
    "GOOD",
    "INT",
    "LONG",
    "MONEY",
    "NAME",
    "NULL_FIRST",
    "NULL_SECOND",
    "NUMBER",
    "PROGRAM_BYTES",
    "RAW",
    "STEP_BYTES",
    "SYMBOL",
    "TEXT",
]
__all__ += ["decode_rows", "gather", "program_of", "read_record", "write_texts"]

LONG, INT, BOOLEAN, ENUM, DOUBLE, NAME, MONEY, TEXT, RAW, FIXED, ARRAY = range(11)  # from MONEY to FIXED two words a row
NUMBER, FLOAT, SYMBOL, DEFAULT = range(11, 15)
NULL_FIRST, NULL_SECOND, OP_MASK = 256, 512, 255
GOOD, BAD, FOREIGN = range(3)
STEP_BYTES = 40
PROGRAM_BYTES = 24  # of a program among several: the header before its bodies as a little-endian number, first step, end
VALUES, NULLS, MORE, ROOM = 8, 16, 24, 32
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
MONEY_BYTES_MAX = 16


def decode_rows(programs: int, known: int, header_bytes: int, buffer: int, starts: int, count: int, most: int, status: int) -> int:
    """Decode `count` values of `starts[i]` to `starts[i + 1]`; the rows written, or FULL if a column had no room.

    programs: `known` of them, PROGRAM_BYTES each; header_bytes: 0 to 7; most: bytes of the longest body that is read; status: a byte a
    value, GOOD, BAD or FOREIGN (a header of no program).
    """
    row = 0
    for i in range(count):
        p, end = buffer + load_word(starts + 8 * i), buffer + load_word(starts + 8 * i + 8)
        state, program = FOREIGN, 0
        if end - p >= header_bytes:
            program = program_of(programs, known, p, header_bytes)
        if program != 0:
            state = BAD
            if end - p - header_bytes <= most:
                p = read_record(load_word(program + 8), load_word(program + 16), buffer, p + header_bytes, end, row)
                if p == FULL:
                    return FULL
                if p == end:
                    state = GOOD
                    row += 1
        store_byte(status + i, state)
    return row


def program_of(programs: int, known: int, p: int, header_bytes: int) -> int:
    """The program for the header at `p`; 0 if there is none."""
    header = load_word(p) & ((1 << 8 * header_bytes) - 1)
    for i in range(known):
        if load_word(programs + PROGRAM_BYTES * i) == header:
            return programs + PROGRAM_BYTES * i
    return 0


def gather(address: int, sizes: int, count: int, out: int) -> int:
    """Copy `count` values, each from its address (0 = none), one after another to `out`; the bytes that they take there."""
    q = out
    for i in range(count):
        p, size = load_word(address + 8 * i), load_word(sizes + 8 * i)
        if p != 0:
            copy(q, p, size)
        q += size
    return q - out


def write_texts(buffer: int, texts: int, count: int, out: int) -> int:
    """Write (start, size) pairs as ClickHouse's strings: size as LEB128, bytes; the bytes written. `out` has 8 bytes to spare."""
    q = out
    for i in range(count):
        p, size = buffer + load_word(texts + 16 * i), load_word(texts + 16 * i + 8)
        left = size
        while left > 127:
            store_byte(q, left & 127 | 128)
            left >>= 7
            q += 1
        store_byte(q, left)
        q += 1
        done = 0
        while done < size:
            store_word(q + done, load_word(p + done))
            done += 8
        q += size
    return q - out


ENTRIES = {"decode_rows": (decode_rows, 8), "gather": (gather, 4), "write_texts": (write_texts, 4)}


def read_record(step: int, stop: int, buffer: int, p: int, end: int, row: int) -> int:
    """The place after the last field of the body from `p` to `end`, whose values were stored; 0 if it is damaged; FULL."""
    while step < stop:
        if load_word(step) == ARRAY:
            p = _array(step, buffer, p, end, row)
            step += STEP_BYTES * (1 + load_word(step + MORE))
        else:
            after = step + STEP_BYTES * load_word(step + ROOM)
            p = _fields(step, after, buffer, p, end, row)
            step = after
        if p <= 0:
            return p
    return p


def _array(step: int, buffer: int, p: int, end: int, row: int) -> int:
    """Blocks of elements, each with its count in front, negative if its size in bytes follows; the elements tell where it ends."""
    ends, room = load_word(step + VALUES), load_word(step + ROOM)
    inner = step + STEP_BYTES
    after = inner + STEP_BYTES * load_word(step + MORE)
    at = load_word(ends + 8 * row)
    while True:
        n, p = size_at(p)
        if p == 0 or p > end:
            return 0
        if n == 0:
            break
        if n < 0:
            _, p = size_at(p)
            n = -n
            if p == 0 or p > end:
                return 0
        if n < 0 or n > end - p:  # an element takes a byte at least
            return 0
        for _ in range(n):
            if at >= room:
                return FULL
            p = _fields(inner, after, buffer, p, end, at)
            if p <= 0:
                return p
            at += 1
    store_word(ends + 8 * row + 8, at)
    return p


def _fields(step: int, stop: int, buffer: int, p: int, end: int, at: int) -> int:
    """The place after fields that are no arrays, their values stored; 0 if one is damaged; FULL."""
    while step < stop:
        p = _field(step, load_word(step), buffer, p, end, at)
        if p <= 0:
            return p
        step += STEP_BYTES
    return p


def _field(step: int, word: int, buffer: int, p: int, end: int, at: int) -> int:
    """The place after one of them."""
    values, nulls, op = load_word(step + VALUES), load_word(step + NULLS), word & OP_MASK
    if word != op:
        branch = load_byte(p)
        p += 1
        if p > end or (branch != 0 and branch != 2):
            return 0
        null = (branch == 0) == (word < NULL_SECOND)
        if nulls != 0:
            store_byte(nulls + at, null)
        if null:
            _store_zero(values, op, at)
            return p if nulls != 0 else 0
    elif nulls != 0:
        store_byte(nulls + at, 0)
    if op <= INT:
        n, p = varint(p)
        if op == INT and (n < INT_MIN or n > INT_MAX):
            return 0
        store_word(values + 8 * at, n)
    elif op <= ENUM:
        n = load_byte(p)
        if n > load_word(step + MORE):
            return 0
        if op == ENUM:
            if n & 1:
                return 0
            n >>= 1
        store_word(values + 8 * at, n)
        p += 1
    elif op == DOUBLE:
        store_word(values + 8 * at, load_word(p))
        p += 8
    elif op == MONEY:
        p = _money(values + 16 * at, p, end)
    elif op <= FIXED:
        p = _text(step, op, buffer, p, end, at)
    else:
        p = _evolved(step, op, buffer, p, end, at)
    return p if p <= end else 0


def _evolved(step: int, op: int, buffer: int, p: int, end: int, at: int) -> int:
    """The place after a field that the writer has otherwise than the reader."""
    values, more = load_word(step + VALUES), load_word(step + MORE)
    if op == DEFAULT:
        return _default(step, values, more, buffer, p, at)
    if op == FLOAT:
        store_word(values + 8 * at, widened(load_word(p)))
        return p + 4
    n, p = size_at(p)
    if op == NUMBER:
        n = quotient_bits(n, 1)
    elif n < 0 or n >= load_word(more):
        return 0
    else:
        n = load_word(more + 8 + 8 * n)
        if n < 0:
            return 0
    store_word(values + 8 * at, n)
    return p


def _default(step: int, values: int, more: int, buffer: int, p: int, at: int) -> int:
    """Store what stands for a field that the writer does not have; the place stays."""
    words, dictionary, nulls = load_word(more), load_word(more + 32), load_word(step + NULLS)
    for i in range(words):
        store_word(values + 8 * (words * at + i), load_word(more + 8 + 8 * i))
    if words == 0:
        store_word(values + 8 * at + 8, load_word(values + 8 * at))
    if dictionary != 0:
        number = intern(dictionary, buffer, p, 0)
        if number == FULL:
            return FULL
        store_word(values + 8 * at, number)
    if nulls != 0:
        store_byte(nulls + at, load_word(more + 24))
    return p


def _money(out: int, p: int, end: int) -> int:
    """A decimal(38, 9), low word first."""
    n = load_byte(p)
    size = n >> 1
    if n & 1 or size > MONEY_BYTES_MAX or size > end - p:
        return 0
    hi, lo, fits = money(p + 1, size)
    if fits == 0:
        return 0
    store_word(out, lo)
    store_word(out + 8, hi)
    return p + 1 + size


def _text(step: int, op: int, buffer: int, p: int, end: int, at: int) -> int:
    """A text, bytes, a name or a fixed."""
    if op == FIXED:
        size = load_word(step + MORE)
    else:
        size, p = size_at(p)
    if p == 0 or size < 0 or size > end - p:
        return 0
    if op < RAW and is_text(p, p + size) == 0:
        return 0
    values = load_word(step + VALUES)
    if op == NAME:
        number = intern(load_word(step + MORE), buffer, p, size)
        if number == FULL:
            return FULL
        store_word(values + 8 * at, number)
    else:
        store_word(values + 16 * at, p - buffer)
        store_word(values + 16 * at + 8, size)
    return p + size


def _store_zero(values: int, op: int, at: int) -> None:
    if MONEY <= op <= FIXED:
        store_word(values + 16 * at, 0)
        store_word(values + 16 * at + 8, 0)
    else:
        store_word(values + 8 * at, 0)

"""The compiled way from a slot to an Avro body: `write_slot`, one function for all records that follows a program of steps.

It writes what `codec.encode(edge.from_slot(kind, slot, run_id))` gives, byte for byte, or says REST: then that says what is wrong, or
finds a form that is too rare to stand here. A program is a table of words, made by `slots_out`:

    MOST        bytes of the body at most, with what is touched behind it, names not counted
    TABLES      address of the edge's instruments and names (`native_rows`)
    SCALE_OF    where ticks, lots and money units come from: NOTHING, INSTRUMENT, MAYBE an instrument (-1: limits of all), CURRENCY
    SCALE_AT    CURRENCY: where its number stands in the slot
    NONE        address of the row that stands for no instrument
    END         address behind the last step
    STEPS       the steps, STEP_BYTES each:
        OP        what is written: LONG ... TARGET below
        AT        where its value stands in the slot
        MORE      see the operations
        NULLS     what null is: NEVER, WORD = the smallest int64, HALF = -1 in four bytes, BYTE = -1 in one byte
"""

from streams.kernel import NULL, load_byte, load_word, store_byte, store_word
from streams.kernel.raw import load_half
from streams.records import NameKind, ValueUnit
from streams.schema import native_rows as rows
from streams.schema.bulk_put import put_bytes, put_decimal, put_long, put_padded
from streams.schema.native_rows import instrument_at, name_at
from streams.schema.slots_derived import average, exec_text, imbalance, mark, microprice, order_text

__all__ = ["FULL", "REST", "write_slot", "write_slots"]

FULL, REST = -1, -2

MOST, TABLES, SCALE_OF, SCALE_AT, NONE, END, STEPS = 0, 8, 16, 24, 32, 40, 48
NOTHING, INSTRUMENT, MAYBE, CURRENCY = range(4)
STEP_BYTES, AT, MORE, NULLS = 32, 8, 16, 24
NEVER, WORD, HALF, BYTE = range(4)

LONG, TICKS, LOTS, ENUM, BOOL, PAIR, NAME, MAYBE_NAME, MONEY, RUN, CONSTANT = range(11)
DOUBLE, I32, INT, VALUE, MID, EXEC, ORDER_TEXT, SPREAD, IMBALANCE, MICROPRICE, AVERAGE, MARK, MAYBE_PAIR, TARGET = range(11, 25)
# MORE is of
#   ENUM          how many symbols it has
#   NAME          the NameKind; MAYBE_NAME: -1 is the empty text
#   CONSTANT      the bytes, as a word; AT how many
#   VALUE         where value_unit stands
#   TARGET        where the strategy's number stands; AT the scope's
#   ORDER_TEXT    where the action stands: null if that is 0; -1 = never null
#   SPREAD, IMBALANCE, MICROPRICE, AVERAGE    a packed list of four places, 16 bits each (`_place`)

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
DIGITS = 9  # of money on topics


def write_slot(program: int, slot: int, run_id: int, out: int, room: int) -> int:
    """The body of the slot at `slot`, written at `out`: its bytes, FULL if `room` is too small, or REST if it is not written here.

    Nothing is touched beyond out + room; what stands there after FULL or REST has no meaning. All four are addresses but run_id and room.
    """
    stop = out + room - load_word(program + MOST)  # where a name may end: behind it everything else has its place
    if stop < out:
        return FULL
    row = _row(program, slot)
    if row == 0 or run_id < INT_MIN or run_id > INT_MAX:
        return REST
    digits = DIGITS - _scale(program, slot, row)
    q = out
    step, end = program + STEPS, load_word(program + END)
    tables = load_word(program + TABLES)
    while step < end:
        if load_word(step + NULLS) != NEVER:
            if _is_null(slot + load_word(step + AT), load_word(step + NULLS)):
                store_byte(q, 0)
                q += 1
                step += STEP_BYTES
                continue
            store_byte(q, 2)
            q += 1
        op = load_word(step)
        if op == LONG:
            q = put_long(q, load_word(slot + load_word(step + AT)))
        elif op == RUN:
            q = put_long(q, run_id)
        elif op <= MAYBE_NAME:
            q = _common(step, op, tables, row, slot, q, stop)
        elif op == MONEY:
            q = put_decimal(q, load_word(slot + load_word(step + AT)), digits)
        elif op == CONSTANT:
            store_word(q, load_word(step + MORE))
            q += load_word(step + AT)
        elif op <= VALUE:
            q = _number(step, op, row, slot, q, digits)
        else:
            q = _rare(step, op, tables, row, slot, q, stop)
        if q <= 0:
            return q
        step += STEP_BYTES
    return q - out


def write_slots(program: int, slots: int, size: int, first: int, count: int, run_id: int, out: int, room: int, starts: int) -> int:
    """Write slots of `size` bytes one after the other, from the `first` to `count`; the place of the first that is not written, or count.

    starts: where each body begins and the last ends, count + 1 words; starts[first] is given, and behind the place that comes back
    stands FULL or REST.
    """
    for i in range(first, count):
        done = load_word(starts + 8 * i)
        written = write_slot(program, slots + i * size, run_id, out + done, room - done)
        store_word(starts + 8 * i + 8, written if written < 0 else done + written)
        if written < 0:
            return i
    return count


def _row(program: int, slot: int) -> int:
    """Address of the instrument's row, or of the one that stands for none; 0 if it has a number that nothing has."""
    of = load_word(program + SCALE_OF)
    if NOTHING < of < CURRENCY:
        number = load_half(slot + 32)  # where every slot has it
        if of == INSTRUMENT or number != -1:
            return instrument_at(load_word(program + TABLES), number)
    return load_word(program + NONE)


def _scale(program: int, slot: int, row: int) -> int:
    """Digits of the money unit."""
    tables, of = load_word(program + TABLES), load_word(program + SCALE_OF)
    if of == CURRENCY:
        name = name_at(tables, NameKind.CURRENCY, load_half(slot + load_word(program + SCALE_AT)))
        return load_word(name + rows.NAME_SCALE) if name != 0 else 0  # without a name the record itself cannot be written
    if row == load_word(program + NONE):
        return load_word(tables + rows.SCALE)
    return load_word(row + rows.MONEY_SCALE)


def _is_null(p: int, nulls: int) -> bool:
    if nulls == WORD:
        return load_word(p) == NULL
    if nulls == HALF:
        return load_half(p) == -1
    return load_byte(p) == 255


def _common(step: int, op: int, tables: int, row: int, slot: int, q: int, stop: int) -> int:
    """What most records have: prices, quantities, symbols and names; the place after it, FULL or REST."""
    p = slot + load_word(step + AT)
    if op <= LOTS:
        n, most = load_word(p), load_word(row + (rows.TICKS_FIT if op == TICKS else rows.LOTS_FIT))
        if n > most or n < -most:
            return REST
        return put_long(q, n * load_word(row + (rows.TICK if op == TICKS else rows.LOT)))
    if op <= BOOL:
        n = load_byte(p)
        if op == BOOL:
            store_byte(q, n == 1)
        elif n >= load_word(step + MORE):
            return REST
        else:
            store_byte(q, n << 1)
        return q + 1
    if op == PAIR:
        return _put_text(q, load_word(row + rows.PAIR), load_word(row + rows.PAIR_SIZE), stop)
    return _put_name(q, tables, load_word(step + MORE), load_half(p), op == MAYBE_NAME, stop)


def _put_text(q: int, form: int, size: int, stop: int) -> int:
    """A name in the form that Avro gives it, unless there is no room."""
    return put_padded(q, form, size) if size <= stop - q else FULL


def _put_name(q: int, tables: int, kind: int, number: int, may_be_none: bool, stop: int) -> int:
    if number == -1 and may_be_none:
        store_byte(q, 0)
        return q + 1
    name = name_at(tables, kind, number)
    if name == 0:
        return REST
    return _put_text(q, load_word(name + rows.FORM), load_word(name + rows.FORM_SIZE), stop)


def _number(step: int, op: int, row: int, slot: int, q: int, digits: int) -> int:
    """A double, an int, or the value that a limit is compared with; the place after it, or REST."""
    p = slot + load_word(step + AT)
    if op == I32:
        return put_long(q, load_half(p))
    n = load_word(p)
    if op == DOUBLE:
        store_word(q, n)
        return q + 8
    if op == INT:
        return put_long(q, n) if INT_MIN <= n <= INT_MAX else REST
    unit = load_byte(slot + load_word(step + MORE))
    if unit == ValueUnit.LOTS:
        most = load_word(row + rows.LOTS_FIT)
        return put_decimal(q, n * load_word(row + rows.LOT), 0) if -most <= n <= most else REST
    return put_decimal(q, n, digits if unit == ValueUnit.MONEY else DIGITS)


def _rare(step: int, op: int, tables: int, row: int, slot: int, q: int, stop: int) -> int:
    """What few records have, and what follows from other fields; the place after it, FULL or REST."""
    at, more = load_word(step + AT), load_word(step + MORE)
    p = slot + at
    if op == MID:
        return _put_mid(q, load_word(p), row)
    if op == EXEC:
        return exec_text(q, load_word(p), load_word(p + 8))
    if op == ORDER_TEXT:
        if more >= 0:
            if load_byte(slot + more) == 0:
                store_byte(q, 0)
                return q + 1
            store_byte(q, 2)
            q += 1
        return order_text(q, load_word(tables + rows.CL_ORD_PREFIX), load_word(p))
    if op == SPREAD:
        n, most = load_word(slot + (more >> 16 & 0xFFFF)) - load_word(slot + (more & 0xFFFF)), load_word(row + rows.TICKS_FIT)
        return put_long(q, n * load_word(row + rows.TICK)) if -most <= n <= most else REST
    if op == IMBALANCE:
        return imbalance(q, _place(slot, more, 0), _place(slot, more, 1))
    if op == MICROPRICE:
        return microprice(q, row, _place(slot, more, 0), _place(slot, more, 1), _place(slot, more, 2), _place(slot, more, 3))
    if op == AVERAGE:
        return average(q, row, _place(slot, more, 0), _place(slot, more, 1))
    if op == MARK:
        return mark(q, row, load_word(p))
    if op == MAYBE_PAIR:
        return _put_maybe_pair(q, row, stop)
    return _put_target(q, tables, slot, at, more, stop)


def _place(slot: int, packed: int, i: int) -> int:
    """The i-th of the words that a step names."""
    return load_word(slot + (packed >> 16 * i & 0xFFFF))


def _put_mid(q: int, mid2_ticks: int, row: int) -> int:
    """Half of so many ticks, if it is whole."""
    tick, most = load_word(row + rows.TICK), load_word(row + rows.TICKS_FIT)
    if mid2_ticks > most or mid2_ticks < -most or mid2_ticks * tick & 1 != 0:
        return REST
    return put_long(q, mid2_ticks * tick >> 1)


def _put_maybe_pair(q: int, row: int, stop: int) -> int:
    """Venue and symbol, each nullable."""
    venue, symbol = load_word(row + rows.VENUE_SIZE), load_word(row + rows.SYMBOL_SIZE)
    if load_word(row + rows.NUMBER) == -1:
        store_word(q, 0)
        return q + 2
    if load_word(row + rows.PAIR_SIZE) > stop - q:
        return FULL
    store_byte(q, 2)
    q = put_bytes(q + 1, load_word(row + rows.VENUE), venue)
    store_byte(q, 2)
    return put_bytes(q + 1, load_word(row + rows.SYMBOL), symbol)


def _put_target(q: int, tables: int, slot: int, scope: int, strategy: int, stop: int) -> int:
    """The name of what a command is for: an instrument, a scope or a strategy; none of them is empty."""
    if load_half(slot + 32) != -1:
        return _put_name(q, tables, NameKind.INSTRUMENT, load_half(slot + 32), False, stop)
    if load_half(slot + scope) != -1:
        return _put_name(q, tables, NameKind.SCOPE, load_half(slot + scope), False, stop)
    return _put_name(q, tables, NameKind.STRATEGY, load_half(slot + strategy), True, stop)

"""The compiled loop that turns Avro bodies into slots. `bulk_kernel` reads each body into columns of one row; a plan writes its slots.

A plan is a table of words: where in those columns stands what every slot begins with (the places below), then STEP_BYTES for each of the
record's own fields:

    OP       how it is converted: WORD ... PRODUCT below
    SOURCE   address of the value; of PRODUCT the price's place in the slot
    NULLS    address of its null mask; 0 if it is never null
    PLACE    its place in the slot; of PRODUCT the quantity's; of RANGE the least that is allowed
    MORE     TICKS, LOTS: place of the bound in the instrument's row; NAME: kind, + EMPTY_ALLOWED; VALUE: address of the unit;
             RANGE: the most that is allowed; EXEC: address of room for a hash

A record that is damaged, or that the edge would refuse, stays REST: the codec and the edge say why.
"""

from streams.kernel import load_byte, load_word, store_byte, store_word
from streams.records import NameKind
from streams.schema.bulk_kernel import program_of, read_record
from streams.schema.bulk_put import copy
from streams.schema.bulk_wire import BEHIND, FULL
from streams.schema.layout import FIRST, GAP, LAST, SNAPSHOT
from streams.schema.native_rows import (
    BOOK_QTY_MOST,
    LOT_ODD,
    LOT_SHIFT,
    MONEY_SCALE,
    NAME_NUMBER,
    NAME_SCALE,
    NUMBER,
    PX_MOST,
    SCALE,
    TICK_ODD,
    TICK_SHIFT,
    find_instrument,
    find_name,
)
from streams.schema.slot_convert import NO, bounded, divided, half_ticks, lots, mark_ticks, money_units, ticks, value_units
from streams.schema.slot_exec import put_exec_id

__all__ = [
    "BYTE",
    "ENTRIES",
    "EXEC",
    "HALF",
    "LOTS",
    "MARK2",
    "MID2",
    "MONEY",
    "NAME",
    "NO_ROOM",
    "PRODUCT",
    "RANGE",
    "TICKS",
    "VALUE",
    "WORD",
]
__all__ += ["CURRENCY", "EMPTY_ALLOWED", "HEAD", "ID", "LAST_SEQ", "LEVELS", "PLAN_BYTES", "RUN", "SIDE", "SIZE", "SYMBOL", "TAIL", "VENUE"]
__all__ += ["CALL_WORDS", "FRAME_VALUES", "GOOD", "REST", "STEP_BYTES", "read_frames", "read_slots"]

WORD, HALF, BYTE, TICKS, LOTS, MONEY, NAME, EXEC, VALUE, MID2, MARK2, RANGE, PRODUCT = range(13)
STEP_BYTES = 40
SOURCE, NULLS, PLACE, MORE = 8, 16, 24, 32
EMPTY_ALLOWED = 256  # beside the kind of a name: no text is no name, not an unknown one

# the plan: addresses of values, 0 = it has none
SIZE, TAIL, HEAD = 0, 8, 16  # bytes of a slot; from where it is zeroed first; kind and, without a side, -1, as they stand in its head
ID, RUN, SIDE = 24, 56, 64  # ID: of id, cause_id, ts_ns, recv_ts_ns
VENUE, SYMBOL = 72, 88  # texts, and their null masks
CURRENCY = 104  # a text: whose money unit counts
LEVELS = 112  # of a book update: where its levels end, their side, price, quantity; snapshot, gap
LAST_SEQ = 160
PLAN_BYTES = 168

# a call
PROGRAMS, PLAN, TABLES = 0, 16, 32  # PROGRAMS: their address and how many; PLAN: first address and end
ADDRESS, BYTES, FROM, COUNT = 40, 48, 56, 64
HEADER_BYTES, MOST, BOUNCE = 72, 80, 88  # as of `decode_rows`; room for MOST, the header and BEHIND bytes
STATE, SLOTS, SLOTS_END = 96, 104, 112  # a byte a value; where slots are written, and the end of that
COLUMNS, COLUMNS_MAX = 120, 8  # addresses: of id, run_id, recv_ts_ns, start, nbytes
CALL_WORDS = COLUMNS // 8 + COLUMNS_MAX

FRAME_VALUES = ("id", "run_id", "recv_ts_ns", "connection", "source_seq", "venue", "payload")
GOOD, REST = 0, 1
NO_ROOM = -2
PAGE_BITS = 12
LOW_HALF = (1 << 32) - 1
HAS_SIDE = 40  # where the side stands in the head's word
HAS_FLAGS = 48


def read_slots(call: int) -> int:
    """Read the values of a call from FROM on; 0, or FULL (the columns hold too few levels) or NO_ROOM (SLOTS) with FROM where to go on."""
    plan, columns = load_word(call + PLAN), call + COLUMNS
    address, sizes, count = load_word(call + ADDRESS), load_word(call + BYTES), load_word(call + COUNT)
    i, slot = load_word(call + FROM), load_word(call + SLOTS)
    while i < count:
        end = _body(call, load_word(address + 8 * i), load_word(sizes + 8 * i))
        if end > 0:
            end = _slots(call, plan, slot)
        elif end == FULL:
            store_word(call + FROM, i)
            return FULL
        if end == NO_ROOM:
            store_word(call + FROM, i)
            return NO_ROOM
        if end > 0:
            _store(columns, plan, i, slot, end)
            slot = end
            store_word(call + SLOTS, slot)
        store_byte(load_word(call + STATE) + i, GOOD if end > 0 else REST)
        i += 1
    return 0


def read_frames(call: int) -> int:
    """Read the frames of a call, whose plan is FRAME_VALUES addresses of values; 0, or FULL.

    COLUMNS: id, run_id, recv_ts_ns, connection, source_seq, number of the venue, address and bytes of the payload, which stays in place.
    """
    values, columns, tables = load_word(call + PLAN), call + COLUMNS, load_word(call + TABLES)
    for i in range(load_word(call + COUNT)):
        start = load_word(load_word(call + ADDRESS) + 8 * i)
        size = load_word(load_word(call + BYTES) + 8 * i)
        end = _body(call, start, size)
        if end == FULL:
            return FULL
        state = REST
        if end > 0:
            venue, payload = load_word(values + 40), load_word(values + 48)
            name = find_name(tables, NameKind.VENUE, load_word(venue), load_word(venue + 8))
            if name != 0:
                state = GOOD
                for j in range(5):
                    store_word(load_word(columns + 8 * j) + 8 * i, load_word(load_word(values + 8 * j)))
                store_word(load_word(columns + 40) + 8 * i, load_word(name + NAME_NUMBER))
                store_word(load_word(columns + 48) + 8 * i, start + size - end + load_word(payload))  # it may have been copied
                store_word(load_word(columns + 56) + 8 * i, load_word(payload + 8))
        store_byte(load_word(call + STATE) + i, state)
    return 0


ENTRIES = {"read_frames": (read_frames, 1), "read_slots": (read_slots, 1)}


def _store(columns: int, plan: int, i: int, slot: int, end: int) -> None:
    """What is told of a record beside its slots."""
    store_word(load_word(columns) + 8 * i, load_word(load_word(plan + ID)))
    store_word(load_word(columns + 8) + 8 * i, load_word(load_word(plan + RUN)))
    store_word(load_word(columns + 16) + 8 * i, load_word(load_word(plan + ID + 24)))
    store_word(load_word(columns + 24) + 8 * i, slot)
    store_word(load_word(columns + 32) + 8 * i, end - slot)


def _body(call: int, p: int, size: int) -> int:
    """Read a value into the columns; above 0 if it could be read, 0 if not, or FULL.

    It stays where it is: loads reach behind it, but stay in the page of its last byte. Where they would not, it is copied first.
    """
    header_bytes = load_word(call + HEADER_BYTES)
    if p == 0 or size <= header_bytes or size > header_bytes + load_word(call + MOST):
        return 0
    end = p + size
    if (end - 1) >> PAGE_BITS != (end - 1 + BEHIND) >> PAGE_BITS:
        bounce = load_word(call + BOUNCE)
        copy(bounce, p, size)
        p, end = bounce, bounce + size
    program = program_of(load_word(call + PROGRAMS), load_word(call + PROGRAMS + 8), p, header_bytes)
    if program == 0:
        return 0
    found = read_record(load_word(program + 8), load_word(program + 16), 0, p + header_bytes, end, 0)
    if found == FULL:
        return FULL
    return found if found == end else 0


def _slots(call: int, plan: int, slot: int) -> int:
    """Write the slots of the record in the columns; the place after them, 0 if the edge would refuse it, or NO_ROOM."""
    tables = load_word(call + TABLES)
    row, scale, number = 0, load_word(tables + SCALE), -1
    symbol = load_word(plan + SYMBOL)
    if symbol != 0 and not _null(load_word(plan + SYMBOL + 8)):
        venue = load_word(plan + VENUE)
        if _null(load_word(plan + VENUE + 8)):
            return 0
        row = find_instrument(tables, load_word(venue), load_word(venue + 8), load_word(symbol), load_word(symbol + 8))
        if row == 0:
            return 0
        scale, number = load_word(row + MONEY_SCALE), load_word(row + NUMBER)
    currency = load_word(plan + CURRENCY)
    if currency != 0:
        name = find_name(tables, NameKind.CURRENCY, load_word(currency), load_word(currency + 8))
        if name == 0:
            return 0
        scale = load_word(name + NAME_SCALE)
    head = load_word(plan + HEAD) | number & LOW_HALF
    if load_word(plan + LEVELS) != 0:
        return _levels(plan, slot, load_word(call + SLOTS_END), row, head)
    end = slot + load_word(plan + SIZE)
    if end > load_word(call + SLOTS_END):
        return NO_ROOM
    side = load_word(plan + SIDE)
    if side != 0:
        head |= load_word(side) << HAS_SIDE
    _zero(slot + load_word(plan + TAIL), end)
    _head(slot, _told(plan, 0), _told(plan, 8), _told(plan, 16), _told(plan, 24), head)
    step, stop = plan + PLAN_BYTES, load_word(call + PLAN + 8)
    while step < stop:
        if _field(step, load_word(step), slot, tables, row, scale) == 0:
            return 0
        step += STEP_BYTES
    return end


def _null(mask: int) -> bool:
    """Whether the value with this null mask, or without one, is null."""
    return load_byte(mask) != 0 if mask != 0 else False


def _zero(p: int, end: int) -> None:
    while p < end:
        store_word(p, 0)
        p += 8


def _told(plan: int, which: int) -> int:
    """One of id, cause_id, ts_ns, recv_ts_ns of the record in the columns."""
    return load_word(load_word(plan + ID + which))


def _head(slot: int, id: int, cause_id: int, ts_ns: int, recv_ts_ns: int, head: int) -> None:
    """The first 40 bytes of a slot."""
    store_word(slot, id)
    store_word(slot + 8, cause_id)
    store_word(slot + 16, ts_ns)
    store_word(slot + 24, recv_ts_ns)
    store_word(slot + 32, head)


def _levels(plan: int, slot: int, room: int, row: int, head: int) -> int:
    """A slot for each level of a book update, or one that says there is none. As `_slots` otherwise."""
    ends, size = load_word(plan + LEVELS), load_word(plan + SIZE)
    sides, prices, quantities = load_word(plan + LEVELS + 8), load_word(plan + LEVELS + 16), load_word(plan + LEVELS + 24)
    count = load_word(ends + 8)
    if slot + size * max(count, 1) > room:
        return NO_ROOM
    common = 0
    if load_word(load_word(plan + LEVELS + 32)) != 0:
        common = SNAPSHOT
    if load_word(load_word(plan + LEVELS + 40)) != 0:
        common |= GAP
    seq = load_word(load_word(plan + LAST_SEQ))
    id, cause_id, ts_ns, recv_ts_ns = _told(plan, 0), _told(plan, 8), _told(plan, 16), _told(plan, 24)
    if count == 0:
        _head(slot, id, cause_id, ts_ns, recv_ts_ns, head | 255 << HAS_SIDE | (common | FIRST | LAST) << HAS_FLAGS)
        _level(slot, seq, 0, -1)
        return slot + size
    tick_shift, tick_odd, px_most = load_word(row + TICK_SHIFT), load_word(row + TICK_ODD), load_word(row + PX_MOST)
    lot_shift, lot_odd, qty_most = load_word(row + LOT_SHIFT), load_word(row + LOT_ODD), load_word(row + BOOK_QTY_MOST)
    flags = common | FIRST
    for i in range(count):
        px = divided(load_word(prices + 8 * i), tick_shift, tick_odd, px_most)
        qty = divided(load_word(quantities + 8 * i), lot_shift, lot_odd, qty_most)
        if px == NO or qty < 0 or not bounded(px, qty, row):
            return 0
        if i == count - 1:
            flags |= LAST
        _head(slot, id, cause_id, ts_ns, recv_ts_ns, head | load_word(sides + 8 * i) << HAS_SIDE | flags << HAS_FLAGS)
        _level(slot, seq, px, qty)
        slot += size
        flags = common
    return slot


def _level(slot: int, seq: int, px: int, qty: int) -> None:
    """The rest of a level's 64 bytes."""
    store_word(slot + 40, seq)
    store_word(slot + 48, px)
    store_word(slot + 56, qty)


def _field(step: int, op: int, slot: int, tables: int, row: int, scale: int) -> int:
    """Convert one field; 0 if the edge would refuse it."""
    source, place = load_word(step + SOURCE), slot + load_word(step + PLACE)
    if op == PRODUCT:
        px, qty = load_word(slot + source), load_word(place)
        return 1 if px == NO or qty == NO or bounded(px, qty, row) else 0
    if _null(load_word(step + NULLS)):
        return _store_null(op, place)
    more = load_word(step + MORE)
    if op >= NAME:
        return _rare(op, source, place, more, tables, row, scale, load_word(step + PLACE))
    n = load_word(source)
    if op == BYTE:
        store_byte(place, n)
        return 1
    if op == HALF:
        for i in range(4):
            store_byte(place + i, n >> 8 * i)
        return 1
    if op == TICKS:
        n = ticks(n, row, more)
    elif op == LOTS:
        n = lots(n, row, more)
    elif op == MONEY:
        n = money_units(n, load_word(source + 8), scale)
    store_word(place, n)
    return 1 if n != NO or (load_word(step + NULLS) == 0 and op == WORD) else 0


def _store_null(op: int, place: int) -> int:
    if op == BYTE:
        store_byte(place, -1)
    elif op == NAME:
        for i in range(4):
            store_byte(place + i, -1)
    else:
        store_word(place, NO)
        if op == EXEC:
            store_word(place + 8, NO)
    return 1


def _rare(op: int, source: int, place: int, more: int, tables: int, row: int, scale: int, least: int) -> int:
    """The conversions that market data does not need."""
    if op == NAME:
        return _name(load_word(source), load_word(source + 8), place, more, tables)
    if op == RANGE:
        return 1 if least <= load_word(source) <= more else 0
    if op == EXEC:
        return 1 if put_exec_id(place, load_word(source), load_word(source + 8), more) else 0
    n = NO
    if op == VALUE:
        n = value_units(load_word(source), load_word(source + 8), load_word(more), row, scale)
    elif op == MID2:
        n = half_ticks(load_word(source), row)
    elif op == MARK2:
        n = mark_ticks(source, row)
    store_word(place, n)
    return 1 if n != NO else 0


def _name(p: int, size: int, place: int, kind: int, tables: int) -> int:
    """The number of a name, in four bytes."""
    number = -1
    if size != 0 or kind < EMPTY_ALLOWED:
        name = find_name(tables, kind & (EMPTY_ALLOWED - 1), p, size)
        if name == 0:
            return 0
        number = load_word(name + NAME_NUMBER)
    for i in range(4):
        store_byte(place + i, number >> 8 * i)
    return 1

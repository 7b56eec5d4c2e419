"""Python source of a record's way into memory and back: `compile_edge(schema)`. Used by `edge` alone.

The source is a function `make(...)` that takes the edge's tables and returns the two converters, so that it is compiled once and each edge
binds its own tables. For a trade:

    def to_slots(r):
        (v0, v1, ...) = r
        spec = specs.get((v5, v6)) or unknown(v5, v6)
        number, tick, lot, bound, scale = spec[:5]
        x10 = v10 // tick
        if x10 * tick != v10 or not -274877906944 < x10 < 274877906944: bad_px('px_e9', v10, spec)
        ...
        return pack(v0, v1, v3, v4, number, 3, v9, 0, 0, v8, x10, x11)
"""

import struct
from typing import Any

from streams.schema import derived
from streams.schema.execid import exec_id_text, exec_id_words
from streams.schema.layout import HEADER, NULL, Layout, SlotField, layout
from streams.schema.model import ENUMS, NESTED, Field, Schema
from streams.schema.units import MAX_BOOK_QTY_LOTS, MAX_ORDER_QTY_LOTS, MAX_PX_TICKS

__all__ = ["SPEC", "compile_edge", "record_format"]

SPEC = ("number", "tick", "lot", "bound", "scale", "multiplier")  # first members of an instrument's entry
WIDE_QTY = ("BookUpdate", "Trade", "Quote", "Position", "Limit", "Instrument")  # quantities of markets and positions; the rest are orders'
FORMATS = {"int": "q", "float": "d", "I32": "i", "I8": "b"}
PRODUCTS = tuple((p + "px_ticks", p + "qty_lots") for p in ("", "last_", "bid_", "ask_"))  # must stay below 2^62 money units
CALLED = (  # what the source calls of the edge
    *("unknown", "bad_px", "bad_qty", "bad_notional", "bad_half", "bad_null", "no_name", "no_number"),
    *("money_in", "money_out", "value_in", "value_out", "cl_ord_id", "target_number", "target_name"),
)
DEFAULTS = {"int": "0", "long": "0", "double": "0.0", "string": "''", "bytes": "b''", "boolean": "False"}
BACK = {  # fields that stay out of memory and follow from others; {x} is the field x in topic units
    "Quote.spread_e9": "{ask_px_e9} - {bid_px_e9}",
    "Quote.imbalance": "imbalance({bid_qty_e9}, {ask_qty_e9})",
    "Quote.microprice": "microprice({bid_px_e9}, {bid_qty_e9}, {ask_px_e9}, {ask_qty_e9})",
    "Request.cl_ord_id": "cl_ord_id({order_id})",
    "Request.orig_cl_ord_id": "cl_ord_id({order_id}) if {action} else None",  # NEW is 0
    "Position.avg_px": "avg_px(cost, {qty_e9}, multiplier, scale)",
    "Command.target": "target_name(instrument, target_scope, target_strategy)",
}


def record_format(x: Layout) -> struct.Struct:
    """The slot's fields in order, padded to its size."""
    fields = "<" + "".join(FORMATS[f.type] for f in x.fields)
    return struct.Struct(f"{fields}{x.size - struct.calcsize(fields)}x")


def compile_edge(s: Schema, records: Any) -> Any:
    """The function make(edge) -> (to_slots, from_slot) of one record; `edge` gives tables and error functions by name."""
    x = layout(s)
    packer = record_format(x)
    scope: dict[str, Any] = {n: getattr(derived, n) for n in ("avg_px", "imbalance", "mark_px", "microprice")}
    scope |= {"pack": packer.pack, "iter_unpack": packer.iter_unpack, "words": exec_id_words, "text": exec_id_text, "new": tuple.__new__}
    scope |= {"mark2_of": derived.mark2_ticks, "unpack": packer.unpack, "NULL": NULL, "join": b"".join}
    scope |= {n: getattr(records, n) for n in (s.name, *NESTED)}
    scope |= {f"GET_{name}": dict(enumerate(getattr(records, name))) for name in ENUMS}
    lines = ["def make(specs, by_number, numbers, names, edge):", *(f"    {n} = edge.{n}" for n in CALLED)]
    kinds = sorted({f.of for f in x.fields if f.convert == "name"})
    lines += [f"    {kind}_{table} = {table}[{kind!r}]" for kind in kinds for table in ("numbers", "names")]
    book = s.name == "BookUpdate"
    lines += ["    " + line for line in (_book_in(s, x) if book else _To(s, x).lines())]
    lines += ["    " + line for line in (_book_out(s, x) if book else _From(s, x).lines())]
    lines += ["    return to_slots, from_slot"]
    exec(compile("\n".join(lines), f"<edge {s.name}>", "exec"), scope)
    return scope["make"]


def _spec_in(s: Schema, at: dict[str, str]) -> list[str]:
    """Lines that find the instrument of a record."""
    names = [f.name for f in s.fields]
    if "symbol" not in names:
        return ["number, tick, lot, bound, scale = -1, 0, 0, 0, 8", "spec = None"]
    venue, symbol = at["venue"], at["symbol"]
    if s.name == "Instrument":
        return ["spec = edge.spec(r)", "number, tick, lot, bound, scale, _ = spec[:6]"]
    find = [
        f"spec = specs.get(({venue}, {symbol})) or unknown({s.plural!r}, {venue}, {symbol})",
        "number, tick, lot, bound, scale, _ = spec[:6]",
    ]
    if not s.field("symbol").nullable:
        return find
    none = ["number, tick, lot, bound, scale = -1, 0, 0, 0, 8", "spec = None"]
    return [f"if {symbol} is None:", *("    " + line for line in none), "else:", *("    " + line for line in find)]


class _To:
    """Lines of `to_slots`."""

    def __init__(self, s: Schema, x: Layout) -> None:
        self.s, self.x = s, x
        self.at = {f.name: f"v{i}" for i, f in enumerate(s.fields)}
        self.out: list[str] = []

    def lines(self) -> list[str]:
        """def to_slots(r): one slot of a record without an array."""
        s, at = self.s, self.at
        self.out = ["def to_slots(r):", f"    ({', '.join(at.values())},) = r"]
        self.add(*_spec_in(s, at))
        if s.name == "Command":
            self.add(f"number, target_scope, target_strategy = target_number({at['kind']}, {at['target']})", "if number == -2: return b''")
        if s.name == "Balance":
            self.add(f"scale = edge.scale({at['currency']})")
        values = [self.header(f) for f in HEADER] + [self.field(f) for f in self.x.fields[len(HEADER) :]]
        slots = {f.name: f for f in self.x.fields}
        for px, qty in PRODUCTS:
            if px in slots and qty in slots and s.name != "Instrument":
                guard = "".join(f"{n} != NULL and " for n in (px, qty) if slots[n].nullable)
                self.add(f"if {guard}not -bound <= {px} * {qty} <= bound: bad_notional({s.plural!r}, {px} * tick, {qty} * lot, spec)")
        self.add(f"return pack({', '.join(values)})")
        return self.out

    def add(self, *lines: str) -> None:
        self.out += ["    " + line for line in lines]

    def header(self, f: SlotField) -> str:
        known = {"instrument": "number", "kind": str(self.x.kind), "side": self.at.get("side", "-1"), "flags": "0", "spare": "0"}
        return known.get(f.name) or self.at[f.name]

    def field(self, f: SlotField) -> str:
        """Lines that compute the field, and its name."""
        if f.convert == "only":
            return f.name
        v, field = self.at[f.source], self.s.field(f.source)
        lines = list(_into(self.s, f, field, v, self.at))
        if field.nullable and f.convert != "bool":
            null = "-1" if f.convert in ("name", "enum") else "NULL"
            self.add(f"if {v} is None:", f"    {f.name} = {null}", "else:", *("    " + line for line in lines))
            if null == "NULL" and f.type == "int" and f.convert != "exec_lo":
                self.add(f"    if {f.name} == NULL: bad_null({self.s.plural + '.' + f.source!r})")
        else:
            self.add(*lines)
        return f.name


def _into(s: Schema, f: SlotField, field: Field, v: str, at: dict[str, str]) -> list[str]:
    """Lines that set the slot's field from a value that is not null."""
    where, x = repr(f"{s.plural}.{f.source}"), f.name
    if f.convert == "ticks":
        limit = MAX_PX_TICKS
        return [
            f"{x} = {v} // (tick or 1)",
            f"if not tick or {x} * tick != {v} or not -{limit} < {x} < {limit}: bad_px({where}, {v}, spec)",
        ]
    if f.convert == "lots":
        limit = MAX_BOOK_QTY_LOTS if s.name in WIDE_QTY else MAX_ORDER_QTY_LOTS
        check = f"if not lot or {x} * lot != {v} or not -{limit} < {x} < {limit}: bad_qty({where}, {v}, {limit}, spec)"
        return [f"{x} = {v} // (lot or 1)", check]
    if f.convert == "mid2":
        return [f"{x} = 2 * {v} // tick", f"if {x} * tick != 2 * {v}: bad_half({where}, {v}, spec)"]
    if f.convert == "mark2":
        return [f"{x} = mark2_of({v}, tick)"]
    if f.convert == "money":
        return [f"{x} = money_in({where}, {v}, scale)"]
    if f.convert == "value":
        return [f"{x} = value_in({where}, {v}, {at['value_unit']}, lot, scale)"]
    if f.convert == "name":
        find = [f"{x} = {f.of}_numbers.get({v})", f"if {x} is None: no_name({where}, {f.of!r}, {v})"]
        return [f"if {v} == '':", f"    {x} = -1", "else:", *("    " + line for line in find)] if f.of in ("STRATEGY", "SCOPE") else find
    if f.convert == "bool":
        return [f"{x} = -1 if {v} is None else {v}" if field.nullable else f"{x} = {v}"]
    if f.convert in ("exec_hi", "exec_lo"):
        return [f"{x} = words({v})[{int(f.convert == 'exec_lo')}]"]
    return [f"{x} = {v}"]


class _From:
    """Lines of `from_slot`."""

    def __init__(self, s: Schema, x: Layout) -> None:
        self.s, self.x = s, x
        self.back = {f.source: f for f in reversed(x.fields) if f.source}

    def lines(self) -> list[str]:
        """def from_slot(data, run_id): the record of one slot."""
        names = ", ".join(f.name for f in self.x.fields)
        out = ["def from_slot(data, run_id):", f"    ({names},) = unpack(data)"]
        out += ["    " + line for line in self.spec()]
        values = [self.value(f) for f in self.s.fields]
        return [*out, f"    return new({self.s.name}, ({', '.join(values)},))"]

    def spec(self) -> list[str]:
        """Lines that look the instrument up."""
        if self.s.name == "Instrument":
            return [
                "venue, symbol = edge.venue_symbol(instrument)",
                "tick, lot, scale, multiplier = tick_e9, lot_e9, money_scale, multiplier_e9",
            ]
        if "symbol" not in [f.name for f in self.s.fields]:
            return ["scale = edge.scale(names['CURRENCY'](currency))"] if self.s.name == "Balance" else ["pass"]
        find = "_, tick, lot, _, scale, multiplier, venue, symbol = by_number.get(instrument) or no_number('INSTRUMENT', instrument)"
        if not self.s.field("symbol").nullable:
            return [find]
        return ["if instrument == -1: tick, lot, scale, venue, symbol = 1, 1, 8, None, None", "else: " + find]

    def value(self, f: Field) -> str:
        """Expression of a record's field."""
        how = BACK.get(f"{self.s.name}.{f.name}")
        if how is not None:
            topic = {g.name: f"({self.value(g)})" for g in self.s.fields if "{" + g.name + "}" in how}
            return how.format(**topic)
        if f.name in ("venue", "symbol", "run_id"):
            return f.name
        if f.name == "side":
            return "GET_Side[side]"
        if f.name in ("id", "cause_id", "ts_ns", "recv_ts_ns"):
            return f.name
        slot = self.back.get(f.name)
        if slot is None:
            return repr(f.default) if f.has_default else DEFAULTS[f.type]
        value = _out_of(slot)
        if f.nullable:
            null = "-1" if slot.type != "int" else "NULL"
            return f"None if {slot.name} == {null} else {value}"
        return value


def _out_of(f: SlotField) -> str:
    """Expression of the topic's value of a field that is not null."""
    return {
        "ticks": f"{f.name} * tick",
        "lots": f"{f.name} * lot",
        "mid2": f"edge.half({f.name}, tick)",
        "mark2": f"mark_px({f.name}, tick)",
        "money": f"money_out({f.name}, scale)",
        "value": f"value_out({f.name}, value_unit, lot, scale)",
        "name": f"{f.of}_names({f.name})" if f.of not in ("STRATEGY", "SCOPE") else f"('' if {f.name} == -1 else {f.of}_names({f.name}))",
        "enum": f"GET_{f.of}[{f.name}]",
        "bool": f"{f.name} == 1",
        "exec_hi": "text(exec_hi, exec_lo)",
    }.get(f.convert, f.name)


def _book_in(s: Schema, x: Layout) -> list[str]:
    """def to_slots(r): one slot a level; one with qty_lots -1 when there is no level."""
    at = {f.name: f"v{i}" for i, f in enumerate(s.fields)}
    px, qty = MAX_PX_TICKS, MAX_BOOK_QTY_LOTS
    head = f"{at['id']}, {at['cause_id']}, {at['ts_ns']}, {at['recv_ts_ns']}, number, {x.kind}"
    return [
        "def to_slots(r):",
        f"    ({', '.join(at.values())},) = r",
        *("    " + line for line in _spec_in(s, at)),
        f"    common = (GAP if {at['gap']} else 0) | (SNAPSHOT if {at['snapshot']} else 0)".replace("GAP", "2").replace("SNAPSHOT", "4"),
        f"    flags, out, last = common | 8, [], len({at['levels']}) - 1",
        f"    if last < 0: return pack({head}, -1, common | 9, 0, {at['last_seq']}, 0, -1)",
        f"    for i, (side, px_e9, qty_e9) in enumerate({at['levels']}):",
        "        px, qty = px_e9 // tick, qty_e9 // lot",
        f"        if px * tick != px_e9 or not -{px} < px < {px}: bad_px('{s.plural}.px_e9', px_e9, spec)",
        f"        if qty * lot != qty_e9 or not 0 <= qty < {qty}: bad_qty('{s.plural}.qty_e9', qty_e9, {qty}, spec)",
        f"        if not -bound <= px * qty <= bound: bad_notional('{s.plural}', px_e9, qty_e9, spec)",
        "        if i == last: flags |= 1",
        f"        out.append(pack({head}, side, flags, 0, {at['last_seq']}, px, qty))",
        "        flags = common",
        "    return join(out)",
    ]


def _book_out(s: Schema, x: Layout) -> list[str]:
    """def from_slot(data, run_id): the record of all slots of one update."""
    names = ", ".join(f.name for f in x.fields)
    values = []
    for f in s.fields:
        known = {"snapshot": "(flags & 4) != 0", "gap": "(flags & 2) != 0", "levels": "tuple(levels)"}
        plain = f.name if f.name in ("id", "cause_id", "run_id", "ts_ns", "recv_ts_ns", "venue", "symbol", "last_seq") else None
        values.append(known.get(f.name) or plain or ("None" if f.nullable else "0"))
    return [
        "def from_slot(data, run_id):",
        "    levels, tick = [], 0",
        f"    for ({names},) in iter_unpack(data):",
        "        if not tick:",
        "            _, tick, lot, _, _, _, venue, symbol = by_number.get(instrument) or no_number('INSTRUMENT', instrument)",
        "        if qty_lots >= 0: levels.append(new(BookLevel, (GET_Side[side], px_ticks * tick, qty_lots * lot)))",
        f"    return new({s.name}, ({', '.join(values)},))",
    ]

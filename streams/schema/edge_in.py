"""Python source of a record's way into memory: `to_slots_lines`. Used by `edgegen` alone; the record's values are v0, v1, ..."""

from streams.schema.layout import FIRST, GAP, HEADER, LAST, SNAPSHOT, Layout, SlotField
from streams.schema.model import Field, Schema
from streams.schema.units import E9, MAX_BOOK_QTY_LOTS, MAX_MARK_E9, MAX_ORDER_QTY_LOTS, MAX_PX_TICKS

__all__ = ["to_slots_lines"]

WIDE_QTY = ("BookUpdate", "Trade", "Quote", "Position", "Limit", "Instrument")  # quantities of markets and positions; the rest are orders'
PRODUCTS = tuple((p + "px_ticks", p + "qty_lots") for p in ("", "last_", "bid_", "ask_"))  # must stay below 2^62 money units


def to_slots_lines(s: Schema, x: Layout) -> list[str]:
    """def to_slots(r): the record's slots as bytes."""
    return _book_lines(s, x) if s.name == "BookUpdate" else _Lines(s, x).lines()


def _spec_in(s: Schema, at: dict[str, str]) -> list[str]:
    """Lines that find the instrument of a record."""
    names = [f.name for f in s.fields]
    if "symbol" not in names:
        return ["number, tick, lot, bound, scale = -1, 0, 0, 0, 8", "spec = None"]
    venue, symbol = at["venue"], at["symbol"]
    if s.name == "Instrument":
        return ["spec = spec_of(r)", "number, tick, lot, bound, scale, _ = spec[:6]"]
    find = [
        f"spec = specs.get(({venue}, {symbol})) or unknown({s.plural!r}, {venue}, {symbol})",
        "number, tick, lot, bound, scale, _ = spec[:6]",
    ]
    if not s.field("symbol").nullable:
        return find
    none = ["number, tick, lot, bound, scale = -1, 0, 0, 0, scale_of_all()", "spec = None"]
    return [f"if {symbol} is None:", *("    " + line for line in none), "else:", *("    " + line for line in find)]


class _Lines:
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
        if s.name == "Funding":
            self.add(f"if not (0 < {at['mark_e9']} < {MAX_MARK_E9} and -{E9} <= {at['rate_e9']} <= {E9}): bad_funding(r)")
        if s.name == "Balance":
            self.add(f"scale = scale_of({at['currency']})")
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
        if f.convert in ("only", "exec_lo"):  # exec_lo is set with exec_hi
            return f.name
        v, field = self.at[f.source], self.s.field(f.source)
        lines = list(_into(self.s, f, field, v, self.at))
        if field.nullable and f.convert != "bool":
            null = "-1" if f.convert in ("name", "enum") else "NULL"
            names = "exec_hi = exec_lo" if f.convert == "exec_hi" else f.name
            self.add(f"if {v} is None:", f"    {names} = {null}", "else:", *("    " + line for line in lines))
            if null == "NULL" and f.type == "int":
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
    if f.convert == "exec_hi":
        return [f"exec_hi, exec_lo = words({v})"]
    return [f"{x} = {v}"]


def _book_lines(s: Schema, x: Layout) -> list[str]:
    """def to_slots(r): one slot a level; one with qty_lots -1 when there is no level."""
    at = {f.name: f"v{i}" for i, f in enumerate(s.fields)}
    px, qty = MAX_PX_TICKS, MAX_BOOK_QTY_LOTS
    head = f"{at['id']}, {at['cause_id']}, {at['ts_ns']}, {at['recv_ts_ns']}, number, {x.kind}"
    return [
        "def to_slots(r):",
        f"    ({', '.join(at.values())},) = r",
        *("    " + line for line in _spec_in(s, at)),
        f"    common = ({GAP} if {at['gap']} else 0) | ({SNAPSHOT} if {at['snapshot']} else 0)",
        f"    flags, out, last = common | {FIRST}, [], len({at['levels']}) - 1",
        f"    if last < 0: return pack({head}, -1, common | {FIRST | LAST}, 0, {at['last_seq']}, 0, -1)",
        f"    for i, (side, px_e9, qty_e9) in enumerate({at['levels']}):",
        "        px, qty = px_e9 // tick, qty_e9 // lot",
        f"        if px * tick != px_e9 or not -{px} < px < {px}: bad_px('{s.plural}.px_e9', px_e9, spec)",
        f"        if qty * lot != qty_e9 or not 0 <= qty < {qty}: bad_qty('{s.plural}.qty_e9', qty_e9, {qty}, spec)",
        f"        if not -bound <= px * qty <= bound: bad_notional('{s.plural}', px_e9, qty_e9, spec)",
        f"        if i == last: flags |= {LAST}",
        f"        out.append(pack({head}, side, flags, 0, {at['last_seq']}, px, qty))",
        "        flags = common",
        "    return join(out)",
    ]

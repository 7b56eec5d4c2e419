"""Python source of a slot's way back to a record: `from_slot_lines`. Used by `edgegen` alone."""

from streams.schema.layout import GAP, SNAPSHOT, Layout, SlotField
from streams.schema.model import Field, Schema

__all__ = ["from_slot_lines"]

DEFAULTS = {"int": "0", "long": "0", "double": "0.0", "string": "''", "bytes": "b''", "boolean": "False"}
BACK = {  # fields that stay out of memory and follow from others; {x} is the field x in topic units
    "Quote.spread_e9": "{ask_px_e9} - {bid_px_e9}",
    "Quote.imbalance": "imbalance({bid_qty_e9}, {ask_qty_e9})",
    "Quote.microprice": "microprice({bid_px_e9}, {bid_qty_e9}, {ask_px_e9}, {ask_qty_e9})",
    "Request.cl_ord_id": "cl_ord_id({order_id})",
    "Request.orig_cl_ord_id": "cl_ord_id({order_id}) if {action} else None",  # NEW is 0
    "Position.avg_px": "avg_px(cost, {qty_e9}, multiplier, scale, inverse)",
    "Command.target": "target_name(instrument, target_scope, target_strategy)",
}


def from_slot_lines(s: Schema, x: Layout) -> list[str]:
    """def from_slot(data, run_id): the record of a slot, or of all slots of a book update."""
    return _book_lines(s, x) if s.name == "BookUpdate" else _Lines(s, x).lines()


class _Lines:
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
                "venue, symbol = venue_symbol(instrument)",
                "tick, lot, scale, multiplier = tick_e9, lot_e9, money_scale, multiplier_e9",
            ]
        if "symbol" not in [f.name for f in self.s.fields]:
            return ["scale = scale_of(names['CURRENCY'](currency))"] if self.s.name == "Balance" else ["pass"]
        find = (
            "_, tick, lot, _, scale, multiplier, venue, symbol, inverse = by_number.get(instrument) or no_number('INSTRUMENT', instrument)"
        )
        if not self.s.field("symbol").nullable:
            return [find]
        return ["if instrument == -1: tick, lot, scale, venue, symbol = 1, 1, scale_of_all(), None, None", "else: " + find]

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
        "mid2": f"half({f.name}, tick)",
        "mark2": f"mark_px({f.name}, tick)",
        "money": f"money_out({f.name}, scale)",
        "value": f"value_out({f.name}, value_unit, lot, scale)",
        "name": f"{f.of}_names({f.name})" if f.of not in ("STRATEGY", "SCOPE") else f"('' if {f.name} == -1 else {f.of}_names({f.name}))",
        "enum": f"GET_{f.of}[{f.name}]",
        "bool": f"{f.name} == 1",
        "exec_hi": "text(exec_hi, exec_lo)",
    }.get(f.convert, f.name)


def _book_lines(s: Schema, x: Layout) -> list[str]:
    """def from_slot(data, run_id): the record of all slots of one update."""
    names = ", ".join(f.name for f in x.fields)
    values = []
    for f in s.fields:
        known = {"snapshot": f"(flags & {SNAPSHOT}) != 0", "gap": f"(flags & {GAP}) != 0", "levels": "tuple(levels)"}
        plain = f.name if f.name in ("id", "cause_id", "run_id", "ts_ns", "recv_ts_ns", "venue", "symbol", "last_seq") else None
        values.append(known.get(f.name) or plain or ("None" if f.nullable else "0"))
    return [
        "def from_slot(data, run_id):",
        "    levels, tick = [], 0",
        f"    for ({names},) in iter_unpack(data):",
        "        if not tick:",
        "            _, tick, lot, _, _, _, venue, symbol, _ = by_number.get(instrument) or no_number('INSTRUMENT', instrument)",
        "        if qty_lots >= 0: levels.append(new(BookLevel, (GET_Side[side], px_ticks * tick, qty_lots * lot)))",
        f"    return new({s.name}, ({', '.join(values)},))",
    ]

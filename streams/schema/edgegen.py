"""Python source of a record's way into memory and back: `compile_edge(schema)`. Used by `edge` alone.

The source is a function `make(...)` that takes an edge's tables and returns the two converters: compiled once, bound often. For a trade:

    def to_slots(r):
        (v0, v1, ...) = r
        spec = specs.get((v5, v6)) or unknown('trades', v5, v6)
        number, tick, lot, bound, scale, _ = spec[:6]
        px_ticks = v10 // (tick or 1)
        if not tick or px_ticks * tick != v10 or not -274877906944 < px_ticks < 274877906944: bad_px('trades.px_e9', v10, spec)
        ...
        return pack(v0, v1, v3, v4, number, 3, v9, 0, 0, v8, px_ticks, qty_lots)
"""

import struct
from typing import Any

from streams.schema import derived
from streams.schema.edge_in import to_slots_lines
from streams.schema.edge_out import from_slot_lines
from streams.schema.execid import exec_id_text, exec_id_words
from streams.schema.layout import NULL, Layout, layout
from streams.schema.model import ENUMS, NESTED, Schema

__all__ = ["compile_edge", "record_format"]

FORMATS = {"int": "q", "float": "d", "I32": "i", "I8": "b"}
CALLED = (  # what the source uses of the tables
    *("specs", "by_number", "spec_of", "scale_of", "scale_of_all", "venue_symbol", "half"),
    *("unknown", "bad_px", "bad_qty", "bad_notional", "bad_funding", "bad_half", "bad_null", "no_name", "no_number"),
    *("money_in", "money_out", "value_in", "value_out", "cl_ord_id", "target_number", "target_name"),
)


def record_format(x: Layout) -> struct.Struct:
    """The slot's fields in order, padded to its size."""
    fields = "<" + "".join(FORMATS[f.type] for f in x.fields)
    return struct.Struct(f"{fields}{x.size - struct.calcsize(fields)}x")


def compile_edge(s: Schema, records: Any) -> Any:
    """The function make(tables, numbers, names) -> (to_slots, from_slot) of one record."""
    x = layout(s)
    packer = record_format(x)
    scope: dict[str, Any] = {n: getattr(derived, n) for n in ("avg_px", "imbalance", "mark_px", "microprice")}
    scope |= {"pack": packer.pack, "iter_unpack": packer.iter_unpack, "words": exec_id_words, "text": exec_id_text, "new": tuple.__new__}
    scope |= {"mark2_of": derived.mark2_ticks, "unpack": packer.unpack, "NULL": NULL, "join": b"".join}
    scope |= {n: getattr(records, n) for n in (s.name, *NESTED)}
    scope |= {f"GET_{name}": dict(enumerate(getattr(records, name))) for name in ENUMS}
    lines = ["def make(tables, numbers, names):", *(f"    {n} = tables.{n}" for n in CALLED)]
    kinds = sorted({f.of for f in x.fields if f.convert == "name"})
    lines += [f"    {kind}_{table} = {table}[{kind!r}]" for kind in kinds for table in ("numbers", "names")]
    lines += ["    " + line for line in (*to_slots_lines(s, x), *from_slot_lines(s, x), "return to_slots, from_slot")]
    exec(compile("\n".join(lines), f"<edge {s.name}>", "exec"), scope)
    return scope["make"]

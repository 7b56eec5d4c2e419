"""Made-up records: any value that a schema allows, and slots that the edge must carry over exactly."""

import random
import struct
from decimal import Context, Decimal
from typing import Any

from hypothesis import strategies as st

from streams import records
from streams.records import FeeRounding, Instrument, InstrumentType, NameKind
from streams.schema.edge import Edge
from streams.schema.execid import exec_id_words
from streams.schema.layout import NULL, Layout, SlotField, layout
from streams.schema.model import NESTED, Field, Schema
from streams.schema.units import MAX_MONEY

WIDE = Context(prec=60)
INT64 = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-70, 20_000), st.sampled_from([1 << 6, 1 << 13, 1 << 27, 1 << 41, 1 << 55, 1 << 62])
)
SCALARS = {
    "long": INT64,
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "string": st.text(max_size=12),
    "bytes": st.binary(max_size=12),
    "money": st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: Decimal(n).scaleb(-9, WIDE)),
}


def any_record(s: Schema) -> st.SearchStrategy[Any]:
    """Any record of a schema."""
    return st.tuples(*(_value(f) for f in s.fields)).map(lambda values: s.record(*values))


def _value(f: Field) -> st.SearchStrategy[Any]:
    if f.type == "array":
        item = _nested(f.of) if f.of in NESTED else SCALARS[f.of]
        return st.lists(item, max_size=3).map(tuple)
    value = st.sampled_from(list(getattr(records, f.of))) if f.type == "enum" else SCALARS[f.type]
    return st.none() | value if f.nullable else value


def _nested(name: str) -> st.SearchStrategy[Any]:
    return st.tuples(*(_value(f) for f in NESTED[name].fields)).map(lambda values: getattr(records, name)(*values))


def plain(value: Any) -> Any:
    """What fastavro and avro call the same value: dicts, lists, enum symbols."""
    if hasattr(value, "_asdict"):
        return {k: plain(v) for k, v in value._asdict().items()}
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value.name if hasattr(value, "name") else value


NAMES = {
    NameKind.INSTRUMENT: ("binance:BTCUSDT", "binance:1000PEPEUSDT"),
    NameKind.ACCOUNT: ("maker-1", "taker-1"),
    NameKind.STRATEGY: ("maker", "taker"),
    NameKind.SCOPE: ("firm", "desk:crypto", "account:maker-1"),
    NameKind.CURRENCY: ("USDT", "BTC", "BNB"),
    NameKind.SECTOR: ("majors", "memes"),
    NameKind.CLUSTER: ("crypto",),
    NameKind.METRIC: ("inventory_risk", "half_spread"),
}


def instrument(symbol: str = "BTCUSDT", **changes: Any) -> Instrument:
    """An instrument: tick 0.1, lot 0.001, money in 10^-8."""
    own = Instrument(
        *(0, 0, 0, 0, 0, "binance", symbol, InstrumentType.LINEAR, "BTC", "USDT"),
        tick_e9=10**8,
        lot_e9=10**6,
        multiplier_e9=10**9,
        maker_fee_e9=200_000,
        taker_fee_e9=500_000,
        min_qty_e9=10**6,
        max_qty_e9=10**12,
        min_notional=Decimal(5),
        money_scale=8,
        fee_rounding=FeeRounding.HALF_UP,
        valid_from_ns=0,
    )
    return own._replace(**changes)


def edge() -> Edge:
    """An edge that knows two instruments, one of them with odd steps, and a few names."""
    made = Edge()
    made.dictionary.epoch = 1_723_161_602
    for kind, names in NAMES.items():
        for name in names:
            made.dictionary.add(kind, name)
    made.on_instrument(instrument())
    made.on_instrument(instrument("1000PEPEUSDT", tick_e9=2 * 700, lot_e9=3 * 10**9, multiplier_e9=10**12))
    return made


def any_slots(s: Schema, seed: int) -> bytes:
    """Slots of one record that stands for itself: everything in range, names known."""
    rng = random.Random(seed)
    x = layout(s)
    if s.name != "BookUpdate":
        return _pack(x, _settled(s, {f.name: _number(f, rng) for f in x.fields} | _header(s, x, rng), rng))
    head, count = _header(s, x, rng), rng.randrange(4)
    flags = rng.choice((0, 2, 4, 6))
    if not count:
        return _pack(x, head | {"side": -1, "flags": flags | 9, "last_seq": 7, "px_ticks": 0, "qty_lots": -1})
    marks = [flags | (8 if i == 0 else 0) | (1 if i == count - 1 else 0) for i in range(count)]
    levels = [{"px_ticks": rng.randrange(1, 1 << 20), "qty_lots": rng.randrange(1 << 20), "side": rng.randrange(2)} for _ in marks]
    return b"".join(_pack(x, head | level | {"flags": mark, "last_seq": 7}) for level, mark in zip(levels, marks, strict=True))


def _header(s: Schema, x: Layout, rng: random.Random) -> dict[str, int]:
    names = [f.name for f in s.fields]
    side = rng.randrange(2) if "side" in names else -1
    number = rng.randrange(2) if "symbol" in names else -1
    times = {k: rng.randrange(1 << 62) for k in ("id", "cause_id", "ts_ns", "recv_ts_ns")}
    return times | {"instrument": number, "kind": x.kind, "side": side, "flags": 0, "spare": 0}


def _number(f: SlotField, rng: random.Random) -> Any:
    if f.convert == "name":
        optional = f.nullable or f.of in ("STRATEGY", "SCOPE")
        return rng.randrange(-1 if optional else 0, len(NAMES[NameKind[f.of]]))
    if f.convert == "enum":
        return rng.randrange(len(getattr(records, f.of)))
    if f.convert == "bool":
        return rng.randrange(-1 if f.nullable else 0, 2)
    if f.nullable and rng.random() < 0.3:
        return NULL
    if f.type == "float":
        return rng.random()
    if f.convert in ("ticks", "lots", "value", "mid2", "mark2"):
        return rng.randrange(1 << 20)
    return rng.randrange(-MAX_MONEY + 1, MAX_MONEY) if f.convert == "money" else rng.randrange(1 << 31)


def _settled(s: Schema, v: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The fields that depend on each other."""
    if s.name == "Instrument":
        v |= {"money_scale": 8, "tick_e9": 10**8, "lot_e9": 10**6, "multiplier_e9": 10**9}
    if s.name == "Decision" and not v["value_unit"]:
        v |= {"limit_value": NULL, "used_value": NULL}
    if s.name == "Limit" and rng.random() < 0.5:
        v |= {"instrument": -1, "limit_qty_lots": NULL}
    if s.name == "Funding":
        v |= {"mark_e9": 1 + v["mark_e9"] % (1 << 60), "rate_e9": v["rate_e9"] % 10**9}
    if s.name == "Command":
        target = rng.choice([(-1, -1, -1), (1, -1, -1), (-1, 2, -1), (-1, -1, 0)])
        v |= dict(zip(("instrument", "target_scope", "target_strategy"), target, strict=True))
    if "exec_hi" in v:
        hi, lo = exec_id_words(rng.choice(["", "1", "x" * 16, "y" * 17, "é"]))
        v |= {"exec_hi": hi, "exec_lo": lo} if v["exec_hi"] != NULL or s.name == "Fill" else {"exec_lo": NULL}
    return v


def _pack(x: Layout, values: dict[str, Any]) -> bytes:
    formats = {"int": "q", "float": "d", "I32": "i", "I8": "b"}
    fields = "<" + "".join(formats[f.type] for f in x.fields)
    return struct.pack(fields, *(values[f.name] for f in x.fields)).ljust(x.size, b"\0")

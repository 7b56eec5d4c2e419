"""What an order's terms must be, written out type by type over a dictionary of what it has."""

NULL = -(1 << 63)
FIELDS = (
    "px_ticks",
    "stop_px_ticks",
    "display_qty_lots",
    "min_qty_lots",
    "max_floor_qty_lots",
    "peg_offset_ticks",
    "participation_e9",
    "start_ts_ns",
    "end_ts_ns",
    "expire_ts_ns",
)
RESTING = ("GTC", "DAY", "GTD")
ANY = ("GTC", "IOC", "FOK", "DAY", "GTD")
WORKED = {"min_qty_lots", "max_floor_qty_lots", "start_ts_ns", "end_ts_ns", "px_ticks"}

RULES = {  # type: (must, may, times in force)
    "MARKET": (set(), {"min_qty_lots"}, ("GTC", "IOC", "FOK", "DAY")),
    "LIMIT": ({"px_ticks"}, {"min_qty_lots", "max_floor_qty_lots", "post_only"}, ANY),
    "STOP": ({"stop_px_ticks"}, {"min_qty_lots"}, ANY),
    "STOP_LIMIT": ({"stop_px_ticks", "px_ticks"}, {"min_qty_lots", "max_floor_qty_lots"}, ANY),
    "ICEBERG": ({"px_ticks", "display_qty_lots"}, {"min_qty_lots", "max_floor_qty_lots", "post_only"}, RESTING),
    "TWAP": ({"end_ts_ns"}, WORKED, RESTING),
    "VWAP": ({"end_ts_ns"}, WORKED | {"participation_e9"}, RESTING),
    "IMPLEMENTATION_SHORTFALL": (set(), WORKED | {"participation_e9"}, RESTING),
    "PEGGED": (set(), {"px_ticks", "peg_offset_ticks", "min_qty_lots", "max_floor_qty_lots", "post_only"}, RESTING),
}


def slow_check(kind, tif, side, qty, terms, now):
    """'OK', 'BAD_FIELD' or 'UNSUPPORTED'. terms: field -> value, 0 and NULL are none."""
    has = {name: value for name, value in terms.items() if value not in (0, NULL)}
    must, may, times = RULES[kind]
    must, may = set(must), set(may)
    if tif == "GTD":
        must.add("expire_ts_ns")
    if tif in ("IOC", "FOK"):
        may -= {"max_floor_qty_lots", "post_only"}
    faults = [
        side not in (0, 1),
        tif not in times,
        must - set(has),
        set(has) - must - may,
        not 1 <= qty <= 2**31 - 1,
        any(not 1 <= has[f] <= 2**38 - 1 for f in ("px_ticks", "stop_px_ticks") if f in has),
        any(not 1 <= has[f] <= qty for f in ("display_qty_lots", "min_qty_lots", "max_floor_qty_lots") if f in has),
        abs(has.get("peg_offset_ticks", 0)) > 2**38 - 1,
        not 1 <= has.get("participation_e9", 1) <= 10**9,
        has.get("expire_ts_ns", now + 1) <= now,
        has.get("end_ts_ns", now + 1) <= now,
        has.get("start_ts_ns", 1) < 1,
        "start_ts_ns" in has and "end_ts_ns" in has and has["start_ts_ns"] >= has["end_ts_ns"],
    ]
    shows = min([has[f] for f in ("display_qty_lots", "max_floor_qty_lots") if f in has] + [qty])
    faults.append(has.get("min_qty_lots", 0) > shows)
    if any(faults):
        return "BAD_FIELD"
    return "UNSUPPORTED" if kind in ("TWAP", "VWAP", "IMPLEMENTATION_SHORTFALL") else "OK"

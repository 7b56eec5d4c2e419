"""The edge between topics and memory: `Edge.to_slots` and `Edge.from_slot`. It converts exactly or raises EdgeError, whose message is the
reason in the dead-letter topic.

The edge knows the dictionary (`on_name`) and the instruments (`on_instrument`), both from records. What a slot does not hold (text, raw
bytes, fields marked `slot: skip`) comes back as a default or is derived from the rest.
"""

import struct
from decimal import Decimal
from typing import Any, NoReturn

from streams import records
from streams.errors import EdgeError, SchemaError, UnitError
from streams.records import CommandType, DenyCode, Instrument, Name, NameKind, ValueUnit
from streams.schema import ids, units
from streams.schema.dictionary import Dictionary
from streams.schema.edgegen import compile_edge
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS

__all__ = ["Edge", "value_unit"]

Spec = tuple[int, int, int, int, int, int, str, str]  # number, tick_e9, lot_e9, max tick-lots, money scale, multiplier_e9, venue, symbol
KINDS = {s.slot.kind: s.name for s in SCHEMAS.values() if s.slot}
SIZES = {kind: layout(SCHEMAS[name]).size for kind, name in KINDS.items()}
MONEY_RULES = {DenyCode.ORDER_NOTIONAL, DenyCode.GROSS, DenyCode.OPEN_NOTIONAL, DenyCode.DAILY_LOSS}
COUNT_RULES = {DenyCode.OPEN_ORDERS, DenyCode.ORDER_RATE}
_makers: dict[str, Any] = {}


def value_unit(code: DenyCode, leaf: bool = True) -> ValueUnit:
    """Unit of limit_value and used_value of a decision. LONG and SHORT are lots on a leaf (one instrument), money above it."""
    if code == DenyCode.ORDER_SIZE or (code in (DenyCode.LONG, DenyCode.SHORT) and leaf):
        return ValueUnit.LOTS
    if code in MONEY_RULES or code in (DenyCode.LONG, DenyCode.SHORT):
        return ValueUnit.MONEY
    if code in COUNT_RULES:
        return ValueUnit.COUNT
    return ValueUnit.BPS if code == DenyCode.COLLAR else ValueUnit.NONE


class Edge:
    """Converter between records and slots of one process."""

    def __init__(self) -> None:
        self.dictionary = Dictionary()
        self._specs: dict[tuple[str, str], Spec] = {}
        self._by_number: dict[int, Spec] = {}
        self._scales: dict[str, int] = {}
        self._errors = _Errors(self)
        self._ways: dict[str, Any] = {}

    def on_name(self, record: Name) -> None:
        """Take an entry of the dictionary; SchemaError if it renumbers."""
        self.dictionary.on_name(record)

    def on_instrument(self, record: Instrument) -> None:
        """Take an instrument's rules; EdgeError if it has no number or its steps cannot be used."""
        spec = self._errors.spec(record)
        known = self._scales.setdefault(record.quote, record.money_scale)
        if known != record.money_scale:
            raise EdgeError(
                f"instruments.money_scale: {record.money_scale} for {record.quote}, which has {known}; a currency has one money unit"
            )
        self._specs[record.venue, record.symbol] = spec
        self._by_number[spec[0]] = spec

    def number(self, kind: NameKind, name: str) -> int:
        """The number of a name; SchemaError if it has none."""
        return self.dictionary.number(kind, name)

    def name(self, kind: NameKind, number: int) -> str:
        """The name of a number; SchemaError if there is none."""
        return self.dictionary.name(kind, number)

    def to_slots(self, record: Any) -> bytes:
        """The record's slots, one after the other: one, or one a book level. EdgeError if it has no exact form in memory."""
        name = type(record).__name__
        try:
            return self._way(name)[0](record)
        except (struct.error, TypeError, UnitError) as error:
            raise EdgeError(f"{SCHEMAS[name].plural}: {record.id}: {error}") from error

    def from_slot(self, kind: int, data: bytes | memoryview, run_id: int) -> Any:
        """The record of a slot (of all slots of one book update), in topic units. EdgeError if a number names nothing."""
        name = KINDS.get(kind)
        if name is None:
            raise EdgeError(f"slot kind {kind} is unknown; kinds are {min(KINDS)} to {max(KINDS)}")
        if not data or len(data) % SIZES[kind]:
            raise EdgeError(f"{name}: {len(data)} bytes are no slots; a slot has {SIZES[kind]}")
        try:
            return self._way(name)[1](data, run_id)
        except (KeyError, struct.error, SchemaError, UnitError) as error:
            raise EdgeError(f"{SCHEMAS[name].plural}: slot cannot be read: {error}") from error

    def _way(self, name: str) -> Any:
        """(to_slots, from_slot) of a record, bound to this edge's tables."""
        way = self._ways.get(name)
        if way is None:
            schema = SCHEMAS.get(name)
            if schema is None or schema.slot is None:
                raise EdgeError(f"{name} has no form in memory; see `slot` in schemas/")
            make = _makers.get(name)
            if make is None:
                make = _makers[name] = compile_edge(schema, records)
            numbers = {kind.name: self.dictionary.numbers(kind) for kind in NameKind}
            names = {kind.name: _name_of(self.dictionary, kind) for kind in NameKind}
            way = self._ways[name] = make(self._specs, self._by_number, numbers, names, self._errors)
        return way


def _name_of(dictionary: Dictionary, kind: NameKind) -> Any:
    return lambda number: dictionary.name(kind, number)


class _Errors:
    """What the generated code calls: rare conversions, and the refusals."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    def spec(self, r: Instrument) -> Spec:
        """The entry of an instrument."""
        where = f"{r.venue}:{r.symbol}"
        for field in ("tick_e9", "lot_e9", "multiplier_e9"):
            if getattr(r, field) <= 0:
                raise EdgeError(f"instruments.{field}: {getattr(r, field)} of {where}; it must be > 0")
        if not 0 <= r.money_scale <= 9:
            raise EdgeError(f"instruments.money_scale: {r.money_scale} of {where}; 0 to 9 are allowed")
        number = self.edge.dictionary.numbers(NameKind.INSTRUMENT).get(where)
        if number is None:
            raise EdgeError(f"instruments.symbol: {where} is not in the dictionary; `millrace apply` adds it")
        bound = units.max_tick_lots(r.tick_e9, r.lot_e9, r.multiplier_e9, r.money_scale)
        return number, r.tick_e9, r.lot_e9, bound, r.money_scale, r.multiplier_e9, r.venue, r.symbol

    def scale(self, currency: str) -> int:
        """Digits of a currency's money unit."""
        return self.edge._scales.get(currency, units.MONEY_SCALE)

    def venue_symbol(self, number: int) -> list[str]:
        """Venue and symbol of an instrument's number."""
        return self.edge.dictionary.name(NameKind.INSTRUMENT, number).split(":", 1)

    def money_in(self, where: str, money: Decimal, scale: int) -> int:
        try:
            return units.money_from_decimal(money, scale)
        except UnitError as error:
            raise EdgeError(f"{where}: {error}") from error

    def money_out(self, money: int, scale: int) -> Decimal:
        return units.money_to_decimal(money, scale)

    def value_in(self, where: str, value: Decimal, unit: ValueUnit, lot: int, scale: int) -> int:
        if unit == ValueUnit.NONE:
            raise EdgeError(f"{where}: {value} without a unit; set value_unit")
        if unit == ValueUnit.MONEY:
            return self.money_in(where, value, scale)
        try:
            if unit == ValueUnit.LOTS:
                return units.to_lots(units.money_from_decimal(value, 9), lot, 1 << 62)
            return units.money_from_decimal(value, 0)
        except UnitError as error:
            raise EdgeError(f"{where}: {error}") from error

    def value_out(self, value: int, unit: int, lot: int, scale: int) -> Decimal:
        if unit == ValueUnit.LOTS:
            return units.money_to_decimal(value * lot, 9)
        return units.money_to_decimal(value, scale if unit == ValueUnit.MONEY else 0)

    def half(self, mid2_ticks: int, tick: int) -> int:
        if mid2_ticks * tick % 2:
            raise EdgeError(f"fills.mid2_ticks: half of {mid2_ticks} ticks of {tick} has no exact form x 10^9")
        return mid2_ticks * tick // 2

    def cl_ord_id(self, order_id: int) -> str:
        return ids.cl_ord_id(self.edge.dictionary.epoch, order_id)

    def target_number(self, kind: CommandType, target: str) -> tuple[int, int, int]:
        """(instrument, scope, strategy) of a command; instrument -2 when it is for a process, which is no agent's business."""
        number = self.edge.dictionary.numbers
        instrument = number(NameKind.INSTRUMENT).get(target, -1)
        scope = number(NameKind.SCOPE).get(target, -1)
        strategy = number(NameKind.STRATEGY).get(target, -1)
        if target and instrument == scope == strategy == -1:
            if kind in (CommandType.KILL, CommandType.RESUME):
                raise EdgeError(f"commands.target: {target!r} is no scope, strategy or instrument; nothing was done")
            return -2, -1, -1
        return instrument, scope, strategy

    def target_name(self, instrument: int, scope: int, strategy: int) -> str:
        for kind, number in ((NameKind.INSTRUMENT, instrument), (NameKind.SCOPE, scope), (NameKind.STRATEGY, strategy)):
            if number != -1:
                return self.edge.dictionary.name(kind, number)
        return ""

    def unknown(self, where: str, venue: str, symbol: str) -> NoReturn:
        raise EdgeError(f"{where}.symbol: {venue}:{symbol} is unknown; no record of it in instruments.v1")

    def no_name(self, where: str, kind: str, name: str) -> NoReturn:
        raise EdgeError(f"{where}: {kind} {name!r} is not in the dictionary; `millrace apply` adds it")

    def no_number(self, kind: str, number: int) -> NoReturn:
        raise EdgeError(f"{kind} number {number} is unknown here")

    def bad_px(self, where: str, px_e9: int, spec: Spec | None) -> NoReturn:
        self._bad(where, spec, units.to_ticks, px_e9, 1)

    def bad_qty(self, where: str, qty_e9: int, limit: int, spec: Spec | None) -> NoReturn:
        if qty_e9 < 0 and where.startswith("book_updates"):
            raise EdgeError(f"{where}: {qty_e9} is negative; sizes of a book are >= 0")
        self._bad(where, spec, units.to_lots, qty_e9, 2, limit)

    def bad_half(self, where: str, px_e9: int, spec: Spec) -> NoReturn:
        raise EdgeError(f"{where}: {px_e9} is not a multiple of half the tick {spec[1]} of {spec[6]}:{spec[7]}")

    def bad_null(self, where: str) -> NoReturn:
        raise EdgeError(f"{where}: -2^63 is null in memory; greater values are allowed")

    def bad_notional(self, where: str, px_e9: int, qty_e9: int, spec: Spec) -> NoReturn:
        raise EdgeError(f"{where}: price {px_e9} x quantity {qty_e9} of {spec[6]}:{spec[7]} is 2^62 money units or more; less is allowed")

    def _bad(self, where: str, spec: Spec | None, convert: Any, value: int, step: int, *limit: int) -> NoReturn:
        if spec is None:
            raise EdgeError(f"{where}: {value} without an instrument has no ticks and lots; set venue and symbol")
        try:
            convert(value, spec[step], *limit)
        except UnitError as error:
            raise EdgeError(f"{where}: {error} of {spec[6]}:{spec[7]}") from error
        raise EdgeError(f"{where}: {value} of {spec[6]}:{spec[7]} has no form in memory")

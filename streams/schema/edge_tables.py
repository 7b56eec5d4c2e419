"""The tables behind the edge, and what its generated code calls: rare conversions, and the refusals with their reasons."""

from decimal import Decimal
from typing import Any, NoReturn

from streams.errors import EdgeError, UnitError
from streams.records import CommandType, Funding, Instrument, InstrumentType, NameKind, ValueUnit
from streams.schema import ids, units
from streams.schema.dictionary import Dictionary

__all__ = ["Spec", "Tables"]

Spec = tuple[int, int, int, int, int, int, str, str, int]
"""number, tick_e9, lot_e9, max tick-lots (-1: see bad_notional), money scale, multiplier_e9, venue, symbol, inverse unit"""


class Tables:
    """Names, instruments and money units of one edge.

    specs, by_number : an instrument's entry by (venue, symbol), and by its number
    version          : how many instruments' rules were taken: equal as long as the above are
    """

    def __init__(self) -> None:
        self.dictionary = Dictionary()
        self.specs: dict[tuple[str, str], Spec] = {}
        self.by_number: dict[int, Spec] = {}
        self.version = 0
        self._scales: dict[str, int] = {}

    def add(self, record: Instrument) -> None:
        """Take an instrument's rules; EdgeError if it cannot be used."""
        self.version += 1
        spec = self.spec_of(record)
        scale, settle = record.money_scale, record.base if spec[8] else record.quote
        known = self._scales.setdefault(settle, scale)
        if known != scale:
            raise EdgeError(f"instruments.money_scale: {scale} for {settle}, which has {known}; a currency has one money unit")
        if record.instrument_type == InstrumentType.SPOT:
            self._scales.setdefault(record.base, units.MONEY_SCALE)  # balances in it are counted from now on
        self.specs[record.venue, record.symbol] = self.by_number[spec[0]] = spec

    def spec_of(self, r: Instrument) -> Spec:
        """The entry of an instrument."""
        where = f"{r.venue}:{r.symbol}"
        for field in ("tick_e9", "lot_e9", "multiplier_e9"):
            if getattr(r, field) <= 0:
                raise EdgeError(f"instruments.{field}: {getattr(r, field)} of {where}; it must be > 0")
        if not 0 <= r.money_scale <= 9:
            raise EdgeError(f"instruments.money_scale: {r.money_scale} of {where}; 0 to 9 are allowed")
        number = self.dictionary.numbers(NameKind.INSTRUMENT).get(where)
        if number is None:
            raise EdgeError(f"instruments.symbol: {where} is not in the dictionary; `millrace apply` adds it")
        inverse = (
            units.inverse_unit(r.tick_e9, r.lot_e9, r.multiplier_e9, r.money_scale) if r.instrument_type == InstrumentType.INVERSE else 0
        )
        bound = -1 if inverse else units.max_tick_lots(r.tick_e9, r.lot_e9, r.multiplier_e9, r.money_scale)
        return number, r.tick_e9, r.lot_e9, bound, r.money_scale, r.multiplier_e9, r.venue, r.symbol, inverse

    def scale_of(self, currency: str) -> int:
        """Digits of a currency's money unit."""
        return self._scales.get(currency, units.MONEY_SCALE)

    def scale_of_all(self) -> int:
        """Digits of the money unit that every currency has, for money of no instrument: limits of a scope add up one currency only."""
        scales = set(self._scales.values())
        return scales.pop() if len(scales) == 1 else units.MONEY_SCALE

    def venue_symbol(self, number: int) -> list[str]:
        """Venue and symbol of an instrument's number."""
        return self.dictionary.name(NameKind.INSTRUMENT, number).split(":", 1)

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
        return ids.cl_ord_id(self.dictionary.epoch, order_id)

    def target_number(self, kind: CommandType, target: str) -> tuple[int, int, int]:
        """(instrument, scope, strategy) of a command; instrument -2 when it is for a process, which is no agent's business."""
        number = self.dictionary.numbers
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
                return self.dictionary.name(kind, number)
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

    def bad_notional(self, where: str, px_e9: int, qty_e9: int, spec: Spec) -> None:
        """EdgeError where price x quantity leaves its range; an inverse contract's value, quantity / price, is looked at here alone."""
        _, tick, lot, _, _, _, venue, symbol, inverse = spec
        if inverse:
            if px_e9 > 0 and abs(qty_e9) // lot * inverse * tick < units.MAX_INVERSE * px_e9:
                return
            raise EdgeError(
                f"{where}: quantity {qty_e9} over price {px_e9} of {venue}:{symbol} is 2^61 money units or more; less is allowed"
            )
        raise EdgeError(f"{where}: price {px_e9} x quantity {qty_e9} of {spec[6]}:{spec[7]} is 2^62 money units or more; less is allowed")

    def bad_funding(self, record: Funding) -> NoReturn:
        where = f"{record.venue}:{record.symbol}"
        if not 0 < record.mark_e9 < units.MAX_MARK_E9:
            raise EdgeError(f"funding.mark_e9: {record.mark_e9} of {where}; above 0 and below 2^61 is allowed")
        raise EdgeError(f"funding.rate_e9: {record.rate_e9} of {where}; -10^9 to 10^9 (a rate of 1) is allowed")

    def _bad(self, where: str, spec: Spec | None, convert: Any, value: int, step: int, *limit: int) -> NoReturn:
        if spec is None:
            raise EdgeError(f"{where}: {value} without an instrument has no ticks and lots; set venue and symbol")
        try:
            convert(value, spec[step], *limit)
        except UnitError as error:
            raise EdgeError(f"{where}: {error} of {spec[6]}:{spec[7]}") from error
        raise EdgeError(f"{where}: {value} of {spec[6]}:{spec[7]} has no form in memory")

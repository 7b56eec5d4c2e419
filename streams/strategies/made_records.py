"""The records around a strategy in a test, as `apply`, feed and venue would write them. One tick is 1 of price, one lot 1 of quantity."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from streams.records import (
    BookLevel,
    BookUpdate,
    Command,
    CommandType,
    FeeRounding,
    Instrument,
    InstrumentType,
    Limit,
    Name,
    NameKind,
    Quote,
    Rule,
    Side,
    Signal,
    Trade,
    VenueEvent,
    VenueEventType,
)

__all__ = ["ACCOUNT", "E9", "EPOCH_S", "STRATEGY", "VENUE", "Writer", "symbol"]

VENUE, ACCOUNT, STRATEGY, OTHER = "test", "account", "strategy", "other"
E9 = 10**9
EPOCH_S = 1_700_000_000
_SIDES = (Side.BUY, Side.SELL)


def symbol(instrument: int) -> str:
    """The symbol of an instrument number: X0, X1, ..."""
    return f"X{instrument}"


class Writer:
    """Writes records with ids and times; `now_ns` is the time of the next one."""

    def __init__(self, instruments: int, maker_fee: Decimal, taker_fee: Decimal) -> None:
        self.instruments, self.fees = instruments, (int(maker_fee * E9), int(taker_fee * E9))
        self.now_ns = EPOCH_S * E9
        self._id = 0

    def header(self) -> dict[str, Any]:
        """The common fields of the next record."""
        self._id += 1
        return {"id": self._id, "cause_id": 0, "run_id": 1, "ts_ns": self.now_ns, "recv_ts_ns": self.now_ns}

    def control(self, metrics: tuple[str, ...], others: tuple[str, ...]) -> Iterator[NamedTuple]:
        """Names, instruments, an empty risk tree, and the RUN command."""
        names = [(NameKind.VENUE, VENUE), (NameKind.CURRENCY, "USD"), (NameKind.ACCOUNT, ACCOUNT)]
        names += [(NameKind.STRATEGY, STRATEGY), (NameKind.STRATEGY, OTHER), *((NameKind.STRATEGY, other) for other in others)]
        names += [(NameKind.SCOPE, "firm"), (NameKind.SCOPE, f"account:{ACCOUNT}")]
        names += [(NameKind.METRIC, metric) for metric in dict.fromkeys(metrics)]
        for i in range(self.instruments):
            names += [(NameKind.INSTRUMENT, f"{VENUE}:{symbol(i)}"), (NameKind.CURRENCY, symbol(i))]
        count: dict[NameKind, int] = {}
        for kind, name in names:
            yield Name(**self.header(), kind=kind, number=count.get(kind, 0), name=name, epoch=EPOCH_S)
            count[kind] = count.get(kind, 0) + 1
        yield from map(self.instrument, range(self.instruments))
        yield self.limit(Rule.OPEN_ORDERS, "firm")
        yield self.limit(Rule.OPEN_ORDERS)
        yield self.command(CommandType.RUN, run_number=1)

    def instrument(self, i: int) -> Instrument:
        """A linear contract with tick 1, lot 1 and multiplier 1, in USD."""
        one: dict[str, Any] = {"tick_e9": E9, "lot_e9": E9, "multiplier_e9": E9, "min_qty_e9": E9, "max_qty_e9": 0}
        return Instrument(
            **self.header(),
            **one,
            venue=VENUE,
            symbol=symbol(i),
            instrument_type=InstrumentType.LINEAR,
            base=symbol(i),
            quote="USD",
            maker_fee_e9=self.fees[0],
            taker_fee_e9=self.fees[1],
            min_notional=Decimal(0),
            money_scale=8,
            fee_rounding=FeeRounding.HALF_UP,
            valid_from_ns=0,
        )

    def limit(self, rule: Rule, scope: str = f"account:{ACCOUNT}", **values: Any) -> Limit:
        """A limit; without values it limits nothing."""
        return Limit(**self.header(), scope=scope, parent=None if scope == "firm" else "firm", rule=rule, **values)

    def command(self, kind: CommandType, **values: Any) -> Command:
        """A command to all."""
        return Command(**self.header(), kind=kind, target="", reason="test", **values)

    def market(self, instrument: int) -> dict[str, Any]:
        """Header and symbol of a record of the market."""
        return {**self.header(), "venue": VENUE, "symbol": symbol(instrument), "exch_ts_ns": self.now_ns}

    def book(self, instrument: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]], gap: bool) -> BookUpdate:
        """A whole book: (price, quantity) of each level."""
        levels = [BookLevel(side, px * E9, qty * E9) for side, found in zip(_SIDES, (bids, asks), strict=True) for px, qty in found]
        common = self.market(instrument)
        return BookUpdate(**common, first_seq=common["id"], last_seq=common["id"], snapshot=not gap, gap=gap, levels=tuple(levels))

    def quote(self, instrument: int, bid: int, ask: int, qty: int) -> Quote:
        """Best bid and ask."""
        common = self.market(instrument)
        figures = {"bid_px_e9": bid * E9, "bid_qty_e9": qty * E9, "ask_px_e9": ask * E9, "ask_qty_e9": qty * E9}
        rest = {"spread_e9": (ask - bid) * E9, "imbalance": 0.0, "microprice": (bid + ask) / 2}
        return Quote(**common, **figures, **rest, seq=common["id"])

    def trade(self, instrument: int, side: int, px: int, qty: int) -> Trade:
        """A trade of the market."""
        common = self.market(instrument)
        return Trade(**common, trade_id=common["id"], side=_SIDES[side], px_e9=px * E9, qty_e9=qty * E9)

    def signal(self, instrument: int, side: int, strength: float, fair_px: float, horizon_ns: int, urgency: float) -> Signal:
        """A signal of another strategy."""
        says = {"strength": strength, "fair_px": fair_px, "horizon_ns": horizon_ns, "urgency": urgency}
        return Signal(**self.header(), **says, venue=VENUE, symbol=symbol(instrument), strategy=OTHER, side=_SIDES[side])

    def answer(self, request: Any, kind: VenueEventType, px: int | None = None, qty: int | None = None, maker: bool = True) -> VenueEvent:
        """What the venue says to a request; px and qty of an execution."""
        common = {**self.header(), "exch_ts_ns": self.now_ns, "venue": request.venue, "symbol": request.symbol}
        fill = kind == VenueEventType.FILL
        return VenueEvent(
            **common,
            kind=kind,
            request_id=request.id,
            order_id=request.order_id,
            venue_order_id=str(request.order_id),
            exec_id=str(common["id"]) if fill else None,
            last_px_e9=px * E9 if fill and px is not None else None,
            last_qty_e9=qty * E9 if fill and qty is not None else None,
            px_e9=None if fill else request.px_e9,
            qty_e9=None if fill else request.qty_e9,
            maker=maker if fill else None,
            raw=b"",
        )

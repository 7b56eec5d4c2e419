"""A small desk for tests: one instrument, one account, control records as `apply` would write them, and a process to feed."""

from decimal import Decimal
from typing import Any, NamedTuple

from streams.agents.process import Process
from streams.agents.spec import ProcessSpec, StrategySpec
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
    Param,
    Quote,
    Rule,
    Side,
    VenueEvent,
    VenueEventType,
)
from streams.schema import ids

__all__ = ["SYMBOL", "T0", "Desk", "book", "control", "limit", "quote", "spec"]

T0 = 1_700_000_000_000_000_000
SYMBOL = "binance:BTCUSDT"
MAKER = "streams.strategies.avellaneda_stoikov:AvellanedaStoikov"
TOPICS = [
    "book_updates.v1",
    "trades.v1",
    "quotes.v1",
    "commands.v1",
    "signals.v1",
    "orders.v1",
    "decisions.v1",
    "requests.v1",
    "reports.v1",
]
TOPICS += ["fills.v1", "positions.v1", "balances.v1", "metrics.v1", "funding.v1"]
WRITERS = {topic: 10 + i for i, topic in enumerate(TOPICS)}
FEED = 40


def spec(
    *agents: str, cls: str = MAKER, more: tuple[str, ...] = (), strategies: tuple[StrategySpec, ...] = (), **sizes: int
) -> ProcessSpec:
    """A process of these agents with one strategy, `maker`, of account `maker-1`; classes in `more` are strategies `second`, `third`."""
    found = zip(("maker", "second", "third"), (cls, *more), strict=False)
    strategies = strategies or tuple(StrategySpec(name, path, "maker-1", (SYMBOL,)) for name, path in found)
    small = {
        "orders": 64,
        "executions": 64,
        "window": 1024,
        "far": 256,
        "queue": 1024,
        "instruments": 2,
        "strategies": 4,
        "accounts": 2,
        "scopes": 4,
    }
    return ProcessSpec("trade", 0, agents, strategies, {**small, **sizes}, WRITERS, epoch=1_700_000_000)


def control() -> list[NamedTuple]:
    """Names, the instrument (tick 0.1, lot 0.001) and the RUN command."""
    names = [
        (NameKind.VENUE, "binance"),
        (NameKind.INSTRUMENT, SYMBOL),
        (NameKind.CURRENCY, "BTC"),
        (NameKind.CURRENCY, "USDT"),
        (NameKind.ACCOUNT, "maker-1"),
        (NameKind.STRATEGY, "maker"),
        (NameKind.STRATEGY, "second"),
        (NameKind.STRATEGY, "third"),
        (NameKind.SCOPE, "firm"),
        (NameKind.SCOPE, "account:maker-1"),
        (NameKind.METRIC, "profit"),
        (NameKind.METRIC, "inventory"),
    ]
    numbers: dict[NameKind, int] = {}
    records: list[NamedTuple] = []
    for kind, name in names:
        number = numbers.get(kind, 0)
        numbers[kind] = number + 1
        records.append(
            Name(
                id=ids.make(1, len(records) + 1),
                cause_id=0,
                run_id=0,
                ts_ns=0,
                recv_ts_ns=0,
                kind=kind,
                number=number,
                name=name,
                epoch=1_700_000_000,
            )
        )
    records.append(
        Instrument(
            id=ids.make(2, 1),
            cause_id=0,
            run_id=0,
            ts_ns=0,
            recv_ts_ns=0,
            venue="binance",
            symbol="BTCUSDT",
            instrument_type=InstrumentType.LINEAR,
            base="BTC",
            quote="USDT",
            tick_e9=100_000_000,
            lot_e9=1_000_000,
            multiplier_e9=1_000_000_000,
            maker_fee_e9=200_000,
            taker_fee_e9=500_000,
            min_qty_e9=1_000_000,
            max_qty_e9=1_000_000_000_000,
            min_notional=Decimal(5),
            money_scale=8,
            fee_rounding=FeeRounding.HALF_UP,
            valid_from_ns=0,
        )
    )
    records.append(limit("firm", Rule.OPEN_ORDERS, parent=None, count=100))
    records.append(limit("account:maker-1", Rule.OPEN_ORDERS, parent="firm", count=100))
    records.append(command(CommandType.RUN, run_number=7))
    return records


def limit(
    scope: str, rule: Rule, parent: str | None = "firm", count: int | None = None, money: Decimal | None = None, qty_e9: int | None = None
) -> Limit:
    """A limit as `apply` writes it; quantities are for SYMBOL."""
    where: dict[str, Any] = {"venue": "binance", "symbol": "BTCUSDT"} if qty_e9 is not None else {}
    return Limit(
        id=ids.make(3, 1),
        cause_id=0,
        run_id=0,
        ts_ns=0,
        recv_ts_ns=0,
        scope=scope,
        parent=parent if scope != "firm" else None,
        rule=rule,
        limit_count=count,
        limit_money=money,
        limit_qty_e9=qty_e9,
        **where,
    )


def command(kind: CommandType, target: str = "", run_number: int | None = None) -> Command:
    return Command(
        id=ids.make(4, 1), cause_id=0, run_id=7, ts_ns=0, recv_ts_ns=0, kind=kind, target=target, reason="test", run_number=run_number
    )


def book(n: int, bid: str, ask: str, ts_ns: int, snapshot: bool = False, gap: bool = False, qty: str = "1") -> BookUpdate:
    """One level a side, 1 BTC each; bid and ask as decimal text."""
    levels = (BookLevel(Side.BUY, e9(bid), e9(qty)), BookLevel(Side.SELL, e9(ask), e9(qty)))
    return BookUpdate(
        id=ids.make(FEED, n),
        cause_id=0,
        run_id=7,
        ts_ns=ts_ns,
        recv_ts_ns=ts_ns,
        venue="binance",
        symbol="BTCUSDT",
        exch_ts_ns=ts_ns,
        first_seq=n,
        last_seq=n,
        snapshot=snapshot,
        gap=gap,
        levels=levels,
    )


def quote(n: int, bid: str, ask: str, ts_ns: int) -> Quote:
    return Quote(
        id=ids.make(FEED + 1, n),
        cause_id=0,
        run_id=7,
        ts_ns=ts_ns,
        recv_ts_ns=ts_ns,
        venue="binance",
        symbol="BTCUSDT",
        exch_ts_ns=ts_ns,
        seq=n,
        bid_px_e9=e9(bid),
        bid_qty_e9=e9("1"),
        ask_px_e9=e9(ask),
        ask_qty_e9=e9("1"),
        spread_e9=e9(ask) - e9(bid),
        imbalance=0.0,
        microprice=0.0,
    )


def e9(text: str) -> int:
    return int(Decimal(text) * 10**9)


class Desk:
    """A process with its control records read, and helpers to play feed and venue."""

    def __init__(
        self,
        *agents: str,
        compiled: bool = False,
        cls: str = MAKER,
        params: dict[str, float] | None = None,
        more: tuple[str, ...] = (),
    ) -> None:
        self.process = Process(spec(*agents, cls=cls, more=more), compiled=compiled)
        for record in control():
            self.process.on_input(record)
        self.set_params("maker", **(params or {}))
        self.process.take_outputs()
        self.executions = 0
        self.answers = 0

    def set_params(self, strategy: str, **params: float) -> None:
        """Parameter records, as people write them."""
        for name, value in params.items():
            given: dict[str, Any] = {"value_long": value} if isinstance(value, int) else {"value_double": value}
            self.process.on_input(Param(id=1, cause_id=0, run_id=0, ts_ns=0, recv_ts_ns=0, strategy=strategy, name=name, **given))

    def give(self, *records: NamedTuple) -> list[Any]:
        """Feed records; what came out."""
        for record in records:
            self.process.on_input(record)
        return [record for _, record in self.process.take_outputs()]

    def answer(
        self, request: Any, kind: VenueEventType, px: int | None = None, qty: int | None = None, exec_id: str | None = None
    ) -> VenueEvent:
        """What the venue says to a request."""
        self.answers += 1
        fill = kind == VenueEventType.FILL
        if fill and exec_id is None:
            self.executions += 1
            exec_id = str(self.executions)
        ts_ns = request.ts_ns + 1_000_000
        return VenueEvent(
            id=ids.make(FEED + 2, self.answers),
            cause_id=request.id,
            run_id=7,
            ts_ns=ts_ns,
            recv_ts_ns=ts_ns,
            kind=kind,
            request_id=request.id,
            order_id=request.order_id,
            venue="binance",
            symbol="BTCUSDT",
            exch_ts_ns=ts_ns,
            venue_order_id="1",
            exec_id=exec_id,
            last_px_e9=px if fill else None,
            last_qty_e9=qty if fill else None,
            px_e9=None if fill else request.px_e9,
            qty_e9=None if fill else request.qty_e9,
            maker=True if fill else None,
            raw=b"{}",
        )

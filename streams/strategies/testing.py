"""A desk for tests of strategies: feed it books, trades and answers of the venue, look at what the strategy did.

    desk = Desk(Maker, size_lots=5)
    desk.book(10_000, 10_002)
    assert [(o.side, o.px, o.qty) for o in desk.open] == [(BUY, 9_999, 5), (SELL, 10_003, 5)]
    desk.fill(desk.open[0])
    assert desk.position() == 5

The strategy runs in a real process with risk, execute and account, plain unless compiled=True: breakpoints stop in it, what it raises
fails the test. Prices are in ticks and quantities in lots; one tick of one lot is worth 1 USD.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from streams.agents.process import Process
from streams.agents.spec import ProcessSpec, StrategySpec
from streams.errors import ConfigError
from streams.records import (
    CommandType,
    Decision,
    Fill,
    Metric,
    Order,
    OrderAction,
    OrdStatus,
    OrdType,
    Outcome,
    Param,
    Position,
    Report,
    Request,
    Rule,
    Signal,
    VenueEventType,
)
from streams.strategies.base import Strategy
from streams.strategies.made_records import ACCOUNT, E9, EPOCH_S, STRATEGY, VENUE, Writer, symbol

__all__ = ["Desk", "Placed"]

_ENDED = (OrdStatus.FILLED, OrdStatus.CANCELLED, OrdStatus.REJECTED, OrdStatus.EXPIRED)
_TOPICS = (
    *("orders", "signals", "metrics", "decisions", "requests", "reports", "fills", "positions", "balances"),
    *("risk_metrics", "latency"),
)
_ANSWERS = {OrderAction.NEW: VenueEventType.ACK, OrderAction.REPLACE: VenueEventType.REPLACED, OrderAction.CANCEL: VenueEventType.CANCELLED}


@dataclass
class Placed:
    """One order: its terms as they are now, in ticks and lots, and how it stands. `record` is the whole order as it was placed."""

    id: int
    instrument: int
    side: int
    type: OrdType
    px: int | None
    qty: int
    record: Order
    status: OrdStatus = OrdStatus.PENDING_NEW
    leaves: int = 0
    filled: int = 0

    @property
    def ended(self) -> bool:
        """Nothing more can happen to it, but a late fill."""
        return self.status in _ENDED


class Desk:
    """One strategy, or several, with everything around them in memory.

    instruments : how many there are, numbered from 0; the strategy trades all of them
    others      : classes of strategies on the same instruments
    answers     : the venue acknowledges, replaces and cancels at once; False: the test answers by `answer`
    params      : parameters of the strategy, as `params` of a topology sets them

    orders   : every order placed, oldest first          records : every record written, oldest first
    metrics  : newest value by name                      denied  : code of each order that risk refused
    """

    def __init__(
        self,
        cls: type[Strategy],
        *,
        instruments: int = 1,
        others: Iterable[type[Strategy]] = (),
        compiled: bool = False,
        answers: bool = True,
        maker_fee: Decimal = Decimal(0),
        taker_fee: Decimal = Decimal(0),
        sizes: dict[str, int] | None = None,
        model: str = "",
        **params: float,
    ) -> None:
        classes = [cls, *others]
        names = [STRATEGY, *(f"{STRATEGY}-{k}" for k in range(2, 1 + len(classes)))]
        symbols = tuple(f"{VENUE}:{symbol(i)}" for i in range(instruments))
        strategies = tuple(StrategySpec(n, c, ACCOUNT, symbols, model) for n, c in zip(names, classes, strict=True))
        agents = ("strategy", "risk", "execute", "account")
        room = {"instruments": instruments, "strategies": 1 + len(classes), "accounts": 1, "scopes": 2, "currencies": 1 + instruments}
        writers = {f"{topic}.v1": 1 + k for k, topic in enumerate(_TOPICS)}
        spec = ProcessSpec("test", 0, agents, strategies, {**_SMALL, **room, **(sizes or {})}, writers, EPOCH_S, shared=("strategy",))
        self.process = Process(spec, compiled=compiled, guarded=False)
        self.answers = answers
        self.orders: list[Placed] = []
        self.records: list[Any] = []
        self.metrics: dict[str, float] = {}
        self._requests: dict[int, Request] = {}
        self._positions: dict[str, Position] = {}
        self._writer = Writer(instruments, maker_fee, taker_fee)
        metrics = tuple(metric for each in classes for metric in each.metrics)
        for record in self._writer.control(metrics, tuple(names[1:])):
            self.process.on_input(record)
        self.param(**params)

    # ---- the market ----
    def book(self, bid: int, ask: int, qty: int = 100, instrument: int = 0) -> list[Any]:
        """The whole book is one level a side; the records that followed."""
        return self.levels([(bid, qty)], [(ask, qty)], instrument)

    def levels(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], instrument: int = 0, gap: bool = False) -> list[Any]:
        """The whole book, (price, quantity) of each level; gap: an update that tells of lost ones instead, until the next book."""
        return self.give(self._writer.book(instrument, bids, asks, gap))

    def quote(self, bid: int, ask: int, qty: int = 100, instrument: int = 0) -> list[Any]:
        """Best bid and ask as the venue publishes them."""
        return self.give(self._writer.quote(instrument, bid, ask, qty))

    def trade(self, side: int, px: int, qty: int = 1, instrument: int = 0) -> list[Any]:
        """A trade of others; side of the aggressor."""
        return self.give(self._writer.trade(instrument, side, px, qty))

    def signal(
        self, side: int, strength: float, fair_px: float = 0.0, horizon_s: float = 1.0, urgency: float = 0.5, instrument: int = 0
    ) -> list[Any]:
        """A signal of a strategy of another process."""
        return self.give(self._writer.signal(instrument, side, strength, fair_px, int(horizon_s * E9), urgency))

    def wait(self, seconds: float) -> list[Any]:
        """Time passes, and the clock ticks once: timers that are due fire."""
        self._writer.now_ns += int(seconds * E9)
        self.process.on_tick(self._writer.header()["id"], self._writer.now_ns)
        return self.give()

    # ---- the venue ----
    def fill(self, order: Placed, qty: int | None = None, px: int | None = None, maker: bool = True) -> list[Any]:
        """The venue executes an order: whole, at its price, unless said otherwise. ConfigError for an order without a price."""
        px = order.px if px is None else px
        if px is None:
            raise ConfigError(f"order {order.id} is {order.type.name} and has no price; give px")
        qty = order.leaves if qty is None else qty
        return self.give(self._writer.answer(self._requests[order.id], VenueEventType.FILL, px, qty, maker))

    def answer(self, order: Placed, kind: VenueEventType) -> list[Any]:
        """The venue's answer to the last request of an order: ACK, REJECT, CANCELLED, CANCEL_REJECT, REPLACED, EXPIRED, ..."""
        return self.give(self._writer.answer(self._requests[order.id], kind))

    # ---- people ----
    def param(self, **values: float) -> list[Any]:
        """Set parameters while it runs."""
        for name, value in values.items():
            given: Any = {"value_double": value} if isinstance(value, float) else {"value_long": int(value)}
            self.process.on_input(Param(**self._writer.header(), strategy=STRATEGY, name=name, **given))
        return self.give()

    def model(self, digest: str) -> list[Any]:
        """The hash of the model file, as `apply` writes it."""
        return self.give(Param(**self._writer.header(), strategy=STRATEGY, name="model", value_text=digest))

    def limit(self, rule: Rule, **values: Any) -> list[Any]:
        """A limit of the account, such as limit(Rule.OPEN_ORDERS, limit_count=2)."""
        return self.give(self._writer.limit(rule, **values))

    def command(self, kind: CommandType) -> list[Any]:
        """A command to all: PAUSE, RESUME, STOP, KILL."""
        return self.give(self._writer.command(kind))

    # ---- what is seen ----
    @property
    def open(self) -> list[Placed]:
        """Orders that may still fill, oldest first."""
        return [order for order in self.orders if not order.ended]

    @property
    def denied(self) -> list[str]:
        """Code of each order that risk refused."""
        return [r.code.name for r in self.records if isinstance(r, Decision) and r.outcome == Outcome.DENY]

    @property
    def signals(self) -> list[Signal]:
        """Every signal written, the sums of several strategies' ones (strategy "") too."""
        return [r for r in self.records if isinstance(r, Signal)]

    @property
    def fills(self) -> list[Fill]:
        """Every execution."""
        return [r for r in self.records if isinstance(r, Fill)]

    @property
    def state(self) -> dict[str, Any]:
        """Parameters and state of the strategy, by name."""
        return self.process.shown()[STRATEGY]["state"]

    @property
    def strategy(self) -> Any:
        """The strategy itself, in a plain run."""
        return getattr(self.process.node, "strategies")[0]  # noqa: B009

    @property
    def now_ns(self) -> int:
        """The time of the last input."""
        return self._writer.now_ns

    def position(self, instrument: int = 0) -> int:
        """Lots that the strategy holds."""
        p = self._positions.get(symbol(instrument))
        return p.qty_e9 // E9 if p is not None else 0

    def pnl(self, instrument: int = 0) -> Decimal:
        """Profit or loss in USD as the account last told: realized and unrealized, fees deducted."""
        p = self._positions.get(symbol(instrument))
        return p.realized_pnl + p.unrealized_pnl - p.fees + p.funding if p is not None else Decimal(0)

    def bytes(self) -> dict[str, bytes]:
        """The whole state, by part: a plain and a compiled desk given the same end in the same bytes."""
        return {part: data for part, (_, _, data) in self.process.snapshot().items()}

    # ---- feeding ----
    def give(self, *records: Any) -> list[Any]:
        """Carry records and all that follows from them to the end, the venue's answers too; everything written meanwhile."""
        self._writer.now_ns += 1_000_000
        written: list[Any] = []
        todo = list(records)
        while True:
            for record in todo:
                self.process.on_input(record)
            out = [record for _, record in self.process.take_outputs()]
            if not out:
                return written
            written += out
            todo = [answer for record in out if (answer := self._note(record)) is not None]

    def _note(self, record: Any) -> Any:
        """Keep what was written; the venue's answer to it, if it gives one by itself."""
        self.records.append(record)
        if isinstance(record, Order) and record.action == OrderAction.NEW:
            px = None if record.px_e9 is None else record.px_e9 // E9
            number, qty = int(record.symbol[1:]), record.qty_e9 // E9
            self.orders.append(Placed(record.order_id, number, int(record.side), record.ord_type, px, qty, record, leaves=qty))
        elif isinstance(record, Report):
            for order in self.orders:
                if order.id == record.order_id:
                    order.status, order.leaves, order.filled = record.ord_status, record.leaves_qty_e9 // E9, record.cum_qty_e9 // E9
                    order.px = None if record.px_e9 is None else record.px_e9 // E9
                    order.qty = record.qty_e9 // E9
        elif isinstance(record, Metric):
            self.metrics[record.metric] = record.value
        elif isinstance(record, Position) and record.strategy == STRATEGY:
            self._positions[record.symbol] = record
        elif isinstance(record, Request):
            self._requests[record.order_id] = record
            return self._writer.answer(record, _ANSWERS[record.action]) if self.answers else None
        return None


_SMALL = {"orders": 256, "executions": 256, "window": 4096, "far": 1024, "queue": 1024}

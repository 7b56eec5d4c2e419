"""A desk of a topology file with chosen limits: its records go into a process of risk and execute, orders follow, decisions come."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from streams.agents.process import Process
from streams.records import (
    BookLevel,
    BookUpdate,
    Command,
    CommandType,
    Decision,
    Fill,
    Name,
    NameKind,
    Order,
    OrderAction,
    OrdType,
    Report,
    Request,
    Side,
    TimeInForce,
    VenueEvent,
    VenueEventType,
)
from streams.schema import ids
from streams.topology import derive
from streams.topology.instances import empty_spec, instances
from streams.topology.model import Topology, load
from tests.agents.desk import T0, WRITERS, e9

__all__ = ["BTC", "ETH", "T0", "RiskDesk", "topology_with"]

BTC, ETH = "binance:BTCUSDT", "binance:ETHUSDT"
SCOPES = ("firm", "desk:crypto", "trader:anna", "account:maker-1")
TEXT = """
name: desk
venues: {binance: {kind: binance-usdm}}
instruments:
  binance:BTCUSDT: {base: BTC, quote: USDT, tick: 0.1, lot: 0.001, sector: majors, cluster: coins, maker_fee: 0, taker_fee: 0}
  binance:ETHUSDT: {base: ETH, quote: USDT, tick: 0.01, lot: 0.001, sector: majors, cluster: coins, beta: 1.5, maker_fee: 0, taker_fee: 0}
  binance:WHALE: {base: WHALE, quote: USDT, tick: 100000, lot: 100000}
firm: {limits: {FIRM}}
desks: {crypto: {limits: {DESK}}}
traders: {anna: {desk: crypto, limits: {TRADER}}}
accounts:
  maker-1: {trader: anna, limits: {ACCOUNT}}
  maker-2: {desk: crypto}
processes:
  market: {lane: kafka, agents: [normalize]}
  trade: {lane: kafka, agents: [risk, execute], sizes: {SIZES}}
"""


SIZES = "orders: 16, executions: 64, window: 128, far: 64, queue: 512, lots: 4, instruments: 3, strategies: 1, "
SIZES += "accounts: 3, scopes: 5, currencies: 4, sectors: 1, clusters: 1"


def topology_with(folder: Any, limits: str, scope: str = "account:maker-1") -> Topology:
    """The topology with these limits (YAML of a flow mapping) on one scope."""
    text = TEXT.replace("SIZES", SIZES)
    for name in SCOPES:
        kind = name.partition(":")[0].upper()
        text = text.replace(f"{{{kind}}}", f"{{{limits if name == scope else ''}}}")
    path = folder / "desk.yaml"
    path.write_text(text)
    return load(path)


class RiskDesk:
    """The process and the records of its control topics; `send` gives the decision of one order."""

    def __init__(self, topology: Topology, compiled: bool = False, speed: float | None = None) -> None:
        instance = next(i for i in instances(topology) if i.name == "trade")
        self.process = Process(replace(empty_spec(topology, instance), writers=WRITERS, epoch=1_700_000_000), compiled=compiled)
        self.numbers: dict[NameKind, int] = {}
        self.count, self.now_ns = 0, T0
        for kind, name in derive.names(topology):
            self.name(kind, name)
        self.name(NameKind.STRATEGY, "maker")
        self.give(*derive.instruments(topology), *derive.limits(topology), self.command(CommandType.RUN, run_number=7, speed=speed))

    # ---- records ----
    def stamp(self) -> dict[str, Any]:
        self.count += 1
        return {"id": ids.make(60, self.count), "cause_id": 0, "run_id": 7, "ts_ns": self.now_ns, "recv_ts_ns": self.now_ns}

    def name(self, kind: NameKind, name: str) -> None:
        number = self.numbers.get(kind, 0)
        self.numbers[kind] = number + 1
        self.process.on_input(Name(**self.stamp(), kind=kind, number=number, name=name, epoch=1_700_000_000))

    def command(self, kind: CommandType, target: str = "", **fields: Any) -> Command:
        return Command(**self.stamp(), kind=kind, target=target, reason="test", **fields)

    def apply(self, topology: Topology) -> None:
        """Write the limits of a changed file, as `apply` does on a desk that runs."""
        self.give(*derive.limits(topology))

    # ---- inputs ----
    def give(self, *records: NamedTuple) -> list[Any]:
        """Feed records; what came out."""
        for record in records:
            self.process.on_input(record)
        return [record for _, record in self.process.take_outputs()]

    def later(self, seconds: float) -> None:
        """Time passes, and a tick of the clock says so."""
        self.now_ns += int(seconds * 10**9)
        self.process.on_tick(self.stamp()["id"], self.now_ns)

    def book(self, symbol: str, bid: str | None, ask: str | None, gap: bool = False) -> None:
        """A snapshot with 1 coin a level; None = nothing on that side."""
        venue, _, name = symbol.partition(":")
        sides = ((Side.BUY, bid), (Side.SELL, ask))
        levels = tuple(BookLevel(side, e9(px), e9("1")) for side, px in sides if px is not None)
        common = {"exch_ts_ns": self.now_ns, "first_seq": self.count + 1, "last_seq": self.count + 1}
        self.give(BookUpdate(**self.stamp(), venue=venue, symbol=name, **common, snapshot=not gap, gap=gap, levels=levels))

    def order(self, side: Side, qty: str, px: str | None, symbol: str = BTC, **fields: Any) -> Order:
        """A NEW order of maker-1: a limit order, or a market order where px is None; fields overrule."""
        venue, _, name = symbol.partition(":")
        stamp = self.stamp()
        given: dict[str, Any] = {
            "order_id": stamp["id"],
            "account": "maker-1",
            "strategy": "maker",
            "action": OrderAction.NEW,
            "ord_type": OrdType.MARKET if px is None else OrdType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "post_only": False,
            "reduce_only": False,
            "px_e9": None if px is None else e9(px),
        }
        return Order(**{**stamp, **given, "venue": venue, "symbol": name, "side": side, "qty_e9": e9(qty), **fields})

    def send(self, order: Order) -> Decision:
        """The decision of an order; its reports and requests stand in `out`."""
        self.out = self.give(order)
        return next(record for record in self.out if isinstance(record, Decision))

    def buy(self, qty: str, px: str | None, **fields: Any) -> Decision:
        return self.send(self.order(Side.BUY, qty, px, **fields))

    def sell(self, qty: str, px: str | None, **fields: Any) -> Decision:
        return self.send(self.order(Side.SELL, qty, px, **fields))

    # ---- the venue ----
    def answer(self, kind: VenueEventType, px: str | None = None, qty: str | None = None, **fields: Any) -> list[Any]:
        """What the venue says to the last request sent; what followed from it."""
        request = of(Request, self.out)[-1]
        fill = {"exec_id": str(self.count), "last_px_e9": e9(px or "0"), "last_qty_e9": e9(qty or "0"), "maker": True}
        given = {**(fill if kind == VenueEventType.FILL else {"px_e9": request.px_e9, "qty_e9": request.qty_e9}), **fields}
        return self.give(
            VenueEvent(
                **{**self.stamp(), "cause_id": request.id},
                kind=kind,
                request_id=request.id,
                order_id=request.order_id,
                venue=request.venue,
                symbol=request.symbol,
                exch_ts_ns=self.now_ns,
                venue_order_id="1",
                raw=b"{}",
                **given,
            )
        )

    def fill(self, px: str, qty: str) -> list[Any]:
        """The last order sent is acknowledged and fills."""
        return [*self.answer(VenueEventType.ACK), *self.answer(VenueEventType.FILL, px=px, qty=qty)]


def of(cls: type, records: Iterable[Any]) -> list[Any]:
    return [record for record in records if isinstance(record, cls)]


def codes(records: Iterable[Any]) -> list[Any]:
    """Codes of the reports among records."""
    return [record.code for record in of(Report, records)]


def fills(records: Iterable[Any]) -> list[Any]:
    return of(Fill, records)

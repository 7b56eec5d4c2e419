"""The account agent alone, with several strategies, accounts and instruments of every type, and fills made by hand."""

import ctypes
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from streams.agents.account import AccountAgent
from streams.agents.outbox import TABLES, Outbox
from streams.agents.runner import node_sources
from streams.agents.spec import DEFAULT_SIZES
from streams.agents.views import Views
from streams.kernel import Struct, addr_of, at, native
from streams.records import FeeRounding, Fill, Funding, Instrument, InstrumentType, Name, NameKind, Quote, Side
from streams.schema import ids
from streams.schema.edge import Edge
from streams.slots import KIND_FILL, KIND_FUNDING, KIND_INSTRUMENT, FillSlot, FundingSlot, InstrumentSlot, QuoteSlot, Slot
from tests.agents.desk import T0

__all__ = ["ACCOUNTS", "INSTRUMENTS", "STRATEGIES", "AccountDesk", "fill", "funding", "quote_of"]

E9 = 10**9
ACCOUNTS = ("a", "b")
STRATEGIES = {"one": "a", "two": "a", "three": "b"}
INSTRUMENTS = {
    "BTCUSDT": (InstrumentType.LINEAR, "BTC", "USDT", E9 // 10, E9 // 1000, E9),
    "BTCUSD_PERP": (InstrumentType.INVERSE, "BTC", "USD", E9 // 10, E9, 100 * E9),
    "ETHBTC": (InstrumentType.SPOT, "ETH", "BTC", E9 // 100_000, E9 // 1000, E9),
    "ETHUSDT": (InstrumentType.SPOT, "ETH", "USDT", E9 // 100, E9 // 1000, E9),
}
"""symbol: type, base, quote, tick, lot, multiplier."""
SIZES = {
    **DEFAULT_SIZES,
    "instruments": 4,
    "strategies": 3,
    "accounts": 2,
    "currencies": 5,
    "scopes": 2,
    "order_lists": 11,
    "orders": 2,
    "executions": 64,
    "window": 128,
    "far": 64,
    "queue": 32,
    "lots": 4,
}


class AccountRun(Struct):
    """What the node has of the account agent, small enough to be made for every example."""

    views: Views
    account: AccountAgent
    out: Outbox


def step(run: int, address: int) -> int:
    """Carry one slot to the agent, as the node does; what it wrote."""
    r = at(AccountRun, run)
    r.out.empty()
    e = at(Slot, address)
    r.views.advance(e.ts_ns)
    if e.kind == KIND_INSTRUMENT:
        r.views.on_instrument(at(InstrumentSlot, address))
    elif e.kind == KIND_FILL:
        r.views.on_fill(at(FillSlot, address))
        r.account.on_fill(at(FillSlot, address), r.views, r.out)
    elif e.kind == KIND_FUNDING:
        r.account.on_funding(at(FundingSlot, address), r.views, r.out)
    else:
        r.views.on_quote(at(QuoteSlot, address))
        r.account.on_mark(e.instrument, r.views, r.out)
    return r.out.count


@cache
def compiled_step() -> Callable[[int, int], int]:
    """`step` as machine code."""
    files = [*node_sources(), Path(__file__)]
    return native.function(native.load("test_account", lambda: {"step": (step, 2)}, files=files).step, 2)


class AccountDesk:
    """The account agent with its views and the edge around it: records in, records out. Plain and compiled side by side if asked."""

    def __init__(self, twin: bool = False) -> None:
        self.run = AccountRun(SIZES)
        self.run.account.instruments, self.run.account.strategies, self.run.account.currencies = 4, 3, 5
        self.run.views.setup()
        self.edge = Edge()
        self.flat = self.run.pack() if twin else None
        for name in _names():
            self.edge.on_name(name)
        for instrument in _instruments():
            self.edge.on_instrument(instrument)
            assert self.give(instrument) == []

    def give(self, *records: NamedTuple) -> list[Any]:
        """Feed records; what came out."""
        found = []
        for record in records:
            slot = ctypes.create_string_buffer(self.edge.to_slots(record))
            step(addr_of(self.run), ctypes.addressof(slot))
            if self.flat is not None:
                compiled_step()(self.flat.ctypes.data, ctypes.addressof(slot))
                assert self.flat.tobytes() == self.run.pack().tobytes()
            out = self.run.out
            for i in range(out.count):
                written = getattr(out, TABLES[out.kinds[i]])[out.rows[i]].pack()
                found.append(self.edge.from_slot(out.kinds[i], written.tobytes(), 0))
        return found


def _names() -> list[NamedTuple]:
    currencies = dict.fromkeys(c for _, base, quote, *_ in INSTRUMENTS.values() for c in (base, quote)) | {"BNB": None}
    kinds = {
        NameKind.VENUE: ["binance"],
        NameKind.CURRENCY: list(currencies),
        NameKind.INSTRUMENT: [f"binance:{s}" for s in INSTRUMENTS],
        NameKind.ACCOUNT: list(ACCOUNTS),
        NameKind.STRATEGY: list(STRATEGIES),
    }
    heads = {"cause_id": 0, "run_id": 0, "ts_ns": 0, "recv_ts_ns": 0, "epoch": 1_700_000_000}
    found = [(kind, number, name) for kind, names in kinds.items() for number, name in enumerate(names)]
    return [Name(id=ids.make(1, i + 1), **heads, kind=kind, number=number, name=name) for i, (kind, number, name) in enumerate(found)]


def _instruments() -> list[NamedTuple]:
    heads = {"id": ids.make(2, 1), "cause_id": 0, "run_id": 0, "ts_ns": 0, "recv_ts_ns": 0, "venue": "binance", "valid_from_ns": 0}
    rules = {"maker_fee_e9": 0, "taker_fee_e9": 0, "min_qty_e9": 0, "max_qty_e9": 0, "min_notional": Decimal(0), "money_scale": 8}
    return [
        Instrument(
            **heads,
            **rules,
            symbol=symbol,
            instrument_type=kind,
            base=base,
            quote=quote,
            tick_e9=tick,
            lot_e9=lot,
            multiplier_e9=multiplier,
            fee_rounding=FeeRounding.HALF_UP,
        )
        for symbol, (kind, base, quote, tick, lot, multiplier) in INSTRUMENTS.items()
    ]


def fill(
    n: int, strategy: str, symbol: str, side: Side, px_ticks: int, lots: int, fee: Decimal, currency: str, mid2: int | None = None
) -> Fill:
    """The n-th fill of a strategy; mid2: twice the mid in ticks."""
    tick, lot = INSTRUMENTS[symbol][3:5]
    return Fill(
        **_stamp(n),
        order_id=n,
        venue="binance",
        symbol=symbol,
        account=STRATEGIES[strategy],
        strategy=strategy,
        side=side,
        exec_id=str(n),
        last_px_e9=px_ticks * tick,
        last_qty_e9=lots * lot,
        leaves_qty_e9=0,
        fee=fee,
        fee_currency=currency,
        maker=True,
        mid_px_e9=None if mid2 is None else mid2 * tick // 2,
    )


def funding(n: int, symbol: str, mark_e9: int, rate_e9: int) -> Funding:
    """The n-th record: a settlement."""
    return Funding(**_stamp(n), venue="binance", symbol=symbol, funding_ts_ns=T0, rate_e9=rate_e9, mark_e9=mark_e9)


def quote_of(n: int, symbol: str, bid_ticks: int) -> Quote:
    """The n-th record: a touch one tick wide."""
    tick, lot = INSTRUMENTS[symbol][3:5]
    sizes = {"bid_qty_e9": lot, "ask_qty_e9": lot, "spread_e9": tick, "imbalance": 0.0, "microprice": 0.0}
    px = {"bid_px_e9": bid_ticks * tick, "ask_px_e9": (bid_ticks + 1) * tick}
    return Quote(**_stamp(n), venue="binance", symbol=symbol, exch_ts_ns=0, seq=n, **px, **sizes)


def _stamp(n: int) -> dict[str, int]:
    ts_ns = T0 + n * 50_000_000
    return {"id": ids.make(40, n + 1), "cause_id": 0, "run_id": 0, "ts_ns": ts_ns, "recv_ts_ns": ts_ns}

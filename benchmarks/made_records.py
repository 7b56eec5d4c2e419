"""Records of a made market, which benchmarks of topics and tables share: fields as large as real ones, a few symbols."""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.records import BookLevel, BookUpdate, FeeRounding, Instrument, InstrumentType, NameKind, Side, Trade
from streams.schema.edge import Edge

__all__ = ["LEVELS", "SYMBOLS", "edge_of", "trade", "update"]

T0_NS = 1_723_161_602_000_000_000
LEVELS = 20
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def trade(n: int) -> Trade:
    """The n-th trade of a made market."""
    ts_ns, px_e9 = T0_NS + n * 1_000_003, 61_800_300_000_000 + n % 997 * 100_000_000
    return Trade(n, 0, 1, ts_ns, ts_ns, "binance", SYMBOLS[n % 3], ts_ns, 10**9 + n, Side(n % 2), px_e9, 1_000_000 * (n % 97 + 1))


def update(n: int) -> BookUpdate:
    """The n-th update of a made book."""
    ts_ns, px_e9 = T0_NS + n * 1_000_003, 61_800_300_000_000 + n % 997 * 100_000_000
    levels = tuple(BookLevel(Side(i % 2), px_e9 + i * 100_000_000, (i * 37 + n) % 11 * 1_000_000) for i in range(LEVELS))
    return BookUpdate(n, 0, 1, ts_ns, ts_ns, "binance", SYMBOLS[n % 3], ts_ns, n, n + 3, False, False, levels=levels)


def edge_of(symbols: tuple[str, ...]) -> Edge:
    """An edge that knows the made market's instruments: tick 0.1, lot 0.001."""
    edge = Edge()
    edge.dictionary.epoch = T0_NS // 10**9
    for symbol in symbols:
        edge.dictionary.add(NameKind.INSTRUMENT, f"binance:{symbol}")
        own = (0, 0, 0, 0, 0, "binance", symbol, InstrumentType.LINEAR, symbol.removesuffix("USDT"), "USDT")
        steps = {"tick_e9": 10**8, "lot_e9": 10**6, "multiplier_e9": 10**9, "maker_fee_e9": 0, "taker_fee_e9": 0}
        limits = {"min_qty_e9": 10**6, "max_qty_e9": 0, "min_notional": Decimal(5), "money_scale": 8}
        edge.on_instrument(Instrument(*own, **steps, **limits, fee_rounding=FeeRounding.HALF_UP, valid_from_ns=0))
    return edge

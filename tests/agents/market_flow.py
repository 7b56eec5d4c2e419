"""Frames of a venue at random: books in sequence and out of it, snapshots too old and just right, trades told twice, funding, damage."""

import json
import random
from collections.abc import Iterator
from typing import Any

from streams.records import InstrumentType
from tests.agents.market_desk import instrument
from tests.venues.binance_frames import mark_price

__all__ = ["INSTRUMENTS", "flow"]

INSTRUMENTS = (
    instrument("BTCUSDT", InstrumentType.LINEAR, 10**8, 10**6),
    instrument("BTCUSD_PERP", InstrumentType.INVERSE, 10**8, 10**9),
    instrument("BNBBTC", InstrumentType.SPOT, 100_000, 25 * 10**7),
)
DAMAGE = [b"no json", b'{"result":null,"id":1}', b'{"stream":"x@forceOrder","data":{"e":"forceOrder"}}', b'{"code":-1,"msg":"no"}', b"[]"]


class _Market:
    """One symbol: its place in the sequence, and a price that walks."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.rng, self.i = rng, INSTRUMENTS[number]
        self.spot = self.i.instrument_type == InstrumentType.SPOT
        self.seq, self.trades, self.mid, self.funding = 100, 0, 1_000, 8_000

    def frame(self) -> bytes:
        what = self.rng.random()
        if what < 0.5:
            return self.diff()
        if what < 0.6:
            return self.snapshot()
        if what < 0.75:
            return self.ticker()
        return self.trade() if what < 0.95 or self.spot else self.mark()

    def diff(self) -> bytes:
        rng, prev = self.rng, self.seq
        if rng.random() < 0.06:
            prev += rng.randint(-3, 5)  # a gap, or the same again
        first = prev + 1 + (0 if self.spot else rng.randint(0, 2))
        self.seq = first + rng.randint(0, 3)
        data = {"e": "depthUpdate", "E": 1_000, "s": self.i.symbol, "U": first, "u": self.seq, "b": self.rows(-1), "a": self.rows(1)}
        return self.spelled(data | ({} if self.spot else {"T": 999, "pu": prev}), "depth")

    def snapshot(self) -> bytes:
        seq = self.seq + self.rng.choice([-30, -3, -2, -1, 0, 0, 0, 1])
        data = {"lastUpdateId": seq, "bids": self.rows(-1, 4), "asks": self.rows(1, 4), "symbol": self.i.symbol}
        return json.dumps(data | ({} if self.spot else {"T": 5})).encode()

    def ticker(self) -> bytes:
        (bid, bid_qty), (ask, ask_qty) = self.row(-1), self.row(1)
        return self.spelled(
            {"u": self.seq, "s": self.i.symbol, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty, "e": "bookTicker"}, "bookTicker"
        )

    def trade(self) -> bytes:
        self.trades += 1
        aggregate = self.rng.random() < 0.3
        px, qty = self.row(self.rng.choice([-1, 1]), least=1)
        data = {
            "e": "aggTrade" if aggregate else "trade",
            "T": 7,
            "s": self.i.symbol,
            "a" if aggregate else "t": self.trades,
            "p": px,
            "q": qty,
        }
        return self.spelled(data | {"m": self.rng.random() < 0.5, "X": self.rng.choice(["MARKET", "MARKET", "ADL"])}, "trade")

    def mark(self) -> bytes:
        if self.rng.random() < 0.3:
            self.funding += 8_000
        rate = self.rng.choice(["0.0001", "-0.00020000", "1", "-1.5"])
        return mark_price(self.row(0)[0], rate, self.funding - self.rng.choice([0, 0, 0, 8_000]), self.i.symbol)

    def rows(self, side: int, most: int = 5) -> list[list[str]]:
        self.mid = max(600, self.mid + self.rng.choice([-40, -2, 0, 0, 0, 2, 40]))
        return [self.row(side) for _ in range(self.rng.randint(0, most))]

    def row(self, side: int, least: int = 0) -> list[str]:
        """A price that is on the grid, as a rule, and a size, which often is 0."""
        away = self.rng.choice([1, 1, 2, 3, 5, 30, 500])
        px_e9 = (self.mid + side * away) * self.i.tick_e9 + (self.i.tick_e9 // 2 if self.rng.random() < 0.002 else 0)
        qty_e9 = max(least, self.rng.choice([0, 0, 1, 2, 7, 10**6])) * self.i.lot_e9
        if self.rng.random() < 0.001:
            qty_e9 = self.i.lot_e9 << 40
        return [f"{n // 10**9}.{n % 10**9:09d}" for n in (px_e9, qty_e9)]

    def spelled(self, data: dict[str, Any], stream: str) -> bytes:
        if self.rng.random() < 0.02:
            return json.dumps(data).replace("e", "\\u0065", 1).encode()  # valid, and read the slow way
        return json.dumps({"stream": f"{self.i.symbol.lower()}@{stream}", "data": data}).encode()


def flow(seed: int, n: int) -> Iterator[bytes]:
    """`n` frames of three markets."""
    rng = random.Random(seed)
    markets = [_Market(rng, i) for i in range(len(INSTRUMENTS))]
    for _ in range(n):
        frame = rng.choice(markets).frame()
        if rng.random() < 0.03:
            frame = rng.choice([*DAMAGE, frame[: rng.randrange(len(frame))], frame.replace(b"BTCUSDT", b"ETHUSDT")])
        yield frame

"""A market to feed frames to, plain or compiled, and its slow twin beside it."""

from collections.abc import Iterable
from typing import Any

from streams.agents.market_build import build_market
from streams.agents.market_node import KINDS
from streams.errors import FrameError
from streams.records import BookUpdate, Command, FeeRounding, Frame, Funding, Instrument, InstrumentType, Name, NameKind, Quote, Trade
from streams.schema import codec, ids
from streams.schema.edge import Edge
from tests.agents.slow_normalize import SlowNormalize, Writer

__all__ = ["HEAD", "REAL", "SIZES", "MarketDesk", "Twins", "instrument"]

HEAD = (0, 0, 0, 0, 0)
SIZES = {"instruments": 4, "window": 256, "far": 256, "held": 256, "levels": 64}
REAL = {"instruments": 1, "window": 4096, "far": 8192, "held": 1 << 15, "levels": 4096}
"""Sizes for tests, and for a market as it is."""
WRITERS = dict(zip((BookUpdate, Trade, Quote, Funding, Command), range(10, 15), strict=True))
RUN = 7


def instrument(symbol: str, kind: InstrumentType, tick_e9: int = 10**8, lot_e9: int = 10**8, venue: str = "binance") -> Instrument:
    zeros: dict[str, Any] = dict.fromkeys(Instrument._fields, 0)
    figures: dict[str, Any] = {"base": "BTC", "quote": "USDT", "tick_e9": tick_e9, "lot_e9": lot_e9, "fee_rounding": FeeRounding.HALF_UP}
    figures |= {"multiplier_e9": 10**9 if kind != InstrumentType.INVERSE else 10**11, "money_scale": 8}
    return Instrument(**zeros | figures | {"venue": venue, "symbol": symbol, "instrument_type": kind})


class MarketDesk:
    """Normalize with these instruments (BTCUSDT if none is given), whose frames come one a nanosecond."""

    def __init__(self, *instruments: Instrument, compiled: bool = False, **sizes: int) -> None:
        self.instruments = instruments or (instrument("BTCUSDT", InstrumentType.LINEAR),)
        self.edge, self.frames = Edge(), 0
        venues = dict.fromkeys(i.venue for i in self.instruments)
        names = [(NameKind.VENUE, number, venue) for number, venue in enumerate(venues)]
        names += [(NameKind.INSTRUMENT, number, f"{i.venue}:{i.symbol}") for number, i in enumerate(self.instruments)]
        for kind, number, name in names:
            self.edge.on_name(Name(*HEAD, kind, number, name, 1_700_000_000))
        for i in self.instruments:
            self.edge.on_instrument(i)
        self.node = build_market(self.edge, SIZES | sizes, compiled)
        for number, kind in enumerate(KINDS, 10):
            self.node.set_writer(kind, ids.make(number, 0), 0)
        for i in self.instruments:
            self.node.on_instrument(i)

    def frame(self, payload: bytes, venue: str = "binance") -> Frame:
        """The next frame."""
        self.frames += 1
        return Frame(ids.make(40, self.frames), 0, RUN, self.frames, self.frames, venue, 1, self.frames, payload)

    def feed(self, *payloads: bytes) -> list[Any]:
        """The records written, without their first five fields. FrameError."""
        return [record._replace(**dict(zip(record._fields, HEAD, strict=False))) for p in payloads for record in self.records(p)]

    def records(self, payload: bytes) -> list[Any]:
        """The records that one frame causes. FrameError."""
        return list(self.node.records(self.frame(payload), RUN))

    def state(self) -> bytes:
        """The state but the ids given and the clock."""
        kept = self.node.sequences(), self.node.now_ns
        for kind in KINDS:
            self.node.market.sequence[kind] = 0
        self.node.market.now_ns = 0
        state = self.node.state()
        for kind, sequence in kept[0].items():
            self.node.market.sequence[kind] = sequence
        self.node.market.now_ns = kept[1]
        return state


class Twins:
    """A market with the sizes given, and the slow twin with as much room, that are given the same frames and must write the same bytes."""

    def __init__(self, *instruments: Instrument, compiled: bool, **sizes: int) -> None:
        self.desk = MarketDesk(*instruments, compiled=compiled, **sizes)
        self.desk.node.want_slots()
        self.slow = SlowNormalize(self.desk.node.sizes["held"])
        for i in self.desk.instruments:
            self.slow.on_instrument(i)
        self.writer = Writer(self.slow, WRITERS)
        self.refused = 0

    def learn(self, instrument: Instrument) -> None:
        """New rules of an instrument."""
        self.desk.edge.on_instrument(instrument)
        self.desk.node.on_instrument(instrument)
        self.slow.on_instrument(instrument)

    def give(self, payload: bytes, venue: str = "binance") -> list[Any]:
        """Both carry a frame; the records of the slow one, once the bytes have been compared."""
        frame = self.desk.frame(payload, venue)
        expected: list[Any] = []
        why = found = ""
        try:
            expected = self.writer.give(frame, RUN)
        except FrameError as error:
            why = str(error)
        try:
            bodies = self.desk.node.bodies(frame, RUN)
        except FrameError as error:
            bodies, found = [], str(error)
        assert found == why, payload
        self.refused += bool(why)
        assert [body for _, _, body, _ in bodies] == [codec.encode(record) for record in expected]
        assert [slots for _, _, _, slots in bodies] == [self.desk.edge.to_slots(record) for record in expected]
        assert [id for _, id, _, _ in bodies] == [record.id for record in expected]
        assert self.desk.node.ignored == self.slow.ignored
        return expected

    def play(self, payloads: Iterable[bytes]) -> list[Any]:
        """All records of these frames."""
        return [record for payload in payloads for record in self.give(payload)]

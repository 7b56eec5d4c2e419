"""A synthetic market that nobody had to record: the same seed gives the same bytes, in the format of a Binance USD-M recording.

Orders arrive, are cancelled and trade against one book with a tick of 0.10 and a lot of 0.001. Whether buyers or sellers press is a slow
random walk that is pulled back to balance; so the price trends for seconds and wanders over minutes. Every frame is written from that book,
so `recording check` finds no gap, no crossed book, and each best bid and ask equal to the bookTicker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from streams.errors import ConfigError
from streams.venues.binance.recording import write_recording

__all__ = ["Faults", "SyntheticMarket", "write_synthetic"]

_TICKS_PER_UNIT = 10  # tick 0.10
_LOTS_PER_UNIT = 1_000  # lot 0.001
_DIFF_NS = 50_000_000  # the venue gathers changes for about 50 ms
_SNAPSHOT_AFTER_NS = 400_000_000  # the recorder asks for a snapshot once the diffs flow ...
_SNAPSHOT_TAKES_NS = 150_000_000  # ... and has it a little later
_DEPTH_TICKS = 400  # levels are kept this far from the touch
_SNAPSHOT_LEVELS = 1_000
_SWEEP = 0.012  # share of trades that go through several levels

Frames = Iterator[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults to write into the recording, each at a time in seconds from its start; None: not at all.

    gap_s       : one depth diff is missing; a new snapshot follows half a second later
    damage_s    : one frame is cut off in the middle
    inexact_s   : one trade has a price with ten decimals
    off_grid_s  : one trade has a price between two ticks
    """

    gap_s: float | None = None
    damage_s: float | None = None
    inexact_s: float | None = None
    off_grid_s: float | None = None


@dataclass(frozen=True, slots=True)
class SyntheticMarket:
    """What to generate.

    seed         : any integer; everything random follows from it
    seconds      : length, > 0
    events_per_s : orders, cancels and trades a second; one makes about 1.1 frames
    start_ns     : time of the first frame, ns since 1970 UTC
    mid_px       : first price in whole units, >= 1000
    """

    symbol: str = "BTCUSDT"
    seed: int = 1
    seconds: float = 120.0
    events_per_s: float = 300.0
    start_ns: int = 1_704_067_200_000_000_000
    mid_px: int = 60_000
    faults: Faults = Faults()

    def __post_init__(self) -> None:
        if not self.seconds > 0 or not 1 <= self.events_per_s <= 100_000 or self.mid_px < 1_000:
            raise ConfigError(
                f"synthetic market: seconds {self.seconds}, events_per_s {self.events_per_s}, mid_px {self.mid_px}; "
                "needed: seconds > 0, events_per_s 1 to 100000, mid_px >= 1000"
            )

    def frames(self) -> Frames:
        """(recv_ts_ns, payload) of every frame, in time order."""
        return _Venue(self).run()


def write_synthetic(path: str | Path, market: SyntheticMarket | None = None) -> int:
    """Write the market's recording to `path` (gzip if it ends in .gz); the number of frames."""
    return write_recording(path, (market or SyntheticMarket()).frames())


class _Venue:
    """The book, what happens to it, and the frames that tell of it. Prices in ticks, sizes in lots."""

    def __init__(self, market: SyntheticMarket) -> None:
        self.market = market
        # only Random.random() is used: its sequence is the one that Python promises to keep
        self.random = Random(market.seed).random
        self.stream = market.symbol.lower()
        self.now_ns = market.start_ns
        self.recv_ns = market.start_ns
        self.seq = 5_000_000_000_000
        self.trade_id = 1_000_000
        self.pressure = 0.0  # -1 sellers only .. +1 buyers only
        mid = market.mid_px * _TICKS_PER_UNIT
        self.bids = {mid - i: self._size(i) for i in range(_DEPTH_TICKS)}
        self.asks = {mid + 1 + i: self._size(i) for i in range(_DEPTH_TICKS)}
        self.bid, self.ask = mid, mid + 1
        self.far_bid, self.far_ask = mid - _DEPTH_TICKS + 1, mid + _DEPTH_TICKS
        self.changed_bids: dict[int, int] = {}
        self.changed_asks: dict[int, int] = {}
        self.batch_seq = 0  # seq of the first change not told yet
        self.diff_seq = self.seq
        self.faults = {
            name: market.start_ns + int(at_s * 1e9)
            for name in ("gap_s", "damage_s", "inexact_s", "off_grid_s")
            if (at_s := getattr(market.faults, name)) is not None
        }

    def run(self) -> Frames:
        end_ns = self.market.start_ns + int(self.market.seconds * 1e9)
        mean_ns = 1e9 / self.market.events_per_s
        diff_ns = self.now_ns + _DIFF_NS
        wanted_ns = self.now_ns + _SNAPSHOT_AFTER_NS  # when the next snapshot is asked for; 0: none
        answer: tuple[int, bytes] | None = None
        yield self._frame(self._ticker())
        while True:
            self.now_ns += 1_000 + int(2 * mean_ns * self.random())
            if self.now_ns >= end_ns:
                return
            while diff_ns <= self.now_ns:
                if answer and answer[0] <= diff_ns:
                    yield self._frame(answer[1])
                    answer = None
                if diff := self._diff():
                    if self._due("gap_s"):
                        wanted_ns = diff_ns + _SNAPSHOT_AFTER_NS
                    else:
                        yield self._frame(diff)
                diff_ns += _DIFF_NS + int(self.random() * 4_000_000)
            touch = self._touch()
            for payload in self._event():
                yield self._frame(payload)
            if self._touch() != touch:
                yield self._frame(self._ticker())
            if wanted_ns and self.now_ns >= wanted_ns and self.batch_seq:
                answer, wanted_ns = (self.now_ns + _SNAPSHOT_TAKES_NS, self._snapshot()), 0

    def _event(self) -> list[bytes]:
        """One thing happens to the book; the trades it makes."""
        random = self.random
        self.pressure += 0.08 * (random() - 0.5) - 0.004 * self.pressure
        kind, buyer = random(), random() < 0.5 + 0.45 * self.pressure
        spread = self.ask - self.bid
        if spread > 3 or (kind < 0.12 and spread > 1):
            self._improve(buyer, spread)
        elif kind < 0.36:
            return self._trade(buyer)
        else:
            self._rest(random() < 0.5)
        return []

    def _improve(self, buyer: bool, spread: int) -> None:
        """A new best price inside the spread, near enough to bring it back to three ticks or less."""
        inside = 1 + int(self.random() * min(spread - 1, 3)) if spread <= 4 else spread - 1 - int(self.random() * 3)
        self._set(buyer, self.bid + inside if buyer else self.ask - inside, 1 + self._size(0) // 2)

    def _rest(self, buyer: bool) -> None:
        """Orders come and go at one level near the touch: its size moves towards a new one, sometimes to nothing."""
        depth = 0
        while depth < 24 and self.random() < 0.7:
            depth += 1
        side, px = (self.bids, self.bid - depth) if buyer else (self.asks, self.ask + depth)
        if self.random() < (0.02 if depth == 0 else 0.12):
            size = 0
        else:
            size = (side.get(px, 0) + 2 * self._size(depth)) // 3
        self._set(buyer, px, size)

    def _trade(self, buyer: bool) -> list[bytes]:
        """A market order takes what rests at the touch, level by level."""
        share = self.random()
        left = 1 + int(25 * share / (1.015 - share))
        if self.random() < _SWEEP:
            left *= 12
        trades = []
        while left > 0:
            side, px = (self.asks, self.ask) if buyer else (self.bids, self.bid)
            size = min(left, side[px])
            left -= size
            self._set(not buyer, px, side[px] - size)
            trades.append(self._trade_frame(px, size, buyer))
        return trades

    def _set(self, bid_side: bool, px: int, size: int) -> None:
        """Change one level; best prices and far levels follow."""
        side, changed = (self.bids, self.changed_bids) if bid_side else (self.asks, self.changed_asks)
        if size:
            side[px] = size
        elif side.pop(px, None) is None:
            return
        self.seq += 1 + int(self.random() * 24)
        self.batch_seq = self.batch_seq or self.seq
        changed[px] = size
        if bid_side:
            self.bid = max(self.bid, px)
            while self.bid not in side:
                self.bid -= 1
            while self.far_bid > self.bid - _DEPTH_TICKS:
                self.far_bid -= 1
                side[self.far_bid] = changed[self.far_bid] = self._size(_DEPTH_TICKS)
        else:
            self.ask = min(self.ask, px)
            while self.ask not in side:
                self.ask += 1
            while self.far_ask < self.ask + _DEPTH_TICKS:
                self.far_ask += 1
                side[self.far_ask] = changed[self.far_ask] = self._size(_DEPTH_TICKS)

    def _size(self, depth: int) -> int:
        """A level's usual size: more behind the touch, now and then a large one."""
        share = self.random()
        return 20 + int((60 + 10 * min(depth, 20)) * share / (1.04 - share))

    def _touch(self) -> tuple[int, int, int, int]:
        return self.bid, self.bids[self.bid], self.ask, self.asks[self.ask]

    def _due(self, fault: str) -> bool:
        """True once, at the first chance after the fault's time."""
        if fault in self.faults and self.now_ns >= self.faults[fault]:
            del self.faults[fault]
            return True
        return False

    def _frame(self, payload: bytes) -> tuple[int, bytes]:
        """The payload as received: 0.8 to 1.2 ms after the venue sent it, in order."""
        self.recv_ns = max(self.recv_ns + 100, self.now_ns + 800_000 + int(self.random() * 400_000))
        return self.recv_ns, payload[: len(payload) // 2] if self._due("damage_s") else payload

    def _ticker(self) -> bytes:
        ms, bid, ask = self.now_ns // 1_000_000, self.bid, self.ask
        return (
            f'{{"stream":"{self.stream}@bookTicker","data":{{"e":"bookTicker","u":{self.seq},"s":"{self.market.symbol}",'
            f'"b":"{_px(bid)}","B":"{_qty(self.bids[bid])}","a":"{_px(ask)}","A":"{_qty(self.asks[ask])}","T":{ms},"E":{ms}}}}}'
        ).encode()

    def _trade_frame(self, px: int, size: int, buyer: bool) -> bytes:
        self.trade_id += 1
        ms = self.now_ns // 1_000_000
        text = _px(px)
        if self._due("inexact_s"):
            text += "00000001"
        elif self._due("off_grid_s"):
            text = text[:-1] + "5"
        return (
            f'{{"stream":"{self.stream}@trade","data":{{"e":"trade","E":{ms},"T":{ms},"s":"{self.market.symbol}","t":{self.trade_id},'
            f'"p":"{text}","q":"{_qty(size)}","X":"MARKET","m":{"false" if buyer else "true"}}}}}'
        ).encode()

    def _diff(self) -> bytes:
        """What changed since the last diff; b"" if nothing did."""
        if not self.batch_seq:
            return b""
        ms = self.now_ns // 1_000_000
        payload = (
            f'{{"stream":"{self.stream}@depth@0ms","data":{{"e":"depthUpdate","E":{ms},"T":{ms},"s":"{self.market.symbol}",'
            f'"U":{self.batch_seq},"u":{self.seq},"pu":{self.diff_seq},"b":[{_levels(sorted(self.changed_bids.items()))}],'
            f'"a":[{_levels(sorted(self.changed_asks.items()))}]}}}}'
        )
        self.diff_seq, self.batch_seq = self.seq, 0
        self.changed_bids, self.changed_asks = {}, {}
        return payload.encode()

    def _snapshot(self) -> bytes:
        ms = self.now_ns // 1_000_000
        bids = sorted(self.bids.items(), reverse=True)[:_SNAPSHOT_LEVELS]
        asks = sorted(self.asks.items())[:_SNAPSHOT_LEVELS]
        return f'{{"lastUpdateId":{self.seq},"E":{ms},"T":{ms},"bids":[{_levels(bids)}],"asks":[{_levels(asks)}]}}'.encode()


def _px(ticks: int) -> str:
    return f"{ticks // _TICKS_PER_UNIT}.{ticks % _TICKS_PER_UNIT}0"


def _qty(lots: int) -> str:
    return f"{lots // _LOTS_PER_UNIT}.{lots % _LOTS_PER_UNIT:03d}"


def _levels(levels: list[tuple[int, int]]) -> str:
    return ",".join([f'["{_px(px)}","{_qty(size)}"]' for px, size in levels])

"""Sequence rules of Binance's diff streams: which diff belongs to the book, and when a new snapshot is needed.

Sources, as published by Binance under developers.binance.com:
- USD-M and COIN-M futures: "How to manage a local order book correctly" (websocket market streams of each). Drop `u < lastUpdateId`; the
  first diff kept has `U <= lastUpdateId <= u`; then each `pu` equals the previous `u`.
- Spot: "How to manage a local order book correctly" (WebSocket Streams). Drop `u <= lastUpdateId`; the first diff kept has
  `U <= lastUpdateId + 1 <= u`; then each `U` follows the previous `u` by one. There is no `pu`.

One widening, for futures: consecutive diffs leave holes between `u` and the next `U` (ids count more than one symbol's changes). A snapshot
taken in such a hole, `pu <= lastUpdateId < U`, loses nothing: the diff reports every change since `pu`. It is accepted.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["HELD_LIMIT", "BookSync", "Diff", "Market", "Verdict", "market_of"]

HELD_LIMIT = 1_000
"""Diffs held while a snapshot is awaited; beyond it the oldest is given up (50 s of a busy stream)."""

_COINM_SYMBOL = re.compile(r"[A-Z0-9]+USD_(PERP|\d{6})")


class Market(Enum):
    """Which of Binance's markets; they differ in their sequence rules. The value is its name for people."""

    SPOT = "spot"
    USDM = "USD-M futures"
    COINM = "COIN-M futures"


class Verdict(IntEnum):
    """What to do with one diff."""

    APPLY = 0
    """It is the next one: apply it to the book."""
    DROP = 1
    """It is older than the book, or a repetition: forget it."""
    HOLD = 2
    """There is no book yet: it is kept until a snapshot comes."""
    GAP = 3
    """Something before it is missing: the book is stale, a snapshot is needed; the diff itself is held."""


class Diff(Protocol):
    """What the rules need of a diff: `U`, `u` and `pu` (-1 on spot, which has none)."""

    @property
    def first_seq(self) -> int: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def prev_seq(self) -> int: ...


D = TypeVar("D", bound=Diff)


class BookSync(Generic[D]):
    """Where the book of one symbol stands in the venue's sequence, and the diffs held while it has no snapshot.

    synced  : a snapshot was accepted and every diff since has been given APPLY
    gaps    : breaks of the sequence seen so far, also among diffs that were held or dropped
    dropped : diffs never applied because a snapshot already holds them, or because too many were held
    """

    __slots__ = ("dropped", "gaps", "held", "last_seq", "market", "snapshot_seq", "synced")

    def __init__(self, market: Market) -> None:
        self.market = market
        self.synced = False
        self.last_seq = -1  # `u` of the newest diff seen
        self.snapshot_seq = -1  # snapshot accepted, first diff not seen yet; else -1
        self.held: deque[D] = deque()
        self.gaps = 0
        self.dropped = 0

    def on_diff(self, diff: D) -> Verdict:
        """What to do with the next diff of the stream. HOLD and GAP keep it."""
        if self.last_seq >= 0 and diff.last_seq <= self.last_seq:
            return Verdict.DROP
        broken = self.last_seq >= 0 and not self._follows(diff, self.last_seq)
        self.gaps += broken
        self.last_seq = diff.last_seq
        if self.snapshot_seq >= 0:
            return self._first(diff, broken)
        if self.synced and not broken:
            return Verdict.APPLY
        if broken:
            self._lose()
        self._hold(diff)
        return Verdict.GAP if broken else Verdict.HOLD

    def on_snapshot(self, last_update_id: int) -> list[D] | None:
        """Accept a snapshot: the held diffs to apply after it, in order. None: it is older than what is known, do not use it."""
        if self.snapshot_seq > last_update_id or (self.synced and self.snapshot_seq < 0 and self.last_seq > last_update_id):
            return None
        kept = [diff for diff in self.held if not self._older(diff, last_update_id)]
        if kept and not self._brackets(kept[0], last_update_id):
            return None
        self.dropped += len(self.held) - len(kept)
        self.held.clear()
        self.synced = True
        self.snapshot_seq = -1 if kept else last_update_id
        return kept

    def state(self) -> list[int]:
        """Everything but the market and the held diffs, as integers."""
        return [self.synced, self.last_seq, self.snapshot_seq, self.gaps, self.dropped]

    def load(self, state: list[int]) -> None:
        """Take what `state` gave."""
        synced, self.last_seq, self.snapshot_seq, self.gaps, self.dropped = state
        self.synced = bool(synced)

    @property
    def stale(self) -> bool:
        """True while there is no book to trust."""
        return not self.synced

    def _first(self, diff: D, broken: bool) -> Verdict:
        """The verdict on a diff when the last thing accepted is a snapshot."""
        if self._older(diff, self.snapshot_seq):
            self.dropped += 1
            return Verdict.DROP
        if self._brackets(diff, self.snapshot_seq):
            self.snapshot_seq = -1
            return Verdict.APPLY
        self.gaps += not broken  # a break is counted once
        self._lose()
        self._hold(diff)
        return Verdict.GAP

    def _lose(self) -> None:
        self.synced = False
        self.snapshot_seq = -1
        self.dropped += len(self.held)
        self.held.clear()  # what came before the break cannot be joined to what follows

    def _hold(self, diff: D) -> None:
        if len(self.held) == HELD_LIMIT:
            self.held.popleft()
            self.dropped += 1
        self.held.append(diff)

    def _follows(self, diff: D, last_seq: int) -> bool:
        if self.market is Market.SPOT:
            return diff.first_seq <= last_seq + 1
        return diff.prev_seq == last_seq

    def _older(self, diff: D, last_update_id: int) -> bool:
        if self.market is Market.SPOT:
            return diff.last_seq <= last_update_id
        return diff.last_seq < last_update_id

    def _brackets(self, diff: D, last_update_id: int) -> bool:
        """True for the first diff to keep, given that it is not older than the snapshot."""
        if self.market is Market.SPOT:
            return diff.first_seq <= last_update_id + 1
        return min(diff.first_seq, diff.prev_seq) <= last_update_id


def market_of(data: Mapping[str, Any]) -> Market | None:
    """The market that a message comes from, or None when it could be from several.

    `ps` or a symbol like BTCUSD_PERP is COIN-M; a diff without `pu`, a bookTicker without `e` and a trade with `M` are spot.
    """
    symbol = data.get("s", data.get("symbol", ""))
    if "ps" in data or "pair" in data or (isinstance(symbol, str) and _COINM_SYMBOL.fullmatch(symbol)):
        return Market.COINM
    kind = data.get("e")
    if kind == "depthUpdate":
        return Market.USDM if "pu" in data else Market.SPOT
    if kind == "bookTicker" or (kind is None and {"u", "s", "b", "B", "a", "A"} <= data.keys()):
        return Market.USDM if "T" in data else Market.SPOT
    if kind in ("trade", "aggTrade"):
        return Market.SPOT if "M" in data else Market.USDM
    return None

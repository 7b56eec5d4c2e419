"""The simulated venue in the recorded market with random orders and trades: plain and compiled end in the same bytes."""

from pathlib import Path

import pytest

from streams.kernel import Struct, Table, addr_of, at, native
from streams.slots import LevelSlot
from streams.trading.codes import GTC, IOC, LIMIT
from streams.trading.venue import SimVenue
from tests.real_recording import needs_real_recording
from tests.trading.recorded import read_recorded

pytestmark = [pytest.mark.slow, needs_real_recording]
SIZES = {"instruments": 1, "window": 4096, "far": 8192, "orders": 256, "order_lists": 3, "executions": 32768, "answers": 4096}


class VenueReplay(Struct):
    """rng: a small generator's state; kinds: answers by kind; digest: of all figures of all answers, in order."""

    venue: SimVenue
    ends: Table[int, "updates"]
    kinds: Table[int, "8"]
    rng: int = 12345
    next_id: int
    digest: int
    fees: int

    def draw(self, n: int) -> int:
        """A number from 0 to n - 1."""
        self.rng = (self.rng * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return (self.rng >> 8) % n

    def act(self) -> None:
        """One random request or trade near the touch."""
        v = self.venue
        b = v.books[0]
        side = self.draw(2)
        near = b.bid() - 3 + self.draw(6) if side == 0 else b.ask() + 3 - self.draw(6)
        what = self.draw(10)
        recent = max(1, self.next_id - self.draw(40))
        if what < 4:
            self.next_id += 1
            tif = IOC if self.draw(5) == 0 else GTC
            v.on_new(self.next_id, 0, side, LIMIT, tif, 1 if tif == GTC and self.draw(3) == 0 else 0, near, 1 + self.draw(50), 0, 0)
        elif what < 6:
            v.on_cancel(recent, 1)
        elif what < 7:
            v.on_replace(recent, 2, near, 1 + self.draw(50))
        else:
            v.on_trade(0, side, b.ask() if side == 0 else b.bid(), 1 + self.draw(2_000))

    def drain(self) -> None:
        """Take the answers into the digest."""
        q = self.venue.answers
        while not q.empty():
            a = q.first()
            self.kinds[a.kind] += 1
            self.fees += a.fee
            word = a.order_id * 7 + a.px_ticks * 11 + a.qty_lots * 13 + a.leaves_qty_lots * 17 + a.kind * 19 + a.reason * 23 + a.exec_seq
            self.digest = (self.digest * 31 + word) & 0xFFFFFFFFFF
            q.take()


def replay(p, levels, n):
    """Apply n updates, each followed by a random action; the number of answers."""
    r = at(VenueReplay, p)
    first = 0
    for i in range(n):
        for k in range(first, r.ends[i]):
            x = at(LevelSlot, levels + k * 64)
            r.venue.on_level(0, x.side, x.px_ticks, x.qty_lots)
        first = r.ends[i]
        r.venue.on_update_end(0, 1 if i == 0 else 0)
        r.act()
        r.drain()
    return r.venue.answer_count


def test_venue_in_the_recorded_market_plain_and_compiled_end_in_the_same_bytes():
    recorded = read_recorded()
    n = len(recorded.ends)
    run = VenueReplay({**SIZES, "updates": n})
    run.venue.setup()
    spec = run.venue.specs[0]
    spec.valid, spec.money_per_tick_lot, spec.fees.maker_e9, spec.fees.taker_e9 = 1, 10_000, 200_000, 500_000
    for i, end in enumerate(recorded.ends):
        run.ends[i] = int(end)
    flat = run.pack()
    files = [*native.sources("streams.trading", "streams.slots"), Path(__file__)]
    compiled = native.function(native.load("test_venue_recording", lambda: {"replay": (replay, 3)}, files=files).replay, 3)
    answers = compiled(flat.ctypes.data, recorded.levels.ctypes.data, n)
    assert replay(addr_of(run), recorded.levels.ctypes.data, n) == answers
    assert run.pack().tobytes() == flat.tobytes()
    assert min(run.kinds[kind] for kind in range(8)) > 10, list(run.kinds)
    assert run.venue.books[0].lost() == 0

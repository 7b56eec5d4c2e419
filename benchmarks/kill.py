"""From the write of a command into the ring `kill` to the lane that has taken it, and to its cancels in the lane's ring.

The lane runs as a process of its own, as `millrace run` starts it, with strategy, risk and execute on a synthetic market; the commands come
from another process, KILL and RESUME in turn, between and behind market data. Both stamps are of the host's one monotonic clock: before
the command's bytes are written, and when the lane publishes that it takes them. Its cancels count from the same first stamp to the
instant when risk and execute were done with them; they are visible to the gateway as soon as they are published, which is next.

Checked before a figure is given: the lane has taken every command once, asks for no new order between KILL and RESUME, and has cancelled.
"""

import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.agents.codes import ACTION_CANCEL, ACTION_NEW
from streams.lanes import fast, fast_kept
from streams.lanes.fast_slots import KIND_STAMPS, StampSlot
from streams.records import CommandType, Position
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.agents.recorded_inputs import inputs_of
from tests.lanes.fast_kit import Journal
from tests.lanes.ring_kit import until
from tests.lanes.test_fast_lane import AGENTS, pieces
from tests.lanes.test_fast_restart import Desk, known_start, known_writers
from tests.lanes.test_kill_halts import actions, given, taken

COMMANDS = 100
GOAL_NS = 1_000_000
_CHECKED = StampSlot._fields_["checked_ns"].offset // 8


def play(folder: Path, market: list[Any], wait: str) -> tuple[np.ndarray, np.ndarray]:
    """ns from the write of each command to the lane that takes it, and of each KILL that cancelled something to its cancels."""
    desk, began_ns = Desk(folder, market[0].recv_ts_ns, snapshot_s=10.0, wait=wait), []
    parts = pieces(market, len(market) // COMMANDS)
    desk.start()
    try:
        for number, piece in enumerate(parts, 1):
            desk.give(piece)
            began_ns.append(given(desk, number, CommandType.RESUME if len(began_ns) % 2 else CommandType.KILL))
            until(lambda: len(taken([*Journal(desk.rings.own)])) == len(began_ns), "the lane to take a command")
            desk.drained()
    finally:
        desk.child.kill()
    journal = Journal(desk.rings.own)
    steps = [*journal]
    places = taken(steps)
    takes = [steps[place].slot.taken_ns - began for place, began in zip(places, began_ns, strict=True)]
    halts = [*pairwise([*places, len(steps)])][::2]
    assert all(ACTION_NEW not in actions(steps[first:end]) for first, end in halts)
    checked = [_checked_ns(journal, steps, first, end) for first, end in halts]
    cancels = [there - began for there, began in zip(checked, began_ns[::2], strict=True) if there]
    assert cancels
    return np.array(takes), np.array(cancels)


def _checked_ns(journal: Journal, steps: list[Any], first: int, end: int) -> int:
    """When the first request among some steps was written, monotonic; 0 = none asks to cancel."""
    stamps = [n for n in range(first, end) if steps[n].kind == KIND_STAMPS]
    return int(journal.slots.view(np.int64)[stamps[0], _CHECKED]) if ACTION_CANCEL in actions(steps[first:end]) else 0


def measure() -> list[Claim]:
    """One claim a wait policy: to the lane, and to its cancels."""
    fast.first_start, fast_kept._writers = known_start, known_writers
    claims = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "market.gz"
        write_synthetic(path, SyntheticMarket(seconds=20.0, events_per_s=150.0, seed=5))
        market = [record for record in inputs_of(AGENTS, path=path) if not isinstance(record, Position)]
        for wait in ("yield", "backoff", "sleep"):
            takes, cancels = play(Path(folder) / wait, market, wait)
            for what, found in (("taken by the lane", takes), ("its cancels checked", cancels)):
                p50, most = float(np.median(found)), float(found.max())
                text = f"{what}, wait {wait}, p50 of {len(found)} (most {most / 1e3:,.0f} us)"
                claims.append(Claim(text, p50 / 1e3, None, None, "us", "under 1,000 us", p50 < GOAL_NS))
    return claims


if __name__ == "__main__":
    report("kill", conditions(), measure)

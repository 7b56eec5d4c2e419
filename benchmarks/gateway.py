"""The gateway on rings: from a request in the lane's ring, and from a KILL in the ring `kill`, to the venue's end of the socket.

The gateway is a process of its own, as `millrace run` starts it; lane, killer and venue are this one, the venue in a thread behind a real
WebSocket on this host. Requests are written by a schedule, whatever became of those before, as slots made beforehand, and count from the
instant at which they were due; a KILL counts from the write of its bytes. Both end when the venue's thread has the message: its own waking,
and the host's socket, are in the figure. Until the bytes were given to the connection is a row of its own: `checked_sent` as the gateway's
histogram has it (docs/latency.md). All stamps are of the host's one monotonic clock.

Checked before a figure is given: every request reached the venue once, in order; every KILL cancelled, and what came after it was refused.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.lanes.histogram_counts import Figures
from streams.records import CommandType
from tests.venues.ring_gateway_process import ProcessWorld, process_world

REQUESTS, GAP_NS = 500, 5_000_000
KILLS = 50
GOAL_US = 1_000


def play(world: ProcessWorld) -> tuple[Figures, np.ndarray, np.ndarray]:
    """Requests until they were sent; ns of each request, and of each KILL, until the venue had it."""
    world.spawn()
    world.request(px=990)
    world.until_now(lambda: len(world.told()) == 1)
    world.server.seen.clear()
    due_ns = time.monotonic_ns() + GAP_NS * np.arange(1, REQUESTS + 1)
    for due in due_ns.tolist():
        slots = world.prepared(due, px=990)
        while time.monotonic_ns() < due:
            time.sleep(max(0.0, (due - time.monotonic_ns() - 100_000) / 1e9))
        world.own.write(slots)
    world.until_now(lambda: len(world.server.seen) == REQUESTS)
    arrived = [cl_ord_id for op, cl_ord_id in world.venue.arrived if op == "NEW"]
    assert arrived == [world.cl_ord_id(n) for n in range(1, REQUESTS + 2)]
    took = np.array([came for _, came in world.server.seen]) - due_ns
    world.until_now(lambda: world.figures()["checked_sent"].count == REQUESTS + 1)
    return world.figures()["checked_sent"], took, np.array([_killed(world, n) for n in range(KILLS)])


def _killed(world: ProcessWorld, number: int) -> int:
    """ns of one KILL; then trading goes on."""
    time.sleep(0.005)
    world.server.seen.clear()
    began_ns = world.kill(sequence=2 * number + 1)
    world.until_now(lambda: "cancel_all" in [op for op, _ in world.server.seen])
    came_ns = next(came for op, came in world.server.seen if op == "cancel_all")
    refused = world.request(px=990)
    world.until_now(lambda: ("REJECT", refused, refused) in world.told())
    world.kill(CommandType.RESUME, sequence=2 * number + 2)
    return came_ns - began_ns


def measure() -> list[Claim]:
    """Three claims a wait policy."""
    claims = []
    for wait in ("sleep", "yield"):
        with (
            tempfile.TemporaryDirectory(dir="/dev/shm") as folder,
            pytest.MonkeyPatch.context() as patch,
            process_world(Path(folder), patch, wait) as world,
        ):
            sent, requests, kills = play(world)
        p50, p99 = sent.p50_ns / 1e3, sent.p99_ns / 1e3
        claims.append(_claim(f"request sent, wait {wait}, p50 of {sent.count:,} (p99 {p99:,.0f} us)", p50))
        p50, p99 = (float(q) / 1e3 for q in np.quantile(requests, (0.5, 0.99)))
        claims.append(_claim(f"request to the venue, wait {wait}, p50 of {len(requests):,} (p99 {p99:,.0f} us)", p50))
        p50, most = float(np.median(kills)) / 1e3, float(kills.max()) / 1e3
        claims.append(_claim(f"KILL to the venue, wait {wait}, p50 of {len(kills)} (most {most:,.0f} us)", p50))
    return claims


def _claim(text: str, p50_us: float) -> Claim:
    return Claim(text, p50_us, None, None, "us", "under 1,000 us", p50_us < GOAL_US)


if __name__ == "__main__":
    report("gateway", conditions(), measure)

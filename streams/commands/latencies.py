"""`millrace latencies`: what the orders of a run have met, for the simulation of the next one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from streams.config import endpoints
from streams.errors import ConfigError
from streams.lanes.control import read_control
from streams.lanes.order_latencies import Measured, read_order_latencies
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.topology.model import load
from streams.topology.source import nearest

__all__ = ["write_latencies"]


def write_latencies(path: str, run_number: int | None, venue: str, out: str, say: Callable[[str], None]) -> None:
    """Write the measured latencies of a run at a venue to a .npy file, and say what they are. run_number None: the last run; venue "": the
    only one. ConfigError for a venue that the topology has not."""
    topology, where = load(path), endpoints()
    if not venue and len(topology.venues) > 1:
        raise ConfigError(f"{path}: there are several venues; choose one with --venue: {', '.join(topology.venues)}")
    venue = venue or next(iter(topology.venues))
    if venue not in topology.venues:
        raise ConfigError(f"{path}: no venue {venue!r}{nearest(venue, topology.venues)}")
    if Path(out).suffix != ".npy":
        raise ConfigError(f"--out {out}: is no .npy file; write --out {Path(out).with_suffix('.npy')}")
    wire = Wire(SchemaIds(where.registry))
    control = read_control(where.kafka, wire)
    number = run_number if run_number is not None else control.last_run().run_number or 0
    found = read_order_latencies(where.kafka, wire, control, number, venue)
    try:
        np.save(out, found.rows)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror}") from None
    for line in _told(found, number, venue, out):
        say(line)


def _told(found: Measured, number: int, venue: str, out: str) -> list[str]:
    left = {"unanswered": found.unanswered, "answered before sent": found.backward, "of one moment": found.crossed}
    without = ", ".join(f"{count} {why}" for why, count in left.items() if count)
    lines = [
        f"run {number} {venue}: {found.requests} requests, {len(found.rows)} rows{f' (without {without})' if without else ''} in {out}"
    ]
    for name, taken in zip(("request to venue", "venue to answer"), np.diff(found.rows, axis=1).T, strict=True):
        p50, p99 = np.percentile(taken, (50, 99)) / 1e6
        lines.append(f"{name:<16}  p50 {p50:,.3f} ms   p99 {p99:,.3f} ms   most {taken.max() / 1e6:,.3f} ms")
    return [*lines, f"use:  --set 'venues.{venue}.simulation.order_latency={{recorded: {out}}}'"]

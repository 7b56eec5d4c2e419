"""What a benchmark says: claims with our figure, the peer's in the same run, and whether the goal was met. Used by every script here."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from time import perf_counter
from typing import Any

import structlog

__all__ = ["Claim", "conditions", "report", "seconds"]


@dataclass(frozen=True)
class Claim:
    """One claim. ratio: how much better ours is than the peer's (> 1 = better); goal: what is promised, in words; met: it held."""

    claim: str
    ours: float
    peer: float | None
    ratio: float | None
    unit: str
    goal: str
    met: bool


def conditions(**more: Any) -> dict[str, Any]:
    """The machine and the versions that the figures depend on."""
    cpu = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), cpu)
    found = {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "numba": version("numba"), "numpy": version("numpy")}
    return found | more


def seconds(run: Callable[[], Any], runs: int = 5) -> float:
    """Median wall seconds of a call over several runs."""
    times = []
    for _ in range(runs):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return statistics.median(times)


def report(name: str, where: dict[str, Any], measure: Callable[[], list[Claim]]) -> None:
    """Measure, then print: one JSON object with --json, else lines for people. Exit status 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=name)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what the measured code logs is no figure
    claims = measure()
    if as_json:
        print(json.dumps({"name": name, "conditions": where, "claims": [asdict(c) for c in claims]}))
    else:
        print(name, *(f"{k}={v!r}" for k, v in where.items()))
        for c in claims:
            peer = "" if c.peer is None else f"   peer {c.peer:,.4g}   ratio {c.ratio:,.2f}"
            print(f"{c.claim:<58} {c.ours:>12,.4g} {c.unit}{peer}   goal {c.goal}: {'met' if c.met else 'MISSED'}")
    raise SystemExit(0 if all(c.met for c in claims) else 1)

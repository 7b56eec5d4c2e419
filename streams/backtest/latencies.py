"""Latencies of a simulated venue as settings, and the structs they make."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streams.errors import ConfigError
from streams.trading.latency import CONSTANT, LOG_NORMAL, MAX_LATENCY_NS, RECORDED, Latency, VenueLatency

__all__ = ["Drawn", "LatencyModels", "make_latency", "read_latencies"]

_FEED, _ENTRY, _RESPONSE = range(3)  # their streams of random numbers


@dataclass(frozen=True)
class Drawn:
    """A log-normal latency: half are below the median, sigma is the standard deviation of the logarithm."""

    median_ns: int
    sigma: float


@dataclass(frozen=True)
class LatencyModels:
    """Latencies of one venue.

    feed            : of its market data: ns, drawn, or None: by the venue's own stamps
    entry, response : of our requests and of its answers: ns or drawn
    file            : measured latencies of requests and answers in the place of both; "" = none
    """

    feed: int | Drawn | None = None
    entry: int | Drawn = 10**6
    response: int | Drawn = 10**6
    file: str = ""

    def describe(self) -> dict[str, Any]:
        """For a manifest: plain values; a file by its rows and their hash, wherever it lies. ConfigError as `read_latencies`."""
        feed = "recorded" if self.feed is None else _told(self.feed)
        if self.file:
            rows = read_latencies(self.file)
            return {"feed": feed, "orders": {"rows": len(rows), "blake2b": hashlib.blake2b(rows.tobytes(), digest_size=16).hexdigest()}}
        return {"feed": feed, "entry": _told(self.entry), "response": _told(self.response)}


def make_latency(models: LatencyModels, instruments: int, seed: int) -> VenueLatency:
    """The latencies of a venue with so many rows. ConfigError for a file that cannot be read."""
    measured = read_latencies(models.file) if models.file else None
    made = VenueLatency({"instruments": instruments, "latencies": 1 if measured is None else len(measured)})
    made.feed.recorded = 1 if models.feed is None else 0
    _set(made.feed.latency, 0 if models.feed is None else models.feed, seed, _FEED)
    if measured is None:
        _set(made.entry, models.entry, seed, _ENTRY)
        _set(made.response, models.response, seed, _RESPONSE)
    else:
        _fill(made.entry, measured[:, 0], measured[:, 1] - measured[:, 0])
        _fill(made.response, measured[:, 1], measured[:, 2] - measured[:, 1])
    return made


def read_latencies(path: str | Path) -> np.ndarray:
    """Measured latencies, int64[n, 3]: when a request left us, when the venue had it, when its answer was with us, ns, all on our clock.

    A .npy file of that array, or of hftbacktest's rows (req_ts, exch_ts, resp_ts). ConfigError for one that holds something else, times
    that go back, or a negative latency.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError):  # numpy's words are about pickles
        raise ConfigError(f"{path}: is no .npy file of numbers; `millrace latencies` writes one") from None
    if found.dtype.names is not None and {"req_ts", "exch_ts", "resp_ts"} <= set(found.dtype.names):
        found = np.stack([found["req_ts"], found["exch_ts"], found["resp_ts"]], axis=1)
    if found.ndim != 2 or found.shape[1] != 3 or found.dtype != np.int64 or len(found) == 0:
        raise ConfigError(f"{path}: holds {found.dtype}{list(found.shape)}; int64[n, 3] is wanted, n > 0: request, venue, answer in ns")
    for name, bad in (
        ("a latency below 0 or beyond 60 s", (np.diff(found, axis=1) < 0).any(1) | (np.diff(found, axis=1) > MAX_LATENCY_NS).any(1)),
        ("a request at or before the one before it", np.r_[False, np.diff(found[:, 0]) <= 0]),
        ("a venue time at or before the one before it", np.r_[False, np.diff(found[:, 1]) <= 0]),
    ):
        if bad.any():
            raise ConfigError(f"{path}: row {int(np.argmax(bad))} has {name}; sort the rows and drop such ones")
    return found


def _set(latency: Latency, value: int | Drawn, seed: int, stream: int) -> None:
    latency.seed = seed * 4 + stream
    if isinstance(value, Drawn):
        latency.kind, latency.median_ns, latency.sigma = LOG_NORMAL, float(value.median_ns), value.sigma
    else:
        latency.kind, latency.constant_ns = CONSTANT, value


def _fill(latency: Latency, at_ns: np.ndarray, latency_ns: np.ndarray) -> None:
    latency.kind, latency.count = RECORDED, len(at_ns)
    for n, (at, ns) in enumerate(zip(at_ns.tolist(), latency_ns.tolist(), strict=True)):
        latency.points[n].at_ns, latency.points[n].latency_ns = at, ns


def _told(value: int | Drawn) -> Any:
    return {"median_ns": value.median_ns, "sigma": value.sigma} if isinstance(value, Drawn) else f"{value} ns"

"""The simulated venues of a backtest: their rules, models and memory, made from what a topology says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.backtest.latencies import LatencyModels, make_latency
from streams.records import Instrument
from streams.trading.latency import VenueLatency
from streams.trading.venue import SimVenue
from streams.trading.venue_models import VenueModels, make_venue

__all__ = ["Simulated", "VenueModel", "make_venues"]

_SIZES = {"orders": 1024, "executions": 64, "answers": 65536}  # small is fast; a node never sends an order id twice


@dataclass(frozen=True)
class Simulated:
    """How one venue is simulated."""

    models: VenueModels = field(default_factory=VenueModels)
    latencies: LatencyModels = field(default_factory=LatencyModels)
    seed: int = 1


@dataclass(frozen=True)
class VenueModel:
    """One simulated venue, set up: plain objects, which `pack` makes flat.

    number      : its place among the venues, from 0
    instruments : dictionary numbers that it trades; its rows are dictionary numbers
    venue       : books, orders and answers; rows that are not its own have no valid spec
    latency     : of its market data, our requests and its answers; `feed.offset_ns` is still 0
    """

    number: int
    name: str
    instruments: tuple[int, ...]
    venue: SimVenue
    latency: VenueLatency
    simulated: Simulated

    def describe(self) -> dict[str, Any]:
        """All models with their parameters and the seed, as plain values, for a manifest."""
        s = self.simulated
        return {"venue": self.name, "seed": s.seed, "latency": s.latencies.describe(), **s.models.describe()}


def make_venues(
    simulated: Mapping[str, Simulated],
    instruments: Sequence[Instrument],
    numbers: Mapping[str, int],
    sizes: Mapping[str, int] | None = None,
    seed: int | None = None,
) -> list[VenueModel]:
    """The venues in the order of `simulated`, empty, each with the instruments that name it.

    numbers : dictionary number of every instrument, by "venue:symbol"
    sizes   : of the venue's memory: window, far, orders, executions, answers
    seed    : in the place of the venues' own; each venue has its own random numbers all the same

    ConfigError for a file of latencies that cannot be read.
    """
    rows = 1 + max(numbers.values(), default=0)
    made = []
    for number, (name, said) in enumerate(simulated.items()):
        said = said if seed is None else Simulated(said.models, said.latencies, seed)
        own: list[Instrument | None] = [None] * rows
        for instrument in instruments:
            if instrument.venue == name:
                own[numbers[f"{name}:{instrument.symbol}"]] = instrument
        places = tuple(row for row, instrument in enumerate(own) if instrument is not None)
        venue = make_venue(said.models, own, {**_SIZES, **(sizes or {})})
        latency = make_latency(said.latencies, rows, said.seed * 64 + number)
        made.append(VenueModel(number, name, places, venue, latency, said))
    return made

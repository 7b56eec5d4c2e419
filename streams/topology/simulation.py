"""How a venue is simulated, as a topology says it: latencies, place in the queue, fills, impact, fee tiers. docs/simulation.md says which
model is too kind or too hard when.

    simulation:
      feed_latency: recorded                # or 2 ms, or {median: 2 ms, sigma: 0.5}
      order_latency: 1 ms                   # or {median, sigma}, or {entry: ..., response: ...}, or {recorded: FILE}
      queue: {model: power, exponent: 3}    # none, proportional, power, power2, power3, log, log2
      fills: partial                        # or whole
      impact: {model: square_root, coefficient: 0.8, volatility: 0.03, volume: 250000}
      fee_tiers:
        - {volume: 0, maker: 0.0002, taker: 0.0005}
        - {volume: 15000000, maker: 0.00016, taker: 0.0004}
      traded: 0                             # quote amount traded in the thirty days before
      seed: 1
"""

import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from streams.backtest.latencies import Drawn, LatencyModels
from streams.backtest.venue import Simulated
from streams.errors import UnitError
from streams.topology import quantity
from streams.topology.part import Part, exactly
from streams.trading.fee_tiers import MAX_FEE_TIERS
from streams.trading.latency import MAX_FEED_LATENCY_NS
from streams.trading.venue_models import VenueModels

__all__ = ["FeeTier", "Impact", "Queue", "Simulation", "latency"]

_UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
_LATENCY = re.compile(r"\s*(?P<value>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ns|us|ms|s)\s*")
_MAX_LATENCY_NS = 60 * 10**9
_FORMS = "write 250 us, or {median: 250 us, sigma: 0.5}"


def latency(value: object) -> int:
    """`250 us` in ns; UnitError for anything else, and beyond 60 s."""
    found = _LATENCY.fullmatch(str(value))
    ns = Decimal(found["value"]) * _UNITS_NS[found["unit"]] if found else Decimal(-1)
    if not 0 <= ns <= _MAX_LATENCY_NS or ns != ns.to_integral_value():
        raise UnitError(f"{value!r} is no latency; write 0 s to 60 s with one of {', '.join(_UNITS_NS)}, such as '250 us'")
    return int(ns)


def _latency_or_drawn(value: object) -> int | Drawn:
    if not isinstance(value, dict):
        return latency(value)
    if set(value) != {"median", "sigma"}:
        raise UnitError(f"has {', '.join(map(str, value)) or 'no keys'}; {_FORMS}")
    median_ns = latency(value["median"])
    if median_ns == 0:
        raise UnitError("median is 0; a drawn latency is more than that")
    return Drawn(median_ns, _number(value["sigma"], "0", "5"))


def _feed_latency(value: object) -> int | Drawn | None:
    found = None if value == "recorded" else _latency_or_drawn(value)
    typical_ns = found.median_ns if isinstance(found, Drawn) else found or 0
    if typical_ns > MAX_FEED_LATENCY_NS:
        raise UnitError(f"{value} is too long; a feed latency is {MAX_FEED_LATENCY_NS // 10**9} s at most")
    return found


def _order_latency(value: object) -> LatencyModels:
    keys = set(value) if isinstance(value, dict) else set()
    if isinstance(value, dict) and keys == {"recorded"}:
        if not isinstance(value["recorded"], str) or not value["recorded"]:
            raise UnitError("recorded: names no file; `docs/simulation.md` says what it holds")
        return LatencyModels(None, 0, 0, value["recorded"])
    if isinstance(value, dict) and keys == {"entry", "response"}:
        return LatencyModels(None, _latency_or_drawn(value["entry"]), _latency_or_drawn(value["response"]))
    if isinstance(value, dict) and keys != {"median", "sigma"}:
        raise UnitError(f"has {', '.join(map(str, value)) or 'no keys'}; {_FORMS}, or {{entry: ..., response: ...}}, or {{recorded: FILE}}")
    both = _latency_or_drawn(value)
    return LatencyModels(None, both, both)


def _number(value: object, low: str, high: str) -> float:
    try:
        number = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or not Decimal(low) <= number <= Decimal(high):
        raise UnitError(f"{value} is out of range; write a number from {low} to {high}")
    return float(number)


def _real(low: str, high: str) -> BeforeValidator:
    return exactly(lambda value: _number(value, low, high))


def _by_symbol(low: str, high: str) -> BeforeValidator:
    """A number for all instruments, or {SYMBOL: number}."""

    def convert(value: object) -> dict[str, float]:
        figures = value if isinstance(value, dict) else {"": value}
        return {str(symbol): _number(number, low, high) for symbol, number in figures.items()}

    return exactly(convert)


def _fee(value: object) -> int:
    found = quantity.signed_e9(value)
    if abs(found) >= 10**9:
        raise UnitError(f"{value} is no fraction of the notional; 0.0005 is 5 basis points")
    return found


def _volume(value: object) -> int:
    """A whole amount of quote currency x 10^6."""
    text = str(value).replace("_", "")
    if isinstance(value, bool) or not text.isdigit() or int(text) > 10**12:
        raise UnitError(f"{value!r} is no volume; write a whole amount of the quote currency from 0 to 10^12")
    return int(text) * 10**6


def _named(value: Any) -> Any:
    """`none` for {model: none}."""
    return {"model": value} if isinstance(value, str) else value


class Queue(Part):
    """Which cancellations are ahead of our orders."""

    model: Literal["none", "proportional", "power", "power2", "power3", "log", "log2"] = "none"
    exponent: Annotated[float, _real("0.01", "100")] = 3.0
    """Of power, power2 and power3."""


class Impact(Part):
    """How our own taking moves the price against us."""

    model: Literal["none", "square_root", "propagator"] = "none"
    coefficient: Annotated[float, _real("0", "1000")] = 1.0
    exponent: Annotated[float, _real("0.01", "2")] = 0.5
    """Of the size's share of the day's volume."""
    volatility: Annotated[dict[str, float], _by_symbol("0", "10")] = Field(default_factory=dict)
    """Of one day's return; 0.03 is 3 %."""
    volume: Annotated[dict[str, float], _by_symbol("0.000000001", "1e18")] = Field(default_factory=dict)
    """Of one day, in the base currency (contracts x multiplier)."""
    kernel: Literal["power", "exponential"] = "power"
    decay: Annotated[float, _real("0", "100")] = 0.5
    """propagator, power: what is left after t is (1 + t / timescale) ^ -decay."""
    timescale_ns: Annotated[int, exactly(quantity.duration_ns)] = Field(alias="timescale", default=10**9)
    """propagator: see decay; exponential: what is left after t is exp(-t / timescale)."""

    @model_validator(mode="after")
    def _complete(self) -> "Impact":
        if self.model != "none" and not (self.volatility and self.volume):
            raise ValueError("needs volatility (of one day's return) and volume (of one day), each a number or {SYMBOL: number}")
        return self


class FeeTier(Part):
    """Rates from a traded volume on."""

    volume_e6: Annotated[int, exactly(_volume)] = Field(alias="volume")
    maker_e9: Annotated[int, exactly(_fee)] = Field(alias="maker")
    taker_e9: Annotated[int, exactly(_fee)] = Field(alias="taker")


class Simulation(Part):
    """All of it. Without a word: queue none, fills partial, no impact, the instruments' own fees; orders take 1 ms each way."""

    feed_latency: Annotated[int | Drawn | None, exactly(_feed_latency)] = None
    """None: by the venue's own stamps."""
    order_latency: Annotated[LatencyModels, exactly(_order_latency)] = LatencyModels()
    queue: Annotated[Queue, BeforeValidator(_named)] = Queue()
    fills: Literal["partial", "whole"] = "partial"
    impact: Annotated[Impact, BeforeValidator(_named)] = Impact()
    fee_tiers: tuple[FeeTier, ...] = Field(default=(), max_length=MAX_FEE_TIERS)
    traded_e6: Annotated[int, exactly(_volume)] = Field(alias="traded", default=0)
    seed: Annotated[int, exactly(quantity.count)] = 1

    @model_validator(mode="after")
    def _rising(self) -> "Simulation":
        volumes = [tier.volume_e6 for tier in self.fee_tiers]
        if volumes and (volumes[0] != 0 or any(a >= b for a, b in pairwise(volumes))):
            raise ValueError("fee_tiers: volumes must rise from 0, the first tier is everybody's")
        return self

    def simulated(self) -> Simulated:
        """The same as those who simulate take it."""
        i = self.impact
        models = VenueModels(
            queue=self.queue.model,
            exponent=self.queue.exponent,
            fills=self.fills,
            impact=i.model,
            coefficient=i.coefficient,
            impact_exponent=i.exponent,
            volatility=i.volatility,
            volume=i.volume,
            kernel=i.kernel,
            decay=i.decay,
            timescale_ns=i.timescale_ns,
            fee_tiers=tuple((tier.volume_e6, tier.maker_e9, tier.taker_e9) for tier in self.fee_tiers),
            traded_e6=self.traded_e6,
        )
        return Simulated(models, replace(self.order_latency, feed=self.feed_latency), self.seed)

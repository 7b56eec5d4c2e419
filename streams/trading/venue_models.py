"""How a simulated venue fills and charges, as settings, and their way into a SimVenue."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from streams.errors import ConfigError
from streams.records import Instrument, InstrumentType
from streams.schema import units
from streams.trading.contract import money_per_tick_lot
from streams.trading.impact import IMPACTS, KERNELS, Impact
from streams.trading.queue_model import QUEUE_MODELS
from streams.trading.venue import SimVenue

__all__ = ["VENUE_SIZES", "VenueModels", "make_venue"]

VENUE_SIZES = {"window": 4096, "far": 8192, "orders": 1024, "executions": 1024, "answers": 16384}


@dataclass(frozen=True)
class VenueModels:
    """Queue, fill, impact and fee models of one venue; docs/simulation.md.

    queue      : "none", "proportional", "power", "power2", "power3", "log" or "log2"; exponent: of the powers
    fills      : "partial" or "whole"
    impact     : "none", "square_root" or "propagator"; coefficient, impact_exponent, volatility and volume (of one day, by symbol, "" = of
                 all others), kernel ("power" or "exponential"), decay and timescale_ns: see streams/trading/impact.py
    fee_tiers  : (volume x 10^6, maker x 10^9, taker x 10^9), volumes rising from 0; () = the instruments' own fees
    traded_e6  : quote amount traded before, x 10^6
    """

    queue: str = "none"
    exponent: float = 3.0
    fills: str = "partial"
    impact: str = "none"
    coefficient: float = 1.0
    impact_exponent: float = 0.5
    volatility: Mapping[str, float] = field(default_factory=dict)
    volume: Mapping[str, float] = field(default_factory=dict)
    kernel: str = "power"
    decay: float = 0.5
    timescale_ns: int = 10**9
    fee_tiers: tuple[tuple[int, int, int], ...] = ()
    traded_e6: int = 0

    def describe(self) -> dict[str, Any]:
        """Plain values, for a manifest or a log; `read` takes them."""
        return asdict(self)

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> "VenueModels":
        """The models that `describe` told."""
        tiers = tuple((int(a), int(b), int(c)) for a, b, c in described.get("fee_tiers", ()))
        return cls(**{**described, "fee_tiers": tiers})


def make_venue(models: VenueModels, instruments: Sequence[Instrument | None], sizes: Mapping[str, int] | None = None) -> SimVenue:
    """A venue that is set up and trades the instruments by their places; None = that row is not traded here."""
    n = len(instruments)
    venue = SimVenue({**VENUE_SIZES, **(sizes or {}), "instruments": n, "order_lists": 3 * n})
    venue.setup()
    for row, instrument in enumerate(instruments):
        if instrument is not None:
            _set_spec(venue, row, instrument)
            _set_impact(venue.impacts[row], models, instrument)
    venue.queue_model, venue.queue_exponent = QUEUE_MODELS[models.queue], models.exponent
    venue.whole, venue.impacted = int(models.fills == "whole"), int(models.impact != "none")
    venue.tiers.count, venue.tiers.total_e6 = len(models.fee_tiers), models.traded_e6
    for n, figures in enumerate(models.fee_tiers):
        tier = venue.tiers.tiers[n]
        tier.volume_e6, tier.maker_e9, tier.taker_e9 = figures
    return venue


def _set_spec(venue: SimVenue, row: int, i: Instrument) -> None:
    """The kernel's view of an instrument."""
    spec = venue.specs[row]
    spec.instrument = row
    spec.tick_e9, spec.lot_e9, spec.multiplier_e9 = i.tick_e9, i.lot_e9, i.multiplier_e9
    if i.instrument_type != InstrumentType.INVERSE:  # there is a book of it, but orders for it are refused: `plan` says why
        spec.valid = 1
        spec.money_per_tick_lot = money_per_tick_lot(i.tick_e9, i.lot_e9, i.multiplier_e9, i.money_scale, int(i.instrument_type))
    spec.min_qty_lots = -(-i.min_qty_e9 // i.lot_e9)
    spec.max_qty_lots = i.max_qty_e9 // i.lot_e9
    spec.min_notional = units.money_from_decimal(i.min_notional, i.money_scale)
    spec.fees.maker_e9, spec.fees.taker_e9, spec.fees.rounding = i.maker_fee_e9, i.taker_fee_e9, int(i.fee_rounding)
    venue.lot_base[row] = i.lot_e9 * i.multiplier_e9 / 1e18
    venue.volume_unit[row] = 10 ** (i.money_scale - 6) if i.money_scale >= 6 else -(10 ** (6 - i.money_scale))


def _set_impact(impact: Impact, models: VenueModels, i: Instrument) -> None:
    """ConfigError where the models know no figures of the instrument."""
    if models.impact == "none":
        return
    found = []
    for name, figures in (("volatility", models.volatility), ("volume", models.volume)):
        value = figures.get(i.symbol, figures.get(""))
        if value is None:
            raise ConfigError(f"venue {i.venue}: impact.{name} has no {i.symbol}; add it: {{{i.symbol}: ...}}")
        found.append(value)
    impact.model, impact.kernel = IMPACTS[models.impact], KERNELS[models.kernel]
    impact.strength, impact.exponent = models.coefficient * found[0], models.impact_exponent
    impact.day_lots = found[1] / (i.lot_e9 * i.multiplier_e9 / 1e18)
    impact.decay, impact.timescale_ns = models.decay, float(models.timescale_ns)

"""Tables 1 to 3 of Avellaneda and Stoikov 2008, and the simulation behind them with the strategy's own formulas.

M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008) 217-224, section 3.3 and
pp. 222-223. An earlier draft (2006) quotes other spreads and a gamma of 0.5 in its third table; these are the published ones.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from streams.strategies.avellaneda_stoikov import quoted_spread, reservation_px

__all__ = ["PUBLISHED", "PUBLISHED_PATHS", "Figures", "deviations", "simulate"]

START, LENGTH, STEP = 100.0, 1.0, 0.005  # s, T, dt
SIGMA, K, A = 2.0, 1.5, 140.0
PUBLISHED_PATHS = 1000


class Figures(NamedTuple):
    """One row of a table. Profit in price units, final q in units held."""

    spread: float
    profit: float
    profit_std: float
    final_q: float
    final_q_std: float


PUBLISHED = {
    (0.1, "inventory"): Figures(1.49, 65.0, 6.6, 0.08, 2.9),
    (0.1, "symmetric"): Figures(1.49, 68.4, 12.7, 0.26, 8.4),
    (0.01, "inventory"): Figures(1.35, 68.6, 8.7, 0.12, 5.1),
    (0.01, "symmetric"): Figures(1.35, 68.8, 12.8, 0.09, 8.7),
    (1.0, "inventory"): Figures(3.02, 31.4, 5.0, 0.02, 1.7),
    (1.0, "symmetric"): Figures(3.02, 44.0, 11.0, 0.00, 5.1),
}
"""(gamma, strategy) -> the published row."""

_ROUNDED = Figures(0.005, 0.05, 0.05, 0.005, 0.05)  # half of the last digit that was printed


def simulate(gamma: float, strategy: str, paths: int, seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Average spread, and profit and final inventory of every path.

    As section 3.3 says: quotes are hit "with probability lambda dt" (A dt = 0.7, so this is not what a Poisson process would give), then
    the mid moves by sigma sqrt(dt) up or down. The symmetric strategy quotes the average spread around the mid.
    """
    return _simulate(seed, paths, gamma, strategy == "inventory")


def deviations(ours: tuple[float, np.ndarray, np.ndarray], published: Figures) -> dict[str, float]:
    """How many standard errors lie between our figures and the published ones, both taken as samples of the same law.

    The error of a mean is std / sqrt(n), that of a deviation std sqrt((kurtosis - 1) / 4 n); those of both samples are added in
    quadrature, and half a printed digit is taken off the difference. The average spread is not sampled: 0 where it is the printed one (the
    mean over the beginnings of the steps lies gamma sigma^2 dt / 2 <= 0.01 above that over time), else infinity.
    """
    spread, *samples = ours
    found = {"spread": 0.0 if abs(spread - published.spread) <= 0.015 else math.inf}
    for name, sample in zip(("profit", "final_q"), samples, strict=True):
        std = float(sample.std(ddof=1))
        kurtosis = float(((sample - sample.mean()) ** 4).mean()) / std**4
        both = 1 / len(sample) + 1 / PUBLISHED_PATHS
        for figure, value, error in (
            (name, float(sample.mean()), std * math.sqrt(both)),
            (f"{name}_std", std, std * math.sqrt((kurtosis - 1) / 4 * both)),
        ):
            apart = abs(value - getattr(published, figure)) - getattr(_ROUNDED, figure)
            found[figure] = max(0.0, apart) / error
    return found


_reservation = numba.njit(reservation_px)
_spread = numba.njit(quoted_spread)


@numba.njit
def _simulate(seed, paths, gamma, leans):
    np.random.seed(seed)
    steps = round(LENGTH / STEP)
    average = 0.0
    for i in range(steps):
        average += _spread(gamma, K, SIGMA * SIGMA, LENGTH - i * STEP) / steps
    profit, final_q = np.zeros(paths), np.zeros(paths)
    for path in range(paths):
        mid, q, cash = START, 0, 0.0
        for i in range(steps):
            left = LENGTH - i * STEP
            centre = _reservation(mid, q, gamma, SIGMA * SIGMA, left) if leans else mid
            half = (_spread(gamma, K, SIGMA * SIGMA, left) if leans else average) / 2
            ask, bid = centre + half, centre - half
            if np.random.random() < A * math.exp(-K * (ask - mid)) * STEP:
                q, cash = q - 1, cash + ask
            if np.random.random() < A * math.exp(-K * (mid - bid)) * STEP:
                q, cash = q + 1, cash - bid
            mid += SIGMA * math.sqrt(STEP) * (1 if np.random.random() < 0.5 else -1)
        profit[path], final_q[path] = cash + q * mid, q
    return average, profit, final_q

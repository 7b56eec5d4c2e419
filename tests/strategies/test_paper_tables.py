"""The quoting formulas against what their papers say: Avellaneda-Stoikov's tables, and the exact optimum behind the closed form of GLFT."""

import math

import numba
import numpy as np
import pytest

from streams.strategies.avellaneda_stoikov import quoted_spread, reservation_px
from streams.strategies.glft import inventory_step
from tests.strategies.paper_tables import PUBLISHED, deviations, simulate

PATHS, SEED = 1_000 if numba.config.DISABLE_JIT else 20_000, 2008
# 24 sampled figures: if all came from one law, the largest of 24 normal deviations exceeds 3.5 in 1 % of all tables
LIMIT = 3.5


@pytest.mark.slow
@pytest.mark.parametrize(("gamma", "strategy"), list(PUBLISHED))
def test_tables_1_to_3_lie_within_the_sampling_error_of_both_samples(gamma, strategy):
    found = deviations(simulate(gamma, strategy, PATHS, SEED), PUBLISHED[gamma, strategy])
    assert max(found.values()) <= LIMIT, found


@pytest.mark.slow
def test_tables_are_told_apart_from_those_of_the_draft():
    """The criterion is sharp: the figures of the draft of 2006 (62.94, 5.89, 0.10, 2.80 for gamma 0.1) do not pass it."""
    draft = PUBLISHED[0.1, "inventory"]._replace(profit=62.94, profit_std=5.89, final_q=0.10, final_q_std=2.80)
    found = deviations(simulate(0.1, "inventory", PATHS, SEED), draft)
    assert found["profit"] > LIMIT


@pytest.mark.parametrize(("gamma", "printed"), [(0.1, 1.49), (0.01, 1.35), (1.0, 3.02)])
def test_spread_averaged_over_the_session_is_the_printed_one(gamma, printed):
    steps = [quoted_spread(gamma, 1.5, 4.0, 1 - i / 200) for i in range(200)]
    assert sum(steps) / 200 == pytest.approx(printed, abs=0.015)


def test_reservation_price_of_a_long_position_lies_below_the_mid():
    assert reservation_px(100.0, 5, 0.1, 4.0, 1.0) == pytest.approx(98.0)
    assert reservation_px(100.0, 5, 0.1, 4.0, 0.0) == 100.0
    assert reservation_px(100.0, -5, 0.1, 4.0, 0.5) == pytest.approx(101.0)


def exact_distances(sigma: float, arrival: float, k: float, gamma: float, most: int) -> dict[int, tuple[float, float]]:
    """Inventory -> long-run optimal distances of bid and ask (theorem 2 of the paper), from the matrix's smallest eigenvalue."""
    eta = arrival * (1 + gamma / k) ** -(1 + k / gamma)
    inventories = np.arange(-most, most + 1)
    matrix = np.diag(k / 2 * gamma * sigma**2 * inventories**2) - eta * (np.eye(2 * most + 1, k=1) + np.eye(2 * most + 1, k=-1))
    first = abs(np.linalg.eigh(matrix)[1][:, 0])
    base = math.log(1 + gamma / k) / gamma
    f = dict(zip(inventories.tolist(), first.tolist(), strict=True))
    return {q: (base + math.log(f[q] / f[q + 1]) / k, base + math.log(f[q] / f[q - 1]) / k) for q in range(1 - most, most)}


# the two sets of figures 4 and 5 of the paper: ticks, seconds; and the error of the closed form for small inventories, ticks
@pytest.mark.parametrize(("sigma", "arrival", "error"), [(0.4, 0.9, 0.01), (1.0, 0.2, 0.12)])
def test_glft_closed_form_is_close_to_the_exact_optimum_for_small_inventories(sigma, arrival, error):
    k, gamma = 0.3, 0.01
    exact = exact_distances(sigma, arrival, k, gamma, 30)
    step = inventory_step(gamma, k, sigma * sigma, arrival)
    base = math.log(1 + gamma / k) / gamma
    for q in range(-3, 4):
        closed = (base + (1 + 2 * q) / 2 * step, base + (1 - 2 * q) / 2 * step)
        assert closed == pytest.approx(exact[q], abs=error)
    assert step > 2 * error

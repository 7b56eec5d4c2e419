"""Tables 1 to 3 of Avellaneda and Stoikov 2008, with the quoting formulas of the strategy that ships.

The goal of each is the published figure: both lie within the sampling error of 1000 published and 20,000 own paths.
"""

import sys
from pathlib import Path

from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.strategies.paper_tables import PUBLISHED, deviations, simulate

PATHS, SEED, LIMIT = 20_000, 2008, 3.5


def measure() -> list[Claim]:
    """Four claims a row: mean and deviation of the profit and of the final inventory."""
    claims = []
    for (gamma, strategy), published in PUBLISHED.items():
        spread, profit, final_q = simulate(gamma, strategy, PATHS, SEED)
        apart = deviations((spread, profit, final_q), published)
        figures = {"profit": profit.mean(), "profit_std": profit.std(ddof=1), "final_q": final_q.mean(), "final_q_std": final_q.std(ddof=1)}
        for name, ours in figures.items():
            goal = f"{getattr(published, name):g} within {LIMIT} standard errors, is {apart[name]:.1f} off"
            met = apart[name] <= LIMIT and apart["spread"] <= LIMIT
            claims.append(Claim(f"{strategy}, gamma {gamma:g}: {name}", float(ours), None, None, "", goal, met))
    return claims


if __name__ == "__main__":
    report("avellaneda_stoikov", conditions(paths=PATHS, seed=SEED), measure)

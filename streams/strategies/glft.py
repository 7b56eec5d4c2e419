"""Guéant-Lehalle-Fernandez-Tapia market maker: Avellaneda-Stoikov's problem solved for a market that does not close."""

import math

from streams.strategies.avellaneda_stoikov import AvellanedaStoikov

__all__ = ["GueantLehalleFernandezTapia", "inventory_step"]


def inventory_step(gamma: float, k: float, variance: float, arrival: float) -> float:
    """How far one unit of inventory moves both quotes, in the unit of the mid. gamma, k, arrival > 0, variance >= 0.

    Guéant, Lehalle and Fernandez-Tapia 2013: sqrt(sigma^2 gamma / (2 k A) (1 + gamma / k)^(1 + k / gamma)). variance: sigma^2,
    price^2 / time; arrival: A, orders a side that reach the mid, 1 / the same time.
    """
    power = math.exp((1.0 + k / gamma) * math.log(1.0 + gamma / k))
    return math.sqrt(variance * gamma / (2.0 * k * arrival) * power)


class GueantLehalleFernandezTapia(AvellanedaStoikov):
    """Quote at the long-run optimum of Avellaneda and Stoikov's problem, in closed form.

    Guéant, Lehalle and Fernandez-Tapia, "Dealing with the inventory risk: a solution to the market making problem", Mathematics and
    Financial Economics 7 (2013), section 4: for T to infinity the distances of bid and ask from the mid approach
    1 / gamma ln(1 + gamma / k) + (1 + 2 q) / 2 step and 1 / gamma ln(1 + gamma / k) + (1 - 2 q) / 2 step, with `inventory_step`. So the
    quotes lie step + 2 / gamma ln(1 + gamma / k) apart around s - q step: no horizon to choose, but the rate of arrivals to know.

    gamma, k, tau_s, size_lots, limit_lots, requote_ticks : as in AvellanedaStoikov; horizon_s is not used
    arrival_per_s : A, orders a side and second that reach the mid, > 0
    """

    arrival_per_s: float = 1.0

    def reservation_ticks(self, mid_ticks: float, inventory: float) -> float:
        return mid_ticks - inventory * inventory_step(self.gamma, self.k, self.variance, self.arrival_per_s)

    def spread_ticks(self) -> float:
        step = inventory_step(self.gamma, self.k, self.variance, self.arrival_per_s)
        return step + 2.0 / self.gamma * math.log(1.0 + self.gamma / self.k)

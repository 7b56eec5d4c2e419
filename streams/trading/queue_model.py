"""Where our order stands among the orders of others at its price, when only sums are published: how cancellations are shared.

A level that shrinks by more than has traded there lost lots to cancellations. `behind_share` is the part of them that a model puts behind
us. The models are those of hftbacktest (models/queue.rs: ProbQueueModel, PowerProbQueueFunc, -2, -3, LogProbQueueFunc, -2), after
https://quant.stackexchange.com/questions/3782 and Rigtorp, "Estimating order queue position" (2013). With f the model's function:

    PROPORTIONAL   back / (back + front): every lot is as likely to go
    POWER, LOG     f(back) / (f(back) + f(front))
    POWER_2, LOG_2 f(back) / f(back + front)
    POWER_3        1 - f(front / (front + back))

f is x ** exponent of the powers and log(1 + x) of the logs, which count in the base quantity, not in lots.
"""

import math

from streams.kernel import Struct

__all__ = [
    "EXACT",
    "LOG",
    "LOG_2",
    "NONE_AHEAD",
    "POWER",
    "POWER_2",
    "POWER_3",
    "PROPORTIONAL",
    "QUEUE_MODELS",
    "QueuePlace",
    "behind_share",
]

NONE_AHEAD: int = 0  # no cancellation is ahead of us
PROPORTIONAL: int = 1
POWER: int = 2
POWER_2: int = 3
POWER_3: int = 4
LOG: int = 5
LOG_2: int = 6
EXACT: int = 7  # the feed has every order: streams/trading/venue_l3.py moves us

QUEUE_MODELS = {
    "none": NONE_AHEAD,
    "proportional": PROPORTIONAL,
    "power": POWER,
    "power2": POWER_2,
    "power3": POWER_3,
    "log": LOG,
    "log2": LOG_2,
}


class QueuePlace(Struct):
    """An estimate of what lies ahead of a resting order.

    front_lots  : lots ahead, in parts of a lot too
    traded_lots : traded at its price since its level last changed
    joined      : EXACT: when it joined, counted over all orders of the market and ours
    """

    front_lots: float
    traded_lots: int
    joined: int

    def start(self, ahead_lots: int) -> None:
        """A new place behind so many lots."""
        self.front_lots = float(ahead_lots)
        self.traded_lots = 0

    def trade(self, qty_lots: int) -> None:
        """So much traded at its price."""
        self.front_lots -= float(qty_lots)
        self.traded_lots += qty_lots

    def level(self, before_lots: int, after_lots: int, model: int, exponent: float, lot: float) -> None:
        """The level changed. What traded since the last change is part of the difference; the rest was cancelled, or came behind us.

        lot: base quantity of a lot. As ProbQueueModel::depth, but that nothing ahead means that all cancellations are behind.
        """
        change = float(before_lots - after_lots - self.traded_lots)
        self.traded_lots = 0
        front = max(self.front_lots, 0.0)
        if change > 0.0:
            back = float(before_lots) - front
            share = behind_share(model, exponent, front * lot, max(back, 0.0) * lot)
            front += min(back - share * change, 0.0) - (1.0 - share) * change
        self.front_lots = max(0.0, min(front, float(after_lots)))

    def limit(self, qty_lots: int) -> None:
        """No more can be ahead than its level holds."""
        self.front_lots = min(self.front_lots, float(qty_lots))

    def ahead_lots(self) -> int:
        """Whole lots that must trade before it, the nearest number to the estimate, of two the smaller: as ProbQueueModel::is_filled."""
        return max(0, math.ceil(self.front_lots - 0.5))


def behind_share(model: int, exponent: float, front: float, back: float) -> float:
    """Part of the cancellations at our price that are behind us, 0 to 1; 1 where nothing is ahead. front, back >= 0."""
    if front <= 0.0:
        return 1.0
    if model == PROPORTIONAL:
        return back / (back + front)
    if model == POWER_3:
        return 1.0 - math.pow(front / (front + back), exponent)
    logs = model == LOG or model == LOG_2
    f_back = math.log(1.0 + back) if logs else math.pow(back, exponent)
    if model == POWER or model == LOG:
        other = f_back + (math.log(1.0 + front) if logs else math.pow(front, exponent))
    else:
        other = math.log(1.0 + back + front) if logs else math.pow(back + front, exponent)
    return f_back / other

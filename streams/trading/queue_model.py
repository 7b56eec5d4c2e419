"""Where our order stands among the orders of others at its price, when only sums are published: how cancellations are shared.

A level that shrinks by more than has traded there lost lots to cancellations. `behind_share` is the part of them that a model puts behind
us. The models are those of hftbacktest (models/queue.rs: ProbQueueModel, PowerProbQueueFunc, -2, -3, LogProbQueueFunc, -2), after
https://quant.stackexchange.com/questions/3782 and Rigtorp, "Estimating order queue position" (2013). With f the model's function:

    PROPORTIONAL   back / (back + front): every lot is as likely to go
    POWER, LOG     f(back) / (f(back) + f(front))
    POWER_2, LOG_2 f(back) / f(back + front)
    POWER_3        1 - f(front / (front + back))

f is x ** exponent of the powers and log(1 + x) of the logs, which count in the base quantity, not in lots.

All of it is hftbacktest's at whole exponents, fill by fill (benchmarks/replay_queues.py), also where it is odd. An order may have less than
nothing ahead, since half a lot is rounded and since more cancellations can be put ahead of it than there are lots; f is applied to that
too, so that power2 may put it back a little. Where f has no value there (a fraction as the exponent of power and power3, log beyond one
base unit) the order stands at the end of its level.
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
    """An estimate of what lies ahead of a resting order, in the base quantity, as hftbacktest counts: half a lot is rounded as there.

    front  : what lies ahead; below 0 when more was put ahead of the order, or traded, than lay there, and it has not been reached
    traded : traded at its price since its level last changed
    joined : EXACT: when it joined, counted over all orders of the market and ours
    """

    front: float
    traded: float
    joined: int

    def start(self, ahead: float) -> None:
        """A new place behind so much."""
        self.front = ahead
        self.traded = 0.0

    def trade(self, qty: float) -> None:
        """So much traded at its price."""
        self.front -= qty
        self.traded += qty

    def reach(self) -> None:
        """A trade reached the order: nothing is ahead."""
        self.front = 0.0

    def level(self, before: float, after: float, model: int, exponent: float) -> None:
        """The level changed. What traded since the last change is part of the difference; the rest was cancelled, or came behind us.

        As ProbQueueModel::depth.
        """
        change = before - after - self.traded
        self.traded = 0.0
        front = self.front
        if change >= 0.0 and not has_value(model, exponent, front):
            front = after
        elif change > 0.0:
            back = before - front
            share = behind_share(model, exponent, front, max(back, 0.0))
            front = front - (1.0 - share) * change + min(back - share * change, 0.0)
        self.front = min(front, after)

    def limit(self, ahead: float) -> None:
        """No more can be ahead than its level holds."""
        self.front = min(self.front, ahead)

    def ahead_lots(self, lot: float) -> int:
        """Whole lots that must trade before it, the nearest number to the estimate, of two the smaller; below 0: what of a trade is left
        for it. As ProbQueueModel::is_filled."""
        lots = self.front / lot
        below = math.floor(lots)
        return below if lots - below <= 0.5 else below + 1


def has_value(model: int, exponent: float, front: float) -> bool:
    """Whether a model says what is behind an order that has so much ahead."""
    if front >= 0.0:
        return True
    if model == LOG:
        return front > -1.0
    return (model != POWER and model != POWER_3) or math.floor(exponent) == exponent


def behind_share(model: int, exponent: float, front: float, back: float) -> float:
    """Part of the cancellations at our price that are behind us: 1 where nothing is ahead, 0 to 1 where something is; where less than
    nothing is, what the function gives. back >= 0."""
    if front == 0.0:
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
    return f_back / other if other != 0.0 else 1.0

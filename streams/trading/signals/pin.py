"""PIN: the probability of informed trading, from counts of buys and sells a day, by maximum likelihood."""

import math

from streams.kernel import Array, Struct
from streams.trading.codes import BUY

__all__ = ["MAX_DAYS", "Pin"]

MAX_DAYS = 256
_GRID = 5  # Yan and Zhang's grid: 0.1, 0.3, 0.5, 0.7, 0.9 for each of three starts
_PLAIN_START = 102  # alpha 0.5, delta 0.1, eps_b 0.9 of the buys: where the grid has no start that leaves sells for the uninformed
_SCREEN = 8  # steps that each start gets before the best one goes on
_STEPS = 5000
_SETTLED = 1e-12


class Pin(Struct):
    """PIN of the last `window` days, a day being any period of `day_ns`.

    Easley, Kiefer, O'Hara and Paperman, "Liquidity, information, and infrequently traded stocks", Journal of Finance 51 (1996), with two
    uninformed rates as in Easley, Hvidkjaer and O'Hara, Journal of Finance 57 (2002). A day has news with probability
    alpha, bad news with probability delta of those; uninformed buys and sells are Poisson with eps_b, eps_s, the informed add mu to sells
    on bad news and to buys on good news. The likelihood of a day with B buys and S sells is

        (1 - alpha) f(B; eps_b) f(S; eps_s) + alpha delta f(B; eps_b) f(S; mu + eps_s) + alpha (1 - delta) f(B; mu + eps_b) f(S; eps_s)

    and PIN = alpha mu / (alpha mu + eps_b + eps_s). The log-likelihood leaves out B! and S!, which no parameter changes, and takes the
    largest term out of the sum, so that busy days do not overflow (Lin and Ke, Journal of Financial Markets 14, 2011).

    `fit` maximises it by expectation-maximisation (Dempster, Laird and Rubin 1977: no step lowers the likelihood): the kind of each day,
    and which of its trades were informed, are the missing data. It starts from the grid of Yan and Zhang, Journal of Banking and Finance
    36 (2012). A fit takes milliseconds: call it once a day, not in a hot callback.
    """

    window: int = MAX_DAYS
    day_ns: int = 86_400_000_000_000
    day: int = -1
    open_buys: int
    open_sells: int
    count: int
    next: int
    fitted: int
    steps: int
    alpha: float
    delta: float
    mu: float
    eps_b: float
    eps_s: float
    log_likelihood: float
    buys: Array[int, 256]
    sells: Array[int, 256]

    def setup(self, window: int, day_ns: int) -> int:
        """Set the number of days, 2..MAX_DAYS, and their length, and begin anew; 1, or 0 where one is out of range."""
        if window < 2 or window > MAX_DAYS or day_ns < 1:
            return 0
        self.window = window
        self.day_ns = day_ns
        self.day = -1
        self.open_buys = 0
        self.open_sells = 0
        self.count = 0
        self.next = 0
        self.fitted = 0
        return 1

    def update(self, side: int, now_ns: int) -> bool:
        """Count a trade, side of the taker; True where it is the first of a new day and the day before has been added. now_ns >= 0."""
        day = now_ns // self.day_ns
        ended = self.day >= 0 and day > self.day
        if ended:
            self.push(self.open_buys, self.open_sells)
            self.open_buys = 0
            self.open_sells = 0
        self.day = max(day, self.day)
        if side == BUY:
            self.open_buys += 1
        else:
            self.open_sells += 1
        return ended

    def push(self, buys: int, sells: int) -> None:
        """Add a day; the oldest leaves where the window is full."""
        self.buys[self.next] = buys
        self.sells[self.next] = sells
        self.next = self.next + 1 if self.next + 1 < self.window else 0
        self.count = min(self.count + 1, self.window)

    def ready(self) -> bool:
        """A fit has succeeded over a full window."""
        return self.fitted == 1 and self.count == self.window

    def pin(self) -> float:
        """alpha mu / (alpha mu + eps_b + eps_s) of the last fit, 0 to 1; 0 before."""
        informed = self.alpha * self.mu
        return informed / (informed + self.eps_b + self.eps_s) if self.fitted == 1 else 0.0

    def fit(self) -> int:
        """Find the parameters of the days held; 1, or 0 with fewer than two days or without both buys and sells: nothing changes then."""
        mean_buys, mean_sells = self.means()
        if self.count < 2 or mean_buys == 0.0 or mean_sells == 0.0:
            return 0
        best = self.best_start(mean_buys, mean_sells)
        self.start(best if best >= 0 else _PLAIN_START, mean_buys, mean_sells)
        self.steps = 0
        last = self.step()
        for _ in range(_STEPS):
            self.steps += 1
            found = self.step()
            if found - last <= _SETTLED * abs(found):
                break
            last = found
        self.log_likelihood = self.likelihood(self.alpha, self.delta, self.mu, self.eps_b, self.eps_s)
        self.fitted = 1
        return 1

    def means(self) -> tuple[float, float]:
        """Mean buys and sells a day; zeros without days."""
        buys = 0
        sells = 0
        for i in range(self.count):
            buys += self.buys[i]
            sells += self.sells[i]
        days = max(self.count, 1)
        return buys / days, sells / days

    def best_start(self, mean_buys: float, mean_sells: float) -> int:
        """Number of the start whose likelihood is highest after a few steps, -1 where none has sells left for the uninformed."""
        best = -1
        highest = 0.0
        for number in range(_GRID * _GRID * _GRID):
            if self.start(number, mean_buys, mean_sells) == 0:
                continue
            for _ in range(_SCREEN):
                self.step()
            found = self.likelihood(self.alpha, self.delta, self.mu, self.eps_b, self.eps_s)
            if best < 0 or found > highest:
                best = number
                highest = found
        return best

    def start(self, number: int, mean_buys: float, mean_sells: float) -> int:
        """Take a point of the grid that fits the means; 1, or 0 where no sells were left for the uninformed and they got a tenth."""
        self.alpha = 0.1 + 0.2 * (number % _GRID)
        self.delta = 0.1 + 0.2 * (number // _GRID % _GRID)
        self.eps_b = (0.1 + 0.2 * (number // (_GRID * _GRID))) * mean_buys
        self.mu = (mean_buys - self.eps_b) / (self.alpha * (1.0 - self.delta))
        self.eps_s = mean_sells - self.alpha * self.delta * self.mu
        if self.eps_s > 0.0:
            return 1
        self.eps_s = 0.1 * mean_sells
        return 0

    def step(self) -> float:
        """One step of expectation and maximisation; the log-likelihood of the parameters before it."""
        total = 0.0
        bad_days = 0.0
        good_days = 0.0
        informed = 0.0
        free_buys = 0.0
        free_sells = 0.0
        informed_buys = self.mu / (self.mu + self.eps_b)
        informed_sells = self.mu / (self.mu + self.eps_s)
        log_b = math.log(self.eps_b)
        log_s = math.log(self.eps_s)
        lift_b = math.log1p(self.mu / self.eps_b)
        lift_s = math.log1p(self.mu / self.eps_s)
        for i in range(self.count):
            buys = self.buys[i]
            sells = self.sells[i]
            bad_log = sells * lift_s - self.mu
            good_log = buys * lift_b - self.mu
            top = max(0.0, bad_log, good_log)
            none = (1.0 - self.alpha) * math.exp(-top)
            bad = self.alpha * self.delta * math.exp(bad_log - top)
            good = self.alpha * (1.0 - self.delta) * math.exp(good_log - top)
            every = none + bad + good
            bad = bad / every
            good = good / every
            total += buys * log_b + sells * log_s - self.eps_b - self.eps_s + top + math.log(every)
            bad_days += bad
            good_days += good
            informed += good * buys * informed_buys + bad * sells * informed_sells
            free_buys += buys * (1.0 - good * informed_buys)
            free_sells += sells * (1.0 - bad * informed_sells)
        self.take(bad_days, good_days, informed, free_buys, free_sells)
        return total

    def take(self, bad_days: float, good_days: float, informed: float, free_buys: float, free_sells: float) -> None:
        """Set the parameters to what the expected days and trades say, within bounds that keep each logarithm finite."""
        news = bad_days + good_days
        self.alpha = min(max(news / self.count, 1e-9), 1.0 - 1e-9)
        self.delta = min(max(bad_days / max(news, 1e-300), 1e-9), 1.0 - 1e-9)
        self.mu = max(informed / max(news, 1e-300), 1e-9)
        self.eps_b = max(free_buys / self.count, 1e-9)
        self.eps_s = max(free_sells / self.count, 1e-9)

    def likelihood(self, alpha: float, delta: float, mu: float, eps_b: float, eps_s: float) -> float:
        """Log-likelihood of parameters over the days held, without the factorials. 0 < alpha < 1, 0 < delta < 1, the rates > 0."""
        total = 0.0
        for i in range(self.count):
            buys = self.buys[i]
            sells = self.sells[i]
            bad_log = sells * math.log1p(mu / eps_s) - mu
            good_log = buys * math.log1p(mu / eps_b) - mu
            top = max(0.0, bad_log, good_log)
            none = (1.0 - alpha) * math.exp(-top)
            news = alpha * (delta * math.exp(bad_log - top) + (1.0 - delta) * math.exp(good_log - top))
            total += buys * math.log(eps_b) + sells * math.log(eps_s) - eps_b - eps_s + top + math.log(none + news)
        return total

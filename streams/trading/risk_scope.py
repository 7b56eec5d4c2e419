"""What one scope of the risk tree (firm, desk, trader, account) holds over all its instruments: limits and the sums they bound."""

from streams.kernel import Array, Struct
from streams.trading.risk_bound import RiskBound, bps_floor, larger, twice
from streams.trading.risk_rules import (
    CAPITAL,
    CONCENTRATION,
    DAILY_LOSS,
    DAILY_TRADES,
    DAILY_VOLUME,
    DRAWDOWN,
    GROSS,
    LEVERAGE,
    LONG,
    MAX_MONEY,
    MESSAGES_PER_FILL,
    NET,
    NEVER,
    OPEN_NOTIONAL,
    OPEN_ORDERS,
    REDUCE_ONLY,
    RESTRICTED,
    RULES,
    VAR,
)
from streams.trading.token_bucket import TokenBucket

__all__ = ["RiskNode"]

_EXACT_X2 = 2 * MAX_MONEY  # largest sum of positions, of working orders, of P&L, in half money units


class RiskNode(Struct, align=64):
    """One scope over all its instruments. Sums in half money units (`_x2`) where they are money.

    parent            : scope above, -1 = root
    gate              : 0 = NEW and REPLACE are let through; else one of halted, tripped, restricted, reduce_only, inexact, done is set
    done, done_share  : 1 where MESSAGES_PER_FILL or DAILY_TRADES lets no more through, and the larger share of both
    lost, lost_share  : 1 where DAILY_LOSS or DRAWDOWN is broken, and the larger share of both
    orders            : orders that may still fill
    open              : reserved by them
    volume, trades    : money and number of the fills since midnight UTC
    messages          : messages since midnight UTC; its limit grows with every fill
    rate              : token bucket of NEW and REPLACE
    sides             : by side: +-(sum of position values at the marks) + working of the side, limits LONG or SHORT, and NET
    gross             : sum over accounts and instruments of |value at the mark| + all that works, limits GROSS and LEVERAGE
    var, margin       : the leaves' gross by their weights
    loss, drawdown    : loss since midnight UTC; distance of the P&L from its peak of the run
    concentration     : limit only, `used` stays 0: what CAPITAL + P&L allows of one instrument; leverage_x2 the same of `gross`
    pnl_x2            : realized + unrealized at the marks + funding - fees, since the run began
    inexact           : 1 = a sum left its range (2**60 half money units); the scope stays halted, for its sums are no longer exact
    margins, ratios   : how many rates MARGIN are set in the scope; 1 = some limit depends on CAPITAL + P&L
    denials           : orders denied by this scope
    limits            : by rule as set, NEVER = none
    """

    parent: int = -1
    gate: int
    lost: int
    done_share: float
    lost_share: float
    orders: RiskBound
    open: RiskBound
    volume: RiskBound
    trades: RiskBound
    messages: RiskBound
    rate: TokenBucket
    sides: Array[RiskBound, 2]
    gross: RiskBound
    var: RiskBound
    margin: RiskBound
    loss: RiskBound
    drawdown: RiskBound
    concentration: RiskBound
    leverage_x2: int = NEVER
    pnl_x2: int
    day_start_pnl_x2: int
    peak_pnl_x2: int
    halted: int
    tripped: int
    restricted: int
    reduce_only: int
    inexact: int
    done: int
    margins: int
    ratios: int
    denials: int
    limits: Array[int, RULES]

    # ---- limits ----
    def clear(self) -> None:
        """Begin without any limit."""
        for rule in range(RULES):
            self.limits[rule] = NEVER
        self.rebound()

    def keep(self, rule: int, limit: int) -> None:
        """Take a limit over all instruments (NEVER = none) as set."""
        self.limits[rule] = limit
        flag = 1 if 0 < limit < NEVER else 0
        if rule == RESTRICTED:
            self.restricted = flag
        elif rule == REDUCE_ONLY:
            self.reduce_only = flag
        self.rebound()

    def rebound(self) -> None:
        """Work out every bound and the gate from the limits as set."""
        for side in range(2):
            self.sides[side].bound(min(twice(self.limits[LONG + side]), twice(self.limits[NET]), _EXACT_X2))
        self.orders.bound(self.limits[OPEN_ORDERS])
        self.open.bound(min(twice(self.limits[OPEN_NOTIONAL]), _EXACT_X2))
        self.volume.bound(twice(self.limits[DAILY_VOLUME]))
        self.trades.bound(self.limits[DAILY_TRADES])
        self.var.bound(twice(self.limits[VAR]))
        self.loss.bound(twice(self.limits[DAILY_LOSS]))
        self.drawdown.bound(twice(self.limits[DRAWDOWN]))
        self.ratios = 1 if self.margins > 0 or self.limits[LEVERAGE] != NEVER or self.limits[CONCENTRATION] != NEVER else 0
        self.rebound_messages()
        self.rebound_ratios()
        self.lose()

    def rebound_messages(self) -> None:
        """MESSAGES_PER_FILL: so many for each fill of the day and for one to come."""
        per_fill = self.limits[MESSAGES_PER_FILL]
        self.messages.bound(NEVER if per_fill == NEVER else per_fill * (self.trades.used + 1))
        self.count()

    def rebound_ratios(self) -> None:
        """LEVERAGE, CONCENTRATION and MARGIN: what CAPITAL + P&L allows now."""
        capital = self.limits[CAPITAL]
        equity_x2 = self.pnl_x2 + (0 if capital == NEVER else 2 * capital)
        leverage, concentration = self.limits[LEVERAGE], self.limits[CONCENTRATION]
        self.leverage_x2 = NEVER if leverage == NEVER else bps_floor(equity_x2, leverage)
        self.gross.bound(min(self.leverage_x2, twice(self.limits[GROSS]), _EXACT_X2))
        self.concentration.bound(NEVER if concentration == NEVER else bps_floor(equity_x2, concentration))
        self.margin.bound(equity_x2 if self.margins > 0 else NEVER)

    def regate(self) -> None:
        """Work out the gate."""
        self.gate = self.halted | self.tripped | self.restricted | self.reduce_only | self.inexact | self.done

    # ---- sums ----
    def idle(self) -> int:
        """1 where nothing is held, working or earned, nor done today: the scope may move in the tree."""
        busy = self.orders.used | self.open.used | self.gross.used | self.pnl_x2 | self.inexact
        return 1 if (busy | self.volume.used | self.trades.used | self.messages.used) == 0 else 0

    def earn(self, pnl_x2: int) -> None:
        """Add to the P&L; beyond its range the scope halts, for compiled integers would wrap. `settle` comes after."""
        pnl = self.pnl_x2 + pnl_x2
        if abs(pnl) > _EXACT_X2:
            self.spoil()
        else:
            self.pnl_x2 = pnl

    def spoil(self) -> None:
        """Halt the scope for good: a sum is no longer exact."""
        self.inexact = 1
        self.regate()

    def settle(self) -> None:
        """Follow the P&L: loss, peak, drawdown and what CAPITAL + P&L allows. Once an event, when every account is valued."""
        pnl = self.pnl_x2
        self.peak_pnl_x2 = max(self.peak_pnl_x2, pnl)
        self.loss.used = self.day_start_pnl_x2 - pnl
        self.drawdown.used = self.peak_pnl_x2 - pnl
        self.lose()
        if self.ratios != 0:
            self.rebound_ratios()

    def trade(self, money_x2: int) -> None:
        """Count one fill and its money, which stays at 2**61 once there."""
        self.trades.used += 1
        self.volume.used = min(self.volume.used + money_x2, 2 * _EXACT_X2)
        self.rebound_messages()

    def begin_day(self) -> None:
        """Begin a UTC day: its loss, trades, volume and messages."""
        self.day_start_pnl_x2 = self.pnl_x2
        self.loss.used = 0
        self.lose()
        self.trades.used = 0
        self.volume.used = 0
        self.messages.used = 0
        self.rebound_messages()

    def message(self) -> None:
        """Count one message to the venue."""
        self.messages.used += 1
        self.count()

    # ---- what a check finds ready ----
    def count(self) -> None:
        """Whether the messages and trades of the day leave room for one more."""
        self.done = 1 if self.messages.over(1) or self.trades.over(1) else 0
        self.done_share = larger(self.messages.share(1), self.trades.share(1))
        self.regate()

    def lose(self) -> None:
        """Whether losses leave room for more."""
        self.lost = 1 if self.loss.over(0) or self.drawdown.over(0) else 0
        self.lost_share = larger(self.loss.share(0), self.drawdown.share(0))

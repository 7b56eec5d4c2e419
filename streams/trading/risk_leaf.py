"""What one scope of the risk tree has in one instrument: lots, exposure, limits, and whether it may trade it."""

from streams.kernel import Array, Struct
from streams.trading.codes import BUY
from streams.trading.risk_bound import BPS, RiskBound, bps_ceil, twice, weight
from streams.trading.risk_rules import (
    COLLAR,
    LONG,
    MARGIN,
    NET,
    NEVER,
    ORDER_SIZE,
    REDUCE_ONLY,
    RESTRICTED,
    SHORT,
    STOP_LOSS,
    VAR_WEIGHT,
)

__all__ = ["RiskLeaf"]


class RiskLeaf(Struct, align=64):
    """One scope in one instrument.

    gate        : 0 = NEW and REPLACE are let through; else one of halted, tripped, restricted, reduce_only is set
    net_lots    : held, |net_lots| < 2**59
    lots        : by side: lots held and working of the side if all of it fills (sells: minus what is held), limits LONG and SHORT or NET
    size, notional, collar : of an account's leaf: the tightest limits up to the root of what one order may be; `used` stays 0
    side_x2     : by side, as `lots` but half money units: +-(net value at the mark) + 2 x working notional of the side
    gross_x2    : sum over accounts of |value at the mark| + 2 x all working notional
    beta        : by side, side_x2 in the money of the cluster (`beta_share`)
    var_bps, margin_bps : weights of gross_x2 in VAR and MARGIN; var_x2, margin_x2 : what it weighs now; *_weight : as `weight`
    loss        : loss since the scope's position was last flat or on the other side, fees apart, half money units; limit STOP_LOSS
    lost, lost_share : 1 where STOP_LOSS is broken, and the share of it that is used
    own_*       : limits as set for this scope and instrument, NEVER = none
    next_holder, prev_holder : scopes of the accounts before and after this one among the instrument's holders, -1 = none
    """

    gate: int
    net_lots: int
    lost: int
    lost_share: float
    var_weight: float
    margin_weight: float
    lots: Array[RiskBound, 2]
    side_x2: Array[int, 2]
    size: RiskBound
    notional: RiskBound
    collar: RiskBound
    gross_x2: int
    beta: Array[int, 2]
    var_bps: int
    margin_bps: int
    var_x2: int
    margin_x2: int
    loss: RiskBound
    halted: int
    tripped: int
    restricted: int
    reduce_only: int
    own_size: int = NEVER
    own_collar: int = NEVER
    own_long: int = NEVER
    own_short: int = NEVER
    own_net: int = NEVER
    own_stop_loss: int = NEVER
    own_var_weight: int = NEVER
    own_margin: int = NEVER
    next_holder: int = -1
    prev_holder: int = -1

    def keep(self, rule: int, limit: int) -> int:
        """Keep a limit (NEVER = none) as set for this instrument; 0 for a rule that has none per instrument. `rebound` comes after."""
        flag = 1 if 0 < limit < NEVER else 0
        if rule == ORDER_SIZE:
            self.own_size = limit
        elif rule == COLLAR:
            self.own_collar = limit
        elif rule == LONG:
            self.own_long = limit
        elif rule == SHORT:
            self.own_short = limit
        elif rule == NET:
            self.own_net = limit
        elif rule == STOP_LOSS:
            self.own_stop_loss = limit
        elif rule == VAR_WEIGHT:
            self.own_var_weight = limit
        elif rule == MARGIN:
            self.own_margin = limit
        elif rule == RESTRICTED:
            self.restricted = flag
        elif rule == REDUCE_ONLY:
            self.reduce_only = flag
        else:
            return 0
        return 1

    def rebound(self, stop_loss: int) -> None:
        """Work out the limits that hold from the leaf's own and its scope's STOP_LOSS."""
        self.loss.bound(twice(min(self.own_stop_loss, stop_loss)))
        self.lose(self.loss.used)
        self.lots[BUY].bound(min(self.own_long, self.own_net))
        self.lots[1 - BUY].bound(min(self.own_short, self.own_net))
        self.regate()

    def regate(self) -> None:
        """Work out the gate."""
        self.gate = self.halted | self.tripped | self.restricted | self.reduce_only

    def idle(self) -> int:
        """1 where nothing is held and nothing works."""
        return 1 if self.net_lots == 0 and self.lots[0].used == 0 and self.lots[1].used == 0 else 0

    def room_lots(self, side: int) -> int:
        """Lots held on the other side that no working order of this side covers yet; negative or 0 = none."""
        return -self.lots[side].used

    def hold(self, signed_lots: int) -> None:
        """Add signed lots to what is held."""
        self.net_lots += signed_lots
        self.lots[BUY].used += signed_lots
        self.lots[1 - BUY].used -= signed_lots

    def lose(self, loss_x2: int) -> None:
        """Set the loss of the position, half money units; negative = it won."""
        self.loss.used = loss_x2
        self.lost = 1 if self.loss.over(0) else 0
        self.lost_share = self.loss.share(0)

    def fold(self, size_lots: int, notional: int, collar_bps: int) -> None:
        """Set what one order of the account may be."""
        self.size.bound(size_lots)
        self.notional.bound(notional)
        self.collar.bound(collar_bps)

    def set_weights(self, var_bps: int, margin_bps: int) -> None:
        """Set the weights of VAR and MARGIN; `weigh` comes after."""
        self.var_bps = var_bps
        self.margin_bps = margin_bps
        self.var_weight = weight(var_bps, BPS)
        self.margin_weight = weight(margin_bps, BPS)

    def weigh(self) -> None:
        """Work out var_x2 and margin_x2 anew."""
        self.var_x2 = bps_ceil(self.gross_x2, self.var_bps)
        self.margin_x2 = bps_ceil(self.gross_x2, self.margin_bps)

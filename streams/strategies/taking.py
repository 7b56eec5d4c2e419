"""Taking liquidity: bring a position to a target with one order at a time."""

from streams.agents.context import Context
from streams.trading.codes import BUY, SELL

__all__ = ["trade_to"]


def trade_to(ctx: Context, instrument: int, target_lots: int, working: int) -> int:
    """Send what is missing to a signed position as a market order; the order's id, to be handed in as `working` the next time (0 = none).

    It waits while that order is open, and as quotes do after one of the strategy's orders was refused.
    """
    if working != 0 and ctx.leaves(working) > 0:
        return working
    missing = target_lots - ctx.position(instrument)
    if missing == 0 or ctx.now_ns < ctx.resume_ns:
        return 0
    return ctx.market(instrument, BUY if missing > 0 else SELL, abs(missing))

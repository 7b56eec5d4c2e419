"""One order request through the compiled node, with risk on three levels, every order's state and accounts, beside NautilusTrader's.

Both run the same life of orders: on each update a limit order is sent or the resting one cancelled, each fourth is filled when it is sent;
the venue answers at once. What a request costs is the time with orders less the time without, over the requests. No I/O in either: ours
ends in the outbox of the node, as slots. NautilusTrader's strategy is Python, as its users write it.
"""

from statistics import median

import peers
from claims import Claim, conditions, report
from order_cycle import Cycle, Idle, Steps

UPDATES, PEER_UPDATES, RUNS, GOAL_NS = 200_000, 4_000, 9, 500


def ours_ns() -> float:
    """CPU ns of one request, after a look at what the orders came to."""
    idle, busy, each = Steps(Idle), Steps(Cycle), []
    for run in range(1, 1 + RUNS):
        without, with_orders = idle.play(UPDATES), busy.play(UPDATES)
        requests = busy.check(run * UPDATES)
        each.append((with_orders - without) / requests * 1e9)
    return median(each)


def peer_ns() -> float:
    """The same of NautilusTrader."""
    found = peers.run("nautilus_orders.py", PEER_UPDATES, 3)
    assert found["sent"] + found["cancelled"] == PEER_UPDATES, f"NautilusTrader refused orders: {found}"
    assert found["filled"] == found["sent"] // 4, f"NautilusTrader filled other orders: {found}"
    return median(found["seconds"]) * 1e9


def measure() -> list[Claim]:
    ours, peer = ours_ns(), peer_ns()
    return [
        Claim("an order request: risk, state, accounts (peer: Nautilus)", ours, peer, peer / ours, "ns", f"< {GOAL_NS} ns", ours < GOAL_NS)
    ]


if __name__ == "__main__":
    report("orders", conditions(updates=UPDATES, runs=RUNS, nautilus_trader="1.221.0"), measure)

"""Breakers, own prices and repeats behind one entry point, so that the same commands run plain and compiled."""

from functools import cache
from pathlib import Path

from streams.kernel import Struct, Table, addr_of, at, native
from streams.trading.breakers import Breakers
from streams.trading.guards import Guards
from streams.trading.orders import Orders
from streams.trading.risk import RiskTree
from streams.trading.risk_rules import LOSS_RATE, PRICE_MOVE, REJECT_RATE
from tests.trading.trading_runs import Row, fill_rows

PARENTS = (-1, 0, 1, 1)  # firm; desk; two accounts of the desk
ACCOUNT_SCOPE = (2, 3)
SIZES = {"scopes": 4, "accounts": 2, "instruments": 2, "orders": 16, "order_lists": 4, "currencies": 2, "sectors": 1, "clusters": 1}
LIMIT, MID, PNL, REJECT, RESET, REST, LEAVE, CROSSED, NOTE, FIND = range(10)


class GuardRun(Struct):
    tree: RiskTree
    guards: Guards
    breakers: Breakers
    working: Orders
    rows: Table[Row, "rows"]
    out: Table[int, "rows"]


def build(rows):
    """A run with its tree of scopes."""
    run = GuardRun({**SIZES, "rows": max(1, rows)})
    run.tree.setup()
    run.working.setup()
    run.guards.setup(SIZES["instruments"])
    run.breakers.setup(SIZES["instruments"])
    for instrument in range(2):
        assert run.tree.set_instrument(instrument, 1)
    assert all(run.tree.set_parent(scope, parent) for scope, parent in enumerate(PARENTS))
    assert all(run.tree.set_account(account, scope) for account, scope in enumerate(ACCOUNT_SCOPE))
    return run


def play_guards(p, n):
    r = at(GuardRun, p)
    tree, own, breakers = r.tree, r.guards.own, r.breakers
    for i in range(n):
        x = r.rows[i]
        y = 0
        if x.op == LIMIT:
            rule = PRICE_MOVE if x.b == 0 else LOSS_RATE if x.b == 1 else REJECT_RATE
            y = breakers.set_limit(tree, x.a, x.c, rule, x.d, x.e)
        elif x.op == MID:
            breakers.on_mid(tree, x.a, x.b, x.c)
        elif x.op == PNL:
            tree.nodes[x.a].pnl_x2 = x.b
            breakers.on_pnl(tree, x.c)
        elif x.op == REJECT:
            breakers.on_reject(tree, x.a, x.b)
        elif x.op == RESET:
            breakers.reset(tree, x.a, x.b)
        elif x.op == REST:
            y = rest(r, x.a, x.b, x.c, x.d, x.e)
        elif x.op == LEAVE:
            s = r.working.find(x.a)
            if s >= 0:
                own.remove(tree, r.working, s)
                r.working.drop(s)
        elif x.op == CROSSED:
            y = own.crossed(x.a, x.b, x.c, x.d)
        elif x.op == NOTE:
            r.guards.repeats.note(0, x.a, x.b, x.c, x.d, 5, x.e)
        else:
            y = r.guards.repeats.find(0, x.a, x.b, x.c, x.d, 5)
        r.out[i] = y
    return breakers.watched_moves


def rest(r, order_id, account, instrument, side, px_ticks):
    """A new own order, or a known one at another price; 1 if there was room."""
    s = r.working.find(order_id)
    if s < 0:
        s = r.working.add(order_id)
        if s < 0:
            return 0
        o = r.working.pool[s]
        o.account = account
        o.instrument = instrument
        o.side = side
        r.working.link(s, 2 * instrument + side)
    r.guards.own.remove(r.tree, r.working, s)
    r.working.pool[s].new_px_ticks = px_ticks
    r.guards.own.add(r.tree, r.working, s)
    return 1


@cache
def compiled():
    """The entry as machine code."""
    files = [*native.sources("streams.trading", "streams.slots"), Path(__file__)]
    return native.function(native.load("test_guards", lambda: {"play": (play_guards, 2)}, files=files).play, 2)


def play(run, rows):
    """Play the commands plain; the run object holds the end state."""
    return play_guards(addr_of(run), fill_rows(run, rows))


def play_both(run, rows):
    """Play plain and compiled, and demand that both end in the same bytes."""
    n = fill_rows(run, rows)
    flat = run.pack()
    assert compiled()(flat.ctypes.data, n) == play_guards(addr_of(run), n)
    assert flat.tobytes() == run.pack().tobytes()

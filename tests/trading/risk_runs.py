"""A desk that trades against the risk tree and its slow twin at once, and the entry point that plays the same calls compiled."""

import ctypes
from functools import cache

from streams.kernel import NULL, Struct, Table, addr_of, at
from streams.trading.risk import RiskTree
from tests.trading.slow_risk import BUY, SlowRisk

PARENTS = (-1, 0, 1, 1, 0)  # firm; desk; two accounts of the desk; an account of the firm
ACCOUNT_SCOPE = (2, 3, 4)
UNITS = (10, 3)
SIZES = {"scopes": 5, "accounts": 3, "instruments": 2, "sectors": 2, "currencies": 3, "clusters": 2}


class Call(Struct):
    """One call of the tree and what it answered."""

    op: int
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: int
    j: int
    k: int
    m: int
    answer: int


class RiskRun(Struct):
    tree: RiskTree
    calls: Table[Call, "calls"]


def play(p, n):
    """Make the first n calls; the number of the first answer that differs, -1 if none does."""
    run = at(RiskRun, p)
    t = run.tree
    for n_call in range(n):
        x = run.calls[n_call]
        y = 0
        if x.op == 0:
            y = t.check(x.a, x.b, x.c, x.d, x.e, x.f, x.g, x.h, x.i)
        elif x.op == 1:
            y = t.check_replace(x.a, x.b, x.c, x.d, x.e, x.f, x.g, x.h, x.i, x.j, x.k, x.m)
        elif x.op == 2:
            t.reserve(x.a, x.b, x.c, x.d, x.e, x.f)
        elif x.op == 3:
            t.release(x.a, x.b, x.c, x.d, x.e, x.f)
        elif x.op == 4:
            y = t.on_fill(x.a, x.b, x.c, x.d, x.e, x.f, x.g, x.h)
        elif x.op == 5:
            t.on_mark(x.a, x.b, x.c)
        elif x.op == 6:
            y = t.set_limit(x.a, x.b, x.c, x.d, x.e)
        elif x.op == 7:
            y = t.set_halted(x.a, x.b, x.c)
        elif x.op == 8:
            y = t.set_reduce_only(x.a, x.b)
        elif x.op == 9:
            y = t.reducible_lots(x.a, x.b, x.c)
        if y != x.answer:
            return n_call
    return -1


@cache
def compiled():
    from streams.kernel.native import load

    entries = load("test_risk", lambda: {"play": (play, 2)}, files=[__file__])
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(entries.play)


def new_tree():
    tree = RiskTree(SIZES)
    build(tree)
    return tree


def build(tree):
    tree.setup()
    done = [tree.set_instrument(i, unit) for i, unit in enumerate(UNITS)]
    done += [tree.set_parent(scope, parent) for scope, parent in enumerate(PARENTS)]
    done += [tree.set_account(account, scope) for account, scope in enumerate(ACCOUNT_SCOPE)]
    assert all(done)


OPS = ("check", "check_replace", "reserve", "release", "on_fill", "on_mark", "set_limit", "set_halted", "set_reduce_only", "reducible_lots")


class Desk:
    """Asks both trees the same, and answers for the orders: what is approved works until it fills or is cancelled."""

    def __init__(self):
        self.tree, self.slow, self.calls = new_tree(), SlowRisk(PARENTS, ACCOUNT_SCOPE, UNITS), []
        self.now_ns, self.bid, self.ask, self.orders, self.next_key = 0, [None, None], [None, None], {}, 0

    def call(self, name, *args):
        answer = getattr(self.tree, name)(*args)
        self.calls.append((OPS.index(name), *args, *[0] * (12 - len(args)), answer or 0))
        return answer

    def same(self, slow):
        t = self.tree
        assert (t.code, t.scope, t.limit_value, t.used_value, t.value_unit) == slow, (self.calls[-1], slow)
        return t.code

    # ---- commands ----
    def later(self, ns):
        self.now_ns += ns

    def quote(self, instrument, bid, ask):
        self.bid[instrument], self.ask[instrument] = bid, ask
        if bid is not None and ask is not None:
            self.call("on_mark", instrument, bid + ask, self.now_ns)
            self.slow.on_time(self.now_ns)
            self.slow.marks[instrument] = bid + ask

    def limit(self, scope, instrument, rule, value, interval_ns):
        if self.call("set_limit", scope, instrument, rule, value, interval_ns):
            self.slow.set_limit(scope, instrument, rule, value, interval_ns, self.now_ns)

    def halt(self, scope, instrument, on):
        self.call("set_halted", scope, instrument, on)
        (self.slow.halted.add if on else self.slow.halted.discard)((scope, instrument))

    def reduce_only(self, scope, on):
        self.call("set_reduce_only", scope, on)
        (self.slow.reduce_only.add if on else self.slow.reduce_only.discard)(scope)

    def new(self, account, instrument, side, qty, px):
        bid, ask = self.bid[instrument], self.ask[instrument]
        fast_px = NULL if px is None else px
        fast_bid, fast_ask = NULL if bid is None else bid, NULL if ask is None else ask
        code = self.call("check", account, instrument, side, qty, fast_px, fast_bid, fast_ask, self.now_ns, qty)
        self.same(self.slow.check(account, instrument, side, qty, px, bid, ask, self.now_ns))
        if code == 0:
            t, key = self.tree, self.next_key
            self.next_key += 1
            self.orders[key] = [account, instrument, side, t.reserve_px_ticks, t.reserve_lots, qty]
            self.slow.working[key] = [account, instrument, side, (ask if side == BUY else bid) if px is None else px, qty]
            self.call("reserve", account, instrument, side, t.reserve_px_ticks, t.reserve_lots, 1)
        return code

    def key(self, n):
        return list(self.orders)[n % len(self.orders)] if self.orders else None

    def replace(self, n, qty, px):
        """Ask for other terms; the answer of the venue comes with `settle`."""
        key = self.key(n)
        if key is None:
            return
        account, instrument, side, old_px, old_lots, total = self.orders[key]
        leaves = qty - (total - old_lots)
        if leaves <= 0:
            return
        bid, ask = self.bid[instrument], self.ask[instrument]
        fast_bid, fast_ask = NULL if bid is None else bid, NULL if ask is None else ask
        args = (account, instrument, side, qty, px, fast_bid, fast_ask, self.now_ns, leaves, old_px, old_lots, qty)
        code = self.call("check_replace", *args)
        self.same(self.slow.check(account, instrument, side, qty, px, bid, ask, self.now_ns, leaves, key))
        if code == 0:
            self.hold(key, self.tree.reserve_px_ticks, self.tree.reserve_lots)
            self.slow.working[key][3:] = [max(px, old_px), max(leaves, old_lots)]

    def hold(self, key, px, lots):
        account, instrument, side, old_px, old_lots, total = self.orders[key]
        self.call("release", account, instrument, side, old_px, old_lots, 0)
        self.call("reserve", account, instrument, side, px, lots, 0)
        self.orders[key] = [account, instrument, side, px, lots, total + lots - old_lots]

    def fill(self, n, lots, better, fee):
        key = self.key(n)
        if key is None:
            return
        account, instrument, side, px, left, _ = self.orders[key]
        lots = min(lots, left)
        fill_px = max(1, px - better if side == BUY else px + better)
        self.slow.on_time(self.now_ns)
        self.slow.fill(account, instrument, side, fill_px, lots, fee)
        self.slow.working[key][4] -= lots
        self.orders[key][4] -= lots
        self.call("on_fill", account, instrument, side, fill_px, lots, fee, px, self.now_ns)
        if left == lots:
            self.cancel_key(key)

    def cancel(self, n):
        if self.key(n) is not None:
            self.cancel_key(self.key(n))

    def cancel_key(self, key):
        account, instrument, side, px, left, _ = self.orders.pop(key)
        self.slow.working.pop(key)
        self.call("release", account, instrument, side, px, left, 1)

    # ---- what must hold ----
    def agree(self):
        """Every sum of the tree is what the lists give."""
        t = self.tree
        for scope, node in enumerate(t.nodes):
            working = self.slow.open(scope)
            values = self.slow.values_x2(scope)
            found = (
                node.open_orders,
                node.open_buy_notional,
                node.open_sell_notional,
                node.net_x2,
                node.gross_x2,
                node.pnl_x2,
                node.inexact,
            )
            money = [self.slow.money(working, side) for side in (0, 1)]
            assert found == (len(working), *money, sum(values), sum(map(abs, values)), self.slow.pnl_x2(scope), 0), scope
            for instrument in range(len(UNITS)):
                leaf = t.leaf(scope, instrument)
                lots = [self.slow.lots(working, instrument, side) for side in (0, 1)]
                net = sum(self.slow.net(a, instrument) for a in self.slow.accounts(scope))
                assert (leaf.net_lots, leaf.open_buy_lots, leaf.open_sell_lots) == (net, *lots)

    def play_compiled(self):
        """The same calls on flat memory: the same answers and the same bytes."""
        run = RiskRun({**SIZES, "calls": max(1, len(self.calls))})
        build(run.tree)
        for call, values in zip(run.calls, self.calls, strict=False):
            for name, value in zip(Call._fields_, values, strict=True):
                setattr(call, name, value)
        flat = run.pack()
        assert compiled()(flat.ctypes.data, len(self.calls)) == -1
        assert play(addr_of(run), len(self.calls)) == -1
        assert run.pack().tobytes() == flat.tobytes()
        assert run.tree.pack().tobytes() == self.tree.pack().tobytes()

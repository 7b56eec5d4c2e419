"""A desk that trades against the risk tree and its slow twin at once, and the entry point that plays the same calls compiled."""

import ctypes
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from streams.kernel import NULL, Struct, Table, addr_of, at
from streams.trading.risk import RiskTree
from tests.trading.slow_risk import BUY, Order, SlowRisk


class Shape(NamedTuple):
    """A tree: the parent of every scope, the scope of every account, and what one tick x lot of every instrument is worth."""

    parents: tuple[int, ...] = (-1, 0, 1, 1, 0)  # firm; desk; two accounts of the desk; an account of the firm
    account_scope: tuple[int, ...] = (2, 3, 4)
    units: tuple[int, ...] = (10, 3)

    def sizes(self):
        return {
            "scopes": len(self.parents),
            "accounts": len(self.account_scope),
            "instruments": len(self.units),
            "sectors": 2,
            "currencies": 2,
            "clusters": 2,
        }


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
    for n_call in range(n):
        x = run.calls[n_call]
        y = order_call(run.tree, x) if x.op < 8 else limit_call(run.tree, x)
        if y != x.answer:
            return n_call
    return -1


def order_call(t, x):
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
        y = t.on_funding(x.a, x.b, x.c, x.d)
    elif x.op == 7:
        y = t.on_message(x.a, x.b)
    return y


def limit_call(t, x):
    y = 0
    if x.op == 8:
        y = t.set_limit(x.a, x.b, x.c, x.d, x.e)
    elif x.op == 9:
        y = t.set_group_limit(x.a, x.b, x.c, x.d)
    elif x.op == 10:
        y = t.set_groups(x.a, x.b, x.c, x.d, x.e)
    elif x.op == 11:
        y = t.set_halted(x.a, x.b, x.c)
    elif x.op == 12:
        y = t.trip(x.a, x.b, x.c)
    elif x.op == 13:
        y = t.reset(x.a, x.b)
    elif x.op == 14:
        y = t.reducible_lots(x.a, x.b, x.c)
    elif x.op == 15:
        t.setup()
    elif x.op == 16:
        y = t.set_instrument(x.a, x.b)
    elif x.op == 17:
        y = t.set_parent(x.a, x.b)
    elif x.op == 18:
        y = t.set_account(x.a, x.b)
    return y


OPS = (
    *("check", "check_replace", "reserve", "release", "on_fill", "on_mark", "on_funding", "on_message"),
    *("set_limit", "set_group_limit", "set_groups", "set_halted", "trip", "reset", "reducible_lots"),
    *("setup", "set_instrument", "set_parent", "set_account"),
)


@cache
def compiled():
    from streams.kernel.native import load, sources

    entries = load("test_risk", lambda: {"play": (play, 2)}, files=[__file__, *sources("streams.trading")])
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(entries.play)


class Desk:
    """Asks both trees the same, and answers for the orders: what is approved works until it fills or is cancelled."""

    def __init__(self, shape=None):
        self.shape = shape = shape or Shape()
        self.tree, self.slow, self.calls = RiskTree(shape.sizes()), SlowRisk(*shape), []
        self.now_ns, self.orders, self.next_key, self.score = 0, {}, 0, 0
        self.bid, self.ask = [None] * len(shape.units), [None] * len(shape.units)
        self.call("setup")
        done = [self.call("set_instrument", i, unit) for i, unit in enumerate(shape.units)]
        done += [self.call("set_parent", scope, parent) for scope, parent in enumerate(shape.parents)]
        done += [self.call("set_account", account, scope) for account, scope in enumerate(shape.account_scope)]
        assert all(done)

    def call(self, name, *args):
        answer = getattr(self.tree, name)(*args)
        self.calls.append((OPS.index(name), *args, *[0] * (12 - len(args)), answer or 0))
        return answer

    # ---- commands ----
    def later(self, ns):
        self.now_ns += ns

    def quote(self, instrument, bid, ask):
        self.bid[instrument], self.ask[instrument] = bid, ask
        if bid is not None and ask is not None:
            self.call("on_mark", instrument, bid + ask, self.now_ns)
            self.slow.on_time(self.now_ns)
            self.slow.mark(instrument, Fraction(bid + ask, 2))

    def limit(self, scope, instrument, rule, value, interval_ns=0):
        if self.call("set_limit", scope, instrument, rule, value, interval_ns):
            self.slow.set_limit(scope, instrument, rule, value, interval_ns)

    def group_limit(self, scope, rule, group, value):
        if self.call("set_group_limit", scope, rule, group, value):
            self.slow.set_group_limit(scope, rule, group, value)

    def groups(self, instrument, sector, base, cluster, beta_e9):
        if self.call("set_groups", instrument, sector, base, cluster, beta_e9):
            self.slow.groups[instrument] = (sector, base, cluster, beta_e9)

    def halt(self, scope, instrument, on):
        self.call("set_halted", scope, instrument, on)
        (self.slow.halted.add if on else self.slow.halted.discard)((scope, instrument))

    def trip(self, scope, instrument, code):
        assert self.call("trip", scope, instrument, code)
        self.slow.tripped.setdefault((scope, instrument), code)

    def reset(self, scope, instrument):
        assert self.call("reset", scope, instrument)
        self.slow.tripped.pop((scope, instrument), None)

    def message(self, account):
        assert self.call("on_message", account, self.now_ns)
        self.slow.on_time(self.now_ns)
        self.slow.messages.append((self.slow.day, account))

    def fund(self, account, instrument, money):
        assert self.call("on_funding", account, instrument, money, self.now_ns)
        self.slow.on_time(self.now_ns)
        self.slow.fund(account, money)

    def same(self, order, min_lots):
        """The twin's answer to the same order is the tree's, to the share; lots approved."""
        t = self.tree
        self.slow.on_time(order.now_ns)
        broken = self.slow.broken(order) if self.sane(order) else None
        answer, approved, score = self.slow.check(order, min_lots)
        assert (t.code, t.scope, t.limit_value, t.used_value, t.value_unit) == answer, (self.calls[-1], answer)
        assert t.approved_lots == approved, (self.calls[-1], approved)
        assert abs(t.score - score) < 1e-9, (self.calls[-1], t.score, float(score))
        assert broken is None or (not broken) == (t.code == 0), broken  # denied if, and only if, some limit is broken
        return approved

    @staticmethod
    def sane(order):
        return order.price() is not None and 0 < order.qty < 1 << 20 and 0 < order.price() < 1 << 20

    def new(self, account, instrument, side, qty, px, min_lots=None):
        min_lots = qty if min_lots is None else max(min_lots, qty - 20)
        bid, ask = self.bid[instrument], self.ask[instrument]
        fast_px, fast_bid, fast_ask = (NULL if x is None else x for x in (px, bid, ask))
        code = self.call("check", account, instrument, side, qty, fast_px, fast_bid, fast_ask, self.now_ns, min_lots)
        approved = self.same(Order(account, instrument, side, qty, px, bid, ask, self.now_ns, qty, None), min_lots)
        if approved:
            t, key = self.tree, self.next_key
            self.next_key += 1
            self.orders[key] = [account, instrument, side, t.reserve_px_ticks, t.reserve_lots, approved]
            self.slow.working[key] = [account, instrument, side, (ask if side == BUY else bid) if px is None else px, approved]
            self.call("reserve", account, instrument, side, t.reserve_px_ticks, t.reserve_lots, 1)
        return code

    def key(self, n):
        return list(self.orders)[n % len(self.orders)] if self.orders else None

    def replace(self, n, qty, px, min_lots=None):
        """Ask for other terms; the answer of the venue comes with `settle`."""
        key = self.key(n)
        if key is None:
            return
        account, instrument, side, old_px, old_lots, total = self.orders[key]
        leaves = qty - (total - old_lots)
        if leaves <= 0:
            return
        min_lots = qty if min_lots is None else min_lots
        bid, ask = self.bid[instrument], self.ask[instrument]
        fast_bid, fast_ask = NULL if bid is None else bid, NULL if ask is None else ask
        args = (account, instrument, side, qty, px, fast_bid, fast_ask, self.now_ns, leaves, old_px, old_lots, min_lots)
        self.call("check_replace", *args)
        order = Order(account, instrument, side, qty, px, bid, ask, self.now_ns, leaves, self.slow.working[key])
        approved = self.same(order, min_lots)
        if approved:
            self.hold(key, self.tree.reserve_px_ticks, self.tree.reserve_lots)
            self.slow.working[key][3:] = order.with_qty(approved).worst()

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
        t, slow, instruments = self.tree, self.slow, range(len(self.shape.units))
        for scope, node in enumerate(t.nodes):
            working, sides = slow.open(scope), [slow.side_exposure(scope, instruments, side) for side in (0, 1)]
            found = (node.orders.used, node.open.used, node.gross.used, node.pnl_x2, node.inexact, *(b.used for b in node.sides))
            money = (slow.money(working), slow.gross(scope, instruments), slow.pnl(scope), 0, *sides)
            assert found == (len(working), *(2 * x for x in money)), scope
            found = (node.peak_pnl_x2, node.var.used, node.margin.used)
            assert found == tuple(
                2 * x for x in (slow.peak[scope], slow.weighed(scope, slow.var_weight), slow.weighed(scope, slow.margin_rate))
            )
            for instrument in instruments:
                leaf = t.leaf(scope, instrument)
                assert [b.used for b in leaf.lots] == [slow.net_lots(scope, instrument, side) for side in (0, 1)]
                assert list(leaf.side_x2) == [2 * slow.side_exposure(scope, [instrument], side) for side in (0, 1)]
                assert leaf.gross_x2 == 2 * slow.gross(scope, [instrument])
                if instrument in slow.marks:
                    assert leaf.loss.used == 2 * slow.open_loss(scope, instrument)
            for group in range(2):
                of = [[i for i, g in slow.groups.items() if g[kind] == group] for kind in range(3)]
                assert t.sector(scope, group).used == 2 * slow.gross(scope, of[0])
                for side in (0, 1):
                    assert t.currency(scope, group, side).used == 2 * slow.side_exposure(scope, of[1], side)
                    assert t.cluster(scope, group, side).used == slow.correlated(scope, group, side == BUY)

    def play_compiled(self):
        """The same calls on flat memory: the same answers and the same bytes."""
        run = RiskRun({**self.shape.sizes(), "calls": max(1, len(self.calls))})
        for call, values in zip(run.calls, self.calls, strict=False):
            for name, value in zip(Call._fields_, values, strict=True):
                setattr(call, name, value)
        flat = run.pack()
        assert compiled()(flat.ctypes.data, len(self.calls)) == -1
        assert play(addr_of(run), len(self.calls)) == -1
        assert run.pack().tobytes() == flat.tobytes()
        assert run.tree.pack().tobytes() == self.tree.pack().tobytes()

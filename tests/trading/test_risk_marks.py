"""What a mark costs: only the accounts that hold the instrument are valued, whatever else the tree knows."""

from random import Random

from streams.trading.risk import RiskTree

BUY, SELL = 0, 1
ACCOUNTS, INSTRUMENTS = 6, 250


def wide_tree():
    """A firm, two desks, three accounts each, 250 instruments."""
    tree = RiskTree({"scopes": 9, "accounts": ACCOUNTS, "instruments": INSTRUMENTS, "sectors": 1, "currencies": 1, "clusters": 1})
    tree.setup()
    assert all(tree.set_instrument(i, 1) for i in range(INSTRUMENTS))
    assert all(tree.set_parent(scope, parent) for scope, parent in enumerate((-1, 0, 0, 1, 1, 1, 2, 2, 2)))
    assert all(tree.set_account(account, 3 + account) for account in range(ACCOUNTS))
    return tree


def holders(tree, instrument):
    """Accounts in the instrument's list, as often as they stand in it."""
    found, scope, before = [], tree.instruments[instrument].first_holder, -1
    while scope >= 0:
        leaf = tree.leaf(scope, instrument)
        assert leaf.prev_holder == before
        found.append(tree.scope_account[scope])
        scope, before = leaf.next_holder, scope
    return found


def test_holders_after_any_fills_are_the_accounts_with_a_position():
    tree, rng, held = wide_tree(), Random(7), {}
    for n in range(1_500):
        account, instrument = rng.randrange(ACCOUNTS), rng.randrange(5)
        lots = held.get((account, instrument), 0)
        signed = -lots if lots and rng.random() < 0.5 else rng.choice([-3, -1, 2, 3])
        held[account, instrument] = lots + signed
        assert tree.on_fill(account, instrument, BUY if signed > 0 else SELL, 100, abs(signed), 0, 0, n) == 1
        assert sorted(holders(tree, instrument)) == [a for a in range(ACCOUNTS) if held.get((a, instrument))]


def test_on_mark_with_250_instruments_held_values_only_the_holders_of_one(monkeypatch):
    tree, value, valued = wide_tree(), RiskTree.revalue, []
    for instrument in range(INSTRUMENTS):
        tree.on_fill(instrument % ACCOUNTS, instrument, BUY, 100, 1, 0, 0, 0)
    monkeypatch.setattr(RiskTree, "revalue", lambda tree, scope, *rest: (valued.append(scope), value(tree, scope, *rest)))
    tree.on_mark(17, 202, 1)
    assert valued == [8, 2, 0]  # the account that holds it, its desk, the firm
    tree.on_mark(17, 202, 1)  # the same mark
    assert valued == [8, 2, 0]
    assert [node.pnl_x2 for node in tree.nodes] == [2, 0, 2, 0, 0, 0, 0, 0, 2]

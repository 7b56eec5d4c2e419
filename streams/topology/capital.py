"""What a topology says of the capital that stands behind its trading."""

from streams.topology.model import Topology
from streams.topology.quantity import Amount

__all__ = ["capital_of"]

_E9 = 1e9


def capital_of(topology: Topology) -> dict[str, float]:
    """By currency: `capital` of the firm's limits, else of the scope next above each account that trades, each scope once.

    Empty where an account has none: a part would be mistaken for the whole.
    """
    found: dict[str, Amount] = {}
    for name in dict.fromkeys(strategy.account for strategy in topology.strategies.values()):
        chain = [("firm" if _said(topology, "firm") else scope) for scope in topology.chain(f"account:{name}")]
        scope = next((scope for scope in chain if _said(topology, scope)), None)
        if scope is None:
            return {}
        said = _said(topology, scope)
        assert said is not None
        found[scope] = said
    sums: dict[str, float] = {}
    for amount in found.values():
        sums[amount.unit] = sums.get(amount.unit, 0.0) + amount.value_e9 / _E9
    return sums


def _said(topology: Topology, scope: str) -> Amount | None:
    kind, _, name = scope.partition(":")
    if kind == "firm":
        return topology.firm.limits.capital
    part = {"desk": topology.desks, "trader": topology.traders, "account": topology.accounts}[kind].get(name)
    return part.limits.capital if part is not None else None

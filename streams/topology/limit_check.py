"""Limits that cannot mean anything: unknown instruments, groups and currencies, values between two lots, ratios of nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from streams.topology.limits import Limits, is_given
from streams.topology.quantity import Amount
from streams.topology.source import Keys, nearest

if TYPE_CHECKING:
    from streams.topology.model import Topology

__all__ = ["faults_of_limits", "scope_name", "scopes_of"]

Found = Iterator[tuple[Keys, str]]
_OF_CAPITAL = ("concentration", "leverage", "margin")


def scopes_of(topology: "Topology") -> Iterator[tuple[Keys, Limits]]:
    """Where the limits of each scope stand in the file, and the limits."""
    yield ("firm",), topology.firm.limits
    for section, entries in (("desks", topology.desks), ("traders", topology.traders), ("accounts", topology.accounts)):
        for name, entry in entries.items():
            yield (section, name), entry.limits


def scope_name(keys: Keys) -> str:
    """Name of the scope whose limits stand there: `firm`, `desk:crypto`, `trader:anna`, `account:maker-1`."""
    return str(keys[0]) if len(keys) == 1 else f"{str(keys[0])[:-1]}:{keys[1]}"


def faults_of_limits(topology: "Topology") -> Found:
    """(key path, fault) of every limit that cannot be kept."""
    weighed = {scope_name(keys) for keys, limits in scopes_of(topology) if is_given(limits.var_weight)}
    for keys, limits in scopes_of(topology):
        where = (*keys, "limits")
        for key in Limits.model_fields:
            if is_given(value := getattr(limits, key)):
                for fault in _faults(topology, key, value):
                    yield (*where, key), fault
        for key in _OF_CAPITAL:
            if is_given(getattr(limits, key)) and limits.capital is None:
                yield (*where, key), "is a share of capital; say 'capital' beside it, such as capital: 100000 USDT"
        if limits.var is not None and weighed.isdisjoint(topology.chain(scope_name(keys))):
            yield (*where, "var"), "weighs nothing; say 'var_weight' here or in a scope above, such as var_weight: 250 bps"


def _faults(topology: "Topology", key: str, value: Any) -> Iterator[str]:
    """What is wrong with one limit."""
    if key in ("position", "order_size", "long", "short", "net"):
        for amount in value:
            yield from _of_amount(topology, amount, money=key not in ("position", "order_size"))
    elif key in ("sector", "correlated", "currency"):
        yield from _of_groups(topology, key, value)
    elif key in ("restricted", "reduce_only"):
        yield from _of_instruments(topology, value)
    elif key in ("margin", "var_weight", "stop_loss", "data_stale", "price_move"):
        yield from _of_instruments(topology, [name for name, _ in value])
        for _, each in value:
            if isinstance(each, Amount):
                yield from _of_money(topology, each)
    elif isinstance(value, Amount):
        yield from _of_money(topology, value)
    elif key == "loss_rate":
        yield from _of_money(topology, value.amount)


def _of_amount(topology: "Topology", amount: Amount, money: bool) -> Iterator[str]:
    """An amount of a base currency, or where `money` says so one of the settlement currency."""
    bases = {instrument.base for instrument in topology.instruments.values()}
    if amount.unit not in bases:
        if money and amount.unit in _currencies(topology):
            yield from _of_money(topology, amount)
        else:
            yield f"no instrument trades {amount.unit!r}; base currencies are {', '.join(sorted(bases))}"
    for name, instrument in topology.instruments.items():
        if instrument.base == amount.unit and amount.value_e9 % instrument.lot_e9:
            yield f"is no multiple of the lot of {name}"


def _of_money(topology: "Topology", amount: Amount) -> Iterator[str]:
    currencies = _currencies(topology)
    scale = min((instrument.money_scale for instrument in topology.instruments.values()), default=8)
    if amount.value_e9 % 10 ** (9 - scale):
        yield f"is finer than the money unit of 10^-{scale} {amount.unit}"
    elif amount.value_e9 > (1 << 59) // 10**scale * 10**9:
        yield f"is too large; at most {(1 << 59) // 10**scale} {amount.unit} can be counted exactly"
    if amount.unit not in currencies:
        yield f"no instrument settles in {amount.unit!r}; settlement currencies are {', '.join(sorted(currencies))}"
    elif len(currencies) > 1:
        yield f"adds up several currencies ({', '.join(sorted(currencies))}); use one topology for each"


def _of_groups(topology: "Topology", key: str, pairs: tuple[tuple[str, Amount], ...]) -> Iterator[str]:
    """A limit of a group that some instrument is in."""
    kind = {"sector": "sector", "correlated": "cluster", "currency": "base"}[key]
    known = {name for i in topology.instruments.values() if (name := getattr(i, kind)) is not None}
    for name, amount in pairs:
        if name not in known:
            what = "trades" if kind == "base" else f"is in {kind}"
            yield f"no instrument {what} {name!r}{nearest(name, known)}"
        yield from _of_money(topology, amount)


def _of_instruments(topology: "Topology", names: Any) -> Iterator[str]:
    for name in names:
        if name is not None and name not in topology.instruments:
            yield f"{name!r} is no instrument{nearest(name, topology.instruments)}"


def _currencies(topology: "Topology") -> set[str]:
    return {instrument.currency for instrument in topology.instruments.values()}

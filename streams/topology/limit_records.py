"""The records of `limits.v1` that the limits of one scope give: rule, subject and value of each."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from streams.records import Rule
from streams.topology.limits import Limits, is_given

if TYPE_CHECKING:
    from streams.topology.model import Topology

__all__ = ["KEYS", "fields_of"]

KEYS: dict[str, tuple[Rule, ...]] = {
    "order_size": (Rule.ORDER_SIZE,),
    "order_notional": (Rule.ORDER_NOTIONAL,),
    "collar": (Rule.COLLAR,),
    "position": (Rule.LONG, Rule.SHORT),
    "long": (Rule.LONG,),
    "short": (Rule.SHORT,),
    "net": (Rule.NET,),
    "gross": (Rule.GROSS,),
    "sector": (Rule.SECTOR,),
    "currency": (Rule.CURRENCY,),
    "correlated": (Rule.CORRELATED,),
    "concentration": (Rule.CONCENTRATION,),
    "leverage": (Rule.LEVERAGE,),
    "margin": (Rule.MARGIN,),
    "capital": (Rule.CAPITAL,),
    "var": (Rule.VAR,),
    "var_weight": (Rule.VAR_WEIGHT,),
    "open_orders": (Rule.OPEN_ORDERS,),
    "open_notional": (Rule.OPEN_NOTIONAL,),
    "order_rate": (Rule.ORDER_RATE,),
    "messages_per_fill": (Rule.MESSAGES_PER_FILL,),
    "daily_trades": (Rule.DAILY_TRADES,),
    "daily_volume": (Rule.DAILY_VOLUME,),
    "daily_loss": (Rule.DAILY_LOSS,),
    "drawdown": (Rule.DRAWDOWN,),
    "stop_loss": (Rule.STOP_LOSS,),
    "restricted": (Rule.RESTRICTED,),
    "reduce_only": (Rule.REDUCE_ONLY,),
    "reduce": (Rule.REDUCE,),
    "self_match": (Rule.SELF_MATCH,),
    "repeated": (Rule.REPEATED,),
    "data_stale": (Rule.DATA_STALE,),
    "latency": (Rule.LATENCY,),
    "price_move": (Rule.PRICE_MOVE,),
    "loss_rate": (Rule.LOSS_RATE,),
    "reject_rate": (Rule.REJECT_RATE,),
}
"""The rules that each key of `limits` sets."""

_AMOUNTS = ("order_size", "position", "long", "short", "net")
_MONEY = (
    "order_notional", "gross", "capital", "var", "open_notional", "daily_volume", "daily_loss", "drawdown",
)  # fmt: skip
_COUNTS = ("open_orders", "messages_per_fill", "daily_trades")
_BPS = ("collar", "concentration", "leverage")
_GROUPS = {"sector": "sector", "currency": "currency", "correlated": "cluster"}  # key -> the field that names the group
_INSTRUMENTS = ("restricted", "reduce_only")
_FLAGS = ("reduce", "self_match")
_DURATIONS = ("repeated", "latency")


def fields_of(topology: "Topology", limits: Limits) -> Iterator[dict[str, Any]]:
    """`rule`, instrument or group, and value of every record of one scope."""
    for key, rules in KEYS.items():
        value = getattr(limits, key)
        if not is_given(value):
            continue
        for subject in _values(topology, key, value):
            for rule in rules:
                yield {"rule": rule, **subject}


def _values(topology: "Topology", key: str, value: Any) -> Iterator[dict[str, Any]]:
    """What the records of one key say, each with its instrument or group."""
    if key in _AMOUNTS:
        for amount in value:
            yield from _of_amount(topology, amount)
    elif key in _MONEY:
        yield {"limit_money": _money(value.value_e9)}
    elif key in _COUNTS:
        yield {"limit_count": value}
    elif key in _BPS:
        yield {"limit_bps": value}
    elif key in _GROUPS:
        for name, amount in value:
            yield {_GROUPS[key]: name, "limit_money": _money(amount.value_e9)}
    elif key in _INSTRUMENTS:
        for name in value:
            yield {**_instrument(name), "limit_count": 1}
    elif key in _FLAGS:
        yield {"limit_count": 1}
    elif key in _DURATIONS:
        yield {"interval_ns": value}
    elif key in ("order_rate", "reject_rate"):
        yield {"limit_count": value.count, "interval_ns": value.interval_ns}
    elif key == "loss_rate":
        yield {"limit_money": _money(value.amount.value_e9), "interval_ns": value.interval_ns}
    else:
        for name, each in value:
            yield {**_instrument(name), **_of_each(key, each)}


def _of_each(key: str, value: Any) -> dict[str, Any]:
    """Value of a key that may differ by instrument."""
    if key == "stop_loss":
        return {"limit_money": _money(value.value_e9)}
    if key == "data_stale":
        return {"interval_ns": value}
    if key == "price_move":
        return {"limit_bps": value.bps, "interval_ns": value.interval_ns}
    return {"limit_bps": value}


def _of_amount(topology: "Topology", amount: Any) -> Iterator[dict[str, Any]]:
    """An amount of a base currency limits each instrument that trades it, in lots; one of another currency all of them, in money."""
    bases = {name: instrument.base for name, instrument in topology.instruments.items()}
    if amount.unit not in bases.values():
        yield {"limit_money": _money(amount.value_e9)}
    for name, base in bases.items():
        if base == amount.unit:
            yield {**_instrument(name), "limit_qty_e9": amount.value_e9}


def _instrument(name: str | None) -> dict[str, Any]:
    """The fields that name an instrument, none for every one."""
    if name is None:
        return {}
    venue, _, symbol = name.partition(":")
    return {"venue": venue, "symbol": symbol}


def _money(value_e9: int) -> Decimal:
    return Decimal(value_e9).scaleb(-9)

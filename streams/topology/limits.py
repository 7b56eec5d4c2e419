"""The limits of one scope, as a topology file writes them. docs/risk.md tells what each one means.

`None` in place of an instrument's name means every instrument.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from streams.errors import UnitError
from streams.topology import quantity
from streams.topology.part import Part, exactly
from streams.topology.quantity import Amount, AmountRate, Rate

__all__ = ["Limits", "is_given"]


def _amounts(value: object) -> tuple[Amount, ...]:
    return tuple(quantity.amount(each) for each in (value if isinstance(value, list | tuple) else [value]))


def _each(convert: Callable[[object], Any]) -> Callable[[object], tuple[tuple[str | None, Any], ...]]:
    """One value for every instrument, or a mapping with one for each that it names."""

    def found(value: object) -> tuple[tuple[str | None, Any], ...]:
        return _named(convert)(value) if isinstance(value, Mapping) else ((None, convert(value)),)

    return found


def _named(convert: Callable[[object], Any]) -> Callable[[object], tuple[tuple[str, Any], ...]]:
    """A mapping with a value for each name."""

    def found(value: object) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, Mapping):
            raise UnitError(f"{value!r} names nothing; write a mapping, such as {{name: value}}")
        pairs = []
        for name, each in value.items():
            try:
                pairs.append((str(name), convert(each)))
            except UnitError as error:
                raise UnitError(f"{name}: {error}") from None
        return tuple(pairs)

    return found


def _instruments(value: object) -> tuple[str | None, ...]:
    """`true`: every instrument; a list: those that it names; `false`: none."""
    if isinstance(value, bool):
        return (None,) if value else ()
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise UnitError(f"{value!r} is neither true, false nor a list of instruments, such as [binance:BTCUSDT]")


Amounts = Annotated[tuple[Amount, ...], exactly(_amounts)]
Money = Annotated[Amount, exactly(quantity.amount)]
Count = Annotated[int, exactly(quantity.count)]
Duration = Annotated[int, exactly(quantity.duration_ns)]
Flag = Annotated[bool, exactly(quantity.flag)]
GroupMoney = Annotated[tuple[tuple[str, Amount], ...], exactly(_named(quantity.amount))]
Each = tuple[tuple[str | None, Any], ...]


class Limits(Part):
    """Limits of one scope; what is not named is not limited here."""

    # the size and the price of one order
    order_size: Amounts = ()
    order_notional: Money | None = None
    collar: Annotated[int, exactly(quantity.basis_points)] | None = None
    # what is held, and what would be if everything that works filled
    position: Amounts = ()
    long: Amounts = ()
    short: Amounts = ()
    net: Amounts = ()
    gross: Money | None = None
    sector: GroupMoney = ()
    currency: GroupMoney = ()
    correlated: GroupMoney = ()
    concentration: Annotated[int, exactly(quantity.ratio_bps)] | None = None
    leverage: Annotated[int, exactly(quantity.multiple)] | None = None
    margin: Annotated[Each, exactly(_each(quantity.share_bps))] = ()
    capital: Money | None = None
    var: Money | None = None
    var_weight: Annotated[Each, exactly(_each(quantity.share_bps))] = ()
    # what works, and how much is sent and traded
    open_orders: Count | None = None
    open_notional: Money | None = None
    order_rate: Annotated[Rate, exactly(quantity.rate)] | None = None
    messages_per_fill: Count | None = None
    daily_trades: Count | None = None
    daily_volume: Money | None = None
    # what is lost
    daily_loss: Money | None = None
    drawdown: Money | None = None
    stop_loss: Annotated[Each, exactly(_each(quantity.amount))] = ()
    # what may be traded at all, and what is cut rather than denied
    restricted: Annotated[tuple[str | None, ...], exactly(_instruments)] = ()
    reduce_only: Annotated[tuple[str | None, ...], exactly(_instruments)] = ()
    reduce: Flag = False
    # guards
    self_match: Flag = False
    repeated: Duration | None = None
    data_stale: Annotated[Each, exactly(_each(quantity.duration_ns))] = ()
    latency: Duration | None = None
    # breakers
    price_move: Annotated[Each, exactly(_each(quantity.bps_rate))] = ()
    loss_rate: Annotated[AmountRate, exactly(quantity.amount_rate)] | None = None
    reject_rate: Annotated[Rate, exactly(quantity.rate)] | None = None


def is_given(value: object) -> bool:
    """The file sets this limit."""
    return value is not None and value != () and value is not False

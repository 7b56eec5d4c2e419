"""What a person sees of a running strategy: its parameters and state by name, and what the node knows of it."""

from decimal import Decimal
from typing import Any

from streams.agents.runner import NodeRunner
from streams.agents.spec import StrategySpec
from streams.agents.window import MAX_TIMERS
from streams.records import Instrument

__all__ = ["MAX_SHOWN", "numbers_of", "strategy_shown"]

MAX_SHOWN = 16  # of an array or table: its first elements


def numbers_of(struct: Any, cls: Any) -> dict[str, Any]:
    """The fields of a Struct, or of a View of one: numbers, a dict for a nested one, the first MAX_SHOWN elements of a table."""
    found: dict[str, Any] = {}
    for name, f in cls._fields_.items():
        value = getattr(struct, name)
        if f.kind == "scalar":
            found[name] = value
        elif f.kind == "struct":
            found[name] = numbers_of(value, f.elem)
        elif isinstance(f.elem, str):
            found[name] = [getattr(one, "item", lambda one=one: one)() for one in list(value)[:MAX_SHOWN]]
        else:
            found[name] = [numbers_of(one, f.elem) for one in list(value)[:MAX_SHOWN]]
    return found


def strategy_shown(node: NodeRunner, index: int, spec: StrategySpec, rules: dict[str, tuple[int, Instrument]]) -> dict[str, Any]:
    """One strategy as it is between two inputs, as JSON takes it. rules: number and record of an instrument by "venue:symbol".

    status    : running, halted, or waiting (no callback yet)
    faults    : callbacks that raised; refused: orders refused before risk saw them
    positions : quantity and P&L as decimal text, in the instrument's units and its currency
    state     : parameters and state by the names of the class's fields
    """
    entry = node.entry(index)
    context = entry.context
    positions = {}
    for symbol in spec.instruments:
        if symbol in rules and context.strategy >= 0:
            number, instrument = rules[symbol]
            qty_lots, pnl = node.holding(context.strategy, number)
            qty = Decimal(qty_lots * instrument.lot_e9).scaleb(-9)
            positions[symbol] = {"qty": f"{qty.normalize():f}", "pnl": f"{Decimal(pnl).scaleb(-instrument.money_scale).normalize():f}"}
    return {
        "status": "halted" if entry.status else "running" if entry.started else "waiting",
        "faults": entry.faults,
        "refused": context.refused,
        "now_ns": node.now_ns(),
        "timers": {k: int(context.timers[k]) for k in range(MAX_TIMERS) if context.timers[k]},
        "positions": positions,
        "state": numbers_of(*node.state(index)),
    }

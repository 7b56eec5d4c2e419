"""What a process is made of: derived from the topology, the same for every lane and for verify."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DEFAULT_SIZES", "ProcessSpec", "StrategySpec"]

DEFAULT_SIZES: Mapping[str, int] = {
    "instruments": 4,
    "strategies": 4,
    "accounts": 4,
    "scopes": 16,
    "currencies": 8,
    "lots": 64,
    "sectors": 4,
    "clusters": 4,
    "orders": 512,
    "order_lists": 4,
    "executions": 4096,
    "window": 4096,
    "far": 8192,
    "queue": 1024,
    "held": 1 << 15,
    "levels": 1 << 14,
}
"""Room in a process's tables. orders, executions, window and far are powers of two; order_lists is set to what strategies and
instruments (two each) need; lots: open lots of different prices that a position keeps in the order they were opened."""


@dataclass(frozen=True)
class StrategySpec:
    """One strategy: its name, its class ("module:Class", or the class itself), its account, its instruments ("venue:symbol").

    model : file that a strategy with compiled = False reads, "" = none
    kept  : folder where `apply` keeps each model file under its hash, "" = none
    """

    name: str
    class_path: str | type
    account: str
    instruments: tuple[str, ...]
    model: str = ""
    kept: str = ""


@dataclass(frozen=True)
class ProcessSpec:
    """One process of one shard.

    agents  : in the order in which they read a record: normalize, strategy, risk, execute, account
    sizes   : room in the tables, over DEFAULT_SIZES
    writers : topic -> number of the writer (dictionary) under which this process writes it
    epoch   : of the dictionary, part of client order ids
    shared  : agents of this process that run in other processes too: `strategy`, where some strategies have a process of their own
    """

    name: str
    shard: int
    agents: tuple[str, ...]
    strategies: tuple[StrategySpec, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    writers: Mapping[str, int] = field(default_factory=dict)
    epoch: int = 0
    shared: tuple[str, ...] = ()

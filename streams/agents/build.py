"""Makes the node of a process, with its strategies, plain or compiled."""

import importlib

from streams.agents.codes import AGENT_ACCOUNT, AGENT_EXECUTE, AGENT_RISK, AGENT_STRATEGY
from streams.agents.node import Node
from streams.agents.outbox import ROOM
from streams.agents.runner import CompiledNode, NodeRunner, PlainNode
from streams.agents.spec import ProcessSpec
from streams.errors import TopologyError
from streams.strategies.base import Strategy
from streams.strategies.check import faults_of

__all__ = ["COMPILED", "build_node", "load_strategy"]

COMPILED = {"strategy": AGENT_STRATEGY, "risk": AGENT_RISK, "execute": AGENT_EXECUTE, "account": AGENT_ACCOUNT}
"""The agents that live in the node, and their codes there."""


def build_node(
    spec: ProcessSpec, sizes: dict[str, int], compiled: bool, guarded: bool = True
) -> tuple[NodeRunner | None, list[type[Strategy]]]:
    """The node (None for a process without compiled agents) and the classes of its strategies. TopologyError, CompileError.

    A strategy whose class says compiled = False runs plain, alone in its process; beside others only where `compiled` is not asked for.
    guarded: see `plain_callbacks`.
    """
    codes = [COMPILED[a] for a in spec.agents if a in COMPILED]
    if not codes:
        return None, []
    classes = [load_strategy(s.class_path) for s in spec.strategies] if "strategy" in spec.agents else []
    if len(classes) > sizes["strategies"]:
        raise TopologyError(f"process {spec.name}: {len(classes)} strategies, room for {sizes['strategies']}: raise sizes.strategies")
    plain = [s.name for s, cls in zip(spec.strategies, classes, strict=False) if not cls.compiled]
    if plain and compiled and (len(classes) > 1 or spec.agents != ("strategy",)):
        raise TopologyError(
            f"process {spec.name}: strategy {plain[0]!r} says compiled = False, so it cannot be fused with anything; give it a process of "
            f"its own: {{lane: kafka, agents: [strategy], strategies: [{plain[0]}]}}"
        )
    if sizes["queue"] < ROOM:  # nothing would ever be stepped
        raise TopologyError(f"process {spec.name}: sizes.queue is {sizes['queue']}; one input may cause {ROOM} records: {ROOM} or more")
    node = Node(sizes)
    node.setup(sizes["instruments"], sizes["strategies"], sizes["currencies"])
    for i, code in enumerate(codes):
        node.agents[i] = code
    node.agent_count = len(codes)
    node.strategy.count = len(classes)
    strategies = [cls(sizes) for cls in classes]
    return (CompiledNode(node, strategies) if compiled and not plain else PlainNode(node, strategies, guarded)), classes


def load_strategy(class_path: str | type) -> type[Strategy]:
    """The class behind "module:Class", or the class itself; TopologyError says what is wrong with it."""
    if isinstance(class_path, type):
        return _checked(class_path)
    module, _, name = class_path.partition(":")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as e:
        raise TopologyError(f"strategy class {class_path!r} cannot be loaded: {e}; write it as package.module:Class") from None
    if not isinstance(cls, type):
        raise TopologyError(f"strategy class {class_path!r} is no class; write it as package.module:Class")
    return _checked(cls)


def _checked(cls: type) -> type[Strategy]:
    faults = list(faults_of(cls))
    if faults:
        raise TopologyError("\n".join(faults))
    return cls

"""Makes the node of a process, with its strategies, plain or compiled."""

import importlib

from streams.agents.codes import AGENT_ACCOUNT, AGENT_EXECUTE, AGENT_RISK, AGENT_STRATEGY
from streams.agents.node import Node
from streams.agents.runner import CompiledNode, NodeRunner, PlainNode
from streams.agents.spec import ProcessSpec
from streams.errors import TopologyError
from streams.strategies.base import Strategy

__all__ = ["COMPILED", "build_node", "load_strategy"]

COMPILED = {"strategy": AGENT_STRATEGY, "risk": AGENT_RISK, "execute": AGENT_EXECUTE, "account": AGENT_ACCOUNT}
"""The agents that live in the node, and their codes there."""


def build_node(spec: ProcessSpec, sizes: dict[str, int], compiled: bool) -> tuple[NodeRunner | None, list[type[Strategy]]]:
    """The node (None for a process without compiled agents) and the classes of its strategies. TopologyError, CompileError."""
    codes = [COMPILED[a] for a in spec.agents if a in COMPILED]
    if not codes:
        return None, []
    classes = [load_strategy(s.class_path) for s in spec.strategies] if "strategy" in spec.agents else []
    if len(classes) > sizes["strategies"]:
        raise TopologyError(f"process {spec.name}: {len(classes)} strategies, room for {sizes['strategies']}: raise sizes.strategies")
    node = Node(sizes)
    node.setup(sizes["instruments"], sizes["strategies"], sizes["currencies"])
    for i, code in enumerate(codes):
        node.agents[i] = code
    node.agent_count = len(codes)
    node.strategy.count = len(classes)
    strategies = [cls(sizes) for cls in classes]
    return (CompiledNode(node, strategies) if compiled else PlainNode(node, strategies)), classes


def load_strategy(class_path: str) -> type[Strategy]:
    """The class behind "module:Class"; TopologyError says what is wrong with it."""
    module, _, name = class_path.partition(":")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as e:
        raise TopologyError(f"strategy class {class_path!r} cannot be loaded: {e}; write it as package.module:Class") from None
    if not (isinstance(cls, type) and issubclass(cls, Strategy)):
        raise TopologyError(f"strategy class {class_path!r} is no Strategy; derive it from streams.strategies.base.Strategy")
    return cls

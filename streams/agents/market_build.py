"""Makes normalize for a process, plain or compiled."""

from collections.abc import Mapping

from streams.agents.market_node import CompiledMarket, MarketNode, PlainMarket
from streams.schema.edge import Edge

__all__ = ["build_market"]


def build_market(edge: Edge, sizes: Mapping[str, int], compiled: bool) -> MarketNode:
    """Normalize of a process with these sizes, whose names and instruments the edge knows."""
    return (CompiledMarket if compiled else PlainMarket)(edge, sizes)

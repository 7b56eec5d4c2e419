"""Where records stand: a partition of a topic, or, for what the mirror of a fast lane has read, a slot of a ring."""

__all__ = ["Place", "is_ring", "ring_topic"]

Place = tuple[str, int]
"""(topic, partition)."""

_RING = "ring:"


def ring_topic(ring: str) -> str:
    """What stands in the place of a topic where a journal entry says how far a ring was read; the partition is the shard.

    >>> ring_topic("market-feed@1f"), is_ring("ring:market-feed@1f"), is_ring("trades.v1")
    ('ring:market-feed@1f', True, False)
    """
    return _RING + ring


def is_ring(topic: str) -> bool:
    """Whether a position is one in a ring: only the mirror goes on there, nobody reads it from a broker."""
    return topic.startswith(_RING)

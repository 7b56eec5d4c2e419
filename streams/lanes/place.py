"""Where records stand: a partition of a topic."""

__all__ = ["Place"]

Place = tuple[str, int]
"""(topic, partition)."""

"""What goes to a dead-letter topic."""

from typing import NamedTuple

__all__ = ["Letter"]


class Letter(NamedTuple):
    """An input that cannot be used (or an output that no topic takes: offset -1), and why."""

    topic: str
    partition: int
    offset: int
    reason: str
    payload: bytes
    cause_id: int = 0

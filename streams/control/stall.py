"""Whether the application still reads: Faust's consumer has been seen to stop without a word while its web went on."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Stall"]

Place = tuple[str, int]

_BOUND_S = 45.0
_RECORDS = 50
"""So many offsets written and none read are no marks of transactions."""


class _Seen(NamedTuple):
    read: int
    end: int
    since_s: float


class Stall:
    """Compares, from time to time, how far each partition was read with where it ends."""

    def __init__(self) -> None:
        self._seen: dict[Place, _Seen] = {}

    def look(self, read: Mapping[Place, int], ends: Mapping[Place, int], now_s: float) -> Iterable[Place]:
        """Partitions that have grown for 45 s or longer while nothing of them was read.

        read : offset of the last record taken, -1 before the first; ends: offset of the next record to be written
        """
        for place, end in ends.items():
            seen = self._seen.get(place)
            if seen is None or seen.read != read.get(place, -1):
                self._seen[place] = _Seen(read.get(place, -1), end, now_s)
            elif end - seen.end >= _RECORDS and now_s - seen.since_s >= _BOUND_S:
                yield place

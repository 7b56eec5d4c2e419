"""Limits and parameters that a re-execution takes in place of the recorded ones (contract 19)."""

from collections.abc import Iterable
from typing import Any

from streams.records import Limit, Param
from streams.schema import model

__all__ = ["KEYS", "TOPICS", "Replaced", "key_of"]

KEYS = {
    "Shard": ("kind", "name"),
    "Instrument": ("venue", "symbol"),
    "Limit": ("scope", "rule", "venue", "symbol", "sector", "currency", "cluster"),
    "Param": ("strategy", "name"),
}
"""The fields that say what a control record is about."""


def key_of(record: Any) -> tuple[Any, ...]:
    """What a control record is about: a later one with the same key replaces it. A Shard, Instrument, Limit or Param."""
    name = type(record).__name__
    return (name, *(getattr(record, field) for field in KEYS[name]))


TOPICS = ("limits.v1", "params.v1")
"""Where the records stand that can be replaced."""


class Replaced:
    """What the records of limits.v1 and params.v1 say instead of what was recorded.

    records : one a limit or parameter; of a recorded one about the same, id, cause, run and times are kept
    active  : whether it holds yet; set it when it is to begin
    """

    def __init__(self, records: Iterable[Limit | Param]) -> None:
        self.active = False
        self._wanted = {key_of(record): record for record in records}
        self._told: set[tuple[Any, ...]] = set()

    def __call__(self, record: Any) -> Any:
        """The record to carry in place of a recorded one."""
        wanted = self._wanted.get(key_of(record)) if self.active and isinstance(record, Limit | Param) else None
        if wanted is None:
            return record
        self._told.add(key_of(record))
        return wanted._replace(**{name: getattr(record, name) for name in model.COMMON})

    def left(self) -> list[Limit | Param]:
        """Those that have not come in place of a recorded one yet: to be carried by themselves, once."""
        found = [record for key, record in self._wanted.items() if key not in self._told]
        self._told |= self._wanted.keys()
        return found

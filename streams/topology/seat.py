"""Where a process sits on its host: which cores, how urgent, and what it does while it has nothing to do."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from streams.errors import UnitError
from streams.topology.part import Part, exactly

__all__ = ["Place", "Seat"]

_MOST = 1024


def _numbers(what: str) -> Callable[[object], tuple[int, ...]]:
    """One for every shard, or a list with one for each."""

    def read(value: object) -> tuple[int, ...]:
        given = value if isinstance(value, list | tuple) else [value]
        found = tuple(one for one in given if isinstance(one, int) and not isinstance(one, bool) and 0 <= one < _MOST)
        if len(found) < len(given):
            raise UnitError(f"{value!r} names no {what}; write a number from 0, or a list with one a shard")
        return found

    return read


class Place(Part):
    """What a topology says of the place of a process. Every part is optional; `millrace doctor` tells what the host offers.

    cpu        : the core it is pinned to, or a list with one a shard; () = wherever the host puts it
    numa       : the NUMA node whose memory it takes, and whose cores it runs on if `cpu` names none, or a list with one a shard; the rings
                 of a shard lie on the node of its lane
    nice       : -20 (first) to 19 (last)
    scheduling : `fifo` runs before everything that is not, and needs the right to (CAP_SYS_NICE); `batch` is left alone longer
    """

    cpu: Annotated[tuple[int, ...], exactly(_numbers("core"))] = ()
    numa: Annotated[tuple[int, ...], exactly(_numbers("NUMA node"))] = ()
    nice: int = Field(default=0, ge=-20, le=19)
    scheduling: Literal["normal", "batch", "fifo"] = "normal"

    def core(self, shard: int) -> int | None:
        """The core of a shard's process, None = wherever; cores are used in turn where there are fewer than shards."""
        return self.cpu[shard % len(self.cpu)] if self.cpu else None

    def node(self, shard: int) -> int | None:
        """The same of its NUMA node."""
        return self.numa[shard % len(self.numa)] if self.numa else None


class Seat(Place):
    """The same of a process that waits for slots of rings.

    wait : while no slot comes: `spin` owns its core, `yield` shares it and is always busy, `sleep` costs nothing, `backoff` does all three
           in turn (streams/lanes/waiting.py); counts on the fast lane
    """

    wait: Literal["spin", "yield", "sleep", "backoff"] = "backoff"

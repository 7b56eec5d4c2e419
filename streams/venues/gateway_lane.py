"""What a gateway needs of the lane that it stands on: requests and commands in, events out, and the state that earlier instances left.

`gateway_kafka` reads topics and writes transactions; `gateway_rings` reads and writes rings, which are its journal.
"""

from collections.abc import Callable
from typing import Any, Protocol

from streams.records import Command, Request, VenueEvent, VenueEventType
from streams.venues.gateway_state import GatewayState, KillSwitch, Pending

__all__ = ["EVENTS", "REQUESTS", "GatewayLane"]

REQUESTS = "requests.v1"
EVENTS = "venue_events.v1"


class GatewayLane(Protocol):
    """One gateway's lane. Everything is called in the event loop.

    run         : the RUN record
    epoch       : of the dictionary
    state, kill : as of now; the lane notes requests, the gateway events and commands
    new_run     : another run has begun
    at_once     : given what has come before `requests` has it; what it leaves comes from `requests` later. For lanes that read in the loop
    recovered   : the host was lost and with it, maybe, what had been sent: the venue may have orders that no record tells of
    """

    run: Command
    epoch: int
    state: GatewayState
    kill: KillSwitch
    at_once: Callable[[list[Pending]], list[Pending]] | None
    new_run: bool
    recovered: bool

    @property
    def written(self) -> int:
        """Events written since the start."""
        ...

    @property
    def letters_written(self) -> int:
        """Dead letters written since the start."""
        ...

    async def requests(self) -> list[Pending]:
        """Requests for this gateway that have come, noted in `state`, in their order; may come back with none after a while."""
        ...

    async def commands(self) -> list[Command]:
        """Commands of the run that have come; as above."""
        ...

    def request_of(self, value: bytes) -> Request:
        """The request of a `Pending.value`."""
        ...

    def urgent(self) -> list[Command]:
        """Commands that have come and must not wait for `commands`; at once."""
        ...

    def event(self, kind: VenueEventType, request: Request, cause_id: int, answers: Pending | None, raw: bytes, **more: Any) -> VenueEvent:
        """An event with the next id about the order of a request, queued. answers: the request it answers."""
        ...

    def flush(self) -> None:
        """Write soon what is queued."""
        ...

    def sent(self, found: list[Pending]) -> None:
        """These requests have been given to the connection."""
        ...

    async def settled(self) -> None:
        """What is queued is written, and no other instance has taken this one's place: raises FencedError or LaneError."""
        ...

    async def work(self) -> None:
        """Runs beside the gateway as long as it does."""
        ...

    async def finish(self) -> None:
        """An ordered end: nothing comes after it."""
        ...

    def close(self) -> None:
        """Let go of everything; no thread uses it any longer."""
        ...

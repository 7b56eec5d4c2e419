"""Where a sink goes on: what its group has committed, and what to do when that is gone or no longer fits the topic."""

from collections.abc import Callable
from typing import Protocol

import structlog

from streams.lanes.messages import Place
from streams.schema import model
from streams.sinks.plan import NOTHING, Progress

__all__ = ["Notes", "Positions"]

_LOG = structlog.get_logger("sink")


class Notes(Protocol):
    """What a group has committed, as BulkConsumer tells it."""

    def committed(self, places: list[Place]) -> dict[Place, int]: ...
    def notes(self, places: list[Place]) -> dict[Place, str]: ...


class Positions:
    """Reads the positions of a group.

    kept      : (first offset, end) of partitions, without those that have no leader
    id_at     : id of the record at an offset, None if it cannot be read
    last_rows : (offset, id) of the last row of each partition in the table of a schema
    known     : the partitions for which a position was committed
    """

    def __init__(
        self,
        group: Notes,
        kept: Callable[[list[Place]], dict[Place, tuple[int, int]]],
        id_at: Callable[[Place, int], int | None],
        last_rows: Callable[[model.Schema], dict[int, tuple[int, int]]],
    ) -> None:
        self.group, self.kept, self.id_at, self.last_rows = group, kept, id_at, last_rows
        self.known: set[Place] = set()
        self._rows: dict[str, dict[int, tuple[int, int]]] = {}

    def read(self, places: list[Place]) -> dict[Place, Progress]:
        """The progress of these partitions; not of those that have no leader yet: the next look takes them up."""
        found: dict[Place, Progress] = {}
        committed, notes = self.group.committed(places), self.group.notes(places)
        for place, (low, high) in self.kept(places).items():
            if place not in committed:
                found[place] = Progress(self._begin(place, low, high))
                continue
            self.known.add(place)
            progress = Progress.read(committed[place], notes.get(place))
            found[place] = progress if low <= progress.offset <= high else _fitted(place, progress, low, high)
        return found

    def _begin(self, place: Place, low: int, high: int) -> int:
        """Without a position: behind the last row if the topic has that very record, else at the topic's beginning.

        A broker forgets the positions of a group that was away for long (7 days by default); a topic of the same name may be another one.
        """
        topic, partition = place
        if low == high:
            return low
        if topic not in self._rows:
            self._rows[topic] = self.last_rows(model.for_topic(topic))
        offset, id = self._rows[topic].get(partition, (low - 1, 0))
        if low <= offset < high and self.id_at(place, offset) == id:
            _LOG.warning("the position was forgotten; going on behind the last row", topic=topic, partition=partition, offset=offset)
            return offset + 1
        return low


def _fitted(place: Place, progress: Progress, low: int, high: int) -> Progress:
    """Records were deleted before the sink read them, or the topic was made anew: say so and go on with what there is."""
    text = "records are gone before they reached ClickHouse" if progress.offset < low else "the topic was made anew"
    _LOG.error(text, topic=place[0], partition=place[1], position=progress.offset, kept_from=low, end=high)
    if progress.last != NOTHING and low <= progress.last < high:
        return progress  # what is left of the planned batch goes in under its token
    return Progress(low, NOTHING, progress.dead)

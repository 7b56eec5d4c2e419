"""Where a sink goes on: what its group has committed, and what to do when that is gone or no longer fits the topic."""

from collections.abc import Callable

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.errors import DecodeError
from streams.lanes.bus import explain, read_range
from streams.lanes.wire import Wire
from streams.schema import model
from streams.sinks.held import Place
from streams.sinks.plan import NOTHING, Progress

__all__ = ["TIMEOUT_S", "Positions"]

TIMEOUT_S = 20.0

_LOG = structlog.get_logger("sink")


class Positions:
    """Reads the positions of a group.

    last_rows : (offset, id) of the last row of each partition in the table of a schema
    known     : the partitions for which a position was committed
    """

    def __init__(
        self, kafka: str, group: str, consumer: Consumer, wire: Wire, last_rows: Callable[[model.Schema], dict[int, tuple[int, int]]]
    ) -> None:
        self.kafka, self.group, self.consumer, self.wire, self.last_rows = kafka, group, consumer, wire, last_rows
        self.known: set[Place] = set()
        self._rows: dict[str, dict[int, tuple[int, int]]] = {}

    def read(self, places: list[Place]) -> dict[Place, Progress]:
        """The progress of these partitions; not of those that have no leader yet."""
        found: dict[Place, Progress] = {}
        try:
            committed = self.consumer.committed([TopicPartition(*place) for place in places], TIMEOUT_S)
        except KafkaException as fault:
            raise explain(fault, self.kafka, f"reading the positions of {self.group}") from None
        for at in committed:
            place = (at.topic, at.partition)
            try:
                low, high = self.consumer.get_watermark_offsets(TopicPartition(*place), TIMEOUT_S)
            except KafkaException:
                continue  # made a moment ago: the next look takes it up
            if at.offset < 0:
                found[place] = Progress(self._begin(place, low, high))
                continue
            self.known.add(place)
            progress = Progress.read(at.offset, at.metadata)
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
        if low <= offset < high and self._id_at(place, offset) == id:
            _LOG.warning("the position was forgotten; going on behind the last row", topic=topic, partition=partition, offset=offset)
            return offset + 1
        return low

    def _id_at(self, place: Place, offset: int) -> int | None:
        for message in read_range(self.kafka, *place, offset, offset + 1):
            try:
                return self.wire.decode(place[0], message.value()).id
            except DecodeError:
                return None
        return None


def _fitted(place: Place, progress: Progress, low: int, high: int) -> Progress:
    """Records were deleted before the sink read them, or the topic was made anew: say so and go on with what there is."""
    text = "records are gone before they reached ClickHouse" if progress.offset < low else "the topic was made anew"
    _LOG.error(text, topic=place[0], partition=place[1], position=progress.offset, kept_from=low, end=high)
    if progress.last != NOTHING and low <= progress.last < high:
        return progress  # what is left of the planned batch goes in under its token
    return Progress(low, NOTHING, progress.dead)

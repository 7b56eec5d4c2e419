"""One consumer of a sink and what it has read: of the topics that people watch, or of all others."""

import time
from collections.abc import Mapping

from streams.lanes.bulk_consumer import BulkConsumer
from streams.sinks.held import Held, Place
from streams.sinks.records import by_place

__all__ = ["Intake"]

CHUNK = 20_000


class Intake:
    """Reads its partitions into `held`. Records of the others never stand before its own, neither in a queue nor in memory."""

    def __init__(self, kafka: str, group: str, held: Held) -> None:
        self.held = held
        self.consumer = BulkConsumer(kafka, group)
        self._next: dict[Place, int] = {}

    def take_up(self, positions: Mapping[Place, int]) -> None:
        """Read these partitions, too."""
        if positions:
            self._next |= positions
            self.consumer.assign(self._next)

    def read(self, wait_s: float) -> int:
        """Hold what there is, waiting so long for the first; how many records were read."""
        if not self._next or not self.held.room:
            return 0
        messages, now_s = self.consumer.take(min(CHUNK, self.held.room), wait_s), time.monotonic()
        for place, records in by_place(messages, self.consumer.places):
            self.held.add(place, records, now_s)
            self._next[place] = int(records.offset[-1]) + 1
        messages.release()
        return messages.count

    def close(self) -> None:
        """Free the consumer."""
        self.consumer.close()

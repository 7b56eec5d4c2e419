"""A Kafka transport for Faust that fits topics written in transactions, and loses nothing around a restart.

- **Committed records only.** Faust reads `read_uncommitted` unless Faust itself runs transactions, and so would count fills of a batch that
  a crash has undone.
- **Positions without gaps.** The mark at the end of each transaction takes an offset. Faust keeps such gaps in interval trees, counts the
  record after a gap as done before it is, and can wait for ever for one that a restart has cut. Here each topic has one stream, which takes
  records in their order: what was taken last says it all.
- **A position of 0 is one.** aiokafka does not seek to it; what was fetched of a young topic while the tables were recovered would be lost.
"""

from collections.abc import Mapping
from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from streams.errors import LaneError

__all__ = ["CommittedTransport"]

_FIELD = "_isolation_level"
_CHANGELOG = "-changelog"


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        if getattr(consumer, _FIELD, None) != "read_uncommitted":
            raise LaneError(f"aiokafka keeps its isolation level no longer in {_FIELD}; streams/control/transport.py must follow")
        setattr(consumer, _FIELD, "read_committed")
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the committed position of every partition, to the first record where there is none."""
        return await self.call_thread(self._seek_to_committed)

    async def _seek_to_committed(self) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        found = await consumer.seek_to_committed()
        young = [place for place, offset in found.items() if not offset and not place.topic.endswith(_CHANGELOG)]
        for place, offset in (await consumer.beginning_offsets(young)).items() if young else ():
            consumer.seek(place, offset)
        return found


class _Consumer(Consumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        return

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        offset = max(acked) + 1
        acked.clear()
        self._acked_index[tp].clear()
        return offset


class CommittedTransport(Transport):
    """The transport of the control plane's application."""

    Consumer = _Consumer

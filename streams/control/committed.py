"""A Kafka transport for Faust that reads committed records only.

Lanes write in transactions. Faust's own consumer reads `read_uncommitted` unless Faust itself runs transactions, and so would count fills
of a batch that a crash has undone.
"""

from typing import Any

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from streams.errors import LaneError

__all__ = ["CommittedTransport"]

_FIELD = "_isolation_level"
_FETCH_WAIT = "_fetch_max_wait_ms"
_FETCH_WAIT_MS = 100  # Faust's 1500 would keep a partition that is new to the fetch waiting


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        if getattr(consumer, _FIELD, None) != "read_uncommitted":
            raise LaneError(f"aiokafka keeps its isolation level no longer in {_FIELD}; streams/control/committed.py must follow")
        setattr(consumer, _FIELD, "read_committed")
        setattr(consumer, _FETCH_WAIT, _FETCH_WAIT_MS)
        return consumer


class _Consumer(Consumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(Transport):
    """As Faust's, but what a transaction has not committed is not seen."""

    Consumer = _Consumer

"""Dead letters of the sink: records on `<topic>.dlq.v1`, sent in the transaction that plans their batch."""

import time

from streams.errors import LaneError
from streams.lanes.bus import BulkProducer, TopicSpec, create_topics, list_topics
from streams.lanes.control import read_control
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic, writer_name
from streams.records import DeadLetter
from streams.schema import ids, model
from streams.sinks.batch import Batch, Dead

__all__ = ["Letters"]

RETENTION_MS = 30 * 24 * 3600 * 1000
PAYLOAD_MAX_BYTES = 900_000  # with header and reason below what a record may have
REASON_MAX_CHARS = 1_000


class Letters:
    """Writes dead letters. Their ids count on per topic from what the committed plans say was written."""

    def __init__(self, kafka: str, wire: Wire, process: str) -> None:
        self.kafka, self.wire, self.process = kafka, wire, process
        self.counts: dict[str, int] = {}
        self._writers: dict[str, int] = {}
        self._ready: set[str] = set()

    def prepare(self, batch: Batch) -> None:
        """Make sure that topic, subject and writer number of the batch's dead letters exist. Not to be called in a transaction."""
        target = self.target(batch.topic)
        if not batch.dead or target in self._ready:
            return
        if target not in list_topics(self.kafka):
            create_topics(self.kafka, [TopicSpec(target, 1, {"retention.ms": str(RETENTION_MS)})])
        try:
            self.wire.header(target)
        except LaneError:
            self.wire.ids.register(target)
        control = read_control(self.kafka, self.wire, ("names.v1",))
        try:
            self._writers[target] = control.writer(writer_name(self.process, 0, target))
        except LaneError:
            self._writers[target] = ids.MAX_WRITER  # no dictionary names this sink: the letter matters more than its writer
        self._ready.add(target)

    def send(self, sender: BulkProducer, batch: Batch) -> None:
        """Queue the batch's dead letters; `prepare` came before."""
        target = self.target(batch.topic)
        for dead in batch.dead:
            self.counts[batch.topic] = self.counts.get(batch.topic, 0) + 1
            letter = self._letter(batch, dead, ids.make(self._writers[target], self.counts[batch.topic]))
            sender.send(target, 0, self.wire.encode(target, letter))

    @staticmethod
    def target(topic: str) -> str:
        """The dead-letter topic of a topic; of a dead-letter topic it is that topic itself."""
        return topic if topic.endswith(model.DLQ) else dlq_topic(topic)

    @staticmethod
    def _letter(batch: Batch, dead: Dead, id: int) -> DeadLetter:
        return DeadLetter(
            id=id,
            cause_id=0,
            run_id=0,
            ts_ns=time.time_ns(),
            recv_ts_ns=0,
            topic=batch.topic,
            partition=batch.partition,
            offset=dead.offset,
            reason=dead.reason[:REASON_MAX_CHARS],
            payload=dead.payload[:PAYLOAD_MAX_BYTES],
        )

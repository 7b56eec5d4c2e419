"""The inputs of a lane: lists of messages, decoded, without what is not for this process, in the order in which they are consumed."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.errors import DecodeError
from streams.lanes.bus import RangeReader, explain
from streams.lanes.control import COMMANDS
from streams.lanes.journal import Place
from streams.lanes.spec import is_control
from streams.lanes.wire import Wire
from streams.records import CommandType
from streams.schema import ids

__all__ = ["Batch", "Input", "Intake"]


class Input(NamedTuple):
    """One record to be fed; sorts in consuming order: control topics by topic and offset, then data by receive time, topic, id."""

    data: int  # 0 = control, 1 = data
    time: int
    rank: int
    tie: int
    index: int
    topic: str
    partition: int
    offset: int
    record: Any
    message: Message


class Batch(NamedTuple):
    """What one look at the inputs gave: records in order, and what could not be decoded with the reason.

    new_run : number of a run that has begun since, 0 if none: the process belongs to the run before and must end
    """

    inputs: list[Input]
    bad: list[tuple[Message, str]]
    new_run: int


class Intake:
    """Reads assigned partitions from given positions; `positions` moves on with what was taken.

    own     : writers of the process itself; their records went through memory and are passed over (contract 12)
    """

    def __init__(
        self, consumer: Consumer, bootstrap: str, wire: Wire, positions: Mapping[Place, int], own: Iterable[int], run_number: int
    ) -> None:
        self.positions = dict(positions)
        self._consumer, self._bootstrap, self._wire = consumer, bootstrap, wire
        self._own, self._run_number = frozenset(own), run_number
        self._ranks = {topic: rank for rank, topic in enumerate(dict.fromkeys(topic for topic, _ in self.positions))}
        self._control = {topic for topic in self._ranks if is_control(topic)}
        self._ends: dict[Place, int] = {}

    def assign(self) -> None:
        """Begin to fetch at the positions."""
        self._consumer.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in self.positions.items()])

    def take(self, rows: int, wait_s: float, due: float) -> list[Message]:
        """All that is there, at most `rows`; waits up to `wait_s` for the first, then until `due` (monotonic) for more."""
        found = self._consumer.consume(1, wait_s)
        if not found:
            return found
        found += self._consumer.consume(rows - 1, 0)
        gather_s = due - time.monotonic()
        if gather_s > 0 and len(found) < rows:  # not a backlog: one larger batch is cheaper than two
            time.sleep(gather_s)
            found += self._consumer.consume(rows - len(found), 0)
        return found

    def control_to_end(self, rows: int) -> Iterable[list[Message]]:
        """The control topics from their positions to their ends now, topic by topic: a process knows them before any data."""
        for topic, partition in [place for place in self.positions if place[0] in self._control]:
            with RangeReader(self._bootstrap, topic, partition, self.positions[topic, partition]) as reader:
                while messages := reader.take(rows):
                    yield messages

    def batch(self, messages: list[Message]) -> Batch:
        """Decode and order messages; raises LaneError for a fault of the consumer or a registry that is needed and away."""
        inputs: list[Input] = []
        bad: list[tuple[Message, str]] = []
        new_run, decode, own, run_number = 0, self._wire.decode, self._own, self._run_number
        for index, message in enumerate(messages):
            error = message.error()
            if error is not None:
                self._event(message, error)
                continue
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            try:
                record = decode(topic, message.value())
            except DecodeError as reason:
                self.positions[topic, partition] = offset + 1
                bad.append((message, str(reason)))
                continue
            if topic == COMMANDS and record.kind == CommandType.RUN and record.run_number != run_number:
                new_run = record.run_number or 0
                break
            self.positions[topic, partition] = offset + 1
            if ids.writer(record.id) in own or record.run_id not in (0, run_number):
                continue
            rank = self._ranks[topic]
            if topic in self._control:
                inputs.append(Input(0, rank, partition, offset, index, topic, partition, offset, record, message))
            else:
                inputs.append(Input(1, record.recv_ts_ns, rank, record.id, index, topic, partition, offset, record, message))
        inputs.sort()
        return Batch(inputs, bad, new_run)

    def lag(self) -> int:
        """Records behind the ends that the broker last told of; other writers' open transactions count."""
        behind = 0
        for place, position in self.positions.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            behind += max(0, high - max(position, self._ends.get(place, 0)))
        return behind

    def _event(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # markers stand after the last record: the end is reached although offsets are left
            self._ends[message.topic() or "", message.partition() or 0] = message.offset() or 0
        elif error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise explain(error, self._bootstrap, f"reading {message.topic()}[{message.partition()}]")

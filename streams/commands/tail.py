"""`millrace tail`: a topic's records, decoded."""

from collections.abc import Callable

from confluent_kafka import Message, TopicPartition

from streams.commands.json_lines import json_line
from streams.config import endpoints
from streams.errors import ConfigError, DecodeError, LaneError
from streams.lanes.bus import list_topics, open_consumer, read_range, tail_records
from streams.lanes.reader import end_offsets
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.schema import model
from streams.topology.source import nearest

__all__ = ["tail"]

Say = Callable[[str], None]


def tail(topic: str, lines: int, from_beginning: bool, follow: bool, say: Say) -> None:
    """Print what the topic holds, or its last records; then what comes, if asked to."""
    where = endpoints()
    partitions = list_topics(where.kafka).get(topic)
    if partitions is None:
        known = [name for name in list_topics(where.kafka) if name in model.BY_TOPIC or name.endswith(model.DLQ)]
        raise ConfigError(f"no topic {topic!r}{nearest(topic, known)}")
    wire = Wire(SchemaIds(where.registry))
    places = [(topic, partition) for partition in range(partitions)]
    ends = end_offsets(where.kafka, places)
    for _, partition in places:
        messages = read_range(where.kafka, topic, partition) if from_beginning else _last(where.kafka, topic, partition, lines)
        for message in messages:
            _print(message, topic, wire, say)
    if follow:
        _follow(where.kafka, topic, ends, wire, say)


def _last(kafka: str, topic: str, partition: int, lines: int) -> list[Message]:
    found: list[Message] = []

    def seen(message: Message) -> bool:
        found.append(message)
        return len(found) >= lines

    if lines:
        tail_records(kafka, topic, partition, until=seen)
    return sorted(found, key=lambda message: message.offset() or 0)[-lines:]


def _follow(kafka: str, topic: str, ends: dict[tuple[str, int], int], wire: Wire, say: Say) -> None:
    consumer = open_consumer(kafka, "millrace-tail")
    consumer.assign([TopicPartition(topic, partition, offset) for (_, partition), offset in ends.items()])
    try:
        while True:
            for message in consumer.consume(500, 0.2):
                error = message.error()
                if error is None:
                    _print(message, topic, wire, say)
                elif error.fatal():
                    raise LaneError(f"kafka {kafka}: reading {topic}: {error.str()}")
    finally:
        consumer.close()


def _print(message: Message, topic: str, wire: Wire, say: Say) -> None:
    partition, offset = message.partition() or 0, message.offset() or 0
    try:
        say(json_line(wire.decode(topic, message.value()), partition, offset))
    except DecodeError as error:
        say(f'{{"_partition": {partition}, "_offset": {offset}, "_unreadable": "{str(error)!s}"}}')

"""Commands as a shell reads them: from the run's RUN record on, each once, beside the data."""

from confluent_kafka import KafkaError, TopicPartition

from streams.errors import DecodeError
from streams.lanes.bus import explain, list_topics, open_consumer
from streams.lanes.control import COMMANDS, Control
from streams.lanes.wire import Wire
from streams.records import Command, CommandType

__all__ = ["CommandReader"]

_SETTINGS = {"queued.min.messages": 100, "queued.max.messages.kbytes": 1024, "fetch.wait.max.ms": 20}


class CommandReader:
    """The commands that came after `control` was read."""

    def __init__(self, kafka: str, wire: Wire, control: Control) -> None:
        self._kafka, self._wire, self._run = kafka, wire, control.last_run().run_number
        self._known = {command.id for command in control.commands}
        partitions = range(list_topics(kafka).get(COMMANDS, 0))
        self._consumer = open_consumer(kafka, settings=_SETTINGS)
        self._consumer.assign([TopicPartition(COMMANDS, p, control.run_offset + 1 if p == 0 else 0) for p in partitions])

    def read(self, timeout_s: float) -> list[Command]:
        """What has come within a time; may block, so call it in a thread. What cannot be read is dead-lettered by the lanes."""
        found = []
        for message in self._consumer.consume(100, timeout_s):
            error = message.error()
            if error is not None:
                if error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._PARTITION_EOF):
                    raise explain(error, self._kafka, f"reading {COMMANDS}")
                continue
            try:
                command = self._wire.decode(COMMANDS, message.value())
            except DecodeError:
                continue
            if command.id not in self._known:
                found.append(command)
        return found

    def begins_run(self, command: Command) -> bool:
        """The command opens another run than the one this process is in."""
        return command.kind == CommandType.RUN and command.run_number != self._run

    def close(self) -> None:
        """Free the consumer."""
        self._consumer.close()

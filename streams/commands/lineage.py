"""`millrace lineage`: from a record back to the frame that caused it, by `cause_id`; read from ClickHouse, else from the topic."""

from collections.abc import Callable, Iterator
from typing import Any

from clickhouse_connect.driver.client import Client

from streams.commands.json_lines import essentials, plain
from streams.config import Endpoints, endpoints
from streams.errors import ConfigError, DecodeError, MillraceError
from streams.lanes.bus import list_topics, read_range
from streams.lanes.control import read_control
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import NameKind
from streams.schema import ids, model
from streams.sinks.query import client

__all__ = ["lineage", "topic_of_writer"]

_STEPS = 100
_WIDTH = 17


def lineage(text: str, say: Callable[[str], None]) -> None:
    """Print one line a record, from the one asked for back to the first cause. ConfigError if it is nowhere."""
    where = endpoints()
    wire = Wire(SchemaIds(where.registry))
    writers = {number: name for name, number in read_control(where.kafka, wire, ("names.v1",)).numbers[NameKind.WRITER].items()}
    walker = _Walker(where, wire, writers)
    for line in walker.walk(_parse(text)):
        say(line)


def topic_of_writer(name: str) -> str:
    """The topic that a writer writes; "" for a clock.

    >>> topic_of_writer("execute/0/fills"), topic_of_writer("feed/0/frames.dlq"), topic_of_writer("trade/0/ticks")
    ('fills.v1', 'frames.v1.dlq.v1', '')
    """
    last = name.rpartition("/")[2]
    if last == "ticks":
        return ""
    return f"{last.removesuffix('.dlq')}.v1" + (model.DLQ if last.endswith(".dlq") else "")


def _parse(text: str) -> int:
    try:
        return ids.parse(text) if ":" in text else int(text)
    except (MillraceError, ValueError):
        raise ConfigError(f"{text!r} is no id; write writer:sequence, such as 3:812334, or the number of a table's id column") from None


class _Walker:
    def __init__(self, where: Endpoints, wire: Wire, writers: dict[int, str]) -> None:
        self.where, self.wire, self.writers = where, wire, writers
        self.client: Client = client(where)

    def walk(self, id: int) -> Iterator[str]:
        """One line a record, until there is no cause."""
        for step in range(_STEPS):
            name = self.writers.get(ids.writer(id))
            if name is None:
                raise ConfigError(f"{ids.text(id)}: no writer has number {ids.writer(id)}; `millrace tail names.v1` shows the dictionary")
            topic = topic_of_writer(name)
            if not topic:
                yield f"{'clock':<{_WIDTH}} {ids.text(id):<14} a tick of {name.removesuffix('/ticks')}"
                return
            fields = self._row(topic, id) or self._record(topic, id)
            if fields is None:
                raise ConfigError(f"{ids.text(id)}: {topic} holds no such record (writer {name}){'' if step else '; is the id right?'}")
            yield f"{topic:<{_WIDTH}} {ids.text(id):<14} {fields['when']}  run {fields['run_id']}  {essentials(fields)}"
            if not (id := int(fields["cause_id"])):
                return

    def _row(self, topic: str, id: int) -> dict[str, Any] | None:
        """The record in its table; None if the sink does not keep it, or does not have it yet."""
        table = model.for_topic(topic).plural
        if not self.client.command(f"EXISTS TABLE `{table}`"):
            return None
        sql = f"SELECT *, formatDateTime(recv_ts, '%F %H:%i:%S.%f') AS when FROM `{table}` WHERE id = {{id:Int64}} ORDER BY run_id LIMIT 1"
        answer = self.client.query(sql, parameters={"id": id})
        if not answer.result_rows:
            return None
        row = dict(zip(answer.column_names, answer.result_rows[0], strict=True))
        return {name: value for name, value in row.items() if not isinstance(value, bytes | list)}

    def _record(self, topic: str, id: int) -> dict[str, Any] | None:
        """The record in its topic, read from the beginning."""
        for partition in range(list_topics(self.where.kafka).get(topic, 0)):
            for message in read_range(self.where.kafka, topic, partition):
                try:
                    record = self.wire.decode(topic, message.value())
                except DecodeError:
                    continue
                if record.id == id:
                    return {**plain(record), "cause_id": record.cause_id, "when": f"{record.recv_ts_ns} ns"}
        return None

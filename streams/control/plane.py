"""The Faust application: topics with our codec, tables, one agent a topic, and the rules that keep Faust's traps shut.

- One stream a topic (`concurrency=1`): with more, Faust commits offsets past a message that is still being worked on.
- An agent never raises: Faust takes an exception as done. What cannot be read or taken becomes a dead letter.
- No `take()`: it acknowledges a batch also when its consumer failed.
- Topics and changelogs are made by `apply`; Faust declares none and elects no leader.
- The web listens on 127.0.0.1 and serves nothing of Faust's own.
"""

import asyncio
import time
from typing import Any

import faust
import structlog

from streams.control.codec import RecordCodec, Unread
from streams.control.desk import Desk
from streams.control.health import look
from streams.control.settings import READS, TABLES, WRITES, ControlSettings
from streams.control.stall import Stall
from streams.control.transport import CommittedTransport
from streams.errors import ConfigError, DecodeError, LaneError, MillraceError
from streams.lanes.control import COMMANDS, Control
from streams.lanes.kill_ring import Told, tell
from streams.lanes.reader import end_offsets
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic
from streams.records import Command
from streams.schema import model

__all__ = ["Plane"]

_LOG = structlog.get_logger("control")
_LOOK_S = 1.0
_ASK_AGAIN_S = 1.0
_SEND_S = 5.0
_STALL_S = 15.0


class Plane:
    """The application of one topology. Make it inside the event loop that runs it.

    wire : knows the ids of all topics read and written already: nothing in the event loop asks the registry
    """

    def __init__(self, settings: ControlSettings, wire: Wire, control: Control) -> None:
        self.settings, self.wire = settings, wire
        self.app = _application(settings)
        self.topics = {topic: self._topic(topic) for topic in sorted({*READS, *WRITES, *map(dlq_topic, READS)})}
        self.tables = {name: self.app.Table(name, partitions=1, key_type=str) for name in TABLES}
        self.desk = Desk(control, self.tables)
        self.agents = {topic: self._agent(topic) for topic in READS}
        self._stall = Stall()
        self.app.timer(_LOOK_S)(self._look)
        self.app.timer(_STALL_S)(self._check_reading)
        self.app.task(self._begin)

    async def send(self, topic: str, record: Any, partition: int = 0) -> int:
        """Write a record; its offset, once the broker has it. LaneError if that takes longer than 5 s."""
        try:
            sent = await asyncio.wait_for(self._deliver(topic, record, partition), _SEND_S)
        except TimeoutError:
            raise LaneError(f"kafka {self.settings.kafka}: {topic}: the broker does not answer; the record may be written or not") from None
        return sent.offset

    async def tell_rings(self, record: Command) -> list[Told]:
        """Write a command to the rings of the fast lane, before it reaches its topic; [] = the run has none here."""
        folder, value = self.settings.ring_folder, self.wire.encode(COMMANDS, record)
        if folder is None:
            return []
        return await asyncio.to_thread(tell, record.id, record.run_id, record.ts_ns, value, folder)

    async def _deliver(self, topic: str, record: Any, partition: int) -> Any:
        return await (await self.topics[topic].send(value=record, partition=partition))

    def _topic(self, topic: str) -> Any:
        return self.app.topic(topic, key_serializer="raw", value_serializer=RecordCodec(wire=self.wire, topic=topic))

    def _agent(self, topic: str) -> Any:
        async def agent(stream: Any) -> None:
            async for event in stream.events():
                await self.take(topic, event.value, event.message.partition, event.message.offset)

        return self.app.agent(self.topics[topic], name=f"control.{topic}", concurrency=1)(agent)

    async def take(self, topic: str, value: Any, partition: int, offset: int) -> None:
        """One message: a record changes the desk, anything else becomes a dead letter. Never raises but to be cancelled."""
        record: Any = value
        payload, reason = b"", ""
        if value is None:
            reason = f"{topic}: a record without a value"
        elif isinstance(value, Unread):
            payload, reason = value
            record = None if reason else await self._ask(topic, payload)
            reason = record if isinstance(record, str) else reason
        if not reason:
            try:
                self.desk.take(topic, record, offset)
            except Exception as error:  # a fault of ours: seen, told, and the next record is taken
                _LOG.error("record refused", topic=topic, partition=partition, offset=offset, exc_info=True)
                reason = f"{topic}: control: {type(error).__name__}: {error}"
                payload = self._bytes_of(topic, record)
        if reason:
            await self._bury(topic, partition, offset, reason, payload)

    async def _ask(self, topic: str, value: bytes) -> Any:
        """The record of a schema that is new here, or a text: why it is none. Waits while the registry is away."""
        while True:
            try:
                return await asyncio.to_thread(self.wire.decode, topic, value)
            except DecodeError as error:
                return str(error)
            except LaneError as error:
                _LOG.warning("registry is away", topic=topic, reason=str(error))
                await asyncio.sleep(_ASK_AGAIN_S)

    def _bytes_of(self, topic: str, record: Any) -> bytes:
        return self.wire.encode(topic, record) if type(record) is model.for_topic(topic).record else b""

    async def _bury(self, topic: str, partition: int, offset: int, reason: str, payload: bytes) -> None:
        """Write a dead letter, however long the broker is away: until then its topic waits, for a record must not vanish."""
        _LOG.error("dead letter", topic=topic, partition=partition, offset=offset, reason=reason)
        self.desk.letters += 1
        while True:
            try:
                await self.send(dlq_topic(topic), self.desk.author.letter(topic, partition, offset, reason, payload), partition)
                return
            except LaneError as error:
                _LOG.warning("dead letter waits", topic=topic, offset=offset, reason=str(error))
                await asyncio.sleep(_ASK_AGAIN_S)
            except ConfigError as error:  # `apply` has given its writer no number
                _LOG.error("dead letter not written", topic=topic, offset=offset, reason=str(error))
                return

    async def _begin(self) -> None:
        self.desk.enter_run(self.desk.author.run_number)
        await self._look()

    async def _look(self) -> None:
        try:
            for alert in self.desk.look(await asyncio.to_thread(look, self.settings.run_folder)):
                _LOG.warning("alert", severity=alert.severity.name, text=alert.text)
                await self.send("alerts.v1", alert)
        except MillraceError as error:
            _LOG.error("alert not written", reason=str(error))

    async def _check_reading(self) -> None:
        """End the process when the consumer has stopped: the next one reads on from what was committed."""
        consumer = self.app.consumer
        places = {(tp.topic, tp.partition): tp for tp in consumer.assignment() if tp.topic in READS}
        try:
            ends = await asyncio.to_thread(end_offsets, self.settings.kafka, list(places))
        except LaneError:
            return  # a broker that is away is waited for
        read = {place: offset for place, tp in places.items() if (offset := consumer._read_offset[tp]) is not None}
        stalled = list(self._stall.look(read, ends, time.monotonic()))
        if stalled:
            names = ", ".join(f"{topic}[{partition}]" for topic, partition in stalled)
            await self.app.crash(LaneError(f"kafka {self.settings.kafka}: {names}: grows and is not read any more"))


class _Table(faust.Table):
    """A table whose changelog has one partition, whichever topic and partition the record came from that changes it.

    Faust takes the partition of the record, so that a table could follow one topic only; its `use_partitioner` asks a producer that knows
    nothing of the changelog before the first write.
    """

    def partition_for_key(self, key: Any) -> int:
        return 0


def _application(settings: ControlSettings) -> Any:
    app = faust.App(
        settings.group,
        broker=";".join(f"aiokafka://{host}" for host in settings.kafka.split(",")),
        store="memory://",
        Table=_Table,
        datadir=str(settings.run_folder / "faust"),
        autodiscover=False,
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        broker_session_timeout=6.0,  # a killed instance holds its partitions so long
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=10.0,
        stream_wait_empty=False,
        web_bind="127.0.0.1",
        web_port=settings.port,
        web_stats_enabled=False,
        web_graph_enabled=False,
        web_router_enabled=False,
        web_tables_enabled=False,
        web_metrics_enabled=False,
    )
    app.transport = CommittedTransport(app.conf.broker_consumer, app)
    return app

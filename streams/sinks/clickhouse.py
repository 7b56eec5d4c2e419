"""Every topic into its ClickHouse table, each offset once.

One cycle: read for a moment, make a batch a partition, write the plan (batch and dead letters, one Kafka transaction), insert. The plan
is the metadata of the group's committed offset (`plan`); a crash at any point repeats at most the batches of one cycle, under their old
tokens, and ClickHouse drops what it has. A second sink of the same name fences the first at its next plan; until then both insert the
same batches under the same tokens.
"""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from streams.errors import FencedError, LaneError, SchemaError
from streams.lanes.bus import Transactions, explain, open_consumer, read_range
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.schema import bulk, model
from streams.sinks.batch import Batch, make_batch
from streams.sinks.held import Held, Place
from streams.sinks.inserter import Inserter, Stopped, ensure_tables
from streams.sinks.letters import Letters
from streams.sinks.plan import NOTHING, Progress
from streams.sinks.positions import TIMEOUT_S, Positions

__all__ = ["Sink", "SinkSettings", "ensure_tables", "run_sink"]

REFRESH_S = 3.0  # how soon a new topic or partition is noticed
KEEP_POSITIONS_S = 3600.0  # a broker forgets positions of a group without members that are not renewed (7 days by default)
PAUSE_S = 1.0
CHUNK = 10_000
READ_S = 0.1

_LOG = structlog.get_logger("sink")


@dataclass(frozen=True)
class SinkSettings:
    """What a sink process needs to know.

    process    : its name in the topology
    topology   : name of the topology; `<topology>.<process>.0` is the group and the transactional id
    kafka, registry, clickhouse, database : as in `streams.config.Endpoints`
    topics     : topics to take, their dead-letter topics included by themselves; empty = every topic that has a schema
    prompt_s   : a record that people watch (fills, alerts ...) waits no longer than this for its batch
    bulk_s     : any other record does
    rows_max   : records, and bytes_max bytes of values, that are held at most
    """

    process: str
    kafka: str
    registry: str
    clickhouse: str
    database: str = "millrace"
    topology: str = "millrace"
    topics: tuple[str, ...] = ()
    prompt_s: float = 0.4
    bulk_s: float = 2.0
    rows_max: int = 50_000
    bytes_max: int = 64_000_000

    @property
    def group(self) -> str:
        """The name that positions stand under."""
        return f"{self.topology}.{self.process}.0"

    def takes(self, topic: str) -> bool:
        """Whether the sink takes a topic."""
        try:
            model.for_topic(topic)
        except SchemaError:
            return False
        return not self.topics or topic in self.topics or topic.removesuffix(model.DLQ) in self.topics


def run_sink(settings: SinkSettings) -> None:
    """Run a sink in this process until SIGTERM or SIGINT, then flush and end. FencedError when another instance took over.

    A broker or a ClickHouse that is away is waited for; nothing is lost meanwhile.
    """
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # its faults come back as exceptions and are told here
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    bulk.prepare()  # before the predecessor is fenced: the first start compiles for seconds
    while not stop.is_set():
        try:
            Sink(settings, stop).run()
        except FencedError:
            raise
        except LaneError as fault:
            _LOG.warning("starting over from the written plan", reason=str(fault))
            stop.wait(PAUSE_S)
        except Stopped:
            _LOG.warning("stopped while ClickHouse was away; the next start inserts the planned batches")


class Sink:
    """One life of a sink: from taking over the positions to the first fault of the broker, or to the end.

    rows, dead, batches : inserted rows, dead letters and batches so far
    """

    def __init__(self, settings: SinkSettings, stop: threading.Event) -> None:
        self.settings, self.stop = settings, stop
        self.rows = self.dead = self.batches = 0
        self.wire = Wire(SchemaIds(settings.registry))
        self.letters = Letters(settings.kafka, self.wire, settings.process)
        self.inserter = Inserter(settings.clickhouse, settings.database, stop)
        self.progress: dict[Place, Progress] = {}
        self.committed: dict[Place, Progress] = {}
        self.held = Held(settings.prompt_s, settings.bulk_s, settings.rows_max, settings.bytes_max)
        self.refreshed_s = self.kept_s = 0.0

    def run(self) -> None:
        """Take over, then cycle until told to stop; what was read by then is inserted."""
        kafka = self.settings.kafka
        # The predecessor is fenced, and its open transaction settled, before the positions are read.
        self.producer = Transactions(kafka, self.settings.group)
        self.consumer = open_consumer(kafka, self.settings.group)
        self.positions = Positions(kafka, self.settings.group, self.consumer, self.wire, self.inserter.last_rows)
        try:
            self.inserter.ensure_tables()
            self.refresh()
            _LOG.info("sink is up", topics=len({topic for topic, _ in self.progress}), group=self.settings.group)
            while not self.stop.is_set():
                self.cycle()
            self.put(self.held.everything())
            if self.progress != self.committed:
                self.write_plan([])
        except BaseException:
            self.producer.abort()
            raise
        finally:
            self.inserter.close()
            with contextlib.suppress(KafkaException):  # a fenced client only repeats that it is
                self.consumer.close()
                self.producer.close(0.0)

    def cycle(self) -> None:
        """Read for a moment and put in what is due; look for new topics now and then."""
        now_s = time.monotonic()
        if now_s - self.refreshed_s > REFRESH_S:
            self.refresh()
        self.read(now_s + READ_S)
        due = self.held.due(time.monotonic())
        if due:
            self.put(due)
        elif self.progress != self.committed or now_s - self.kept_s > KEEP_POSITIONS_S:
            self.write_plan([])

    def read(self, deadline_s: float) -> None:
        """Hold what the topics have until the deadline, or until there is no room."""
        while self.held.room and not self.stop.is_set():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return
            for message in self.consumer.consume(min(CHUNK, self.held.room), left_s):
                error = message.error()
                if error is None:
                    self.held.add((message.topic() or "", message.partition() or 0), message, time.monotonic())
                else:
                    self.on_error(error, message)

    def put(self, due: dict[Place, list[Message]]) -> None:
        """Messages into their tables: made into batches, planned, inserted."""
        batches = [self.batch(place, messages) for place, messages in due.items()]
        self.write_plan(batches)
        self.inserter.insert(batches)
        self.on_inserted(batches)

    def batch(self, place: Place, messages: list[Message]) -> Batch:
        """The batch of these messages, waiting for a registry that is away: an unanswered question is no dead letter."""
        while True:
            try:
                return make_batch(*place, messages, self.wire)
            except LaneError as fault:
                _LOG.warning("waiting for the registry", reason=str(fault), topic=place[0])
                if self.stop.wait(PAUSE_S):
                    raise Stopped from None

    def write_plan(self, batches: Iterable[Batch]) -> None:
        """Commit, in one transaction: what is done, what comes next, and the dead letters of what comes next."""
        batches = list(batches)
        for batch in batches:
            self.letters.prepare(batch)
        self.producer.begin()
        for batch in batches:
            self.letters.send(self.producer, batch)
            place = batch.topic, batch.partition
            self.progress[place] = Progress(batch.first, batch.last, self.letters.counts.get(batch.topic, 0))
        renew = time.monotonic() - self.kept_s > KEEP_POSITIONS_S
        changed = {place: p for place, p in self.progress.items() if renew or self.committed.get(place) != p}
        self.producer.commit(
            {place: p.offset for place, p in changed.items()}, self.consumer, {place: p.metadata for place, p in changed.items()}
        )
        self.committed.update(changed)
        if renew:
            self.kept_s = time.monotonic()

    def on_inserted(self, batches: Iterable[Batch]) -> None:
        """The batches are in their tables; the next plan says so."""
        for batch in batches:
            place = batch.topic, batch.partition
            self.progress[place] = self.progress[place].done()
            self.rows += batch.rows
            self.dead += len(batch.dead)
            self.batches += 1
            if batch.dead:
                _LOG.warning("dead letters", topic=batch.topic, count=len(batch.dead), first_reason=batch.dead[0].reason)

    def refresh(self) -> None:
        """Take up topics and partitions that are new: finish what a predecessor planned, then read on from there."""
        self.refreshed_s = time.monotonic()
        try:
            topics = self.consumer.list_topics(timeout=TIMEOUT_S).topics
        except KafkaException as fault:
            raise explain(fault, self.settings.kafka, "listing topics") from None
        places = [(name, p) for name, topic in topics.items() if self.settings.takes(name) for p in sorted(topic.partitions)]
        new = [place for place in places if place not in self.progress]
        if not new:
            return
        found = self.positions.read(new)
        self.committed |= {place: progress for place, progress in found.items() if place in self.positions.known}
        for (topic, _), progress in found.items():
            self.letters.counts[topic] = max(self.letters.counts.get(topic, 0), progress.dead)
        self.progress |= found
        self.finish({place: progress for place, progress in found.items() if progress.last != NOTHING})
        self.consumer.incremental_assign([TopicPartition(*place, self.progress[place].offset) for place in found])

    def finish(self, planned: dict[Place, Progress]) -> None:
        """Insert again what was planned and may not have come to its end: the same records under the same token."""
        batches = []
        for (topic, partition), progress in planned.items():
            messages = list(read_range(self.settings.kafka, topic, partition, progress.offset, progress.last + 1))
            _LOG.info("inserting a planned batch again", topic=topic, partition=partition, first=progress.offset, last=progress.last)
            if messages:
                batches.append(self.batch((topic, partition), messages))
        self.inserter.insert(batches)
        for place, progress in planned.items():
            self.progress[place] = progress.done()

    def on_error(self, error: KafkaError, message: Message) -> None:
        """What the consumer reports beside records."""
        if error.code() == KafkaError._PARTITION_EOF:
            return
        raise explain(error, self.settings.kafka, f"reading {message.topic()}[{message.partition()}]")

"""Every topic into its ClickHouse table, each offset once.

One cycle: read for a moment, make a batch of each partition where one is due, write the plan (batches and dead letters, one Kafka
transaction), start the inserts. Of a partition one batch is inserted while the next is made. The plan is the metadata of the group's
committed offset (`plan`); a crash at any point repeats at most the batches that were on their way, under their old tokens, and ClickHouse
drops what it has. A second sink of the same name fences the first at its next plan; until then both insert the same batches under the
same tokens.
"""

import logging
import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

import structlog
from confluent_kafka import KafkaException

from streams.errors import DecodeError, FencedError, LaneError, SchemaError
from streams.lanes import messages
from streams.lanes.admin import kept_offsets, open_admin
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.client import explain
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.schema import bulk, model
from streams.sinks.batch import Batch, make_batch
from streams.sinks.held import Held, Place, is_prompt
from streams.sinks.inserter import Inserter, Stopped, ensure_tables
from streams.sinks.intake import Intake
from streams.sinks.letters import Letters
from streams.sinks.plan import NOTHING, Progress
from streams.sinks.positions import Positions
from streams.sinks.records import Records, read_records

__all__ = ["Sink", "SinkSettings", "ensure_tables", "run_sink"]

REFRESH_S = 3.0  # how soon a new topic or partition is noticed
KEEP_POSITIONS_S = 3600.0  # a broker forgets positions of a group without members that are not renewed (7 days by default)
PAUSE_S = 1.0
TIMEOUT_S = 20.0
READ_S = 0.02  # one look at what people do not watch; what they do watch is looked at as often
BUSY_S = 0.001  # while inserts are on their way, whose end is waited for
DONE_S = 0.2  # what is done is written down so soon when there is nothing else to write

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
    rows_max   : records, and bytes_max bytes of values, of a batch. Memory holds some batches of those that people watch, and of the others
    """

    process: str
    kafka: str
    registry: str
    clickhouse: str
    database: str = "millrace"
    topology: str = "millrace"
    topics: tuple[str, ...] = ()
    prompt_s: float = 0.3
    bulk_s: float = 2.0
    rows_max: int = 250_000
    bytes_max: int = 32_000_000

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
    messages.prepare()
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
        self.made: dict[Place, Batch] = {}
        self.on_their_way: dict[Place, tuple[Batch, Future[None]]] = {}
        self.refreshed_s = self.written_s = self.kept_s = 0.0

    def run(self) -> None:
        """Take over, then cycle until told to stop; what was read by then is inserted."""
        kafka, group = self.settings.kafka, self.settings.group
        # The predecessor is fenced, and its open transaction settled, before the positions are read.
        self.producer = BulkTransactions(kafka, group)
        self.watched, self.others = (Intake(kafka, group, self._held(s)) for s in (self.settings.prompt_s, self.settings.bulk_s))
        self.intakes = (self.watched, self.others)
        self.admin = open_admin(kafka)
        self.positions = Positions(
            self.watched.consumer, lambda places: kept_offsets(self.admin, places), self.id_at, self.inserter.last_rows
        )
        try:
            self.producer.initialise()
            self.inserter.ensure_tables()
            self.refresh()
            _LOG.info("sink is up", topics=len({topic for topic, _ in self.progress}), group=group)
            while not self.stop.is_set():
                self.cycle()
            self.finish_all()
        except BaseException:
            self.producer.abort()
            raise
        finally:
            self.inserter.close()
            for intake in self.intakes:
                intake.close()
            self.producer.close(0.0)

    def cycle(self) -> None:
        """Read for a moment, put in what is due, and look for new topics now and then."""
        now_s = time.monotonic()
        if now_s - self.refreshed_s > REFRESH_S:
            self.refresh()
        if not self.others.held.room:
            wait([future for _, future in self.on_their_way.values()], READ_S, FIRST_COMPLETED)
        self.watched.read(0.0)
        self.others.read(BUSY_S if self.on_their_way else READ_S)
        self.collect()
        now_s = time.monotonic()
        for intake in self.intakes:
            self.make(intake.held.due(now_s, self.made))
        if not self.put() and self.is_worth_a_plan(now_s):
            self.write_plan([])

    def make(self, due: dict[Place, Records]) -> None:
        """The next batch of these partitions."""
        for place, records in due.items():
            self.made[place] = self.batch(place, records)

    def put(self) -> bool:
        """Plan and start the batches of partitions that have none on its way; whether there was one."""
        batches = [batch for place, batch in self.made.items() if place not in self.on_their_way]
        if not batches:
            return False
        self.write_plan(batches)
        for batch in batches:
            del self.made[batch.place]
            self.on_their_way[batch.place] = batch, self.inserter.start(batch)
        return True

    def collect(self) -> None:
        """Note which inserts are done."""
        for place, (batch, future) in list(self.on_their_way.items()):
            if future.done():
                future.result()
                del self.on_their_way[place]
                self.on_inserted(batch)

    def finish_all(self) -> None:
        """Insert what was read, and write down that it is done."""
        while any(intake.held.rows for intake in self.intakes):
            for intake in self.intakes:
                self.make(intake.held.everything(self.made))
            self.put()
            wait([future for _, future in self.on_their_way.values()], PAUSE_S, FIRST_COMPLETED)
            self.collect()
        if self.progress != self.committed:
            self.write_plan([])

    def batch(self, place: Place, records: Records) -> Batch:
        """The batch of these records, waiting for a registry that is away: an unanswered question is no dead letter."""
        while True:
            try:
                return make_batch(*place, records, self.wire)
            except LaneError as fault:
                _LOG.warning("waiting for the registry", reason=str(fault), topic=place[0])
                if self.stop.wait(PAUSE_S):
                    raise Stopped from None

    def is_worth_a_plan(self, now_s: float) -> bool:
        """Whether there is something to write down though no batch is due."""
        return (self.progress != self.committed and now_s - self.written_s > DONE_S) or now_s - self.kept_s > KEEP_POSITIONS_S

    def write_plan(self, batches: Iterable[Batch]) -> None:
        """Commit, in one transaction: what is done, what comes next, and the dead letters of what comes next."""
        batches = list(batches)
        for batch in batches:
            self.letters.prepare(batch)
        self.producer.begin()
        for batch in batches:
            self.letters.send(self.producer, batch)
            self.progress[batch.place] = Progress(batch.first, batch.last, self.letters.counts.get(batch.topic, 0))
        self.written_s = time.monotonic()
        renew = self.written_s - self.kept_s > KEEP_POSITIONS_S
        changed = {place: p for place, p in self.progress.items() if renew or self.committed.get(place) != p}
        offsets, notes = {place: p.offset for place, p in changed.items()}, {place: p.metadata for place, p in changed.items()}
        self.producer.commit(offsets, self.settings.group, notes)
        self.committed.update(changed)
        if renew:
            self.kept_s = self.written_s

    def on_inserted(self, batch: Batch) -> None:
        """The batch is in its table; the next plan says so."""
        self.intake(batch.topic).held.gone(batch.records, batch.size_bytes)
        self.progress[batch.place] = self.progress[batch.place].done()
        self.rows += batch.rows
        self.dead += len(batch.dead)
        self.batches += 1
        if batch.dead:
            _LOG.warning("dead letters", topic=batch.topic, count=len(batch.dead), first_reason=batch.dead[0].reason)

    def refresh(self) -> None:
        """Take up topics and partitions that are new: finish what a predecessor planned, then read on from there."""
        self.refreshed_s = time.monotonic()
        try:
            topics = self.admin.list_topics(timeout=TIMEOUT_S).topics
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
        for intake in self.intakes:
            intake.take_up({place: self.progress[place].offset for place in found if self.intake(place[0]) is intake})

    def finish(self, planned: dict[Place, Progress]) -> None:
        """Insert again what was planned and may not have come to its end: the same records under the same token."""
        batches = []
        for (topic, partition), progress in planned.items():
            records = read_records(self.settings.kafka, (topic, partition), progress.offset, progress.last)
            _LOG.info("inserting a planned batch again", topic=topic, partition=partition, first=progress.offset, last=progress.last)
            if records:
                batches.append(self.batch((topic, partition), records))
        self.inserter.insert(batches)
        for place, progress in planned.items():
            self.progress[place] = progress.done()

    def intake(self, topic: str) -> Intake:
        """What reads a topic."""
        return self.watched if is_prompt(topic) else self.others

    def id_at(self, place: Place, offset: int) -> int | None:
        """The id of the record at an offset, None if it cannot be read."""
        records = read_records(self.settings.kafka, place, offset, offset)
        try:
            return self.wire.decode(place[0], records.value(0)).id if records else None
        except DecodeError:
            return None

    def _held(self, patience_s: float) -> Held:
        return Held(patience_s, self.settings.rows_max, self.settings.bytes_max)

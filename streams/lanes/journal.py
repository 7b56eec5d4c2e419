"""The journal: what a process read, in which order, and a hash of what it wrote; one entry a batch (contract 16)."""

from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import Message

from streams.lanes.bus import read_range, tail_records
from streams.lanes.place import Place
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL
from streams.records import JournalEntry, OutputCount, SchemaVersion
from streams.schema import ids
from streams.schema.rolling import EMPTY_HASH, roll

__all__ = ["EMPTY_HASH", "Entries", "OutputLog", "Place", "journal_key", "last_entry", "read_entries", "roll"]

Entries = Iterator[tuple[Message, JournalEntry]]
"""Journal entries in order, each with its Kafka message."""


def journal_key(process: str, shard: int) -> bytes:
    """The Kafka key of a process's journal entries, by which a reader finds them without decoding the others."""
    return f"{process}/{shard}".encode()


class OutputLog:
    """Counters and hash of what a process and its lane write: per writer the last id, over all outputs of the run the rolling hash.

    Every writer ever used is listed in every entry, with count 0 where the batch wrote nothing: the last entry holds all counters.
    """

    def __init__(self, last_ids: Mapping[int, tuple[str, int]] | None = None, digest: bytes = EMPTY_HASH) -> None:
        self.digest = digest
        self.last_ids: dict[int, tuple[str, int]] = dict(last_ids or {})  # writer -> topic, last id
        self._batch: dict[int, int] = {}  # writer -> count

    def add(self, topic: str, id: int, body: bytes) -> None:
        """One output of the process."""
        self.digest = roll(self.digest, body)
        writer = ids.writer(id)
        self.last_ids[writer] = (topic, id)
        self._batch[writer] = self._batch.get(writer, 0) + 1

    def add_written(self, topic: str, writer: int, last_id: int, count: int) -> None:
        """So many outputs of one writer at once; `digest` is set by who hashed them."""
        self.last_ids[writer] = (topic, last_id)
        self._batch[writer] = self._batch.get(writer, 0) + count

    def next_id(self, topic: str, writer: int) -> int:
        """The next id of a writer of the lane itself (ticks, journal, dead letters...); never hashed."""
        last = self.last_ids.get(writer, (topic, ids.make(writer, 0)))[1]
        self.last_ids[writer] = (topic, last + 1)
        return last + 1

    def take(self) -> tuple[OutputCount, ...]:
        """What this batch wrote; the next batch begins."""
        batch, self._batch = self._batch, {}
        return tuple(OutputCount(topic, writer, last, batch.get(writer, 0)) for writer, (topic, last) in sorted(self.last_ids.items()))

    @staticmethod
    def after(entry: JournalEntry, same_run: bool = True) -> "OutputLog":
        """The log as it stood after an entry; a new run goes on counting and starts a new hash."""
        last_ids = {o.writer: (o.topic, o.last_id) for o in entry.outputs}
        return OutputLog(last_ids, entry.outputs_hash if same_run else EMPTY_HASH)

    @staticmethod
    def before(entry: JournalEntry) -> "OutputLog":
        """The log as it stood before the first entry of a run."""
        return OutputLog({o.writer: (o.topic, o.last_id - o.count) for o in entry.outputs})

    def counters(self, writers: Mapping[str, int]) -> dict[str, int]:
        """Last sequence by topic, of the writers given by topic."""
        return {topic: ids.sequence(self.last_ids[writer][1]) if writer in self.last_ids else 0 for topic, writer in writers.items()}


def schema_versions(wire: Wire, topics: Iterable[str]) -> tuple[SchemaVersion, ...]:
    """The schema ids in which a batch's topics are read and written."""
    return tuple(SchemaVersion(topic, wire.ids.id_of(topic)) for topic in sorted(topics))


def read_entries(bootstrap: str, wire: Wire, process: str, shard: int, start: int, run_number: int | None = None) -> Entries:
    """The entries of one process and shard from offset `start` to the journal's end now."""
    key = journal_key(process, shard)
    for message in read_range(bootstrap, JOURNAL, shard, start):
        if message.key() == key:
            entry = wire.decode(JOURNAL, message.value())
            if run_number is None or entry.run_id == run_number:
                yield message, entry
            elif entry.run_id > run_number:  # what follows is of later runs
                return


def last_entry(bootstrap: str, wire: Wire, process: str, shard: int, pointer: int | None = None) -> tuple[Message, JournalEntry] | None:
    """The newest entry of one process and shard, None if it never wrote one.

    `pointer`: offset of one of its entries near the end, as its group's committed offset of the journal says; without it the journal is
    read backwards.
    """
    if pointer is not None:
        found = None
        for found in read_entries(bootstrap, wire, process, shard, pointer):  # noqa: B007
            pass
        if found is not None:
            return found
    key = journal_key(process, shard)
    messages = tail_records(bootstrap, JOURNAL, shard, until=lambda message: message.key() == key)
    return (messages[0], wire.decode(JOURNAL, messages[0].value())) if messages else None

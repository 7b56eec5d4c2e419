"""A second instance of a process that follows the journal of the first, and takes its place when that one ends.

The instances of a process and shard on one machine share a lock file: who holds its lock is the active one, and the system gives it on
when the holder ends, however it ends. The others re-execute what the active one commits, with the same check of every hash as a restart,
and write nothing. Whose turn comes fences its predecessor, re-executes what is left, and goes on; one started again becomes the standby.
A machine for itself takes over without any lock, as every second instance does.
"""

import fcntl
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

import structlog
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.errors import LaneError, RestoreError
from streams.lanes.bus import end_offset, explain, open_consumer
from streams.lanes.control import Control, read_control
from streams.lanes.journal import Entries, journal_key
from streams.lanes.player import Recovered, play
from streams.lanes.restore import recover
from streams.lanes.sources import Sources
from streams.lanes.spec import Build, LaneSpec, input_places
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, SNAPSHOTS

__all__ = ["Standby", "Turn"]

_LOG = structlog.get_logger("standby")
_LOOK_S = 0.01
_AGAIN_S = 1.0
_BEHIND_S = 20.0
_CHUNK = 2_000
_FOLLOWING = {"fetch.wait.max.ms": 10, "queued.min.messages": 5_000, "queued.max.messages.kbytes": 16_384}


class Turn:
    """The lock of a process and shard: `come` says whether this instance is the active one, from then on until it ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab")
        self._held = False

    def come(self) -> bool:
        """Try to take the lock; it is kept."""
        if not self._held:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._held = True
            self._file.truncate(0)
            self._file.write(b"%d\n" % os.getpid())
            self._file.flush()
        return True

    def close(self) -> None:
        """Give it up."""
        self._file.close()


class Standby:
    """Follows one process of one shard until its turn comes: `wait`, then `caught_up`, then `close`.

    alive : called while it waits, about each second
    """

    def __init__(self, spec: LaneSpec, wire: Wire, build: Build, turn: Turn, alive: Callable[[Recovered | None], None]) -> None:
        self._spec, self._wire, self._build, self._turn, self._alive = spec, wire, build, turn, alive
        self._alive_due_s = 0.0
        self._state: Recovered | None = None
        self._run = 0
        self._sources: Sources | None = None
        self._journal: Consumer | None = None
        self._ahead: deque[Message] = deque()
        self._snapshots_at = 0

    def wait(self) -> None:
        """Follow until this instance's turn has come. Never raises for a process that cannot be followed: it is then restored as usual."""
        while not self._is_turn():
            try:
                self._begin()
                self._follow(self._is_turn)
            except (LaneError, RestoreError) as reason:
                _LOG.warning("cannot follow", name=self._spec.name, reason=str(reason))
                self._forget()
                again_s = time.monotonic() + _AGAIN_S
                while not self._is_turn() and time.monotonic() < again_s:
                    time.sleep(_LOOK_S)

    def caught_up(self, control: Control, pointers: Mapping[str, int]) -> Recovered | None:
        """The state after the last journal entry committed; None if it has to be restored from the start.

        `pointers`: committed offsets of journal.v1 and snapshots.v1. Call when no predecessor can commit any more.
        """
        state, last = self._state, pointers.get(JOURNAL)
        if state is None or last is None or control.last_run().run_number != self._run:
            return None
        try:
            end, until_s = self._snapshots_end(), time.monotonic() + _BEHIND_S
            self._follow(lambda: self._is_at(last, end) or time.monotonic() > until_s)
        except (LaneError, RestoreError) as reason:
            _LOG.warning("cannot follow to the end", name=self._spec.name, reason=str(reason))
            return None
        state.snapshot_offset = pointers.get(SNAPSHOTS, state.snapshot_offset)
        return state if state.journal_offset == last and self._is_at(last, end) else None

    def close(self) -> None:
        """Free the clients."""
        if self._sources is not None:
            self._sources.close()
        if self._journal is not None:
            self._journal.close()
        self._sources = self._journal = None

    def _is_turn(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._alive_due_s:
            self._alive_due_s = now_s + 1.0
            self._alive(self._state)
        return self._turn.come()

    def _begin(self) -> None:
        """Restore what there is, and open what follows it."""
        spec = self._spec
        control = read_control(spec.kafka, self._wire)
        run = control.last_run().run_number or 0
        self._snapshots_at = self._snapshots_end()
        process = self._build(control)
        state = recover(spec, self._wire, control, lambda _: process, input_places(spec, process), {})
        if state.fresh or state.journal_offset is None:
            raise LaneError("its process has committed nothing in this run yet")
        self._state, self._run = state, run
        self._sources = Sources(spec.kafka, state.positions)
        self._journal = open_consumer(spec.kafka, settings=_FOLLOWING)
        places = (JOURNAL, state.journal_offset + 1), (SNAPSHOTS, self._snapshots_at)
        self._journal.assign([TopicPartition(topic, spec.shard, offset) for topic, offset in places])
        _LOG.info("following", name=spec.name, run=run, batch=state.batch)

    def _follow(self, done: Callable[[], bool]) -> None:
        state, sources = self._state, self._sources
        assert state is not None
        assert sources is not None
        for _ in play(self._spec, self._wire, state.process, self._entries(done), state, False, sources):
            state.replayed += 1

    def _entries(self, done: Callable[[], bool]) -> Entries:
        """Entries of the process as they come, until `done`. LaneError when another run has begun."""
        key = journal_key(self._spec.process, self._spec.shard)
        while not done():
            if not self._ahead:
                self._fetch()
                continue
            message = self._ahead.popleft()
            if message.key() != key:
                continue
            entry = self._wire.decode(JOURNAL, message.value())
            if entry.run_id != self._run:
                raise LaneError(f"run {entry.run_id} has begun")
            yield message, entry

    def _fetch(self) -> None:
        """Journal entries that are there; of snapshots only how far their writer has counted."""
        spec, state = self._spec, self._state
        assert state is not None
        assert self._journal is not None
        prefix = f"{spec.process}/{spec.shard}/".encode()
        for message in _messages(self._journal, spec.kafka, _LOOK_S):
            if message.topic() == JOURNAL:
                self._ahead.append(message)
                continue
            self._snapshots_at = (message.offset() or 0) + 1
            if (message.key() or b"").startswith(prefix):
                part = self._wire.decode(SNAPSHOTS, message.value())
                state.snapshot_number, state.snapshot_id = max(state.snapshot_number, part.number), max(state.snapshot_id, part.id)

    def _is_at(self, journal_offset: int, snapshots_end: int) -> bool:
        state = self._state
        return state is not None and (state.journal_offset or 0) >= journal_offset and self._snapshots_at >= snapshots_end

    def _snapshots_end(self) -> int:
        return end_offset(self._spec.kafka, SNAPSHOTS, self._spec.shard)

    def _forget(self) -> None:
        self.close()
        self._state = None
        self._ahead.clear()


def _messages(consumer: Consumer, bootstrap: str, wait_s: float) -> Iterable[Message]:
    """What is there; waits for the first only. LaneError for a fault that does not pass by itself."""
    found = consumer.consume(1, wait_s)
    if found:
        found += consumer.consume(_CHUNK, 0)
    good = []
    for message in found:
        error = message.error()
        if error is None:
            good.append(message)
        elif error.code() not in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise explain(error, bootstrap, f"following {message.topic()}[{message.partition()}]")
    return good

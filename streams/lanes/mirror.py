"""The mirror of a shard of the fast lane: what its rings hold becomes topics, batch by batch, each batch one transaction.

    exit(run_mirror(MirrorSettings(...), market_facts, lane_facts, stop))

A batch is what the rings hold now: frames, market data, outputs of the lane, what the gateway wrote, and the journal entries of normalize
and of the lane, as the Kafka lane would have written them: whoever reads topics, verifies or replays them does not notice. Where in the
rings it was stands in the entries; a mirror that was killed goes on there, one whose broker was away opens everything anew until it is
back. Control topics go the other way, into the ring `control`.
"""

import time
from contextlib import suppress
from threading import Event

import structlog

from streams.errors import FencedError, LaneError, MillraceError
from streams.kernel.system import monotonic_ns
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.kafka import EXIT_FAILED, EXIT_FENCED, EXIT_NEW_RUN, EXIT_OK
from streams.lanes.laps import Laps
from streams.lanes.mirror_batch import MirrorBatches
from streams.lanes.mirror_kill import KillWatch
from streams.lanes.mirror_notes import MirrorNotes, StageFigures
from streams.lanes.mirror_open import Clients, MirrorSettings, ShardRings, open_clients, open_sides
from streams.lanes.mirror_process import FactsOf, Writers
from streams.lanes.mirror_snapshots import Snapshots
from streams.lanes.mirror_values import prepare
from streams.lanes.registry import SchemaIds
from streams.lanes.stages import MIRROR_STAGES, histogram_path
from streams.lanes.status import StatusFile
from streams.lanes.wire import Wire
from streams.records import Severity

__all__ = ["Mirror", "MirrorSettings", "run_mirror"]

_LOG = structlog.get_logger("mirror")
_IDLE_S = 1.0
_AWAY_S = (0.2, 2.0)
_MOST_FAILURES = 5  # one after the other with a broker that answers: it is not the broker
_LEAVE_S = 5.0
_TELL_S = 3.0
_NOT_MIRRORED = ("control", "kill")  # whose slots go when their readers let them


def run_mirror(settings: MirrorSettings, market: FactsOf | None, lane: FactsOf | None, stop: Event | None = None) -> int:
    """Mirror until `stop` is set and the rings are empty (0), a new run has begun (4), a takeover (3) or a failure that lasts (1)."""
    mirror = Mirror(settings, market, lane, stop or Event())
    try:
        return mirror.run()
    finally:
        mirror.close()


class Mirror:
    """One shard's: `run`, then `close`."""

    def __init__(self, settings: MirrorSettings, market: FactsOf | None, lane: FactsOf | None, stop: Event) -> None:
        self.settings, self.stop = settings, stop
        self.status = StatusFile(settings.status_path, settings.process, settings.shard)
        self.wire = Wire(SchemaIds(settings.registry))
        self._market_facts, self._lane_facts = market, lane
        self._rings: ShardRings | None = None
        self._clients: Clients | None = None
        self._snapshots: list[Snapshots] = []
        self._histograms = histogram_path(settings.rings.folder, settings.process, settings.shard)
        self._figures = StageFigures(settings.rings.folder, settings.shard, first=not self._histograms.exists())
        self._away_since_s = 0.0
        self._failures = self._records_before = 0
        self._stop_s = 0.0

    def run(self) -> int:
        """See `run_mirror`."""
        prepare()
        pause_s = _AWAY_S[0]
        while True:
            try:
                return self._opened()
            except FencedError as error:
                return self._ended("fenced", EXIT_FENCED, error)
            except LaneError as error:
                self._failures = self._failures + 1 if self._clients is not None else 0
                self._let_clients_go()
                if self._rings is None or self._failures > _MOST_FAILURES or self._gave_up():
                    return self._ended("failed", EXIT_FAILED, error)
                self._away_since_s = self._away_since_s or time.monotonic()
                _LOG.warning("once more from the last entry on", name=self.settings.name, reason=str(error))
                self.status.write(state="broker away", reason=str(error))
            except Exception as error:
                return self._ended("failed", EXIT_FAILED, error)
            self.stop.wait(pause_s)
            pause_s = min(2 * pause_s, _AWAY_S[1])

    def close(self) -> None:
        """Free everything; the rings keep what was not mirrored."""
        self._let_clients_go()
        if self._rings is not None:
            self._rings.close()

    # ---- from opening to the end, or to a failure ----
    def _opened(self) -> int:
        laps = Laps()
        if self._rings is None:
            self._rings = ShardRings(self.settings)
            self._histogram = HistogramFile.create(self._histograms, MIRROR_STAGES)
        self._clients = open_clients(self.settings, self.wire)
        laps.lap("clients")
        run = self._clients.control.last_run()
        if run.run_number != self._rings.run_number:
            return self._ended("new run", EXIT_NEW_RUN, None)
        self._sides = open_sides(self.settings, self.wire, self._rings, self._clients, self._market_facts, self._lane_facts)
        laps.lap("state")
        self._kills = KillWatch(self._rings[self._rings.shard.kill], self._sides.forwarder.command_offsets, self._clients.control)
        self._batches = MirrorBatches(self._sides, self._rings, self._clients.sender, self._kills, self.wire)
        self._snapshots = self._new_snapshots()
        self._letters_before = self.status.now.dead_letters
        self._releases = self._rings.releases()
        self._notes = self._new_notes()
        self.status.write(state="running", reason="", run=self._rings.run_number)
        _LOG.info("running", name=self.settings.name, run=self._rings.run_number, ms=str(laps))
        return self._cycles()

    def _cycles(self) -> int:
        sides, due_s, idle_due_s, leave_s = self._sides, 0.0, 0.0, 0.0
        while True:
            now_s = time.monotonic()
            self.status.now.records_in += sides.forwarder.step(max(0.001, min(due_s - now_s, 0.02)))
            now_s = time.monotonic()
            stopping = self.stop.is_set()
            if now_s >= due_s and (stopping or now_s >= idle_due_s or self._busy()):
                for one in self._snapshots:
                    one.note()
                self._batches.write(self._notes.take())
                self._count()
                for one in self._snapshots:
                    one.look()
                due_s, idle_due_s = now_s + self.settings.commit_ms / 1000, now_s + _IDLE_S
                if stopping and not self._behind():
                    for one in self._snapshots:
                        one.finish()
                    return self._ended("stopped", EXIT_OK, None)
            if self.status.due:
                self._report()
            if sides.forwarder.new_run:
                leave_s = leave_s or now_s + _LEAVE_S
                if now_s > leave_s or (not self._writers() and not self._behind()):
                    return self._ended("new run", EXIT_NEW_RUN, None)

    def _busy(self) -> bool:
        return self._notes.due or self._kills.due() or self._behind() > 0

    def _behind(self) -> int:
        """Slots not mirrored yet, but for clock ticks."""
        return sum(side.behind for side in (self._sides.market, self._sides.lane) if side is not None)

    def _writers(self) -> bool:
        """Whether a process still writes to the rings."""
        assert self._rings is not None
        shard = self._rings.shard
        return any(source.ring.writer_lives for name, source in self._rings.sources.items() if name not in (shard.control, shard.kill))

    def _count(self) -> None:
        """Take note of a batch that is committed."""
        assert self._clients is not None
        now, self._failures, self._away_since_s = self.status.now, 0, 0.0
        now.batches += 1
        now.batch = self._sides.processes[-1].batch
        now.records_out = self._records_before + self._clients.sender.records
        now.dead_letters = self._letters_before + self._batches.dead_letters
        if self._batches.oldest_ns:
            took_ns = monotonic_ns() - self._batches.oldest_ns
            self._histogram.record(MIRROR_STAGES[0], took_ns)
            self.status.latency(took_ns / 1e6)

    def _report(self) -> None:
        assert self._rings is not None
        for release in self._releases:
            release.look()
        self._notes.look([source for name, source in self._rings.sources.items() if name not in _NOT_MIRRORED])
        self.status.write(lag=self._behind() + self._sides.forwarder.behind)

    def _new_notes(self) -> MirrorNotes:
        """Notes of a mirror that has been opened, the first of which says why it had to be."""
        assert self._rings is not None
        assert self._clients is not None
        owner, main = self.settings.process, self._sides.processes[-1]
        writers = Writers(self._clients.control, self.settings.shard, {}, owner)
        notes = MirrorNotes(main, owner, writers, self.wire, self._rings.run_number, self._figures)
        away_s = time.monotonic() - self._away_since_s
        if self._away_since_s and away_s > _TELL_S:
            notes.alert(Severity.WARNING, f"the broker took nothing for {away_s:.0f} s; the rings kept it, and trading went on by them")
        return notes

    def _new_snapshots(self) -> list[Snapshots]:
        """What makes snapshots of the checkpoints of both processes."""
        assert self._rings is not None
        assert self._clients is not None
        sides, rings, found = self._sides, self._rings, []
        for side, ring, name in ((sides.market, rings.shard.market, rings.shard.feed), (sides.lane, rings.shard.own, rings.shard.lane)):
            if side is not None:
                path = rings.shard.checkpoint_path(name)
                found.append(Snapshots(side.process, rings[ring], path, self.wire, self._clients.control))
        return found

    def _let_clients_go(self) -> None:
        for one in self._snapshots:
            one.close()
        self._snapshots = []
        clients, self._clients = self._clients, None
        if clients is not None:
            self._records_before = self.status.now.records_out
            for step in (clients.sender.abort, clients.close):
                with suppress(MillraceError):  # of a client that has died; the next one settles what it left open
                    step()

    def _gave_up(self) -> bool:
        """Whether it was told to stop, and the broker has been away ever since."""
        if self.stop.is_set():
            self._stop_s = self._stop_s or time.monotonic() + _LEAVE_S
        return bool(self._stop_s) and time.monotonic() > self._stop_s

    def _ended(self, state: str, status: int, error: Exception | None) -> int:
        reason = str(error) or repr(error) if error else ""
        if error is not None:
            _LOG.error(state, name=self.settings.name, reason=reason, exc_info=None if isinstance(error, MillraceError) else error)
        if self._rings is not None and self._clients is not None and error is None:
            self._report()
        self.status.write(state=state, reason=reason)
        return status

"""The gateway's fast lane: requests from the ring of the lane, events into two rings: whole records for the topics, slots for the lane.

The ring of records is the gateway's journal: a request is answered once its answer stands there. What stands in the rings and in the
checkpoint is the whole state; a restart reads both, asks neither broker nor registry, and writes for the lane what only the first ring has.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from streams.clock import RunClock
from streams.errors import LaneError
from streams.lanes import histogram_file, record_ring, ring_ends, ring_watch
from streams.lanes.checkpoint import Checkpoint, Saved
from streams.lanes.control_ring import ControlRing
from streams.lanes.fast_rings import FastShard
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.ring_watch import RingWatch
from streams.lanes.stages import GATEWAY_STAGES, histogram_path
from streams.lanes.status import StatusFile
from streams.lanes.waiting import Waiting
from streams.lanes.wire import Wire
from streams.records import Clock, Command, Request, VenueEvent, VenueEventType
from streams.schema import bulk, ids
from streams.slots import KIND_REQUEST
from streams.venues import gateway_walk
from streams.venues.gateway_begin import begin
from streams.venues.gateway_known import KNOWN_TOPICS, Known
from streams.venues.gateway_out import REQUEST_LETTERS, WRITES, EventRings
from streams.venues.gateway_saved import LAYOUT, EndedFile, open_block, read_open_block
from streams.venues.gateway_state import Endings, GatewayState, Pending
from streams.venues.gateway_walk import Found, RequestReader
from streams.venues.sim import request_text

__all__ = ["RingGatewayLane", "prepare"]

_LOG = structlog.get_logger("gateway")
_WORK_S = 0.02
_CHECKPOINT_S = 10.0
_FINISH_S = 5.0
_MOST = 16  # requests between two looks at the kill ring


class RingGatewayLane:
    """See GatewayLane. Everything happens in the event loop; one compiled thread sleeps on the rings for it.

    rings          : of the shard, made before (`FastShard.create_all`)
    kafka          : asked at the first start of a run only
    process, shard : whose rings and writers
    venue          : whose requests it takes
    checkpoint     : path of the file
    """

    def __init__(
        self, rings: FastShard, kafka: str, wire: Wire, process: str, venue: str, checkpoint: Path, wait: Waiting, status: StatusFile
    ) -> None:
        made = rings.run()
        if made is None:
            raise LaneError(f"{rings.folder}: has no rings of shard {rings.shard}; `millrace run` makes them")
        self._rings, self._made, self._wire, self._venue, self._status = rings, made, wire, venue, status
        self.new_run = self.recovered = False
        self.at_once: Callable[[list[Pending]], list[Pending]] | None = None
        label = rings.gateway_label
        opened = {name: rings.open(name) for name in (rings.own, rings.records, rings.events, rings.control, rings.kill)}
        self._opened = opened
        self._records = RecordWriter(opened[rings.records].writer(label, wait))
        self._events = opened[rings.events].writer(label, wait)
        self._mine = opened[rings.records].reader(label)
        self._own = opened[rings.own].reader(label)
        self._control_end, self._kill_end = opened[rings.control].reader(label), opened[rings.kill].reader(label)
        self._readers = {rings.own: self._own, rings.control: self._control_end, rings.kill: self._kill_end, rings.records: self._mine}
        self._checkpoint, self._ended = Checkpoint(checkpoint), EndedFile(checkpoint.with_name(f"{process}-ended.{rings.shard}.checkpoint"))
        self._early: list[Command] = []
        self._more, self._version, self._due_s = False, 0, 0.0
        self._measured: dict[str, list[int]] = {stage: [] for stage in GATEWAY_STAGES}
        self._came, self._told = asyncio.Event(), asyncio.Event()
        self._waits, self._left = False, list[Pending]()  # a task waits in `requests`; what it is still to get
        self._failed: Exception | None = None
        self._watch = RingWatch([self._own, self._control_end, self._kill_end], wait, KIND_REQUEST)
        self._histograms = HistogramFile.create(histogram_path(rings.folder, process, rings.shard), GATEWAY_STAGES)
        saved = self._checkpoint.load(made.run_number)
        if saved is not None and saved.extra["generation"] == made.generation:
            counters, queued = self._restore(saved)
        else:
            counters, queued = self._begin(kafka, process), b""
        for topic in (*WRITES, *KNOWN_TOPICS):
            wire.header(topic)  # all that it will ever ask the registry for, so that the checkpoint has it
        run = self.run = self._known.last_run
        self.epoch, self.kill = self._known.edge.dictionary.epoch, self._known.kill
        self.clock = RunClock(run.clock or Clock.WALL, run.clock_start_ns or 0, run.wall_start_ns or 0, run.speed or 1.0)
        edge = self._known.edge
        self._out = EventRings(self._records, self._events, wire, edge, self.clock, made.run_number, rings.shard, counters)
        self._requests = RequestReader(self._own, edge, made.run_number, _MOST)
        self._catch_up(queued)
        self._keep_now()

    # ---- start ----
    def _begin(self, kafka: str, process: str) -> dict[str, ids.Counter]:
        """Without a checkpoint: from the broker, into rings that are new."""
        if self._mine.ring.head or self._own.committed:
            raise LaneError(f"{self._checkpoint.path}: is missing, and the rings are not new; start a fresh run")
        begun = begin(kafka, self._wire, process, self._rings.shard, self._venue, self._made.run_number, WRITES)
        self._known, self.state, self.recovered = begun.known, begun.state, begun.recovered
        self.state.endings = Endings(list(self.state.ended_values.items()), _in_order(self.state))
        self._control = self._control_ring(begun.positions, None)
        return begun.counters

    def _restore(self, saved: Saved) -> tuple[dict[str, ids.Counter], bytes]:
        """From a checkpoint; the counters, and what waited for room."""
        extra, (layout, _, data) = saved.extra, saved.parts["open"]
        if layout != LAYOUT:
            raise LaneError(f"{self._checkpoint.path}: its layout is {layout!r}, this version has {LAYOUT!r}; start a fresh run")
        self._wire.ids.trust(extra["schemas"])
        self._known = Known.of_bytes(self._wire, saved.parts["known"][2], extra["killed"])
        self.state = read_open_block(data, self.request_of)
        self._ended.read_into(self.state, extra["ended_nbytes"])
        self.state.last_exec_id, self.state.last_request = extra["last_exec_id"], extra["last_request"]
        self.state.endings = Endings()
        self._control = self._control_ring({}, extra["control"])
        for name, reader in self._readers.items():
            reader.seek(saved.positions[name])
        return {topic: ids.Counter(*found) for topic, found in extra["counters"].items()}, saved.parts["queued"][2]

    def _control_ring(self, positions: dict[tuple[str, int], int], state: dict[str, Any] | None) -> ControlRing:
        control, kill = RecordReader(self._control_end), RecordReader(self._kill_end)
        return ControlRing(control, kill, self._wire, positions, (), self._made.run_number, state)

    def _catch_up(self, queued: bytes) -> None:
        """What the rings hold beyond the checkpoint: commands, requests, then the events that answered them."""
        for command in self._take_told():
            self.kill.on_command(command)
        while self._take() or self._more:
            pass
        mine = RecordReader(self._mine)
        since = []
        while records := mine.take():
            since += records
        for event in self._out.restore(queued, since):
            self.state.on_event(event)
        self._out.flush()
        for pending in self.state.pending.values():
            pending.in_doubt, pending.taken_ns = True, time.time_ns()

    # ---- in ----
    async def requests(self) -> list[Pending]:
        """See GatewayLane."""
        self._waits = True
        try:
            await self._came.wait()
        finally:
            self._waits = False
        self._came.clear()
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        found, self._left = [*self._left, *self._take()], []
        if self._more:
            self._came.set()
        return found

    async def commands(self) -> list[Command]:
        """See GatewayLane."""
        await self._told.wait()
        self._told.clear()
        early, self._early = self._early, []
        return early + self._take_told()

    def urgent(self) -> list[Command]:
        """See GatewayLane: those of the ring `kill`."""
        found, self._early = self._early, []
        if self._kill_end.poll():
            found += self._known.take(self._control.take_kill())
        return found

    def request_of(self, value: bytes) -> Request:
        """See GatewayLane."""
        return self._known.edge.from_slot(KIND_REQUEST, value, self._made.run_number)

    def _news(self, commands: bool) -> None:
        """The rings have something. No command, and nobody busy with earlier requests: they go out from here, without a task that wakes."""
        if commands:
            self._told.set()
        elif self.at_once is not None and self._waits and not self._left and self._failed is None and self._passed_on(self.at_once):
            return
        self._came.set()

    def _passed_on(self, at_once: Callable[[list[Pending]], list[Pending]]) -> bool:
        """Give out what has come; false if there is something left for `requests`: requests, more in the ring, or an error."""
        try:
            self._left = self._take()
            if self._left and not self._early and not self._kill_end.poll():
                self._left = at_once(self._left)
        except Exception as error:  # the loop would only log it: whoever waits for requests is to fail
            self._failed, self._left = error, []
        return not (self._left or self._more or self._failed)

    def _take_told(self) -> list[Command]:
        """What control topics and the ring `kill` say; names and instruments are known from now on."""
        commands, version = self._known.take(self._control.take()), self._known.version
        if version != self._version:
            self._version = version
            self._requests.refresh()
        self.new_run |= bool(self._control.new_run)
        return commands

    def _take(self) -> list[Pending]:
        """Note requests; those that are to be sent. `_more`: there may be others already."""
        rows = self._requests.take()
        self._more = len(rows) == _MOST
        if any(row.request is None for row in rows):  # the lane may know a name already that still waits for us
            self._early += self._take_told()
            self._told.set()
            rows = [self._requests.again(row) for row in rows]
        self._status.now.records_in += len(rows)
        taken_ns = time.time_ns()
        return [pending for row in rows if (pending := self._note(row, taken_ns)) is not None]

    def _note(self, row: Found, taken_ns: int) -> Pending | None:
        request = row.request
        if request is None:
            self._out.letter(REQUEST_LETTERS, row.value, row.reason)
            self._out.flush()
        if request is None or request.venue != self._venue or request.id <= self.state.last_request:
            self.state.skip(row.number)
            return None
        pending = self.state.on_request(request, row.number, row.value)
        pending.taken_ns, pending.text = taken_ns, row.text
        pending.wire_mono_ns, pending.checked_mono_ns = row.wire_mono_ns, row.checked_mono_ns
        return pending

    # ---- out ----
    @property
    def written(self) -> int:
        """See GatewayLane."""
        return self._out.written

    @property
    def letters_written(self) -> int:
        """See GatewayLane."""
        return self._out.letters_written

    def event(self, kind: VenueEventType, request: Request, cause_id: int, answers: Pending | None, raw: bytes, **more: Any) -> VenueEvent:
        """See GatewayLane."""
        if answers is not None:
            self._measure_answer(answers)
        return self._out.event(kind, request, cause_id, raw, **more)

    def flush(self) -> None:
        """See GatewayLane: at once as far as there is room."""
        self._out.flush()

    def sent(self, found: list[Pending]) -> None:
        """See GatewayLane."""
        sent_ns = time.monotonic_ns()
        for pending in found:
            if pending.checked_mono_ns:
                self._measured["checked_sent"].append(sent_ns - pending.checked_mono_ns)
            if pending.wire_mono_ns:
                self._measured["wire_sent"].append(sent_ns - pending.wire_mono_ns)

    def _measure_answer(self, answers: Pending) -> None:
        now_ns = time.monotonic_ns()
        if answers.sent_s is not None:
            self._measured["sent_answered"].append(now_ns - int(answers.sent_s * 1e9))
        if answers.checked_mono_ns:
            self._status.latency((now_ns - answers.checked_mono_ns) / 1e6)

    async def settled(self) -> None:
        """See GatewayLane: a ring has one writer, and whoever comes second is refused while the first lives."""
        self.flush()

    async def work(self) -> None:
        """See GatewayLane."""
        self._watch.start(asyncio.get_running_loop(), self._news)
        while True:
            await asyncio.sleep(_WORK_S)
            self.flush()
            self._came.set()  # the ring has more than requests, which nobody is woken for
            self._keep()
            self._count()

    async def finish(self) -> None:
        """See GatewayLane."""
        self._watch.stop()
        until_s = time.monotonic() + _FINISH_S
        while self._out and time.monotonic() < until_s:
            self.flush()
            await asyncio.sleep(0.005)
        self._keep_now()
        self._count()

    def _count(self) -> None:
        """What was measured, into the histograms: in one call, because one by one would cost more than the gateway's own work."""
        for stage, values in self._measured.items():
            self._histograms.record_all(stage, values)
            values.clear()

    def close(self) -> None:
        """See GatewayLane."""
        self._watch.stop()
        self._checkpoint.wait()
        for reader in self._readers.values():
            reader.detach()
        self._records.writer.leave()
        self._events.leave()
        for ring in self._opened.values():
            ring.close()

    # ---- checkpoints ----
    def _keep_now(self) -> None:
        """A checkpoint of this moment, written before this returns."""
        self._checkpoint.wait()
        self._due_s = 0.0
        self._keep()
        self._checkpoint.wait()
        self._keep()

    def _keep(self) -> None:
        """Commit what a checkpoint covers; begin the next one if it is time, or a ring waits for it."""
        done = self._checkpoint.done()
        if done is not None:
            for name, reader in self._readers.items():
                reader.commit_to(done[name])
        now_s = time.monotonic()
        if self._checkpoint.busy or (now_s < self._due_s and not self._ring_waits()):
            return
        self._due_s = now_s + _CHECKPOINT_S
        self._mine.seek(self._mine.ring.head)
        self._ended.append(self.state.endings or Endings())
        blocks = {"open": open_block(self.state), "known": self._known.to_bytes(), "queued": self._out.saved()}
        parts = {name: (LAYOUT, "", block) for name, block in blocks.items()}
        self._checkpoint.save(self._made.run_number, {name: r.next for name, r in self._readers.items()}, parts, self._extra())

    def _extra(self) -> dict[str, Any]:
        return {
            "generation": self._made.generation,
            "schemas": self._wire.ids.known(),
            "killed": dict(self.kill.killed),
            "control": self._control.state(),
            "counters": {topic: [ids.writer(c.base), c.sequence] for topic, c in self._out.counters.items()},
            "ended_nbytes": self._ended.nbytes,
            "last_exec_id": self.state.last_exec_id,
            "last_request": self.state.last_request,
        }

    def _ring_waits(self) -> bool:
        """A ring is a quarter full of what only a checkpoint lets go."""
        ahead = [(r.ring.head if r is self._mine else r.next) - r.committed for r in self._readers.values()]
        return any(n > r.ring.capacity // 4 for n, r in zip(ahead, self._readers.values(), strict=True))


def prepare() -> None:
    """Compile what a gateway on rings runs, or load it from disk, now and not when it starts."""
    for module in (bulk, ring_ends, record_ring, ring_watch, histogram_file, gateway_walk, request_text):
        module.prepare()


def _in_order(state: GatewayState) -> list[str]:
    """Executions with the last one last."""
    rest = [one for one in state.executions if one != state.last_exec_id]
    return rest if state.last_exec_id is None else [*rest, state.last_exec_id]

"""The lane and the gateway of a shard on their way to topics: outputs, venue events, and what the journal of the lane says of them."""

import numpy as np

from streams.agents.rows import Written
from streams.errors import LaneError
from streams.lanes import mirror_kernel as k
from streams.lanes.control import COMMANDS
from streams.lanes.fast_slots import (
    KIND_CUT,
    KIND_RECORD,
    KIND_TAKEN,
    TAKEN_CONTROL,
    TAKEN_EVENTS,
    TAKEN_KILL,
    TAKEN_MARKET,
    TAKEN_OWN,
    UNREADABLE,
)
from streams.lanes.mirror_control import TakenControl, Whole, whole_of
from streams.lanes.mirror_inputs import TICK_PLACE, Inputs, Ledger, Stood
from streams.lanes.mirror_process import Mirrored
from streams.lanes.mirror_rings import RingSource
from streams.lanes.mirror_sender import MirrorSender, Sent
from streams.lanes.mirror_values import LaneValues
from streams.lanes.partitions import partitions_of
from streams.lanes.place import Place
from streams.lanes.record_ring import topic_number
from streams.lanes.wire import Wire
from streams.records import Command
from streams.schema import ids
from streams.slots import KIND_COMMAND, CommandSlot

__all__ = ["LaneSide"]

EVENTS = "venue_events.v1"
_MOST_SLOTS, _MOST_RECORDS = 16_384, 8_192
_TICK = k.KIND_TICK  # 0
_BEGINS = (_TICK, KIND_TAKEN, KIND_COMMAND)


class LaneSide:
    """The rings of a lane and of its gateway. A batch: `take`, then, when what was sent is delivered, `stand` and `inputs`, then `next`.

    process        : the lane's; own, records, events: rings
    market_known   : records of market data in topics that the lane has not taken yet, by slot
    events_known   : venue events in topics that it has not taken yet, by id
    taken          : by input, it takes no slot below it any more
    whole, topics  : of the batch: records that stand whole in the rings, and topics that the process wrote to
    passed         : of the batch: where data stands that the lane passed over, by its input and first slot there
    """

    def __init__(
        self,
        process: Mirrored,
        own: RingSource,
        records: RingSource,
        events: RingSource,
        market_known: Ledger,
        control: TakenControl,
        wire: Wire,
        run_id: int,
    ) -> None:
        self.process, self.own, self.records, self.events = process, own, records, events
        self.market_known, self.events_known = market_known, Ledger()
        self.taken = [0, 0, 0, 0]
        self._last_event = 0
        self._control, self._wire, self._run_id = control, wire, run_id
        self._shard = process.spec.shard
        self._values = LaneValues(own, process.edge, wire, process.writes, run_id, process.outputs.digest)
        self._tick_place = process.place(TICK_PLACE)
        self._event_place = process.place((EVENTS, self._shard))
        self._begin()

    def know_events(self, id: np.ndarray, stood: Stood) -> None:
        """Venue events that an earlier mirror has written, and the lane had not taken then."""
        self.events_known.add(id, stood)
        self._last_event = int(id[-1]) if len(id) else 0

    @property
    def behind(self) -> int:
        """Slots that can be mirrored now, but for clock ticks."""
        return self.records.behind + int(np.count_nonzero(self.own.kinds(self.own.at, self.end())))

    @property
    def at(self) -> dict[str, int]:
        """Next slot by ring."""
        return {source.name: source.at for source in (self.own, self.records, self.events)}

    def end(self) -> int:
        """Where to stop: behind whole inputs, and at a checkpoint of the lane, where an entry ends.

        All outputs of an input are there once another one has begun, or the lane has left.
        """
        first, most = self.own.at, _MOST_SLOTS
        while True:
            left = self.own.writer_left  # looked at before the head is
            head = self.own.head
            last = min(head, first + most)
            if left and last == head:
                return self._cut(last)
            begins = np.flatnonzero(np.isin(self.own.kinds(first, last), _BEGINS))
            if (len(begins) and begins[-1] > 0) or last == head:
                return self._cut(first + int(begins[-1])) if len(begins) else first
            most *= 2

    def _cut(self, last: int) -> int:
        found = self.own.checkpoint(self.own.at + 1, last)
        return found if found >= 0 else last

    def take_events(self, sender: MirrorSender) -> None:
        """Send what the gateway wrote."""
        last = self.events.head
        self._take_records(sender, self.records.head)  # looked at last: the record of every slot is there
        found = self.events.words(self.events.at, last)[:, 0]
        self.events.at += int(np.searchsorted(found, self._last_event, "right")) if len(found) else 0

    def take(self, sender: MirrorSender, last: int, market: int, kill: int) -> None:
        """Send what the lane wrote before slot `last`; market, kill: slots below are in topics."""
        upto = market, self.events.at, self._control.control.head, kill
        stop = k.CONTROL
        while stop == k.CONTROL:
            stop, marks = self._values.walk(last, upto)
            of_data = (marks[:, 0] == KIND_TAKEN) & (marks[:, 2] < TAKEN_CONTROL)
            for mark in marks[(marks[:, 0] != _TICK) & (marks[:, 0] != KIND_CUT) & ~of_data].tolist():
                self._note(sender, *mark)
            self._marks.append(marks)
        self._send(sender, self._values.take())

    def stand(self, sender: MirrorSender) -> None:
        """Where the records came to stand."""
        for id, sent in self._sent_events:
            self.events_known.add(id[sent.rows], Stood.of(self._event_place, sender.offsets(sent), id[sent.rows]))
        for at, id, sent in self._sent_commands:
            place = self.process.place((COMMANDS, 0), still=True)
            self._special[at] = Stood.of(place, sender.offsets(sent), np.array([id]))

    def inputs(self) -> Inputs:
        """What the lane took, in order."""
        process, inputs = self.process, Inputs(self.process.places)
        marks = np.concatenate([np.zeros((0, k.MARK_WORDS), np.int64), *self._marks])
        kind, ring, first, count = marks[:, 0], marks[:, 2], marks[:, 3], marks[:, 4]
        row, n = np.zeros((2, len(marks)), np.int64)
        stepped = self._stepped(marks)
        ticks = np.flatnonzero((kind == _TICK) & stepped)
        tick_rows = Stood.of(self._tick_place, np.arange(len(ticks)), marks[ticks, 2])
        special = Stood.joined(self._special)
        parts = [self.market_known.stood, self.events_known.stood, tick_rows, special]
        base = np.cumsum([0, *map(len, parts)])
        taken = kind == KIND_TAKEN
        of_market, of_events = np.flatnonzero(taken & (ring == TAKEN_MARKET)), np.flatnonzero(taken & (ring == TAKEN_EVENTS))
        row[of_market], n[of_market] = self.market_known.find(first[of_market], count[of_market])
        row[of_events], n[of_events] = self._find_events(first[of_events], count[of_events])
        row[of_events] += base[1]
        row[ticks], n[ticks] = base[2] + np.arange(len(ticks)), 1
        others = np.flatnonzero((taken & (ring >= TAKEN_CONTROL)) | (kind == KIND_COMMAND))
        n[others] = [len(stood) for stood in self._special]
        row[others] = base[3] + np.cumsum(n[others]) - n[others]
        n[others] *= stepped[others]
        process.move(inputs.add(Stood.joined(parts), row, n))
        inputs.tick_ts_ns = marks[ticks, 3].tolist()
        if len(every_tick := np.flatnonzero(kind == _TICK)):
            last_id = int(marks[every_tick[-1], 2])
            process.outputs.add_written("", ids.writer(last_id), last_id, 0)
        for index in (TAKEN_MARKET, TAKEN_EVENTS, TAKEN_CONTROL, TAKEN_KILL):
            mine = np.flatnonzero((taken | (kind == KIND_CUT)) & (ring == index))
            if len(mine):
                self.taken[index] = int(first[mine[-1]] + count[mine[-1]])
        process.last_ts_ns = max(process.last_ts_ns, self._values.now_ns)
        process.outputs.digest = self._values.digest
        return inputs

    def next(self) -> None:
        """The batch is written; the next one begins."""
        self.market_known.drop(self.taken[TAKEN_MARKET])
        upto = self.taken[TAKEN_EVENTS]
        if upto > self.events.committed:
            self.events_known.drop(int(self.events.words(upto - 1, upto)[0, 0]) + 1)
        self._begin()

    # ---- the gateway's ----
    def _take_records(self, sender: MirrorSender, last: int) -> None:
        done = 0
        while self.records.at < last and done < _MOST_RECORDS:
            found = self.records.walk(self.records.at, last, _MOST_RECORDS)
            rows = np.flatnonzero(found.topic == topic_number(EVENTS))
            if len(rows):
                start = found.address - self.records.memory.ctypes.data
                sent = sender.send((EVENTS, self._shard), self.records.memory, start, found.nbytes, found.id, rows)
                self._sent_events.append((found.id.copy(), sent))
                self._last_event = int(found.id[rows[-1]])
            self.whole += [whole_of(found, row) for row in np.flatnonzero(found.topic != topic_number(EVENTS)).tolist()]
            self.records.at = self.records.walked
            done += len(found.id)

    def _stepped(self, marks: np.ndarray) -> np.ndarray:
        """Which marks stand for inputs that were stepped, bool; a TAKEN of data gets the count of slots that were, before its cut."""
        stepped = np.ones(len(marks), bool)
        for at in np.flatnonzero(marks[:, 0] == KIND_CUT).tolist():
            ring, first, count = marks[at, 2:5].tolist()
            if ring == TAKEN_OWN:
                stepped[marks[:, 1] == first] = False
            elif ring < TAKEN_CONTROL:
                before = np.flatnonzero((marks[:at, 0] == KIND_TAKEN) & (marks[:at, 2] == ring))[-1]  # `end` keeps them together
                marks[before, 4] = first - marks[before, 3]
                if count:
                    self._pass_over(ring, first, count)
        return stepped

    def _pass_over(self, ring: int, first: int, count: int) -> None:
        """Note where a record stands that the lane passed over: it goes on to read behind it."""
        ledger = self.market_known if ring == TAKEN_MARKET else self.events_known
        find = ledger.find if ring == TAKEN_MARKET else self._find_events
        row, n = find(np.array([first]), np.array([count]))
        stood = ledger.stood.at(slice(int(row[0]), int(row[0] + n[0])))
        self.process.move(stood)
        self.passed[ring, first] = self.process.places[int(stood.place[0])], int(stood.offset[0])

    def _find_events(self, first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, n) of ranges of slots in the ring of events."""
        found = [int(self.events.words(number, number + 1)[0, 0]) for number in first.tolist()]
        row, n = self.events_known.find(np.array(found, np.int64), count)
        if not np.array_equal(n, count):
            raise LaneError(f"{self.events.ring.path}: the lane took events that {self.records.ring.path} does not hold; start a fresh run")
        return row, n

    # ---- the lane's ----
    def _note(self, sender: MirrorSender, kind: int, number: int, ring: int, first: int, count: int, flags: int) -> None:
        """Take in a mark that Python looks at."""
        if kind == KIND_RECORD:
            self.whole.append(whole_of(self.own.walk(number, self.own.at, 1), 0))
        elif kind == KIND_COMMAND:
            command = self._command(number)
            sent = sender.send_value((COMMANDS, 0), self._wire.encode(COMMANDS, command))
            self.process.outputs.add_written(COMMANDS, ids.writer(command.id), command.id, 0)
            self._sent_commands.append((len(self._special), command.id, sent))
            self._special.append(Stood.joined([]))
        else:
            find = self._control.taken if ring == TAKEN_CONTROL else self._control.killed
            self._special.append(find(self.process, first, count, UNREADABLE if self._is_cut(number + 1) else flags))

    def _is_cut(self, number: int) -> bool:
        """Whether a cut stands in a slot: then what the TAKEN before it names was not fed."""
        return number < self.own.head and int(self.own.kinds(number, number + 1)[0]) == KIND_CUT

    def _command(self, number: int) -> Command:
        """What the lane tells of itself: in memory a target is no process."""
        slot = self.own.rows(number, number + 1)[0, : CommandSlot._size_].tobytes()
        spec = self.process.spec
        said = "more than half of a ring is not in topics yet" if slot[CommandSlot._fields_["command_type"].offset] == 7 else "caught up"
        return self.process.edge.from_slot(KIND_COMMAND, slot, self._run_id)._replace(target=f"{spec.process}.{spec.shard}", reason=said)

    def _send(self, sender: MirrorSender, written: Written) -> None:
        for topic, rows in written.by_topic.items():
            last_id = int(written.id[rows[-1]])
            self.process.outputs.add_written(topic, ids.writer(last_id), last_id, len(rows))
            self.topics.add(topic)
            for partition, mine in partitions_of(self.process.spec, topic, written, rows):
                sender.send((topic, partition), written.buffer, written.start, written.size, written.id, mine)

    def _begin(self) -> None:
        self.whole: list[Whole] = []
        self.passed: dict[tuple[int, int], tuple[Place, int]] = {}
        self.topics: set[str] = set()
        self._marks: list[np.ndarray] = []
        self._special: list[Stood] = []  # of the marks that are no ticks and no data, in order
        self._sent_events: list[tuple[np.ndarray, Sent]] = []
        self._sent_commands: list[tuple[int, int, Sent]] = []

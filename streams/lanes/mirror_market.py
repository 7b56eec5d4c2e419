"""Feed and normalize of a shard on their way to topics: frames, market data, and what the journal of normalize says of them."""

import numpy as np

from streams.agents.market_ring import LARGEST_KIND, MORE
from streams.agents.rows import Written
from streams.lanes.fast_slots import KIND_FRAME, KIND_TAKEN, REFUSED, FrameMark, TakenSlot
from streams.lanes.mirror_control import TakenControl, Whole, whole_of
from streams.lanes.mirror_inputs import Inputs, Ledger, Stood
from streams.lanes.mirror_process import Mirrored
from streams.lanes.mirror_rings import RingSource
from streams.lanes.mirror_sender import MirrorSender, Sent
from streams.lanes.mirror_values import MarketValues, frame_values
from streams.lanes.partitions import partitions_of
from streams.lanes.place import Place
from streams.lanes.record_ring import Records, topic_number
from streams.lanes.wire import Wire
from streams.schema import ids
from streams.slots import FLAG_LAST, KIND_LEVEL

__all__ = ["MarketSide"]

FRAMES = "frames.v1"
_MOST_SLOTS, _MOST_FRAMES = 16_384, 8_192
_ID, _TS, _RING_NS = (FrameMark._fields_[name].offset // 8 for name in ("id", "ts_ns", "ring_ns"))  # words
_KIND, _FLAGS = (FrameMark._fields_[name].offset for name in ("kind", "flags"))  # of every slot


class MarketSide:
    """The rings of a feed. A batch: `take`, then, when what was sent is delivered, `stand` and `inputs`, then `next`.

    process        : normalize; frames, market: rings
    frames_known   : frames in topics whose marks have not been journalled yet, by id
    taken_control  : normalize takes no slot of `control` below it any more
    whole, topics  : of the batch: records that stand whole in the ring of frames, and topics that normalize wrote to
    oldest_ns      : of the batch: when its first frame was published, monotonic; 0 without one
    """

    def __init__(
        self,
        process: Mirrored,
        frames: RingSource,
        market: RingSource,
        control: TakenControl,
        wire: Wire,
        venue: str,
        run_id: int,
    ) -> None:
        self.process, self.frames, self.market = process, frames, market
        self.frames_known = Ledger()
        self.taken_control = 0
        self._control, self._wire, self._venue, self._run_id = control, wire, venue, run_id
        self._shard = process.spec.shard
        self._values = MarketValues(market, process.edge, wire, process.writes, run_id, process.outputs.digest, process.sizes)
        self._frame_place = process.place((FRAMES, self._shard))
        self._begin()

    @property
    def behind(self) -> int:
        """Slots not mirrored yet."""
        return self.frames.behind + self.market.behind

    @property
    def at(self) -> dict[str, int]:
        """Next slot by ring."""
        return {self.frames.name: self.frames.at, self.market.name: self.market.at}

    def take(self, sender: MirrorSender) -> None:
        """Send what is there."""
        last, frames = self._whole(self.market.head), self.frames.head  # looked at last: the frame of every mark is there
        found = self.market.checkpoint(self.market.at + 1, last)
        if found >= 0:  # an entry ends there
            last = found
            frames = min(frames, self._taken(last)[0])
        self._take_frames(sender, frames, last)
        if self.frames.at < frames:
            last = self._cut(last)
        for number in self._takens(last):
            self._take_market(sender, number + 1)
            self._take_control(number)
        self._take_market(sender, last)

    def stand(self, sender: MirrorSender, lane: Mirrored | None, known: Ledger) -> None:
        """Where the records came to stand; `known` takes those that the lane reads, by slot."""
        for id, sent in self._sent_frames:
            self.frames_known.add(id[sent.rows], Stood.of(self._frame_place, sender.offsets(sent), id[sent.rows]))
        for written, numbers, parts in self._sent:
            place, offset = np.full(len(written), -1, np.int64), np.zeros(len(written), np.int64)
            for topic, sent in parts:
                if lane is not None and topic in lane.data:
                    place[sent.rows], offset[sent.rows] = lane.place(sent.place), sender.offsets(sent)
            rows = np.flatnonzero(place >= 0)
            known.add(numbers[rows], Stood(place[rows], offset[rows], written.id[rows]))
        self._sent_frames, self._sent = [], []

    def inputs(self) -> Inputs:
        """What normalize took, in order."""
        process, inputs = self.process, Inputs(self.process.places)
        marks, early = np.array(self._marks, np.int64).reshape(-1, 2), Stood.joined(self._early)
        is_frame = marks[:, 0] == KIND_FRAME
        row, n = self.frames_known.find(np.where(is_frame, marks[:, 1], 0), np.ones(len(marks), np.int64))
        fed = np.where(is_frame, 0, marks[:, 1])  # of a TAKEN: how many of its records
        row = np.where(is_frame, row, len(self.frames_known) + np.cumsum(fed) - fed)
        pool = Stood.joined([self.frames_known.stood, early])
        process.move(inputs.add(pool, row, np.where(is_frame, n, fed)))
        process.last_ts_ns = max(process.last_ts_ns, self._now_ns)
        process.outputs.digest = self._values.digest
        return inputs

    def place_of(self, frame_id: int) -> tuple[Place, int] | None:
        """Place and offset of a frame that was passed over: no mark names it, and none behind it has come when its letter does."""
        row = int(np.searchsorted(self.frames_known.number, frame_id))
        found = self.frames_known.stood.at(slice(row, row + 1))
        return (self.process.places[int(found.place[0])], int(found.offset[0])) if found.id.tolist() == [frame_id] else None

    def next(self) -> None:
        """The batch is written; the next one begins."""
        frames = [id for kind, id in self._marks if kind == KIND_FRAME]
        if frames:
            self.frames_known.drop(max(frames) + 1)
        self._begin()

    def _whole(self, head: int) -> int:
        """Where to stop: with about _MOST_SLOTS slots, and all records of each frame, for the entry that names it names them, too."""
        most, first = _MOST_SLOTS, self.market.at
        while True:
            last = min(head, first + most)
            kinds = self.market.kinds(first, last)
            if not len(kinds) or not self._is_open(first, last, last < head):
                return last
            marks = np.flatnonzero(kinds == KIND_FRAME)
            cut = int(marks[-1]) if len(marks) else 0
            if cut > 0 or last == head:
                return first + cut
            most *= 2

    def _is_open(self, first: int, last: int, more: bool) -> bool:
        """Whether records of the last frame among these slots are missing; more: slots follow."""
        kinds, ids_, end = self.market.kinds(first, last), self.market.words(first, last)[:, _ID], last - 1 - first
        if kinds[end] > LARGEST_KIND:
            return bool(kinds[end] == KIND_FRAME) and more
        before = np.flatnonzero((ids_ != ids_[end]) | (kinds > LARGEST_KIND))
        begin = self.market.rows(first, last)[int(before[-1]) + 1 if len(before) else 0]
        return bool(begin[MORE]) or not _is_whole(self.market.rows(last - 1, last)[0])

    # ---- frames ----
    def _takens(self, last: int) -> list[int]:
        """Numbers of the TAKEN slots before one."""
        return (self.market.at + np.flatnonzero(self.market.kinds(self.market.at, last) == KIND_TAKEN)).tolist()

    def _named(self, last: int) -> np.ndarray:
        """Ids of the inputs that the slots before one name: frames, and control records."""
        words = self.market.words(self.market.at, last)
        found = words[self.market.kinds(self.market.at, last) == KIND_FRAME, _ID].tolist()
        for first, count, _ in map(self._taken, self._takens(last)):
            found += self._control.ids(first, count) if count else []
        return np.array(found, np.int64)

    def _take_frames(self, sender: MirrorSender, last: int, market: int) -> None:
        """Send frames, at most so many, and what stands behind each of them; market: where the batch ends in the other ring.

        The letter of an input that was refused stands before the mark that names the input, and goes with it: one entry has both.
        """
        done = 0
        while self.frames.at < last:
            found = self.frames.walk(self.frames.at, last, _MOST_FRAMES)
            is_frame = found.topic == topic_number(FRAMES)
            early = ~is_frame & (found.a == REFUSED) & (found.b != 0)
            if early.any():
                early &= ~np.isin(found.b, self._named(market))
            ends = np.flatnonzero(early | is_frame if done >= _MOST_FRAMES else early)
            if len(ends) and ends[0] == 0:
                return
            if len(ends):
                found, is_frame = self.frames.walk(self.frames.at, last, int(ends[0])), is_frame[: ends[0]]
            frames = Records(*(column[is_frame] for column in found))
            if len(frames.id):
                buffer, start, size = frame_values(self._wire, self._venue, self._run_id, frames)
                sent = sender.send((FRAMES, self._shard), buffer, start, size, frames.id, np.arange(len(start)))
                self._sent_frames.append((frames.id.copy(), sent))
                self._last_frame = int(frames.id[-1])
            for row in np.flatnonzero(~is_frame).tolist():
                self.whole.append(whole_of(found, row))
            self.frames.at = self.frames.walked
            done += len(found.id)

    def _cut(self, last: int) -> int:
        """Where the first mark of a frame stands that has not been sent, now or before."""
        sent = max(self._last_frame, *self.frames_known.number[-1:].tolist(), 0)
        words = self.market.words(self.market.at, last)
        later = np.flatnonzero((self.market.kinds(self.market.at, last) == KIND_FRAME) & (words[:, _ID] > sent))
        return self.market.at + int(later[0]) if len(later) else last

    # ---- market data ----
    def _take_market(self, sender: MirrorSender, last: int) -> None:
        """Send the records before a slot, and note the marks of frames."""
        first = self.market.at
        if first >= last:
            return
        written, numbers = self._values.walk(last)
        words, kinds = self.market.words(first, self.market.at), self.market.kinds(first, self.market.at)
        frames = np.flatnonzero(kinds == KIND_FRAME)
        self._marks += [(KIND_FRAME, id) for id in words[frames, _ID].tolist()]
        if len(frames):
            self._now_ns = max(self._now_ns, int(words[frames, _TS].max()))
            self.oldest_ns = self.oldest_ns or int(words[frames[0], _RING_NS])
        parts = []
        for topic, rows in written.by_topic.items():
            self.process.outputs.add_written(topic, ids.writer(int(written.id[rows[-1]])), int(written.id[rows[-1]]), len(rows))
            self.topics.add(topic)
            for partition, mine in partitions_of(self.process.spec, topic, written, rows):
                parts.append((topic, sender.send((topic, partition), written.buffer, written.start, written.size, written.id, mine)))
        self._sent.append((written, numbers, parts))

    def _take_control(self, number: int) -> None:
        """Take in the control records that a mark names."""
        first, count, flags = self._taken(number)
        if count == 0:  # a checkpoint
            return
        stood = self._control.taken(self.process, first, count, flags)
        self._early.append(stood)
        self._marks.append((KIND_TAKEN, len(stood)))
        self.taken_control = first + count

    def _taken(self, number: int) -> tuple[int, int, int]:
        """First slot, count and flags of a TAKEN."""
        slot = TakenSlot().unpack(self.market.rows(number, number + 1)[0][: TakenSlot._size_])
        return slot.first, slot.count, slot.flags

    def _begin(self) -> None:
        self.whole: list[Whole] = []
        self.topics: set[str] = set()
        self._marks: list[tuple[int, int]] = []  # KIND_FRAME and its id, or KIND_TAKEN and how many records
        self._early: list[Stood] = []
        self._sent_frames: list[tuple[np.ndarray, Sent]] = []
        self._sent: list[tuple[Written, np.ndarray, list[tuple[str, Sent]]]] = []
        self._last_frame = self._now_ns = self.oldest_ns = 0


def _is_whole(slot: np.ndarray) -> bool:
    """Whether a record ends with this slot."""
    return slot[_KIND] != KIND_LEVEL or bool(slot[_FLAGS] & FLAG_LAST)

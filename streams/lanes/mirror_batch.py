"""One batch of a mirror: everything that the rings of a shard hold, as one transaction."""

from collections.abc import Sequence

from streams.lanes.client import MAX_RECORD_BYTES
from streams.lanes.fast_slots import PASSED, REFUSED, TAKEN_CONTROL, TAKEN_FRAMES, TAKEN_KILL, UNREADABLE
from streams.lanes.journal import journal_key
from streams.lanes.lane_records import Value
from streams.lanes.letters import Letter
from streams.lanes.mirror_control import Whole
from streams.lanes.mirror_inputs import Inputs
from streams.lanes.mirror_kill import KillWatch
from streams.lanes.mirror_lane import LaneSide
from streams.lanes.mirror_market import MarketSide
from streams.lanes.mirror_open import Opened, ShardRings
from streams.lanes.mirror_process import Mirrored
from streams.lanes.mirror_sender import MirrorSender, Sent
from streams.lanes.place import Place
from streams.lanes.wire import Wire
from streams.lanes.writers import JOURNAL, dlq_topic
from streams.records import DeadLetter
from streams.schema import ids

__all__ = ["MirrorBatches"]


class MirrorBatches:
    """Writes the batches of a shard. `write`: LaneError when it fails, and all of it, memory too, is to be opened anew.

    dead_letters : written since it was made; oldest_ns: when the first frame of the last batch was published, monotonic; 0 without one
    """

    def __init__(self, opened: Opened, rings: ShardRings, sender: MirrorSender, kills: KillWatch, wire: Wire) -> None:
        self.dead_letters = self.oldest_ns = 0
        self._opened, self._rings, self._sender, self._kills, self._wire = opened, rings, sender, kills, wire
        self._shard = rings.shard.shard

    def write(self, others: Sequence[Value] = ()) -> None:
        """Everything that is there now; others: what the mirror says of itself."""
        market, lane, sender = self._opened.market, self._opened.lane, self._sender
        self.oldest_ns = 0
        lane_last = lane.end() if lane else 0  # looked at first: what its slots name stands in the other rings already
        kill_known = self._kills.known()
        sender.begin()
        self._kills.tell(sender)
        if lane:
            lane.take_events(sender)
        if market:
            market.take(sender)
        if lane:
            lane.take(sender, lane_last, market.market.at if market else 0, kill_known)
        sender.deliver()
        self._kills.told(sender)
        if market:
            market.stand(sender, lane.process if lane else None, self._opened.known)
        if lane:
            lane.stand(sender)
        self._send_too_large()
        sides = [side for side in (market, lane) if side]
        entries = [self._entry(side, bool(others) and side is sides[-1]) for side in sides]
        for topic, partition, value in others:
            sender.send_value((topic, partition), value)
        sender.deliver()
        for process, sent in [entry for entry in entries if entry is not None]:
            process.journal_offset = int(sender.offsets(sent)[0])
        sender.commit(self._pointer())
        self._done(market, lane)

    def _entry(self, side: MarketSide | LaneSide, wanted: bool) -> tuple[Mirrored, Sent] | None:
        """Send the journal entry of a process, and what stands whole in its rings; None if it did nothing."""
        process = side.process
        rings = {self._rings.place(name): number for name, number in side.at.items()}
        if rings == process.rings and not wanted:
            return None
        inputs = side.inputs()
        for whole in side.whole:
            self._send_whole(process, inputs, whole, self._about(side, inputs, whole))
        process.rings, process.batch = rings, process.batch + 1
        topic, partition, value = process.records.entry(
            process.batch, inputs, side.topics, {**process.positions, **rings}, process.last_ts_ns
        )
        return process, self._sender.send_value((topic, partition), value, journal_key(process.spec.process, process.spec.shard))

    def _send_too_large(self) -> None:
        """A dead letter of each record that no topic takes."""
        process = self._opened.processes[-1]
        for place, id, value in self._sender.too_large:
            reason = f"record {ids.text(id)} of {len(value)} bytes is too large for {place[0]}, which takes {MAX_RECORD_BYTES}"
            letter = process.records.letter(Letter(*place, -1, reason, value, id), process.last_ts_ns)
            self._sender.send_value((letter[0], place[1]), letter[2])
        self.dead_letters += len(self._sender.too_large)
        self._sender.too_large = []

    def _about(self, side: MarketSide | LaneSide, inputs: Inputs, whole: Whole) -> tuple[Place, int] | None:
        """Place and offset of the input that a dead letter is about, None for what is none."""
        control = self._opened.control
        if not whole.topic.endswith(dlq_topic("")):
            return None
        if whole.a == REFUSED:
            return inputs.find(whole.b)
        if whole.a == PASSED + TAKEN_KILL:
            return control.kill_place_of(whole.b)
        if whole.a in (UNREADABLE, PASSED + TAKEN_CONTROL):
            return control.place_of(whole.b)
        if isinstance(side, MarketSide):
            return side.place_of(whole.b) if whole.a == PASSED + TAKEN_FRAMES else None
        return side.passed.get((whole.a - PASSED, whole.b))

    def _send_whole(self, process: Mirrored, inputs: Inputs, whole: Whole, place: tuple[Place, int] | None) -> None:
        """A dead letter gets the place of what it is about, and stands in the entry."""
        value = whole.value
        if place is not None:
            value = self._addressed(whole, *place)
            inputs.add_dead_letter(*place[0], place[1])
        self.dead_letters += whole.topic.endswith(dlq_topic(""))
        process.outputs.add_written(whole.topic, ids.writer(whole.id), whole.id, 0)
        self._sender.send_value((whole.topic, whole.partition), value)

    def _addressed(self, whole: Whole, place: Place, offset: int) -> bytes:
        letter = self._wire.decode(whole.topic, whole.value)
        assert isinstance(letter, DeadLetter)
        return self._wire.encode(whole.topic, letter._replace(topic=place[0], partition=place[1], offset=offset))

    def _pointer(self) -> dict[Place, int]:
        """Where a successor begins to look for the last entries of all processes."""
        offsets = [process.journal_offset for process in self._opened.processes]
        known = [offset for offset in offsets if offset is not None]
        return {(JOURNAL, self._shard): min(known)} if len(known) == len(offsets) else {}

    def _done(self, market: MarketSide | None, lane: LaneSide | None) -> None:
        """It is committed: the rings may have the slots again."""
        if market:
            self.oldest_ns = market.oldest_ns
            market.next()
            market.frames.commit(market.frames.at)
        if lane:
            lane.next()
            lane.own.commit(lane.own.at)
            lane.records.commit(lane.records.at)
            lane.events.commit(min(lane.taken[1], lane.events.at))
        if market:
            market.market.commit(min(market.market.at, lane.taken[0]) if lane else market.market.at)

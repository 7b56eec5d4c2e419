"""The rings of a fast feed: what it writes, and what it reads again after a restart."""

from streams.agents.market_node import CompiledMarket
from streams.agents.process import Process
from streams.errors import LaneError
from streams.lanes import ring_layout
from streams.lanes.fast_rings import FastShard
from streams.lanes.record_ring import RecordReader, RecordWriter
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import Reader, Writer
from streams.lanes.waiting import Waiting

__all__ = ["FeedEnds"]


class FeedEnds:
    """The feed's ends of the rings of a shard; who opened them is their writer until `close`.

    frames, market           : where it writes
    own_frames, own_market   : where it reads again what it wrote, committed up to its checkpoint
    control                  : what the mirror forwards
    """

    def __init__(self, shard: FastShard, process: Process, wait: Waiting) -> None:
        compiled = isinstance(process.normalize, CompiledMarket)
        self.rings: list[Ring] = []
        label = shard.feed_label
        frames, market, control = (self._open(shard, name) for name in (shard.frames, shard.market, shard.control))
        self.frames = RecordWriter(frames.writer(label, wait=wait, compiled=compiled))
        self.market: Writer = market.writer(label, wait=wait, compiled=compiled)
        self.own_frames = RecordReader(frames.reader(label, wait=wait))
        self.own_market: Reader = market.reader(label, wait=wait)
        self.control = RecordReader(control.reader(label, wait=wait))
        self.control_head = control.address + ring_layout.HEAD
        self._shard = shard

    def _open(self, shard: FastShard, name: str) -> Ring:
        ring = shard.open(name)
        self.rings.append(ring)
        return ring

    def positions(self) -> dict[str, int]:
        """The next slot of each ring, for a checkpoint."""
        shard = self._shard
        heads = {shard.frames: self.frames.writer.ring.head, shard.market: self.market.ring.head}
        return heads | {shard.control: self.control.next}

    def seek(self, positions: dict[str, int]) -> None:
        """Read again from a checkpoint's slots. LaneError if the rings do not hold them any more."""
        shard = self._shard
        for name, reader in ((shard.frames, self.own_frames.reader), (shard.market, self.own_market), (shard.control, self.control.reader)):
            number = positions.get(name, 0)
            if number < reader.committed:
                raise LaneError(
                    f"{reader.ring.path}: slots from {number:,} on are needed, {reader.committed:,} is the first; start a fresh run"
                )
            reader.seek(number)

    @property
    def held(self) -> float:
        """The largest share of a ring that waits for this feed's checkpoint, 0 to 1."""
        ends = self.own_frames.reader, self.own_market, self.control.reader
        return max((end.ring.head - end.committed) / end.ring.capacity for end in ends)

    def limits(self) -> tuple[int, int]:
        """Slots of `frames` and of `market` from which on a checkpoint comes before the next frame: half of the ring is left for others."""
        ends = self.own_frames.reader, self.own_market
        frames, market = (end.committed + end.ring.capacity // 2 for end in ends)
        return frames, market

    def commit(self, positions: dict[str, int]) -> None:
        """A checkpoint holds what stands before these slots."""
        shard = self._shard
        for name, reader in ((shard.frames, self.own_frames.reader), (shard.market, self.own_market)):
            reader.seek(positions[name])
            reader.commit()
        self.control.commit_to(positions[shard.control])

    def close(self) -> None:
        """Let everything go; the lines of the readers stay, so that nothing is lost until the next instance comes."""
        for end in (self.own_frames.reader, self.own_market, self.control.reader):
            end.detach()
        self.frames.writer.leave()
        self.market.leave()
        for ring in self.rings:
            ring.close()

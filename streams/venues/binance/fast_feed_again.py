"""A fast feed that starts again: what its rings hold beyond its checkpoint is executed once more, compared, and completed.

The ring of market data says in which order frames and control records were taken; the ring of frames has the frames. What normalize gives
now must be what stands in the ring; where the ring ends, publishing goes on. What letters in the ring of frames say is passed over is not
given to normalize.
"""

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streams.agents.market_ring import RING_BYTES
from streams.agents.process import Process
from streams.errors import LaneError, RestoreError, StepError
from streams.kernel import at
from streams.kernel.memory import aligned
from streams.lanes.fast_slots import KIND_FRAME, TakenSlot
from streams.lanes.record_ring import TOPICS, RecordReader
from streams.lanes.ring_ends import Reader
from streams.schema import ids
from streams.venues.binance.frames import FRAMES, Place

if TYPE_CHECKING:
    from streams.venues.binance.fast_feed_process import FastFeed

__all__ = ["Again", "execute_again"]

_ROWS = 100_000


class Again(NamedTuple):
    """How much was executed again: frames, control records."""

    frames: int
    controls: int


class _Frames(NamedTuple):
    """Frames of the ring: int64[n] each. number: of the first slot."""

    number: np.ndarray
    id: np.ndarray
    recv_ts_ns: np.ndarray
    address: np.ndarray
    nbytes: np.ndarray


def execute_again(feed: "FastFeed") -> Again:
    """Carry what the rings hold from the feed's position on; its state is then that of all they hold. RestoreError: a difference."""
    frames = _take_frames(feed)
    head = feed.ends.market.ring.head
    first = feed.ends.own_market.next
    scratch = _scratch(feed.process)
    state = feed.lane.state
    state.check, state.check_end = first, head
    state.scratch, state.scratch_slots = scratch.ctypes.data, len(scratch) // RING_BYTES
    done = controls = 0
    for kind, number, n, last in _marks(feed.ends.own_market, first, head):
        if last:
            _save(feed, frames, done)
        if kind == KIND_FRAME:
            _refuse_others(feed, frames.id[done : done + n], number)
            done += _carry(feed, frames, done, n)
        else:
            state.check += 1
            controls += _told(feed, number)
    if done < len(frames.id):
        _save(feed, frames, done)
    done += _carry(feed, frames, done, len(frames.id) - done)
    if state.check < head:
        raise RestoreError(
            f"{feed.ends.market.ring.path}: slots from {int(state.check):,} on are of no frame that is in the ring of frames"
        )
    state.scratch = state.scratch_slots = 0
    feed.letters.passed.clear()
    return Again(done, controls)


def _save(feed: "FastFeed", frames: _Frames, done: int) -> None:
    """A checkpoint before what may still need room: rings that are full wait for nothing of this feed's but this."""
    positions = feed.ends.positions()
    over = [letter for slot, letter in feed.letters.control_over.items() if slot >= feed.ends.control.next]
    left = [*frames.number[done : done + 1].tolist(), *feed.letters.passed, *over]
    positions[feed.settings.shard.frames] = min(left, default=positions[feed.settings.shard.frames])
    positions[feed.settings.shard.market] = int(feed.lane.state.check)
    feed.save_now(positions)


def _take_frames(feed: "FastFeed") -> _Frames:
    """Go to the end of the ring of frames; its frames. What it says of counters and places is taken over."""
    topic, parts, lane = TOPICS.index(FRAMES), [], feed.lane
    reader: RecordReader = feed.ends.own_frames
    while len((found := reader.walk(_ROWS)).id):
        mine = found.topic == topic
        parts.append(np.array([column[mine] for column in (found.number, found.id, found.recv_ts_ns, found.address, found.nbytes)]))
        rows = np.flatnonzero(mine)
        if len(rows):
            last = int(rows[-1])
            lane.state.sequence = ids.sequence(int(found.id[last]))
            lane.state.sent_connection, lane.state.sent_seq = int(found.a[last]), int(found.b[last])
        for row in np.flatnonzero(~mine).tolist():
            _count_letter(feed, TOPICS[int(found.topic[row])], *(int(column[row]) for column in (found.number, found.id, found.a, found.b)))
    found = np.concatenate(parts, axis=1) if parts else np.zeros((5, 0), np.int64)
    return _Frames(*found[:, ~np.isin(found[1], list(feed.letters.frames_over))])


def _count_letter(feed: "FastFeed", topic: str, slot: int, id: int, a: int, b: int) -> None:
    feed.letters.known(slot, topic, id, a, b)
    if ids.writer(id) == feed.letters.feed_writer:
        feed.at_damage = Place(0, b)


def _marks(reader: Reader, first: int, head: int) -> list[tuple[int, int, int, bool]]:
    """(kind, number of the slot, how many marks of frames follow each other there, whether it is the last mark) in order.

    A TAKEN stands alone, and so does the last mark: what comes of it may not all be in the ring.
    """
    data: Any = reader.state
    start = data.data + (first & (data.capacity - 1)) * RING_BYTES
    if head == first:
        return []
    slots = np.ctypeslib.as_array((ctypes.c_uint8 * (RING_BYTES * (head - first))).from_address(start)).reshape(-1, RING_BYTES)
    found: list[tuple[int, int, int, bool]] = []
    rows = np.flatnonzero(slots[:, 36] >= KIND_FRAME).tolist()
    for row in rows:
        kind, last = int(slots[row, 36]), row == rows[-1]
        if kind == KIND_FRAME and found and found[-1][0] == kind and not last:
            found[-1] = (kind, found[-1][1], found[-1][2] + 1, False)
        else:
            found.append((kind, first + row, 1, last))
    return found


def _refuse_others(feed: "FastFeed", frame_ids: np.ndarray, number: int) -> None:
    """RestoreError unless the first of these frames is the one whose mark stands in a slot."""
    mark = ctypes.c_int64.from_address(_address(feed.ends.own_market, number)).value
    if not len(frame_ids) or int(frame_ids[0]) != mark:
        found = ids.text(int(frame_ids[0])) if len(frame_ids) else "none"
        raise RestoreError(
            f"{feed.ends.market.ring.path}: slot {number:,} is of frame {ids.text(mark)}, the ring of frames has {found} there; "
            "start a fresh run"
        )


def _carry(feed: "FastFeed", frames: _Frames, first: int, n: int) -> int:
    """Give normalize frames that are in the ring."""
    _, frame_ids, times, starts, sizes = (np.ascontiguousarray(column[first : first + n]) for column in frames)
    if len(frame_ids):
        feed.finish(feed.lane.again(frame_ids, times, starts, sizes, np.zeros(n, np.int64)))
    return len(frame_ids)


def _told(feed: "FastFeed", number: int) -> int:
    """Take the control records that a TAKEN names; how many."""
    taken = at(TakenSlot, _address(feed.ends.own_market, number))
    if taken.count == 0:  # a checkpoint stood here
        return 0
    first = feed.ends.control.next
    over = sum(first <= slot < taken.first for slot in feed.letters.control_over)
    passed = feed.control.take_control(taken.first)
    told = feed.control.take_control(taken.first + taken.count)
    if len(passed) != over or not told:
        raise RestoreError(
            f"{feed.ends.market.ring.path}: slot {number:,} names other control records than stand in the ring; start a fresh run"
        )
    try:
        feed.tell([(taken.first, one) for one in told])
    except StepError as error:
        raise LaneError(f"{feed.ends.market.ring.path}: {error}; it did not when the ring was written: start a fresh run") from error
    return len(told)


def _address(reader: Reader, number: int) -> int:
    data: Any = reader.state
    return data.data + (number & (data.capacity - 1)) * RING_BYTES


def _scratch(process: Process) -> np.ndarray:
    """Room for the largest record and a mark."""
    return aligned(RING_BYTES * (process.sizes["levels"] + 1))

"""What a feed writes: frames and dead letters of one shard, each once, with dense ids, also across a kill. Frames leave in waves."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from streams.clock import RunClock
from streams.errors import DecodeError
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.bus import MAX_RECORD_BYTES, tail_records
from streams.lanes.control import Control
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic, writer_name
from streams.records import DeadLetter
from streams.schema import ids
from streams.venues.binance.frame_encoder import FrameEncoder

__all__ = ["DLQ", "FRAMES", "PAYLOAD_LIMIT_BYTES", "FrameWriter", "Place", "damage_after", "last_record", "place_after"]

FRAMES = "frames.v1"
DLQ = dlq_topic(FRAMES)
"""Topics of frames, and of what is no frame."""
_WAVE_ROWS = 5_000  # encoded at once; a wave of megabytes would only displace the caches
PAYLOAD_LIMIT_BYTES = MAX_RECORD_BYTES - 1_000
"""The most of a frame that a record holds: the rest of it needs less."""


@dataclass(frozen=True)
class Place:
    """How far a writer came in this run: connection and source_seq of its last record, 0 before the first."""

    connection: int = 0
    source_seq: int = 0


def place_after(frame: Any, run_number: int) -> Place:
    """Where a frame stood in its source; the beginning if there is none, or if it is of another run."""
    return Place(frame.connection, frame.source_seq) if frame is not None and frame.run_id == run_number else Place()


def damage_after(letter: Any, run_number: int) -> Place:
    """The same of a dead letter of the feed."""
    return Place(0, letter.offset) if letter is not None and letter.run_id == run_number else Place()


class FrameWriter:
    """Writes to `frames.v1` and its dead-letter topic, partition = shard, and knows where an earlier instance stopped.

    An idempotent producer keeps the order, so that what a killed instance delivered is a beginning of what it sent: everything up to the
    last record in the partition, nothing after it. The two topics are independent, therefore each has its own place.

    at, at_damage : place of the last frame and of the last dead letter of this run, when the writer was opened
    """

    def __init__(self, kafka: str, wire: Wire, control: Control, process: str, shard: int, venue: str, clock: RunClock) -> None:
        self.run_id = control.last_run().run_number or 0
        self.venue, self.shard, self.clock = venue, shard, clock
        self._wire = wire
        frames, letters = (control.writer(writer_name(process, shard, topic)) for topic in (FRAMES, DLQ))
        last_frame, last_letter = (last_record(kafka, wire, topic, shard, n) for topic, n in ((FRAMES, frames), (DLQ, letters)))
        self._frame_ids = ids.Counter(frames, ids.sequence(last_frame.id) if last_frame else 0)
        self._letter_ids = ids.Counter(letters, ids.sequence(last_letter.id) if last_letter else 0)
        self.at, self.at_damage = place_after(last_frame, self.run_id), damage_after(last_letter, self.run_id)
        self.sent = 0
        self._producer = BulkProducer(kafka, linger_ms=1.0)
        self._encoder = FrameEncoder(wire.header(FRAMES), self.run_id, venue)
        self._waiting: list[tuple[int, int, bytes]] = []  # receive time, source_seq, payload of frames of one connection
        self._connection = 0

    def frame(self, recv_ts_ns: int, connection: int, source_seq: int, payload: bytes) -> None:
        """Take one frame; it leaves with the next `poll`, in one wave with those that came since the last."""
        if connection != self._connection:
            self._send_waiting()
            self._connection = connection
        self._waiting.append((recv_ts_ns, source_seq, payload))

    def frames(self, connection: int, times: np.ndarray, seqs: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> None:
        """Queue frames of one connection as a wave; one too large for a record becomes a dead letter.

        times, seqs, starts, sizes : int64[n]: receive time, source_seq, address and bytes of the payload
        """
        now_ns = self.clock.now_ns()
        for row in np.flatnonzero(sizes > PAYLOAD_LIMIT_BYTES).tolist():
            reason = f"frame of {sizes[row]} bytes; a record holds {PAYLOAD_LIMIT_BYTES}, the rest is cut off here"
            payload = ctypes.string_at(int(starts[row]), PAYLOAD_LIMIT_BYTES)
            self.dead_letter(int(times[row]), int(seqs[row]), reason, payload)
        good = sizes <= PAYLOAD_LIMIT_BYTES
        if not good.all():
            times, seqs, starts, sizes = times[good], seqs[good], starts[good], sizes[good]
        n = len(times)
        for first in range(0, n, _WAVE_ROWS):
            wave = [column[first : first + _WAVE_ROWS] for column in (times, seqs, starts, sizes)]
            first_id = self._frame_ids.take(len(wave[0]))
            self._producer.send_rows(FRAMES, self.shard, *self._encoder.encode(first_id, now_ns, connection, *wave))
        self.sent += n

    def dead_letter(self, recv_ts_ns: int, source_seq: int, reason: str, payload: bytes) -> None:
        """Queue what is no frame. Its `offset` is the line or message number: it has no place in a topic."""
        now_ns = self.clock.now_ns()
        record = DeadLetter(self._letter_ids.next(), 0, self.run_id, now_ns, recv_ts_ns, FRAMES, self.shard, source_seq, reason, payload)
        self._producer.send(DLQ, self.shard, self._wire.encode(DLQ, record))

    def poll(self) -> None:
        """Send what waits and take delivery reports; LaneError when a record was lost. Call at least once a second."""
        self._send_waiting()
        self._producer.poll()

    def flush(self) -> None:
        """Wait until the broker has everything."""
        self._send_waiting()
        self._producer.flush()

    def close(self) -> None:
        """Free the producer."""
        self._producer.close()

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        times, seqs, payloads = zip(*waiting, strict=True)
        memory = np.frombuffer(b"".join(payloads) or bytes(1), np.uint8)
        sizes = np.array([len(payload) for payload in payloads], np.int64)
        starts = memory.ctypes.data + np.cumsum(sizes) - sizes
        self.frames(self._connection, np.array(times, np.int64), np.array(seqs, np.int64), starts, sizes)


def last_record(kafka: str, wire: Wire, topic: str, shard: int, writer: int, committed: bool = False) -> Any:
    """The newest record of a writer in a partition, None if it has none there. committed=False: also of transactions that are open."""
    found: list[Any] = []

    def is_ours(message: Any) -> bool:
        try:
            record = wire.decode(topic, message.value())
        except DecodeError:  # not ours: what we wrote we can read
            return False
        if ids.writer(record.id) != writer:
            return False
        found.append(record)
        return True

    tail_records(kafka, topic, shard, until=is_ours, committed=committed)
    return found[0] if found else None

"""Snapshots: the state of a process in parts of 900 kB, written beside the flow, found again and checked (contract 17)."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import structlog

from streams.errors import LaneError
from streams.lanes.bus import Sender, read_range
from streams.lanes.spec import LaneSpec
from streams.lanes.wire import Wire
from streams.lanes.writers import SNAPSHOTS
from streams.records import SnapshotPart, StartPosition
from streams.schema import ids

__all__ = ["KEPT", "PART_BYTES", "Blocks", "Found", "Moment", "SnapshotWriter", "find_snapshot", "parts_of", "split", "take_part"]

PART_BYTES = 900_000
KEPT = 3  # numbers of snapshots that compaction keeps

Blocks = Mapping[str, tuple[str, str, bytes]]
"""Agent -> (layout fingerprint, field list as JSON, state)."""

_ANY = (1 << 63) - 1
_INDEX = ""  # the agent name of the last part of all: it lists the agents, so that its presence makes the snapshot whole
_LOG = structlog.get_logger("snapshot")


class Moment(NamedTuple):
    """What a snapshot stands for: the state after a batch of a run."""

    run_id: int
    batch: int
    ts_ns: int
    positions: tuple[StartPosition, ...]
    outputs_hash: bytes


@dataclass
class Found:
    """A whole snapshot, or one being put together."""

    number: int
    moment: Moment
    first_offset: int
    blocks: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    whole: bool = False
    parts: list[bytes] = field(default_factory=list)


def split(data: bytes) -> list[bytes]:
    """A block cut into parts of at most 900 kB; an empty block is one empty part."""
    return [data[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES)] or [b""]


def snapshot_key(process: str, shard: int, agent: str, number: int, part: int) -> bytes:
    """The key by which compaction keeps the last three."""
    return f"{process}/{shard}/{agent}/{number % KEPT}/{part}".encode()


def parts_of(process: str, shard: int, number: int, blocks: Blocks, moment: Moment, first_id: int) -> Iterator[SnapshotPart]:
    """The records of a snapshot, in the order to write them; the last one lists the agents: with it the snapshot is whole."""
    id = first_id
    index = ("", "", json.dumps(sorted(blocks)).encode())
    for agent, (layout, fields, data) in (*sorted(blocks.items()), (_INDEX, index)):
        chunks, digest = split(data), blake2b(data, digest_size=16).digest()
        for part, chunk in enumerate(chunks):
            last = part == len(chunks) - 1
            yield SnapshotPart(
                id=id,
                cause_id=0,
                run_id=moment.run_id,
                ts_ns=moment.ts_ns,
                recv_ts_ns=moment.ts_ns,
                process=process,
                shard=shard,
                agent=agent,
                number=number,
                part=part,
                parts=len(chunks),
                batch=moment.batch,
                layout=layout,
                fields=fields if last else "",
                data=chunk,
                positions=moment.positions if last else (),
                outputs_hash=moment.outputs_hash,
                hash=digest if last else None,
            )
            id += 1


class SnapshotWriter:
    """Writes snapshots of one process and shard from its own thread, with its own idempotent producer.

    A snapshot that cannot be written is logged and passed over: the one before, and the journal, still restore everything.
    """

    def __init__(self, spec: LaneSpec, wire: Wire, writer: int, number: int, last_id: int) -> None:
        self.bootstrap, self.wire = spec.kafka, wire
        self.process, self.shard = spec.process, spec.shard
        self.number, self.last_id = number, last_id or ids.make(writer, 0)
        self.first_offset: int | None = None  # where the newest whole snapshot of this writer begins
        self.failed: str | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """True while a snapshot is being written."""
        return self._thread is not None and self._thread.is_alive()

    def write(self, blocks: Blocks, moment: Moment) -> None:
        """Begin to write a snapshot of a state whose batch is committed. The bytes must not change any more. One at a time."""
        self.wait()
        self.number += 1
        self._thread = threading.Thread(target=self._run, args=(dict(blocks), moment), name="snapshot", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float = 60.0) -> None:
        """Until the snapshot under way is written."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, blocks: Blocks, moment: Moment) -> None:
        try:
            self.first_offset = self._write(blocks, moment)
            self.failed = None
        except LaneError as error:
            self.failed = str(error)
            _LOG.error("snapshot not written", process=self.process, shard=self.shard, batch=moment.batch, reason=str(error))

    def _write(self, blocks: Blocks, moment: Moment) -> int:
        offsets: list[int] = []
        sender = Sender(self.bootstrap, settings={"delivery.report.only.error": False, "on_delivery": None})
        for record in parts_of(self.process, self.shard, self.number, blocks, moment, self.last_id + 1):
            self.last_id = record.id
            key = snapshot_key(self.process, self.shard, record.agent, self.number, record.part)
            sender.send(
                SNAPSHOTS, self.shard, self.wire.encode(SNAPSHOTS, record), key, lambda e, m: offsets.append(-1 if e else m.offset())
            )
        sender.flush()
        if -1 in offsets:
            raise LaneError(f"{SNAPSHOTS}[{self.shard}]: {offsets.count(-1)} parts were not delivered")
        return min(offsets)


def take_part(found: dict[int, Found], record: SnapshotPart, offset: int) -> None:
    """Add a part, in the order of the topic, to what was read so far. A block whose parts, count or hash do not fit spoils its snapshot."""
    moment = Moment(record.run_id, record.batch, record.ts_ns, record.positions, record.outputs_hash)
    snapshot = found.get(record.number)
    if snapshot is None:
        snapshot = found[record.number] = Found(record.number, moment, offset)
    if record.part != len(snapshot.parts):
        return
    snapshot.parts.append(record.data)
    if record.part < record.parts - 1:
        return
    data, snapshot.parts = b"".join(snapshot.parts), []
    if blake2b(data, digest_size=16).digest() != record.hash:
        return
    if record.agent == _INDEX:
        snapshot.moment = moment
        snapshot.whole = sorted(snapshot.blocks) == json.loads(data)
    else:
        snapshot.blocks[record.agent] = (record.layout, record.fields, data)


def find_snapshot(
    bootstrap: str,
    wire: Wire,
    process: str,
    shard: int,
    run_id: int,
    *,
    last_batch: int = _ANY,
    before_ns: int = _ANY,
    pointer: int | None = None,
) -> tuple[Found | None, int, int]:
    """(newest whole snapshot of the run, highest number seen, last id seen).

    last_batch : it stands for this batch or an earlier one
    before_ns  : and for a time before this one, ns of the run
    pointer    : offset where a known whole snapshot begins, as the group's committed offset says; without it the topic is read whole
    """
    prefix = f"{process}/{shard}/".encode()
    found: dict[int, Found] = {}
    best: Found | None = None
    number, last_id = -1, 0
    for message in read_range(bootstrap, SNAPSHOTS, shard, pointer or 0):
        if not (message.key() or b"").startswith(prefix):
            continue
        record = wire.decode(SNAPSHOTS, message.value())
        number, last_id = max(number, record.number), max(last_id, record.id)
        take_part(found, record, message.offset() or 0)
        snapshot = found[record.number]
        if snapshot.whole:
            del found[record.number]
            moment = snapshot.moment
            if moment.run_id == run_id and moment.batch <= last_batch and moment.ts_ns < before_ns:
                best = snapshot
        for old in [n for n in found if n < record.number]:  # never finished: its writer died
            del found[old]
    return best, number, last_id

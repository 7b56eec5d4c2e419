"""Commands given straight to the processes of the fast lane, before they reach their topic: what stops trading waits for no broker.

Whoever gives one is the writer of the ring for a moment. Lane and gateway step it at once; the mirror writes it to commands.v1 if whoever
gave it could not, and its readers know it again by its id.
"""

import time
from pathlib import Path
from typing import NamedTuple

from streams.errors import LaneError
from streams.lanes.control import COMMANDS
from streams.lanes.fast_rings import rings_folder, shards_there
from streams.lanes.fast_slots import RecordSlot
from streams.lanes.record_ring import ABOUT, RecordWriter
from streams.lanes.ring import Ring
from streams.lanes.ring_ends import Writer

__all__ = ["Told", "tell"]

_PATIENCE_S = 0.05
_POLL_S = 0.0005


class Told(NamedTuple):
    """One shard that a command was for.

    reason   : why its ring has not got it, "" = it has
    took_ns  : of the write; began_ns: monotonic, when it began
    """

    shard: int
    reason: str
    took_ns: int
    began_ns: int


def tell(id: int, run_number: int, ts_ns: int, value: bytes, folder: Path | None = None) -> list[Told]:
    """Write a command to every shard of the state folder that has rings of its run; [] = the run has no fast lane here.

    id, ts_ns, value : of the command; the value as it stands in commands.v1
    """
    folder = folder or rings_folder()
    return [_tell(folder, shard, id, ts_ns, value) for shard, run in shards_there(folder) if run.run_number == run_number]


def _tell(folder: Path, shard: int, id: int, ts_ns: int, value: bytes) -> Told:
    began_ns, reason = time.monotonic_ns(), ""
    try:
        ring = Ring.open(folder / f"kill.{shard}.ring", (RecordSlot,), ABOUT)
        try:
            writer = RecordWriter(_writer(ring))
            try:
                began_ns = time.monotonic_ns()
                if writer.write(id, COMMANDS, value, ts_ns=ts_ns, recv_ts_ns=ts_ns, patience_ns=int(_PATIENCE_S * 1e9)) < 0:
                    reason = f"{ring.path}: is full of commands that nobody takes; do lane, gateway and mirror run?"
            finally:
                writer.writer.leave()
        finally:
            ring.close()
    except LaneError as error:
        reason = str(error)
    return Told(shard, reason, time.monotonic_ns() - began_ns, began_ns)


def _writer(ring: Ring) -> Writer:
    """The ring's writing end, as soon as who has it has written; LaneError if that takes longer than 50 ms."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ring.writer("kill")
        except LaneError:
            if time.monotonic() >= until:
                raise
            time.sleep(_POLL_S)

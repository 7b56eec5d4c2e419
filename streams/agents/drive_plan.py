"""The plan of a queue: where compiled code finds each of its inputs."""

from typing import NamedTuple

import numpy as np

from streams.agents.drive import FRAME
from streams.agents.rows import GOOD, Queue
from streams.agents.rows_in_slots import CompiledRows, FrameRows
from streams.schema.slots_in import SlotReader

__all__ = ["Plan", "Version", "plan_of"]

Version = tuple[int, int]
"""Of what is known of names and instruments: how many records of each, as both only grow."""


class Plan(NamedTuple):
    """Of each place in a queue the address and bytes of its slots (int64; FRAME of a frame), 0 where Python has to carry it.

    frames : columns of the frames, int64[5, places]: id, receive time, number of the venue, address and bytes of the payload; or None
    """

    version: Version
    inputs: np.ndarray
    input_bytes: np.ndarray
    frames: np.ndarray | None


def plan_of(queue: Queue, reader: SlotReader, version: Version) -> Plan:
    """The plan with what is known now: made once, and again when something has been learned."""
    plan: Plan | None = queue.plan
    if plan is None or plan.version != version:
        plan = queue.plan = _made(queue, reader, version)
    return plan


def _made(queue: Queue, reader: SlotReader, version: Version) -> Plan:
    inputs, input_bytes = np.zeros((2, len(queue)), np.int64)
    frames = None
    for number, rows in enumerate(queue.sources):
        if not isinstance(rows, CompiledRows):
            continue
        if rows.version != version:
            rows.fill(reader, version)
        mine = np.flatnonzero(queue.source == number)
        row, found = queue.row[mine], rows.found
        if isinstance(rows, FrameRows):
            frames = np.zeros((5, len(queue)), np.int64) if frames is None else frames
            for column, values in zip(frames, (found.id, found.recv_ts_ns, found.venue, found.start, found.nbytes), strict=True):
                column[mine] = values[row]
            inputs[mine], input_bytes[mine] = found.state[row] == GOOD, FRAME
        else:
            inputs[mine], input_bytes[mine] = found.start[row], found.nbytes[row]
    return Plan(version, inputs, input_bytes, frames)

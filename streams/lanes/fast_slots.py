"""What stands in the rings of the fast lane beside records: marks of frames, what the lane takes, stamps of a decision.

They begin like every slot (`streams.slots.Slot`), so that `kind` is at the same place in whatever a ring holds. Their kinds follow those of
records (1 to 17) and of the node (0 a tick, 31 a parameter). Monotonic times are `streams.kernel.system.monotonic_ns`: one clock for all
processes of a host, never that of a run.
"""

from streams.kernel import I32
from streams.slots import Slot

__all__ = [
    "FED",
    "KIND_CUT",
    "KIND_FRAME",
    "KIND_RECORD",
    "KIND_STAMPS",
    "KIND_TAKEN",
    "PASSED",
    "PAYLOAD",
    "REFUSED",
    "TAKEN_CONTROL",
    "TAKEN_EVENTS",
    "TAKEN_FRAMES",
    "TAKEN_KILL",
    "TAKEN_MARKET",
    "TAKEN_OWN",
    "UNREADABLE",
    "FrameMark",
    "RecordSlot",
    "StampSlot",
    "TakenSlot",
]

KIND_FRAME = 24
KIND_TAKEN = 25
KIND_STAMPS = 26
KIND_RECORD = 27
KIND_CUT = 28

FED, REFUSED, UNREADABLE = 0, 1, 2
"""What became of a record of control or kill, flags of its TAKEN slot: it was fed; it was fed, and the process refused it; it is no
record, so it was not fed. Dead letters in rings have the same: a = REFUSED, b = the id of an input that was fed, or a = UNREADABLE, b =
the number of its first slot; of what is no input a = 0."""

TAKEN_MARKET, TAKEN_EVENTS, TAKEN_CONTROL, TAKEN_KILL = 0, 1, 2, 3
"""The lane's inputs, in the order in which it looks at them: `TakenSlot.ring`."""
TAKEN_OWN = 4
"""`TakenSlot.ring` of a cut: the tick or command in the lane's own ring."""

TAKEN_FRAMES = 5
"""No ring of the lane: a frame, input of normalize, by its id."""

PASSED = 8
"""`a` of a dead letter whose input was passed over, beside its TAKEN_...; `b` is the number of its first slot there, of a frame its id. In
the ring of frames such a letter is what says so: who starts again does not give normalize that frame or control record."""


class FrameMark(Slot, align=64):
    """Stands before the records of a frame in the ring of market data; no input. 64 bytes.

    id, cause_id : the frame's id, 0
    ts_ns        : the frame's time, ns of the run; recv_ts_ns: when it was received, ns of the run
    """

    wire_ns: int  # monotonic, when its first byte was there, or was due
    ring_ns: int  # monotonic, when its records were published


class TakenSlot(Slot, align=64):
    """The lane says which slots of an input it steps now: whole records only. Stands before all that comes of them. 64 bytes.

    One that takes nothing (count 0) marks a checkpoint: its process keeps the state that it has here, between two inputs. In the ring of
    market data `first` is then the next slot of the ring of frames.

    With KIND_CUT it says that what it took of `ring` before ends at slot `first`: there a command came in between, or the record in the
    next `count` slots made the node fail and is passed over, as if it had never come. What follows is taken anew.

    id, cause_id : 0
    ts_ns        : the lane's now before it steps them, ns of the run
    """

    first: int  # number of the first slot in the input's ring, >= 0
    taken_ns: int  # monotonic
    ring: I32  # which input: TAKEN_...
    count: I32  # slots; 0 = a checkpoint; of a cut: passed over, 0 = none


class StampSlot(Slot, align=128):
    """When an input that led to a request passed each place; stands before its outputs. Not hashed, no record. 128 bytes.

    id, cause_id : 0, id of the input
    """

    wire_ns: int  # monotonic, of its frame; 0 = it came from no frame
    ring_ns: int  # monotonic, when its slots were published; 0 = it came from no frame
    taken_ns: int  # monotonic, when the lane took it
    decided_ns: int  # monotonic, when its first order was asked for; 0 = none was: a request for an order that is there already
    checked_ns: int  # monotonic, when its outputs were there


class RecordSlot(Slot, align=256):
    """First slot of a whole record of bytes, whose payload begins at PAYLOAD within it and runs on through the slots that follow.

    id         : the record's id
    cause_id   : 0, or what its writer says
    ts_ns      : the writer's now, ns of the run; recv_ts_ns: of a frame, when it was received
    """

    payload_nbytes: int  # bytes of the payload, >= 0
    offset: int  # where the record stands in its topic; -1 = not known
    a: int  # free for the writer
    b: int  # free for the writer
    topic: I32  # place in `record_ring.TOPICS`; -1 = no record but a mark
    partition: I32


PAYLOAD = 80
"""Where the payload begins in a record's first slot."""

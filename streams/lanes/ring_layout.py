"""How a ring lies in its file: control words, a line a reader, the layouts of its slots as text, then the slots.

Each word that one side writes and another reads has 128 bytes to itself: processors fetch cache lines of 64 bytes in pairs.

    0     identity  magic, version, slot bytes, capacity, header bytes, bytes of the text; never change
    128   HEAD      slots published so far: slot numbers below it can be read
    256   CLAIM     numbers below it may be being written, so CLAIM - capacity is the oldest slot that is whole; never goes down
    384   EVENT     counts wakes; sleepers sleep on it. SLEEPERS: not 0 = somebody may sleep
    512   WRITER    process, its start, epoch (writers so far), BARRIER (it takes part in `barrier_all`), claims that found no room, name
    640   LINES     reader lines used so far
    1024  reader lines, 128 bytes each, READERS of them: cursor, state, process, its start, lost, overruns, safe, name
    5120  text      JSON: the slot classes with fingerprint and fields
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from streams.errors import LaneError
from streams.kernel.layout import field_list, fingerprint
from streams.kernel.struct import StructMeta

__all__ = [
    "BARRIER",
    "BLOCKING",
    "CAPACITY",
    "CLAIM",
    "CURSOR",
    "EPOCH",
    "EVENT",
    "FIRST_LINE",
    "FREE",
    "FULL",
    "HEAD",
    "HEADER_NBYTES",
    "LINES",
    "LINE_NBYTES",
    "LOSSY",
    "LOST",
    "MAGIC",
    "NAME",
    "NAME_NBYTES",
    "OVERRUNS",
    "PROCESS",
    "READERS",
    "SAFE",
    "SLEEPERS",
    "SLOT_NBYTES",
    "STARTED",
    "STATE",
    "TEXT",
    "TEXT_NBYTES",
    "VERSION",
    "WRITER",
    "described",
    "refuse_stranger",
]

MAGIC, VERSION, SLOT_NBYTES, CAPACITY, HEADER_NBYTES, TEXT_NBYTES = 0, 8, 16, 24, 32, 40
HEAD = 128
CLAIM = 256
EVENT, SLEEPERS = 384, 392
WRITER = 512
LINES = 640
FIRST_LINE, LINE_NBYTES, READERS = 1024, 128, 32
TEXT = FIRST_LINE + READERS * LINE_NBYTES

# within the writer's line and the readers'
CURSOR, STATE, PROCESS, STARTED = 0, 8, 16, 24
LOST, OVERRUNS, SAFE = 32, 40, 48
EPOCH, BARRIER, FULL = 32, 40, 48  # the writer's; it has no cursor, state: HEAD is its cursor
NAME, NAME_NBYTES = 64, 64

FREE, BLOCKING, LOSSY = 0, 1, 2


def described(slots: Sequence[StructMeta], about: Mapping[str, str]) -> list[dict[str, Any]]:
    """The slot classes of a ring as its header keeps them: name, fingerprint, bytes, fields; then what else both sides must agree on."""
    found = [{"name": s.__name__, "fingerprint": fingerprint(s), "bytes": s._size_, "fields": field_list(s)} for s in slots]
    return found + [{"name": name, "fingerprint": value, "about": True} for name, value in about.items()]


def refuse_stranger(path: str, text: bytes, slots: Sequence[StructMeta], about: Mapping[str, str]) -> None:
    """LaneError unless the ring's slot classes have the layouts that this process has; it names the first class and field that differ."""
    there, here = {s["name"]: s for s in json.loads(text)}, {s["name"]: s for s in described(slots, about)}
    for name in [*there, *(n for n in here if n not in there)]:
        if there.get(name, {}).get("fingerprint") != here.get(name, {}).get("fingerprint"):
            raise LaneError(f"{path}: {_difference(name, there.get(name), here.get(name))}; stop all its processes, then start them anew")


def _difference(name: str, there: dict[str, Any] | None, here: dict[str, Any] | None) -> str:
    if "about" in (there or here or {}):
        was, now = ((side or {}).get("fingerprint", "none") for side in (there, here))
        return f"{name} of the ring are {was}, of this process {now}"
    if there is None or here is None:
        return f"the ring {'holds' if there else 'does not hold'} {name}, this process {'does' if here else 'does not'}"
    was, now = {f["name"]: f for f in there["fields"]}, {f["name"]: f for f in here["fields"]}
    for field in [*was, *(n for n in now if n not in was)]:
        if was.get(field) != now.get(field):
            return f"{name}.{field} of the ring {_shown(was.get(field))}, of this process {_shown(now.get(field))}"
    return f"{name} has {there['bytes']} bytes in the ring, {here['bytes']} in this process"


def _shown(field: dict[str, Any] | None) -> str:
    return "is missing" if field is None else f"is {field.get('type', field['kind'])} at byte {field['offset']}"

"""A ring as whoever only watches sees it: how far its writer is, and each reader behind it. Nothing is mapped, nobody is held up."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streams.errors import LaneError
from streams.lanes import ring_layout as at
from streams.lanes.ring_owner import alive

__all__ = ["ReaderSeen", "RingSeen", "look"]

_MAGIC = int.from_bytes(b"millring", "little")
_WORD = 8


@dataclass(frozen=True, slots=True)
class ReaderSeen:
    """One reader. behind: slots published and not committed; live: its process lives; lossy: the writer does not wait for it."""

    name: str
    lossy: bool
    waited_for: bool
    live: bool
    behind: int
    lost: int
    overruns: int


@dataclass(frozen=True, slots=True)
class RingSeen:
    """One ring. head: slots published so far; full: claims of its writer that found no room; used: slots that a reader still holds."""

    path: Path
    slot_nbytes: int
    capacity: int
    head: int
    full: int
    writer: str
    writer_live: bool
    readers: tuple[ReaderSeen, ...]

    @property
    def used(self) -> int:
        """Slots published that the writer may not have again yet."""
        return max((reader.behind for reader in self.readers if reader.waited_for), default=0)


def look(path: Path) -> RingSeen:
    """The ring in a file, as it is now. Microseconds. LaneError if there is none, or of another format."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LaneError(f"{path}: cannot be opened as a ring ({error.strerror}); does its writer run?") from None
    try:
        head = os.pread(fd, at.TEXT, 0)
    finally:
        os.close(fd)
    words = np.frombuffer(head[: len(head) // _WORD * _WORD], np.int64)
    if len(head) < at.TEXT or words[0] != _MAGIC:
        raise LaneError(f"{path}: is no ring; remove it, or take another name")
    published = int(words[at.HEAD // _WORD])
    lines = range(at.FIRST_LINE, at.FIRST_LINE + int(words[at.LINES // _WORD]) * at.LINE_NBYTES, at.LINE_NBYTES)
    return RingSeen(
        path=path,
        slot_nbytes=int(words[at.SLOT_NBYTES // _WORD]),
        capacity=int(words[at.CAPACITY // _WORD]),
        head=published,
        full=int(words[(at.WRITER + at.FULL) // _WORD]),
        writer=_name(head, at.WRITER),
        writer_live=_live(words, at.WRITER),
        readers=tuple(_reader(head, words, line, published) for line in lines if _name(head, line)),
    )


def _reader(head: bytes, words: np.ndarray, line: int, published: int) -> ReaderSeen:
    cursor, state, lost, overruns = (int(words[(line + word) // _WORD]) for word in (at.CURSOR, at.STATE, at.LOST, at.OVERRUNS))
    behind = max(0, published - cursor)
    return ReaderSeen(_name(head, line), state == at.LOSSY, state == at.BLOCKING, _live(words, line), behind, lost, overruns)


def _live(words: np.ndarray, line: int) -> bool:
    return alive(int(words[(line + at.PROCESS) // _WORD]), int(words[(line + at.STARTED) // _WORD]))


def _name(head: bytes, line: int) -> str:
    return head[line + at.NAME : line + at.NAME + at.NAME_NBYTES].rstrip(b"\0").decode(errors="replace")

"""Recordings: text lines `<local receive time, ns> <raw JSON exactly as received>`, plain or gzip, read and written in constant memory.

A damaged line is told, with its number and the reason, and the rest is still read. Whether the JSON can be read is the parser's business.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from streams.errors import RecordingError

__all__ = ["LINE_LIMIT_BYTES", "Damage", "Line", "first_ts_ns", "read_line", "read_recording", "text_blocks", "write_recording"]

LINE_LIMIT_BYTES = 8 << 20
"""Longest line read; a snapshot of 5,000 levels a side is 0.3 MB. What is longer is damage, so that memory stays bounded."""

_CHUNK_BYTES = 1 << 18
_GZIP_MAGIC = b"\x1f\x8b"


class Line(NamedTuple):
    """One line: its number in the file from 1, the receive time, the frame."""

    number: int
    recv_ts_ns: int
    payload: bytes


class Damage(NamedTuple):
    """A line that cannot be used, and why. `raw`: its bytes, cut to 1,000."""

    number: int
    reason: str
    raw: bytes = b""


def read_recording(path: str | Path) -> Iterator[Line | Damage]:
    """Every line of the file in order, damaged ones as Damage. Raises RecordingError if the file cannot be opened."""
    number = 0
    for text, fault in text_blocks(path):
        if fault:
            number += 1
            yield Damage(number, fault, text[:1000])
            continue
        for line in text[:-1].split(b"\n") if text else ():
            number += 1
            yield read_line(number, line)


def first_ts_ns(path: str | Path) -> int:
    """Receive time of the first good line: where a run's clock starts. Raises RecordingError if there is none."""
    for line in read_recording(path):
        if isinstance(line, Line):
            return line.recv_ts_ns
    raise RecordingError(f"{path}: no line can be read; a line is `<receive time, ns> <JSON>`, `millrace recording check` tells more")


def write_recording(path: str | Path, frames: Iterable[tuple[int, bytes]]) -> int:
    """Write (recv_ts_ns, payload) as a recording, gzip if the name ends in .gz; the number of lines. Equal frames give equal bytes."""
    count = 0
    with Path(path).open("wb") as raw:
        # no name and no time in the gzip header: they would make equal recordings differ
        packed = gzip.GzipFile("", "wb", 6, raw, mtime=0) if str(path).endswith(".gz") else None
        out = io.BufferedWriter(packed, _CHUNK_BYTES) if packed else raw  # pyright: ignore[reportArgumentType]
        for recv_ts_ns, payload in frames:
            out.write(b"%d %b\n" % (recv_ts_ns, payload))
            count += 1
        out.flush()
        if packed:
            packed.close()
    return count


def read_line(number: int, text: bytes) -> Line | Damage:
    """One line, without its end."""
    stamp, space, payload = text.partition(b" ")
    if not stamp.isdigit():
        found = text[:24].decode("utf-8", "backslashreplace")
        return Damage(number, f"no receive time: the line starts with {found!r}, nanoseconds since 1970 are needed", text[:1000])
    if not space or not payload.strip():
        return Damage(number, "no frame after the receive time", text[:1000])
    if len(stamp) > 19 or not 0 < (recv_ts_ns := int(stamp)) < 1 << 63:
        return Damage(number, f"receive time {stamp[:40].decode()} is not within 1 and 2^63 - 1 ns", text[:1000])
    return Line(number, recv_ts_ns, payload.strip())


def text_blocks(path: str | Path, told: Callable[[int], object] = id) -> Iterator[tuple[bytes, str]]:
    """The file in pieces of whole lines: (lines, each with its end, "") or (what there is of one line, fault). Memory is bounded.

    told is given the bytes of the file that were read, each time. Raises RecordingError if the file cannot be opened.
    """
    rest = bytearray()
    skipping = False
    for chunk, fault in _chunks(Path(path), told):
        if fault:
            yield bytes(rest), fault + (": the line is cut off" if rest else "")
            return
        end = chunk.rfind(b"\n") + 1
        if end:
            text = bytes(rest) + chunk[:end]
            yield text[text.index(b"\n") + 1 :] if skipping else text, ""
            rest, skipping, chunk = bytearray(), False, chunk[end:]
        rest += chunk
        if len(rest) > LINE_LIMIT_BYTES:
            if not skipping:
                yield bytes(rest[:1000]), f"longer than {LINE_LIMIT_BYTES >> 20} MiB"
            skipping = True
            rest = bytearray()
    if rest and not skipping:
        yield bytes(rest) + b"\n", ""


def _chunks(path: Path, told: Callable[[int], object]) -> Iterator[tuple[bytes, str]]:
    """The text in pieces of bounded size; a last (b"", fault) if the file ends badly."""
    try:
        with path.open("rb") as file:
            head = file.read(2)
            file.seek(0)
            if head == _GZIP_MAGIC:
                yield from _inflate(file, told)
                return
            while chunk := file.read(_CHUNK_BYTES):
                told(len(chunk))
                yield chunk, ""
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file") from None
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None


def _inflate(file: io.BufferedIOBase, told: Callable[[int], object]) -> Iterator[tuple[bytes, str]]:
    """Members of a gzip file, one after the other; everything that can still be unpacked before a fault is given first."""
    unpack = zlib.decompressobj(31)
    packed = b""
    while packed := packed or _read(file, told):
        if unpack.eof:
            packed = packed.lstrip(b"\0")  # padding between members is allowed
            if not packed:
                continue
            unpack = zlib.decompressobj(31)
        before = unpack.copy()
        try:
            text = unpack.decompress(packed, _CHUNK_BYTES)
        except zlib.error as error:
            yield _salvage(before, packed), ""
            yield b"", f"the gzip file is damaged here ({error})"
            return
        yield text, ""
        packed = unpack.unconsumed_tail or unpack.unused_data
    if not unpack.eof:
        yield unpack.flush(), ""
        yield b"", "the gzip file is truncated here"


def _read(file: io.BufferedIOBase, told: Callable[[int], object]) -> bytes:
    packed = file.read(_CHUNK_BYTES)
    told(len(packed))
    return packed


def _salvage(unpack: zlib._Decompress, packed: bytes) -> bytes:
    """What unpacks before the fault: the failed call gives nothing of its own, so it is repeated in small steps."""
    texts = []
    try:
        for start in range(0, len(packed), 64):
            texts.append(unpack.decompress(packed[start : start + 64]))
    except zlib.error:
        pass
    return b"".join(texts)

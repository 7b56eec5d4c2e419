"""Checkpoints: the state of a process of the fast lane in a file beside its rings; with what the rings still hold it is the whole state.

The file is replaced at once: a process that is killed leaves the one before or the new one, never half of one. It is not forced to disk,
because the rings would not survive the host either.

    checkpoint.save(run, {"market-feed": 12_345}, process.snapshot, {"positions": ...})       # begins, in a thread
    done = checkpoint.done()                                                                  # once it is written: commit up to it
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from streams.errors import LaneError, RestoreError

__all__ = ["Blocks", "Checkpoint", "Saved"]

Blocks = Mapping[str, tuple[str, str, bytes | memoryview]]
"""Part -> (layout fingerprint, field list as JSON, state): what `Process.snapshot` gives and `Process.restore` takes."""

_MAGIC = b"millrace checkpoint 1\n"
_DIGEST = 16
_LASTS_S = 30.0  # a thread with nothing to write ends: its process may have stopped, or be one of many
_LOG = structlog.get_logger("checkpoint")


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint.

    run_number : run that it belongs to
    positions  : slots below them are in the state, by ring
    parts      : see Blocks
    extra      : what else its process wants to know again, JSON
    """

    run_number: int
    positions: dict[str, int]
    parts: dict[str, tuple[str, str, bytes]]
    extra: dict[str, Any]


class Checkpoint:
    """The checkpoint of one process; one object a process, used by one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failed: str | None = None
        """Why the last one could not be written; the one before still stands."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._next: SimpleQueue[tuple[int, dict[str, int], Blocks | Callable[[], Blocks], dict[str, Any]]] = SimpleQueue()
        self._written: dict[str, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return not self._idle.is_set()

    def save(self, run_number: int, positions: Mapping[str, int], parts: Blocks | Callable[[], Blocks], extra: Mapping[str, Any]) -> None:
        """Begin to write one, after the one under way. The parts, or what the thread is to call for them, must not change any more."""
        self.wait()
        self._idle.clear()
        with self._lock:
            self._next.put((run_number, dict(positions), parts, dict(extra)))
            if self._thread is None:  # one for all of them: to start it takes longer than to wake it
                self._thread = threading.Thread(target=self._serve, name="checkpoint", daemon=True)
                self._thread.start()

    def done(self) -> dict[str, int] | None:
        """The positions of one that has been written since the last call, None if none has: rings may be committed up to them."""
        if self.busy:
            return None
        written, self._written = self._written, None
        return written

    def wait(self, timeout_s: float = 60.0) -> None:
        """Until the one under way is written; LaneError if it takes longer."""
        if not self._idle.wait(timeout_s):
            raise LaneError(f"{self.path}: a checkpoint was not written within {timeout_s:.0f} s; is the disk full or stuck?")

    def load(self, run_number: int) -> Saved | None:
        """The checkpoint of a run; None if there is none, or it is of another run. RestoreError if it is damaged, or of another version."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        saved = _decoded(self.path, data)
        return saved if saved.run_number == run_number else None

    def remove(self) -> None:
        """Forget it."""
        self.wait()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                args = self._next.get(timeout=_LASTS_S)
            except Empty:
                with self._lock:
                    if self._next.empty():
                        self._thread = None
                        return
                continue
            try:
                self._run(*args)
            finally:
                del args
                self._idle.set()

    def _run(self, run_number: int, positions: dict[str, int], parts: Blocks | Callable[[], Blocks], extra: dict[str, Any]) -> None:
        try:
            _write(self.path, _encoded(run_number, positions, parts() if callable(parts) else parts, extra))
            self._written, self.failed = positions, None
        except Exception as error:  # the next one may be written
            self.failed = f"{self.path}: {(error.strerror if isinstance(error, OSError) else '') or repr(error)}"
            _LOG.error("checkpoint not written", path=str(self.path), reason=self.failed)


def _encoded(run_number: int, positions: dict[str, int], parts: Blocks, extra: dict[str, Any]) -> list[bytes | memoryview]:
    blocks = [[name, layout, fields, len(data)] for name, (layout, fields, data) in parts.items()]
    head = json.dumps({"run": run_number, "positions": positions, "parts": blocks, "extra": extra}).encode()
    pieces = [len(head).to_bytes(8, "little"), head, *(data for _, _, data in parts.values())]
    digest = blake2b(digest_size=_DIGEST)
    for piece in pieces:
        digest.update(piece)
    return [_MAGIC, digest.digest(), *pieces]


def _decoded(path: Path, data: bytes) -> Saved:
    at = len(_MAGIC) + _DIGEST
    if data[: len(_MAGIC)] != _MAGIC:
        raise RestoreError(f"{path}: is no checkpoint of this version; start a fresh run")
    if blake2b(data[at:], digest_size=_DIGEST).digest() != data[len(_MAGIC) : at]:
        raise RestoreError(f"{path}: is damaged, its hash does not fit; remove it to restore from the topics, or start a fresh run")
    size = int.from_bytes(data[at : at + 8], "little")
    head = json.loads(data[at + 8 : at + 8 + size])
    start, parts = at + 8 + size, {}
    for name, layout, fields, nbytes in head["parts"]:
        parts[name] = (layout, fields, data[start : start + nbytes])
        start += nbytes
    return Saved(head["run"], head["positions"], parts, head["extra"])


def _write(path: Path, pieces: list[bytes | memoryview]) -> None:
    """Aside, then in place."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.writelines(pieces)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise

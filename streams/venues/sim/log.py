"""The simulated venue's memory: an append-only file of what came in and what was answered, one JSON array a line.

    ["run", {...}]                      first line: run, instruments, partitions, models
    ["merged", [[p, first_offset, count], ...]]   market records consumed, in the order of their receive times (`merge.merged`);
                                        p = place in the first line's partitions, each at most once
    ["market", [[p, first_offset, count], ...]]   the same in the order of this line, as earlier versions wrote it
    ["in", session, {...}, now_ns]      a message that may have changed state
    ["time", now_ns]                    time passed, orders expired
    ["out", session, {...}]             a report, after the input that caused it

A batch is written in one piece and handed to the operating system before any of it is sent: it survives the process, not the host. A line
that a kill cut off was never answered, and is dropped.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.errors import VenueError

__all__ = ["VenueLog", "log_path", "to_json"]

to_json = json.JSONEncoder(separators=(",", ":")).encode
"""One line of JSON; `json.dumps` with separators would make an encoder each time."""

_quoted = json.encoder.encode_basestring_ascii


def log_path(folder: Path, process: str, run: int) -> Path:
    """The file of one run."""
    return folder / f"{process}-run-{run:06d}.jsonl"


class VenueLog:
    """One log file, read once from its start and then appended to. broken: it could not be written; the venue must end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.first(path) is None:
            path.unlink(missing_ok=True)
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115 - closed by close()
        self._batch: list[bytes] = []
        self.broken = False

    @staticmethod
    def first(path: Path) -> list[Any] | None:
        """The first line of a file; None where there is no file, or a kill cut the line off."""
        if not path.exists():
            return None
        with open(path, "rb") as file:
            raw = file.readline()
        return json.loads(raw) if raw.endswith(b"\n") else None

    def lines(self) -> Iterator[list[Any]]:
        """Every whole line from the start; what a kill cut off behind the last one is removed. VenueError for a line that is none."""
        whole = 0
        with open(self.path, "rb") as file:
            for number, raw in enumerate(file, 1):
                if not raw.endswith(b"\n"):
                    break
                whole += len(raw)
                try:
                    line = json.loads(raw)
                except ValueError:
                    raise VenueError(f"{self.path}:{number}: no JSON; the log is damaged. Start a fresh run") from None
                yield line
        os.truncate(self.path, whole)

    def add(self, *line: Any) -> None:
        """Add a line to the batch."""
        self._batch.append(to_json(line).encode() + b"\n")

    def add_text(self, kind: str, session: str, text: str, *more: int) -> None:
        """Add a line about a message that is JSON already, in one line."""
        rest = "".join([f",{n}" for n in more])
        self._batch.append(f'["{kind}",{_quoted(session)},{text}{rest}]\n'.encode())

    def write(self) -> None:
        """Hand the batch to the operating system. VenueError when it cannot be written: then nothing of it may be sent."""
        if not self._batch:
            return
        data, self._batch = b"".join(self._batch), []
        try:
            while data:
                data = data[os.write(self._file.fileno(), data) :]
        except OSError as error:
            self.broken = True
            raise VenueError(f"{self.path}: cannot be written ({error.strerror}); free some space and start the venue again") from None

    def close(self) -> None:
        """Write what is left and close the file."""
        self.write()
        self._file.close()

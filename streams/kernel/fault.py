"""Faults: an error raised inside an entry. Compiled it is the value FAULT; plain it is FAULT and a message."""

import traceback
from collections.abc import Callable

__all__ = ["FAULT", "describe", "guard", "last_fault"]

FAULT = -(1 << 63)
"""What an entry returns when its code raised."""

_last = ""


def guard(fn: Callable[..., int], note: Callable[[str], object] | None = None) -> Callable[..., int]:
    """A plain entry that behaves as a compiled one: FAULT instead of an error; `last_fault` then tells what it was, and `note` is told."""

    def guarded(*args: int) -> int:
        global _last
        try:
            return fn(*args)
        except Exception as e:
            _last = describe(e)
            if note is not None:
                note(_last)
            return FAULT

    return guarded


def last_fault() -> str:
    """The last error that a guarded entry raised, as `path:line: IndexError: ...`; empty if none."""
    return _last


def describe(error: BaseException) -> str:
    """An error in one line, with the file and line of the innermost code outside the kernel's machinery."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [f for f in frames if "/streams/kernel/" not in f.filename.replace("\\", "/")] or frames
    where = f"{outside[-1].filename}:{outside[-1].lineno}: " if outside else ""
    return f"{where}{type(error).__name__}: {error}"

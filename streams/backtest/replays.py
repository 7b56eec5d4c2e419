"""Replays that were kept: a folder each, `.millrace/replays/<run id>`, with its manifest and a Parquet file a topic.

with kept(manifest) as folder:      # aside until all is written, then in place of an older one of the same manifest
    ...
find("last"), find("9f2c"), find("1500000007"), find("15000"), find("out/run")
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from streams.backtest.manifest import FILE, FIRST_RUN_ID, Manifest, read_manifest
from streams.config import home_folder
from streams.errors import ConfigError

__all__ = ["LAST", "Replay", "find", "is_live_number", "kept", "newest", "replays", "replays_folder"]

LAST = "last"
PREFIX_MIN = 4  # shorter texts of digits are numbers of live runs
LIVE_MAX = 9_999  # longer ones are prefixes, unless they are whole
_ATTEMPTS = 100


class Replay(NamedTuple):
    """A replay that was kept. run_id, hash: of its manifest."""

    folder: Path
    run_id: int
    hash: str


def replays_folder(home: Path | None = None) -> Path:
    """Where replays are kept: `replays` in the state folder (`MILLRACE_HOME`, else `.millrace`)."""
    return (home or home_folder()) / "replays"


@contextmanager
def kept(manifest: Manifest, home: Path | None = None) -> Iterator[Path]:
    """A new folder to write a replay into. It takes its place when the block ends; after a fault nothing is left of it.

    ConfigError if another manifest has this run id, which happens once in a billion pairs: give another --seed, or remove that replay.
    """
    place = replays_folder(home) / str(manifest.run_id)
    if (place / FILE).exists() and (found := read_manifest(place)["hash"]) != manifest.hash:
        raise ConfigError(
            f"{place}: is the replay of another manifest ({found[:8]}) that has the same run id; remove it, or give another --seed"
        )
    aside = place.with_name(f"{place.name}.{os.getpid()}.new")
    _sweep(place)
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
    except OSError as fault:
        raise ConfigError(f"{aside}: cannot be made ({fault.strerror}); choose another state folder: MILLRACE_HOME=...") from None
    try:
        yield aside
        _put(aside, place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def replays(home: Path | None = None) -> list[Replay]:
    """All that are kept, the newest last; what cannot be read is left out."""
    found = []
    for path in replays_folder(home).glob(f"*/{FILE}"):
        if path.parent.name.isdecimal():
            try:
                text = read_manifest(path.parent)
                found.append((path.stat().st_mtime_ns, Replay(path.parent, text["run_id"], text["hash"])))
            except (ConfigError, KeyError, OSError):
                continue
    return [replay for _, replay in sorted(found)]


def newest(home: Path | None = None) -> Replay:
    """The one that was written last; ConfigError if there is none."""
    known = replays(home)
    if not known:
        raise ConfigError(f"{replays_folder(home)}: no replay is kept; `millrace replay TOPOLOGY --results parquet` keeps one")
    return known[-1]


def is_live_number(text: str) -> bool:
    """Whether a text is the number of a live run."""
    return text.isascii() and text.isdecimal() and 0 < int(text) <= LIVE_MAX


def find(text: str, home: Path | None = None) -> Replay:
    """The replay meant by `last`, a folder with a manifest, a run id or a unique beginning (4 characters or more) of one or of a hash."""
    if text == LAST:
        return newest(home)
    folder = Path(text)
    if (folder / FILE).exists():
        found = read_manifest(folder)
        return Replay(folder, found["run_id"], found["hash"])
    known = replays(home)
    if len(text) < PREFIX_MIN:
        raise ConfigError(
            f"{text!r} names no replay: give a run id, at least {PREFIX_MIN} characters of one or of a hash, a folder or `last`"
        )
    meant = [replay for replay in known if str(replay.run_id).startswith(text) or replay.hash.startswith(text.lower())]
    if len(meant) == 1:
        return meant[0]
    if meant:
        names = ", ".join(f"{replay.run_id} ({replay.hash[:8]})" for replay in meant)
        raise ConfigError(f"{text!r} is the beginning of {len(meant)} replays: {names}; give more of it")
    names = ", ".join(f"{replay.run_id} ({replay.hash[:8]})" for replay in known[-3:]) or "none"
    raise ConfigError(f"{text!r}: no replay is kept that begins so; the last ones are {names}")


def _put(aside: Path, place: Path) -> None:
    """Aside, then in place: a reader sees the old replay or the new one, whole. Another process may do the same at the same time."""
    old = place.with_name(f"{place.name}.{os.getpid()}.old")
    for _ in range(_ATTEMPTS):
        shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.replace(place, old)
        try:
            os.replace(aside, place)
            break
        except OSError as fault:  # the other one was quicker
            if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    shutil.rmtree(old, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove what processes that were killed have left beside a replay."""
    for path in place.parent.glob(f"{place.name}.*.*"):
        pid = path.name.split(".")[1]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


assert LIVE_MAX < FIRST_RUN_ID

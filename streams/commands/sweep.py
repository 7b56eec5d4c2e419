"""`millrace sweep`: a backtest for each point of a grid, side by side, and one table of what came of them.

A finished point is kept under the hash of its manifest, in `.millrace/sweeps`: a sweep that was stopped goes on where it was, and a point
that another sweep has played is not played again.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace

from streams.commands.grid import Axis, axis, points
from streams.commands.progress import Bar, note
from streams.commands.replay import prepared
from streams.commands.sweep_point import Point, begin, made, play_point
from streams.commands.sweep_table import COLUMNS, csv_text, sorted_rows, table
from streams.errors import ConfigError
from streams.topology.backtest import Asked
from streams.topology.model import load
from streams.topology.source import nearest

__all__ = ["sweep_file"]

Say = Callable[[str], None]


def sweep_file(asked: Asked, jobs: int, sort: str, csv: str, as_json: bool, say: Say) -> int:
    """Play every point of the grid that `asked.settings` are; 0, 1 where points failed or strategies were halted, 130 where interrupted."""
    axes = [axis(text) for text in asked.settings]
    keys = [one.key for one in axes if len(one.values) > 1]
    known = [*COLUMNS, *keys]
    if sort not in known:
        raise ConfigError(f"--sort {sort}: is no column{nearest(sort, known)}")
    wanted = points(axes)
    _check(asked, axes)
    if csv:
        _write(csv, "")
    made()
    prepared(replace(asked, settings=wanted[0]))  # market data is read once, by this process; the others find it in the cache
    found, whole = _played(asked, wanted, jobs)
    rows = sorted_rows(found, sort)
    if csv:
        _write(csv, csv_text(rows, keys))
    if as_json:
        say(json.dumps([row.as_json() for row in rows], indent=2))
    elif rows:
        for line in table(rows, keys):
            say(line)
    failed = [row for row in rows if row.error or row.figures.get("halted")]
    if not whole:
        note(f"interrupted: {len(found):,} of {len(wanted):,} points are finished and kept; the same command goes on with the others")
        return 130
    return 1 if failed else 0


def _played(asked: Asked, wanted: Sequence[tuple[str, ...]], jobs: int) -> tuple[list[Point], bool]:
    """What came of the points, and whether that is all of them."""
    found: list[Point] = []
    pool = ProcessPoolExecutor(min(jobs, len(wanted)), multiprocessing.get_context("spawn"), begin, (os.getpid(),))
    try:
        with Bar("sweep", "points", note) as bar, pool:
            with _uninterrupted():  # processes that are started now leave Ctrl-C to this one
                waiting: list[Future[Point]] = [pool.submit(play_point, replace(asked, settings=settings)) for settings in wanted]
            try:
                for done in as_completed(waiting):
                    found.append(done.result())
                    bar.update(len(found) / len(wanted), len(found))
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()
                return found, False
    except BrokenProcessPool:
        raise ConfigError(
            f"a process of the sweep was killed, perhaps for want of memory; {len(found):,} of {len(wanted):,} points are finished and "
            "kept: give the same command again, with fewer --jobs"
        ) from None
    return found, True


def _check(asked: Asked, axes: Sequence[Axis]) -> None:
    """Every value of every axis through the topology's loader, before hours are spent on the first."""
    first = {one.key: f"{one.key}={one.values[0]}" for one in axes}
    for one in axes:
        for value in one.values:
            load(asked.path, [*(first | {one.key: f"{one.key}={value}"}).values()])


@contextmanager
def _uninterrupted() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", newline="") as file:
            file.write(text)
    except OSError as fault:
        raise ConfigError(f"--csv {path}: cannot be written ({fault.strerror})") from None

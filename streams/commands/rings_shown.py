"""The rings of the fast lane as `millrace status` shows them: one line a ring, and what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

from streams.errors import LaneError
from streams.lanes.fast_rings import shards_there
from streams.lanes.ring_seen import ReaderSeen, RingSeen, look

__all__ = ["ring_line", "ring_lines"]


def ring_lines(folder: Path) -> Iterator[str]:
    """A line a ring of every shard, in the order of shards and names; none where no fast lane has rings."""
    for shard, run in shards_there(folder):
        paths = sorted(folder.glob(f"*.{shard}.ring"))
        rings = {path: _seen(path) for path in paths}
        runs = any(_is_used(ring) for ring in rings.values() if isinstance(ring, RingSeen))
        yield f"{'rings':<16} run {run.run_number}  shard {shard}  {folder}{'' if runs else '  no process runs'}"
        width = max((len(path.stem) for path in paths), default=0)
        for path, ring in rings.items():
            yield ring_line(ring, width, runs) if isinstance(ring, RingSeen) else f"  {path.stem:<{width}} {ring}"


def _seen(path: Path) -> RingSeen | str:
    try:
        return look(path)
    except LaneError as error:
        return str(error)


def _is_used(ring: RingSeen) -> bool:
    return ring.writer_live or any(reader.live for reader in ring.readers)


def ring_line(ring: RingSeen, width: int = 0, runs: bool = True) -> str:
    """One ring: how full, how much was written, who waits for whom. Readers that have everything are not named.

    width : letters of the longest name beside it
    runs  : whether a process of the shard does: when none does, who is gone is no news
    """
    used = f"{100 * ring.used / ring.capacity:.0f} % of {ring.capacity:,} used"
    full = f"  no room {ring.full:,} times" if ring.full else ""
    writer = "" if ring.writer_live or not ring.writer or ring.writer == "kill" or not runs else f"  writer {ring.writer} is gone"
    readers = [text for reader in ring.readers if (text := _reader(reader, runs))]
    return f"  {ring.path.stem:<{width}} {ring.head:>13,} slots  {used}{full}{writer}{'  ' if readers else ''}{'  '.join(readers)}"


def _reader(reader: ReaderSeen, runs: bool) -> str:
    said = [f"behind {reader.behind:,}"] if reader.behind else []
    said += [f"lost {reader.lost:,} in {reader.overruns:,} overruns"] if reader.lost else []
    said += ["gone, waited for"] if runs and reader.waited_for and not reader.live else []
    return f"{reader.name}: {', '.join(said)}" if said else ""

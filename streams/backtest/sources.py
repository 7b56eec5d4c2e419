"""`open_source`: where a backtest's market records come from, as it was asked for."""

from collections.abc import Mapping, Sequence

from streams.agents.process import Process
from streams.backtest.names import names_of
from streams.backtest.normalized import File
from streams.backtest.source import Source
from streams.backtest.source_recording import RecordingSource
from streams.errors import ConfigError

__all__ = ["open_source"]


def open_source(
    process: Process,
    *,
    recordings: Mapping[str, Sequence[str]] | None = None,
    feeds: Mapping[str, int] | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
    clock_offset_ns: Mapping[str, int] | None = None,
    plain: bool = False,
    cached: bool = True,
) -> Source:
    """The market records that a process is to be carried through. Nothing is read yet: `prepare` does that, or the first piece.

    process         : knows names and instruments; the order of its inputs decides between records of one instant
    recordings      : by venue its files (`streams.topology.recordings`); feeds: by venue the writer of its frames
    from_ns, to_ns  : records received from then on and before then; the books as they stood at `from_ns` come first
    clock_offset_ns : by venue, in place of the estimate
    plain           : normalize runs as Python objects; cached: False = keep nothing on disk
    """
    names = names_of(process, feeds)
    if recordings is None:
        raise ConfigError("no recording was named: --recording FILE")
    files = [File(venue, path) for venue, paths in recordings.items() for path in paths]
    return RecordingSource(names, files, plain, from_ns=from_ns, to_ns=to_ns, clock_offset_ns=clock_offset_ns, cached=cached)

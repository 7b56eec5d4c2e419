"""`open_source`: where a backtest's market records come from, as it was asked for."""

from collections.abc import Mapping, Sequence

from streams.agents.process import Process
from streams.backtest.names import names_of
from streams.backtest.normalized import File
from streams.backtest.source import Source
from streams.backtest.source_recording import RecordingSource
from streams.config import Endpoints
from streams.errors import ConfigError

__all__ = ["open_source"]


def open_source(
    process: Process,
    *,
    recordings: Mapping[str, Sequence[str]] | None = None,
    feeds: Mapping[str, int] | None = None,
    where: Endpoints | None = None,
    run: int | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
    clock_offset_ns: Mapping[str, int] | None = None,
    plain: bool = False,
    cached: bool = True,
) -> Source:
    """The market records that a process is to be carried through. Records are read by `prepare`, or for the first piece.

    process         : knows names and instruments; the order of its inputs decides between records of one instant
    recordings      : by venue its files (`streams.topology.recordings`); feeds: by venue the writer of its frames
    where, run      : without recordings: the cluster, and the live run whose market records are replayed; None = the newest that has some
                      in the range. They come from Kafka; from ClickHouse where Kafka does not keep the whole run any more
    from_ns, to_ns  : records received from then on and before then; the books as they stood at `from_ns` come first
    clock_offset_ns : by venue, in place of the estimate
    plain           : normalize runs as Python objects; cached: False = keep nothing on disk
    """
    names = names_of(process, feeds)
    options = {"from_ns": from_ns, "to_ns": to_ns, "clock_offset_ns": clock_offset_ns, "cached": cached}
    if recordings:
        if run is not None:
            raise ConfigError(f"--run {run} and --recording: a replay has one source; leave one of them out")
        files = [File(venue, path) for venue, paths in recordings.items() for path in paths]
        return RecordingSource(names, files, plain, **options)
    if where is None:
        raise ConfigError("nothing to replay: --recording FILE reads a recording, --run N or --from T what a live run has left in Kafka")
    from streams.backtest.sources_of_runs import of_runs  # clients of Kafka, registry and ClickHouse: a third of a second for nothing else

    return of_runs(names, where, run, options)

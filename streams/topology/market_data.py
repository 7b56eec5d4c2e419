"""Where a backtest's market data comes from: recordings, the topics of the broker, or ClickHouse beyond what those keep."""

from collections.abc import Iterable

from streams.agents.process import Process
from streams.backtest.source import Source
from streams.backtest.sources import open_source
from streams.errors import ConfigError
from streams.topology.model import Topology
from streams.topology.recordings import recordings_of
from streams.topology.world import feeds_of

__all__ = ["open_market_data"]


def open_market_data(
    topology: Topology,
    process: Process,
    recordings: Iterable[str] = (),
    from_ns: int | None = None,
    to_ns: int | None = None,
    run: int | None = None,
    plain: bool = False,
) -> Source:
    """The market data that was asked for, of the instruments of a process that was told of names and instruments.

    recordings : `[VENUE=]FILE` each. Without any, a range or a run is read from the broker; without that, the topology's own recordings
    ConfigError when there is none to be found
    """
    recordings = tuple(recordings)
    feeds = feeds_of(topology, process)
    if recordings and run is not None:
        raise ConfigError("--recording and --run: market data comes from one of them; leave the other away")
    if recordings or (run is None and from_ns is None and to_ns is None):
        files = recordings_of(topology, recordings)
        if not files:
            raise ConfigError(f"{topology.path}: what is to be replayed? name --recording FILE, a range --from T --to T, or a live --run N")
        return open_source(process, recordings=files, feeds=feeds, from_ns=from_ns, to_ns=to_ns, plain=plain)
    raise ConfigError("what is to be replayed? name --recording FILE")
